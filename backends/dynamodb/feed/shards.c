#include "backends/dynamodb/feed/shards.h"

#include <stdlib.h>
#include <string.h>

#define SHARD_ID_BEGIN	"shardId-"
#define SHARD_ID_DIGITS 20 /* of milliseconds since 1970, and then "-" */

uint64_t ddb_shards_tag(const char *id)
{
	/* FNV-1a, folded. */
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *id != '\0'; id++)
		hash = (hash ^ (uint8_t)*id) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 48) & UINT64_C(0xffffffffffff);
}

/* "shardId-00000001414562045508-2bac9cd2" was made at 1414562045508. */
static int64_t shard_created_ms(const char *id)
{
	const char *digits = id + strlen(SHARD_ID_BEGIN);

	if (strncmp(id, SHARD_ID_BEGIN, strlen(SHARD_ID_BEGIN)) != 0 ||
	    strspn(digits, "0123456789") != SHARD_ID_DIGITS || digits[SHARD_ID_DIGITS] != '-' ||
	    strncmp(digits, "00000", 5) != 0)
		return 0;
	return strtoll(digits, NULL, 10);
}

struct ddb_shards *ddb_shards_new(const char *stream)
{
	struct ddb_shards *shards = calloc(1, sizeof(*shards));

	if (shards == NULL)
		return NULL;
	shards->users = 1;
	shards->stream = strdup(stream);
	shards->tag = ddb_shards_tag(stream);
	if (shards->stream == NULL)
		ddb_shards_drop(&shards);
	return shards;
}

struct ddb_shards *ddb_shards_use(struct ddb_shards *shards)
{
	atomic_fetch_add(&shards->users, 1);
	return shards;
}

void ddb_shards_drop(struct ddb_shards **out)
{
	struct ddb_shards *shards = *out;

	*out = NULL;
	if (shards == NULL || atomic_fetch_sub(&shards->users, 1) > 1)
		return;
	for (size_t i = 0; i < shards->count; i++) {
		free(shards->shards[i].id);
		free(shards->shards[i].parent);
	}
	free(shards->shards);
	free(shards->stream);
	free(shards);
}

static bool shards_add_one(struct ddb_shards *shards, const json_t *described)
{
	const char *id = json_string_value(json_object_get(described, "ShardId"));
	const char *parent = json_string_value(json_object_get(described, "ParentShardId"));
	struct ddb_shard *shard;

	if (id == NULL)
		return false;
	/* Pages may overlap where the list changes meanwhile. */
	if (ddb_shards_find(shards, ddb_shards_tag(id)) != DDB_NO_SHARD)
		return true;
	if (shards->count == shards->room) {
		size_t room = shards->room > 0 ? 2 * shards->room : 16;
		struct ddb_shard *grown = realloc(shards->shards, room * sizeof(*grown));

		if (grown == NULL)
			return false;
		shards->shards = grown;
		shards->room = room;
	}
	shard = &shards->shards[shards->count++];
	*shard = (struct ddb_shard){
		.id = strdup(id),
		.parent = parent != NULL ? strdup(parent) : NULL,
		.tag = ddb_shards_tag(id),
		.parent_at = DDB_NO_SHARD,
		.created_ms = shard_created_ms(id),
	};
	return shard->id != NULL && (parent == NULL || shard->parent != NULL);
}

bool ddb_shards_add(struct ddb_shards *shards, const json_t *answer)
{
	const json_t *description = json_object_get(answer, "StreamDescription"), *described;
	const json_t *list = json_object_get(description, "Shards");
	const char *status = json_string_value(json_object_get(description, "StreamStatus"));
	size_t i;

	if (!json_is_array(list) || status == NULL)
		return false;
	shards->enabled = strncmp(status, "ENABL", 5) == 0; /* ENABLED, ENABLING */
	json_array_foreach(list, i, described)
	{
		if (!shards_add_one(shards, described))
			return false;
	}
	return true;
}

void ddb_shards_finish(struct ddb_shards *shards)
{
	for (size_t i = 0; i < shards->count; i++) {
		struct ddb_shard *shard = &shards->shards[i];

		if (shard->parent != NULL)
			shard->parent_at = ddb_shards_find(shards, ddb_shards_tag(shard->parent));
	}
}

size_t ddb_shards_find(const struct ddb_shards *shards, uint64_t tag)
{
	for (size_t i = 0; i < shards->count; i++)
		if (shards->shards[i].tag == tag)
			return i;
	return DDB_NO_SHARD;
}

bool ddb_shards_has_child(const struct ddb_shards *shards, size_t at)
{
	for (size_t i = 0; i < shards->count; i++)
		if (shards->shards[i].parent_at == at)
			return true;
	return false;
}
