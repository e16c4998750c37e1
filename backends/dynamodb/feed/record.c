#include "backends/dynamodb/feed/record.h"

#include "backends/dynamodb/item/item.h"
#include "backends/dynamodb/item/item_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a record says, borrowed from it. */
struct record {
	const json_t *before; /* the item of a cart; NULL: there was none, or a tombstone */
	const json_t *after;
	int64_t version_before; /* 0: not known */
	int64_t version_after;
	int64_t at_ms; /* of the write, rounded as the stream does; 0: not known */
	bool by_ttl;
};

static int64_t record_version(const json_t *image)
{
	int64_t version;

	return item_number(json_object_get(image, "version"), &version) &&
			       version <= CART_VERSION_MAX
		       ? version
		       : 0;
}

static const json_t *record_cart(const json_t *image)
{
	const char *status = json_string_value(item_typed(json_object_get(image, "status"), "S"));

	return status != NULL && strcmp(status, "deleted") == 0 ? NULL : image;
}

/* Seconds, with or without a fraction. */
static int64_t record_time_ms(const json_t *change)
{
	double at_s = json_number_value(json_object_get(change, "ApproximateCreationDateTime"));

	return at_s > 0 && at_s <= (double)(CART_TIME_MAX_MS / 1000) ? (int64_t)(at_s * 1000) : 0;
}

static const char *record_text(const json_t *object, const char *name, const char *other)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text == NULL)
		text = json_string_value(json_object_get(object, other));
	return text != NULL ? text : "";
}

/* DynamoDB's API has "Type" and "PrincipalId", what passes records on has small letters. */
static bool record_is_service(const json_t *record)
{
	const json_t *who = json_object_get(record, "userIdentity");

	return strcmp(record_text(who, "Type", "type"), "Service") == 0 &&
	       strcmp(record_text(who, "PrincipalId", "principalId"), "dynamodb.amazonaws.com") ==
		       0;
}

/* DynamoDB removes what has expired, and says so in the region where it does; to the others of a
 * global table it is a deletion like any. Nobody can delete a cart by a request so late. */
static bool record_is_late(const struct record *parts)
{
	int64_t expires_s;

	return item_number(json_object_get(parts->before, "expires_at"), &expires_s) &&
	       expires_s > 0 && parts->at_ms / 1000 >= expires_s;
}

/* Why it cannot be an event; NULL: it can. */
static const char *record_read(const json_t *record, struct record *parts)
{
	const json_t *change = json_object_get(record, "dynamodb");
	const json_t *before = json_object_get(change, "OldImage");
	const json_t *after = json_object_get(change, "NewImage");
	const char *view = json_string_value(json_object_get(change, "StreamViewType"));

	if (view != NULL && strcmp(view, "NEW_AND_OLD_IMAGES") != 0)
		return "the stream does not have both images of an item";
	if (before == NULL && after == NULL)
		return "it has no image of the item";
	*parts = (struct record){
		.before = record_cart(before),
		.after = record_cart(after),
		.at_ms = record_time_ms(change),
	};
	parts->version_before = record_version(parts->before);
	parts->version_after = record_version(parts->after);
	parts->by_ttl = record_is_service(record) || record_is_late(parts);
	return NULL;
}

/* Where there is a change, so that most other writes need not be read. */
static enum cart_event_type record_type(const struct record *parts)
{
	if (parts->before == NULL)
		return parts->after != NULL ? CART_EVENT_CREATED : CART_EVENT_NONE;
	if (parts->after == NULL)
		return parts->by_ttl ? CART_EVENT_EXPIRED : CART_EVENT_DELETED;
	return parts->version_after != parts->version_before ? CART_EVENT_CHANGED : CART_EVENT_NONE;
}

