#include "tests/lib/mysql_rig.h"

#include "core/base/log.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>

#define SETTINGS_MAX 32

void mysql_rig_prepare(struct mariadb_fixture *server)
{
	unsetenv("CART_MYSQL_HOST");
	unsetenv("CART_MYSQL_PORT");
	setenv("CART_MYSQL_SOCKET", server->socket, 1);
	setenv("CART_MYSQL_USER", MARIADB_FIXTURE_USER, 1);
	setenv("CART_MYSQL_PASSWORD", MARIADB_FIXTURE_PASSWORD, 1);
	log_set_level(LOG_ERROR);
	mariadb_fixture_exec(server, "DROP DATABASE " MARIADB_FIXTURE_DATABASE);
	mariadb_fixture_exec(server, "CREATE DATABASE " MARIADB_FIXTURE_DATABASE);
}

struct rig *mysql_rig_start(size_t loops, const char *const *set)
{
	const char *all[SETTINGS_MAX + 1] = {"mysql.database", MARIADB_FIXTURE_DATABASE,
					     "mysql.sweep_interval", "0"};

	for (size_t i = 0; set != NULL && set[i] != NULL; i++) {
		assert_true(4 + i < SETTINGS_MAX);
		all[4 + i] = set[i];
	}
	return rig_start(&(struct rig_config){.backend = "mysql", .set = all, .loops = loops});
}

void mysql_rig_await(struct rig *rig, size_t loop)
{
	enum cart_result result = CART_BUSY;

	while (result == CART_BUSY) {
		struct cart_op op = {.type = CART_OP_GET, .id = rig_id(rig)};

		result = rig_run(rig, loop, &op, NULL);
		cart_op_clear(&op);
	}
	assert_int_equal(result, CART_NOT_FOUND);
}
