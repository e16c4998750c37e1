/* A node of a Galera cluster, alone and bootstrapped: when its connections are to be used. */
#include "backends/mysql/connector.h"
#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/holes.h"
#include "tests/lib/link_fixture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const providers[] = {"/usr/lib/galera/libgalera_smm.so",
					"/usr/lib64/galera-4/libgalera_smm.so"};
static struct mariadb_fixture node;
static struct link_fixture f;

static int setup(void **state)
{
	(void)state;
	if (node.control == NULL)
		return 0;
	link_fixture_init(&f, &node, NULL);
	link_fixture_set(&f, "mysql.read_host", "127.0.0.1:%d", node.port);
	link_fixture_start(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (node.control != NULL)
		link_fixture_free(&f);
	return 0;
}

static void a_strong_read_waits_for_what_the_cluster_has_written(void **state)
{
	struct sql_link writer, reader;

	(void)state;
	mariadb_fixture_need(&node);
	writer = link_fixture_get(&f, SQL_WRITER);
	reader = link_fixture_get(&f, SQL_READER);
	assert_string_equal(link_fixture_value(&writer, "SELECT @@wsrep_sync_wait"), "1");
	assert_string_equal(link_fixture_value(&reader, "SELECT @@wsrep_sync_wait"), "0");
	link_fixture_close(&f, &writer);
	link_fixture_close(&f, &reader);
}

/* Turns the node to a cluster that is not there. */
static void lose_the_cluster(int port)
{
	int64_t end = clock_monotonic_ns(&cart_clock_system) + 20 * CLOCK_NS_PER_S;
	const struct timespec nap = {.tv_nsec = 20 * CLOCK_NS_PER_MS};

	mariadb_fixture_exec(&node, "SET GLOBAL wsrep_cluster_address = 'gcomm://127.0.0.1:%d'",
			     port);
	while (mariadb_fixture_number(&node,
				      "SELECT variable_value = 'Primary'"
				      " FROM information_schema.global_status"
				      " WHERE variable_name = 'wsrep_cluster_status'") != 0 &&
	       clock_monotonic_ns(&cart_clock_system) < end)
		nanosleep(&nap, NULL);
}

static void a_node_outside_of_the_primary_component_is_not_used(void **state)
{
	struct hole nobody;

	(void)state;
	mariadb_fixture_need(&node);
	nobody = hole_refusing();
	lose_the_cluster(nobody.port);
	link_fixture_fail_ms(&f, SQL_WRITER, "is not in the primary component of its cluster");
	link_fixture_fail_ms(&f, SQL_READER, "is not in the primary component of its cluster");
	hole_free(&nobody);
}

static const char *find_provider(void)
{
	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		if (access(providers[i], R_OK) == 0)
			return providers[i];
	}
	return NULL;
}

static int start_node(void **state)
{
	const char *found = find_provider();
	struct hole group = hole_refusing();
	char provider[128], listen[128];
	const char *options[] = {"--wsrep-on=ON",
				 provider,
				 "--wsrep-cluster-address=gcomm://",
				 "--wsrep-node-address=127.0.0.1",
				 listen,
				 "--binlog-format=ROW",
				 "--innodb-autoinc-lock-mode=2",
				 "--wsrep-sst-method=skip",
				 NULL};

	(void)state;
	snprintf(listen, sizeof(listen),
		 "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:%d;"
		 "gcache.size=1M;pc.wait_prim_timeout=PT0.5S",
		 group.port);
	hole_free(&group);
	if (!mariadb_fixture_available())
		return 0;
	if (found == NULL) {
		print_message("not tested: Galera is not installed\n");
		return 0;
	}
	snprintf(provider, sizeof(provider), "--wsrep-provider=%s", found);
	mariadb_fixture_start(&node, options);
	return 0;
}

static int stop_node(void **state)
{
	(void)state;
	mariadb_fixture_free(&node);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_strong_read_waits_for_what_the_cluster_has_written),
		TEST(a_node_outside_of_the_primary_component_is_not_used),
	};

	return cmocka_run_group_tests(tests, start_node, stop_node);
}