/* image NULL: *item stays empty. */
static enum cart_result record_read_image(struct ddb_item *item, const json_t *image,
					  const struct cart_id *id, char *why, size_t room)
{
	enum cart_result result;

	if (image == NULL)
		return CART_OK;
	result = ddb_item_read_listed(item, image, why, room);
	if (result != CART_OK)
		return result;
	if (cart_id_compare(&item->cart.id, id) == 0 && cart_is_sound_whole(&item->cart))
		return CART_OK;
	snprintf(why, room, "an item of the table is no cart");
	ddb_item_clear(item);
	return CART_DAMAGED;
}

/* The decision that the write has stored: its cart's lines came with it. */
static enum cart_result record_find_from(const struct record *parts, struct cart_event *event,
					 char *why, size_t room)
{
	const json_t *merges = item_typed(json_object_get(parts->before, "merges"), "M");
	struct ddb_item after = {0};
	enum cart_result result;

	if (json_object_get(parts->after, "merges") == NULL)
		return CART_OK;
	result = ddb_item_read_decisions(&after, parts->after, why, room);
	for (size_t i = 0; result == CART_OK && i < after.decision_count; i++) {
		const struct ddb_decision *decision = &after.decisions[i];
		char from[CART_ID_TEXT + 1];
		const char *had;

		cart_id_format(&decision->from, from);
		had = json_string_value(item_typed(json_object_get(merges, from), "S"));
		if (!decision->done ||
		    (had != NULL && *had == '+' && strcmp(had + 1, decision->merge_id) == 0))
			continue;
		event->type = CART_EVENT_MERGED;
		event->from = decision->from;
	}
	ddb_item_clear(&after);
	return result;
}

static enum cart_result record_make(const struct record *parts, const struct cart_id *id,
				    struct cart_event *event, char *why, size_t room)
{
	struct ddb_item before = {0}, after = {0};
	enum cart_result result = record_read_image(&before, parts->before, id, why, room);

	if (result == CART_OK)
		result = record_read_image(&after, parts->after, id, why, room);
	if (result == CART_OK &&
	    !cart_event_make(event, parts->before != NULL ? &before.cart : NULL,
			     parts->after != NULL ? &after.cart : NULL, parts->at_ms)) {
		snprintf(why, room, "out of memory");
		result = CART_BUSY;
	}
	if (result == CART_OK && event->type == CART_EVENT_DELETED)
		event->type = record_type(parts);
	if (result == CART_OK && event->type == CART_EVENT_CHANGED)
		result = record_find_from(parts, event, why, room);
	ddb_item_clear(&before);
	ddb_item_clear(&after);
	return result;
}

/* What can be told of a change whose images cannot be read. */
static void record_tell(const struct record *parts, const struct cart_id *id,
			struct cart_event *event)
{
	cart_event_clear(event);
	event->id = *id;
	event->version = parts->after != NULL ? parts->version_after : parts->version_before + 1;
	event->at_ms = parts->at_ms;
	event->type = event->version > 0 ? record_type(parts) : CART_EVENT_NONE;
}

enum cart_result ddb_feed_record(const json_t *record, struct cart_event *event,
				 char reason[CART_EVENT_REASON])
{
	char why[CART_EVENT_REASON - 40] = "";
	struct record parts = {0};
	enum cart_result result = CART_DAMAGED;
	struct cart_id id;
	const char *no_event;

	if (!ddb_item_id(json_object_get(json_object_get(record, "dynamodb"), "Keys"), &id))
		return CART_OK; /* an idempotency key's, or not ours */
	no_event = record_read(record, &parts);
	if (no_event == NULL && record_type(&parts) == CART_EVENT_NONE)
		return CART_OK;
	if (no_event == NULL)
		result = record_make(&parts, &id, event, why, sizeof(why));
	if (result == CART_OK)
		return CART_OK;
	snprintf(reason, CART_EVENT_REASON, "a record of the stream: %s",
		 no_event != NULL ? no_event : why);
	record_tell(&parts, &id, event);
	if (result == CART_BUSY)
		*event = (struct cart_event){0};
	return result;
}
