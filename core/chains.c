#include "core/chains.h"

#include "core/base/random.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS_BITS    12
#define CHAINS_BUCKETS ((size_t)1 << CHAINS_BITS)

/* The last eight bytes of an id are random in every version of UUID that cart makes. */
static struct chain **chains_bucket(const struct chains *chains, const struct cart_id *id)
{
	uint64_t part;

	memcpy(&part, id->bytes + sizeof(id->bytes) - sizeof(part), sizeof(part));
	return &chains->buckets[part * chains->factor >> (64 - CHAINS_BITS)];
}

int chains_open(struct chains *chains)
{
	struct random random;

	random_seed(&random);
	chains->factor = random_next(&random) | 1;
	chains->buckets = calloc(CHAINS_BUCKETS, sizeof(struct chain *));
	return chains->buckets != NULL ? 0 : -1;
}

void chains_close(struct chains *chains)
{
	while (chains->free != NULL) {
		struct chain *chain = chains->free;

		chains->free = chain->next;
		free(chain);
	}
	free(chains->buckets);
	*chains = (struct chains){0};
}

struct chain *chains_find(const struct chains *chains, const struct cart_id *id)
{
	struct chain *chain = *chains_bucket(chains, id);

	while (chain != NULL && cart_id_compare(&chain->id, id) != 0)
		chain = chain->next;
	return chain;
}

struct chain *chains_add(struct chains *chains, const struct cart_id *id)
{
	struct chain **bucket = chains_bucket(chains, id);
	struct chain *chain = chains->free;

	if (chain != NULL)
		chains->free = chain->next;
	else
		chain = malloc(sizeof(*chain));
	if (chain == NULL)
		return NULL;
	*chain = (struct chain){.id = *id, .next = *bucket};
	*bucket = chain;
	return chain;
}

void chains_remove(struct chains *chains, struct chain *chain)
{
	struct chain **at = chains_bucket(chains, &chain->id);

	while (*at != chain)
		at = &(*at)->next;
	*at = chain->next;
	chain->next = chains->free;
	chains->free = chain;
}

void chains_each(const struct chains *chains, void (*visit)(struct chain *chain, void *user),
		 void *user)
{
	for (size_t i = 0; i < CHAINS_BUCKETS; i++)
		for (struct chain *chain = chains->buckets[i]; chain != NULL; chain = chain->next)
			visit(chain, user);
}
