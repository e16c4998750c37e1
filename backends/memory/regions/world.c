#include "backends/memory/regions/world.h"
#include "backends/memory/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define REGIONS_STAMP_BUCKETS 65536

/* The last write that each region has seen of an item. Stays when the item is deleted, so that an
 * older write that arrives later does not bring it back. */
struct regions_stamp {
	struct regions_stamp *next;
	uint8_t name[CART_KEY_HASH_BYTES]; /* the cart's id, or the digest of a create's key */
	uint64_t written[REGIONS];
};

/* An item on its way. */
struct regions_parcel {
	struct regions_parcel *next;
	struct memory_item *item;
	struct regions_stamp *stamp;
	uint64_t written;
	size_t to;
	int64_t due_ns;
};

struct regions_world {
	size_t members;
	const struct cart_clock *clock;
	pthread_mutex_t lock; /* the rest */
	struct memory_table *tables[REGIONS];
	struct regions_stamp *stamps[REGIONS_STAMP_BUCKETS];
	uint64_t writes;	      /* the time of a write is its number */
	struct regions_parcel *first; /* by due_ns */
};

static pthread_mutex_t regions_lock = PTHREAD_MUTEX_INITIALIZER;
static struct regions_world *regions_the_world; /* under the lock */

static void regions_world_free(struct regions_world *world)
{
	struct regions_parcel *parcel;
	struct regions_stamp *next;

	while ((parcel = world->first) != NULL) {
		world->first = parcel->next;
		memory_item_free(&parcel->item);
		free(parcel);
	}
	for (size_t i = 0; i < REGIONS_STAMP_BUCKETS; i++)
		for (struct regions_stamp *stamp = world->stamps[i]; stamp != NULL; stamp = next) {
			next = stamp->next;
			free(stamp);
		}
	for (size_t i = 0; i < REGIONS; i++)
		memory_table_free(&world->tables[i]);
	pthread_mutex_destroy(&world->lock);
	free(world);
}

static struct regions_world *regions_world_new(const struct cart_clock *clock,
					       const struct cart_rules *rules)
{
	struct regions_world *world = calloc(1, sizeof(*world));

	if (world == NULL)
		return NULL;
	world->clock = clock;
	pthread_mutex_init(&world->lock, NULL);
	for (size_t i = 0; i < REGIONS; i++)
		world->tables[i] = memory_table_new(rules);
	if (world->tables[0] != NULL && world->tables[1] != NULL)
		return world;
	regions_world_free(world);
	return NULL;
}

struct regions_world *regions_world_join(const struct cart_clock *clock,
					 const struct cart_rules *rules)
{
	struct regions_world *world;

	pthread_mutex_lock(&regions_lock);
	if (regions_the_world == NULL)
		regions_the_world = regions_world_new(clock, rules);
	world = regions_the_world;
	if (world != NULL)
		world->members++;
	pthread_mutex_unlock(&regions_lock);
	return world;
}

void regions_world_leave(struct regions_world **out)
{
	pthread_mutex_lock(&regions_lock);
	if (--(*out)->members == 0) {
		regions_world_free(*out);
		regions_the_world = NULL;
	}
	*out = NULL;
	pthread_mutex_unlock(&regions_lock);
}

/* A copy that stays behind for want of memory would be counted as a lost write. */
static void *regions_need(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

static uint64_t regions_hash(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

static struct regions_stamp *regions_stamp_of(struct regions_world *world, const uint8_t *name)
{
	struct regions_stamp **link =
		&world->stamps[regions_hash(name, CART_KEY_HASH_BYTES) % REGIONS_STAMP_BUCKETS];

	while (*link != NULL && memcmp((*link)->name, name, CART_KEY_HASH_BYTES) != 0)
		link = &(*link)->next;
	if (*link == NULL) {
		*link = regions_need(calloc(1, sizeof(**link)));
		memcpy((*link)->name, name, CART_KEY_HASH_BYTES);
	}
	return *link;
}

/* Takes in what has arrived by now. */
static void regions_receive(struct regions_world *world, int64_t now_ns)
{
	struct regions_parcel *parcel;

	while ((parcel = world->first) != NULL && parcel->due_ns <= now_ns) {
		world->first = parcel->next;
		if (parcel->written > parcel->stamp->written[parcel->to]) {
			parcel->stamp->written[parcel->to] = parcel->written;
			memory_table_replace(world->tables[parcel->to], &parcel->item);
		}
		memory_item_free(&parcel->item);
		free(parcel);
	}
}

/* Sends an item, which it takes, as it is after a write in a region. */
static void regions_send(struct regions_world *world, size_t from, const uint8_t *name,
			 struct memory_item *item, int64_t due_ns)
{
	struct regions_parcel *parcel = regions_need(calloc(1, sizeof(*parcel)));
	struct regions_parcel **link = &world->first;

	parcel->item = regions_need(item);
	parcel->stamp = regions_stamp_of(world, name);
	parcel->written = parcel->stamp->written[from] = ++world->writes;
	parcel->to = REGIONS - 1 - from;
	parcel->due_ns = due_ns;
	while (*link != NULL && (*link)->due_ns <= due_ns)
		link = &(*link)->next;
	parcel->next = *link;
	*link = parcel;
}

static void regions_send_cart(struct regions_world *world, size_t from, const struct cart_id *id,
			      int64_t due_ns)
{
	regions_send(world, from, id->bytes, memory_table_copy_cart(world->tables[from], id),
		     due_ns);
}

/* What an op has written. */
static void regions_send_written(struct regions_world *world, size_t from, const struct cart_op *op,
				 int64_t due_ns)
{
	if (op->type == CART_OP_CREATE && op->key != NULL)
		regions_send(world, from, op->key_hash,
			     memory_table_copy_create(world->tables[from], op->key_hash), due_ns);
	if (op->type == CART_OP_MERGE)
		regions_send_cart(world, from, &op->from, due_ns);
	regions_send_cart(world, from, &op->id, due_ns);
}

static size_t regions_home_of_customer(const struct shop_id *customer)
{
	return regions_hash(customer->text, customer->size) % REGIONS;
}

static size_t regions_home_of_cart(const struct cart_id *id)
{
	return id->bytes[sizeof(id->bytes) - 1] & 1;
}

/* Where an op that came to a region has to be run. Gives a new cart its home. */
static size_t regions_home(struct cart_op *op, size_t region)
{
	uint8_t *last = &op->id.bytes[sizeof(op->id.bytes) - 1];
	size_t home = region;

	if (op->type == CART_OP_LIST)
		return op->list.kind == CART_LIST_CUSTOMER
			       ? regions_home_of_customer(&op->list.customer_id)
			       : region;
	if (op->type != CART_OP_CREATE)
		return regions_home_of_cart(&op->id);
	if (op->customer_id.size > 0)
		home = regions_home_of_customer(&op->customer_id);
	else if (op->key != NULL)
		home = op->key_hash[0] % REGIONS;
	*last = (uint8_t)((*last & ~1u) | home);
	return home;
}

size_t regions_world_run(struct regions_world *world, const struct regions_rules *rules,
			 size_t region, struct cart_op *op)
{
	size_t at = rules->home ? regions_home(op, region) : region;
	int64_t now_ns;

	pthread_mutex_lock(&world->lock);
	now_ns = clock_monotonic_ns(world->clock);
	regions_receive(world, now_ns);
	op->result = memory_table_run(world->tables[at], op);
	if (op->result == CART_OK && cart_op_is_write(op) && !op->replayed)
		regions_send_written(world, at, op, now_ns + rules->lag_ns);
	pthread_mutex_unlock(&world->lock);
	return at;
}
