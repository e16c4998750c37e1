/* Chooses the kind of target, and does what is the same for both. */
#include "bench/target/drive.h"

#include "bench/stats/alloc.h"
#include "bench/target/drive_internal.h"
#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies the value of a label, name="value", out of a series; "" without it. */
static void drive_label(char value[BENCH_VERSION_MAX], const char *series, const char *name)
{
	char start[32];
	const char *at;

	snprintf(start, sizeof(start), "%s=\"", name);
	at = strstr(series, start);
	value[0] = '\0';
	if (at == NULL || at > series + strcspn(series, "\n"))
		return;
	at += strlen(start);
	snprintf(value, BENCH_VERSION_MAX, "%.*s", (int)strcspn(at, "\"\n"), at);
}

/* The first series of a family, at its line; NULL: none. */
static const char *drive_series(const char *metrics, const char *start)
{
	const char *line = metrics;

	while (line != NULL && strncmp(line, start, strlen(start)) != 0) {
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return line;
}

/* MariaDB's version numbers begin at 10.0.0; MySQL's are below that. */
static void drive_learn_sql_server(struct bench_drive *drive, const char *metrics)
{
	const char *series = drive_series(metrics, "cart_mysql_server_version ");
	long version = series != NULL ? strtol(strchr(series, ' '), NULL, 10) : 0;

	if (version > 0)
		snprintf(drive->server, sizeof(drive->server), "%s %ld.%ld.%ld",
			 version >= 100000 ? "MariaDB" : "MySQL", version / 10000,
			 version / 100 % 100, version % 100);
}

/* The value of a gauge; -1 where there is none, or the value is not known. */
static long drive_gauge(const char *metrics, const char *name)
{
	const char *series = drive_series(metrics, name);

	return series != NULL ? strtol(series + strlen(name), NULL, 10) : -1;
}

static void drive_learn_sql_durability(struct bench_drive *drive, const char *metrics)
{
	static const char *const losses[] = {"a crash of the server may lose the last second",
					     "survives a crash of its machine",
					     "a crash of its machine may lose the last second"};
	long flush = drive_gauge(metrics, "cart_mysql_innodb_flush_log_at_trx_commit ");
	long sync = drive_gauge(metrics, "cart_mysql_sync_binlog ");
	char binlog[64] = "no binary log";

	if (flush < 0 || flush > 2)
		return;
	if (drive_gauge(metrics, "cart_mysql_log_bin ") != 0)
		snprintf(binlog, sizeof(binlog), "sync_binlog=%ld", sync);
	snprintf(drive->durability, sizeof(drive->durability),
		 "%s (innodb_flush_log_at_trx_commit=%ld, %s)", losses[flush], flush, binlog);
}

/* cartd refuses a file whose journal_mode is not WAL. */
static void drive_learn_file_durability(struct bench_drive *drive, const char *metrics)
{
	long synchronous = drive_gauge(metrics, "cart_sqlite_synchronous ");

	if (synchronous >= 0)
		snprintf(drive->durability, sizeof(drive->durability),
			 "%s (journal_mode=WAL, synchronous=%ld)",
			 synchronous >= 2 ? "survives a crash of its machine"
					  : "a crash of its machine may lose changes",
			 synchronous);
}

static void drive_learn_endpoint(struct bench_drive *drive, const char *metrics)
{
	const char *series = drive_series(metrics, "cart_dynamodb_endpoint_info{");
	char aws[BENCH_VERSION_MAX], endpoint[BENCH_VERSION_MAX];

	if (series == NULL)
		return;
	drive_label(aws, series, "aws");
	drive_label(endpoint, series, "endpoint");
	drive->stand_in = strcmp(aws, "false") == 0;
	snprintf(drive->server, sizeof(drive->server), "%s%s",
		 drive->stand_in ? "not AWS: " : "DynamoDB, ", endpoint);
}

/* Reads from /metrics what the target is. A cartd that hides /metrics is measured too. */
static void drive_learn(struct bench_drive *drive)
{
	struct buf metrics = {0};
	const char *series;

	if (drive->kind->metrics(drive, &metrics, NULL) == 0) {
		series = drive_series(buf_string(&metrics), "cart_info{");
		if (series != NULL) {
			drive_label(drive->version, series, "version");
			drive_label(drive->revision, series, "revision");
		}
		drive_learn_sql_server(drive, buf_string(&metrics));
		drive_learn_endpoint(drive, buf_string(&metrics));
		drive_learn_sql_durability(drive, buf_string(&metrics));
		drive_learn_file_durability(drive, buf_string(&metrics));
	}
	buf_free(&metrics);
}

int bench_drive_open(struct bench_drive **out, const char *target,
		     const struct bench_drive_config *config, struct cart_error *error)
{
	const struct bench_drive_kind *kind =
		strncmp(target, "store:", 6) == 0 ? &bench_store_kind : &bench_http_kind;
	struct bench_drive *drive = NULL;

	*out = NULL;
	if (kind->open(&drive, target, config, error) != 0)
		return -1;
	drive->kind = kind;
	drive->config = *config;
	drive->in_process = kind == &bench_store_kind;
	drive->text = bench_copy(target);
	drive_learn(drive);
	*out = drive;
	return 0;
}

void bench_drive_close(struct bench_drive **drive)
{
	if (*drive == NULL)
		return;
	free((*drive)->text);
	(*drive)->kind->close(*drive);
	*drive = NULL;
}

bool bench_drive_print_settings(const struct bench_drive *drive, FILE *out)
{
	if (drive->kind->print_settings != NULL)
		drive->kind->print_settings(drive, out);
	return drive->kind->print_settings != NULL;
}

int bench_drive_metrics(struct bench_drive *drive, struct buf *out, struct cart_error *error)
{
	return drive->kind->metrics(drive, out, error);
}

bool bench_drive_cores(const struct bench_drive *drive, cpu_set_t *cores)
{
	return drive->kind->cores(drive, cores);
}

int bench_drive_loop_open(struct bench_drive_loop **loop, struct bench_drive *drive,
			  struct event_base *base, struct cart_error *error)
{
	*loop = NULL;
	return drive->kind->loop_open(loop, drive, base, error);
}

void bench_drive_loop_close(struct bench_drive_loop **loop)
{
	if (*loop != NULL)
		(*loop)->drive->kind->loop_close(*loop);
	*loop = NULL;
}

struct bench_link *bench_link_open(struct bench_drive_loop *loop)
{
	return loop->drive->kind->link_open(loop);
}

void bench_link_close(struct bench_link **link)
{
	if (*link != NULL)
		(*link)->loop->drive->kind->link_close(*link);
	*link = NULL;
}

void bench_link_submit(struct bench_link *link, struct bench_op *op)
{
	bench_op_clear(op);
	link->loop->drive->kind->submit(link, op);
}

void bench_link_abandon(struct bench_link *link)
{
	link->loop->drive->kind->abandon(link);
}
