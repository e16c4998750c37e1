#include "backends/dynamodb/table/stream.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

static json_t *stream_specification(void)
{
	return json_pack("{s:b,s:s}", "StreamEnabled", 1, "StreamViewType", DDB_STREAM_VIEW);
}

void table_add_stream(const struct table_work *work, json_t *members)
{
	if (work->table->stream)
		json_object_set_new(members, "StreamSpecification", stream_specification());
}

/* The view of a table's stream; "": it has none. */
static const char *stream_view(const json_t *table)
{
	const json_t *stream = json_object_get(table, "StreamSpecification");

	return json_is_true(json_object_get(stream, "StreamEnabled"))
		       ? table_text(stream, "StreamViewType")
		       : "";
}

static enum ddb_table_state stream_refuse_view(struct table_work *work, const char *view)
{
	char what[320];

	snprintf(what, sizeof(what),
		 "feed=on needs a stream of " DDB_STREAM_VIEW ", and its stream is of %.40s: when "
		 "nobody reads that any more, switch it off (aws dynamodb update-table "
		 "--stream-specification StreamEnabled=false), then cartctl provision makes the "
		 "right one",
		 view);
	return table_refuse(work, what);
}

static enum ddb_table_state stream_refuse(struct table_work *work, const char *why)
{
	char what[sizeof(work->call.message) + 160];

	snprintf(what, sizeof(what), "feed=on needs its stream, and it has none (%s)%s", why,
		 work->how == CART_PROVISION_CHECK
			 ? ""
			 : "; where the server has no streams, set feed=off");
	return table_refuse(work, what);
}

/* Another process may have been quicker, which DynamoDB calls a ValidationException; or the table
 * is changing and takes no other change: *again. */
static enum ddb_table_state stream_look(struct table_work *work, bool *again)
{
	char why[sizeof(work->call.message) + 16];
	const char *view;

	*again = table_is_error(work, "ResourceInUseException") ||
		 table_is_error(work, "LimitExceededException");
	snprintf(why, sizeof(why), "UpdateTable: %s", work->call.message);
	if (!table_call(work, DDB_DESCRIBE_TABLE, table_body(work, NULL)))
		return table_failed(work);
	view = stream_view(json_object_get(work->call.json, "Table"));
	if (strcmp(view, DDB_STREAM_VIEW) == 0)
		return DDB_TABLE_READY;
	if (*view != '\0')
		return stream_refuse_view(work, view);
	stream_refuse(work, why);
	return *again ? DDB_TABLE_UNREACHED : DDB_TABLE_REFUSED;
}

static enum ddb_table_state stream_switch_on(struct table_work *work)
{
	enum ddb_table_state state = DDB_TABLE_UNREACHED;
	int64_t ms = TABLE_POLL_MIN_MS;
	bool again = true;

	while (again) {
		json_t *members = json_pack("{s:o}", "StreamSpecification", stream_specification());

		if (table_call(work, DDB_UPDATE_TABLE, table_body(work, members))) {
			/* Some compatible servers take the call and do nothing. */
			if (*stream_view(json_object_get(work->call.json, "TableDescription")) ==
			    '\0')
				return stream_refuse(work,
						     "the server took UpdateTable and made none");
			log_event(LOG_INFO, "switched on the table's stream",
				  LOG_STR("table", work->table->name));
			return DDB_TABLE_READY;
		}
		if (work->call.outcome != DDB_REJECTED)
			return table_failed(work);
		state = stream_look(work, &again);
		again = again && state == DDB_TABLE_UNREACHED && !table_is_over(work);
		if (again)
			ms = table_pause(work, ms);
	}
	return state;
}

enum ddb_table_state table_ensure_stream(struct table_work *work, const json_t *table)
{
	const char *view = stream_view(table);

	if (!work->table->stream || strcmp(view, DDB_STREAM_VIEW) == 0)
		return DDB_TABLE_READY;
	if (*view != '\0')
		return stream_refuse_view(work, view);
	if (work->how == CART_PROVISION_CHECK)
		return stream_refuse(work, "cartctl provision switches it on");
	return stream_switch_on(work);
}
