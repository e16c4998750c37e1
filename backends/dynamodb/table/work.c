#include "backends/dynamodb/table/work.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_CALL_NS	  (5 * CLOCK_NS_PER_S)
#define TABLE_POLL_MAX_MS 2000

enum ddb_table_state table_refuse(struct table_work *work, const char *what)
{
	cart_error_set(work->error, "table %s: %s", work->table->name, what);
	return DDB_TABLE_REFUSED;
}

enum ddb_table_state table_failed(struct table_work *work)
{
	const struct ddb_call *call = &work->call;

	cart_error_set(work->error, "%s of table %s: %s", ddb_operation_name(call->operation),
		       work->table->name, call->message);
	/* A limit of the account: of changes at a time, which ends by itself, or of tables. */
	return call->outcome == DDB_REJECTED && !table_is_error(work, "LimitExceededException")
		       ? DDB_TABLE_REFUSED
		       : DDB_TABLE_UNREACHED;
}

bool table_is_error(const struct table_work *work, const char *type)
{
	return work->call.outcome == DDB_REJECTED && strcmp(work->call.error, type) == 0;
}

bool table_call(struct table_work *work, enum ddb_operation operation, json_t *body)
{
	struct ddb_call *call = &work->call;
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	buf_reset(&call->body);
	if (text != NULL)
		buf_add_string(&call->body, text);
	free(text);
	call->operation = operation;
	call->deadline_ns = clock_monotonic_ns(work->clock) + TABLE_CALL_NS;
	if (text == NULL || call->body.failed ||
	    ddb_call_wait(work->client, work->base, call) != 0) {
		call->outcome = DDB_BUSY;
		snprintf(call->message, sizeof(call->message), "out of memory");
		return false;
	}
	return call->outcome == DDB_OK;
}

json_t *table_body(const struct table_work *work, json_t *members)
{
	json_t *body = json_pack("{s:s}", "TableName", work->table->name);

	if (body == NULL || (members != NULL && json_object_update(body, members) != 0)) {
		json_decref(body);
		body = NULL;
	}
	json_decref(members);
	return body;
}

bool table_is_over(const struct table_work *work)
{
	return atomic_load(work->stop) || clock_monotonic_ns(work->clock) >= work->deadline_ns;
}

static void table_woken(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
}

int64_t table_pause(struct table_work *work, int64_t ms)
{
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	struct event *timer = evtimer_new(work->base, table_woken, NULL);

	if (timer != NULL) {
		evtimer_add(timer, &delay);
		event_base_loop(work->base, EVLOOP_ONCE);
		event_free(timer);
	}
	return ms * 2 < TABLE_POLL_MAX_MS ? ms * 2 : TABLE_POLL_MAX_MS;
}

const char *table_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

const json_t *table_named(const json_t *list, const char *member, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (strcmp(table_text(entry, member), name) == 0)
			return entry;
	}
	return NULL;
}
