#include "backends/fault/mutant.h"

#include <stdlib.h>
#include <string.h>

/* Whether this op belongs to fault.mutant_share. The same seed gives the same sequence. */
static bool fault_mutant_strikes(struct fault_mutant *mutant)
{
	uint64_t drawn;

	pthread_mutex_lock(&mutant->lock);
	drawn = random_next(&mutant->random);
	pthread_mutex_unlock(&mutant->lock);
	return (int64_t)(drawn % 1000) < mutant->share;
}

/* Turns a change into a request for the cart. */
static void fault_mutant_get_instead(struct cart_op *copy)
{
	copy->type = CART_OP_GET;
	copy->flags = CART_READ_STRONG;
	copy->key = NULL;
}

/*
 * read-modify-write: reads the cart, changes it, and writes all of it back without a check that it
 * is unchanged. Changes with a key are not spoilt, because what is written is not the request that
 * the key stands for.
 */
static void fault_mutant_rmw_in(struct fault_mutant *mutant, const struct cart_op *op,
				struct cart_op *copy)
{
	if (op->type == CART_OP_CHANGE && op->key == NULL && fault_mutant_strikes(mutant))
		fault_mutant_get_instead(copy);
}

/* A change after which any cart holds the lines of this one. */
static struct cart_op *fault_mutant_overwrite(const struct cart_op *op, const struct cart *cart)
{
	struct cart_op request = {.type = CART_OP_CHANGE,
				  .flags = op->flags,
				  .id = op->id,
				  .change_count = cart->line_count + 1,
				  .deadline_ns = op->deadline_ns};
	struct cart_change *changes = calloc(request.change_count, sizeof(*changes));
	struct cart_op *copy;

	if (changes == NULL)
		return NULL;
	changes[0].type = CART_CHANGE_CLEAR;
	for (size_t i = 0; i < cart->line_count; i++)
		changes[i + 1] = (struct cart_change){
			.type = CART_CHANGE_SET,
			.product_id = cart->lines[i].product_id,
			.quantity = cart->lines[i].quantity,
			.attributes = cart->lines[i].attributes,
		};
	request.changes = changes;
	copy = cart_op_copy_request(&request);
	free(changes);
	return copy;
}

/* Applies the op to the cart that a GET found, in its answer. True: it has changed the cart. */
static bool fault_mutant_apply(struct fault_mutant *mutant, const struct cart_op *op,
			       struct cart_op *answer)
{
	int64_t version = answer->cart.version;
	struct cart_op request = *op;

	if (answer->result != CART_OK)
		return false;
	answer->result = cart_apply(&answer->cart, &request, mutant->rules);
	answer->version = answer->cart.version;
	return answer->result == CART_OK && answer->version != version;
}

static struct cart_op *fault_mutant_rmw_out(struct fault_mutant *mutant,
					    struct fault_mutation *mutation,
					    const struct cart_op *op, struct cart_op *answer)
{
	(void)mutation;
	if (answer->type != CART_OP_GET || op->type != CART_OP_CHANGE ||
	    !fault_mutant_apply(mutant, op, answer))
		return NULL;
	return fault_mutant_overwrite(op, &answer->cart);
}

/* dropped-write: a change is acknowledged and not applied. */
static void fault_mutant_drop_in(struct fault_mutant *mutant, const struct cart_op *op,
				 struct cart_op *copy)
{
	if (op->type == CART_OP_CHANGE && fault_mutant_strikes(mutant))
		fault_mutant_get_instead(copy);
}

static struct cart_op *fault_mutant_drop_out(struct fault_mutant *mutant,
					     struct fault_mutation *mutation,
					     const struct cart_op *op, struct cart_op *answer)
{
	(void)mutation;
	if (answer->type == CART_OP_GET && op->type == CART_OP_CHANGE)
		fault_mutant_apply(mutant, op, answer);
	return NULL;
}

/* doubled-write: a change is applied twice, as by a client library that repeats by itself. */
static struct cart_op *fault_mutant_double_out(struct fault_mutant *mutant,
					       struct fault_mutation *mutation,
					       const struct cart_op *op, struct cart_op *answer)
{
	struct cart_op again = *op;

	if (op->type != CART_OP_CHANGE || answer->result != CART_OK || answer->replayed ||
	    mutation->answers > 1 || !fault_mutant_strikes(mutant))
		return NULL;
	mutation->kept = calloc(1, sizeof(*mutation->kept));
	if (mutation->kept == NULL)
		return NULL;
	mutation->kept->result = answer->result;
	cart_op_move_result(mutation->kept, answer);
	again.key = NULL;
	again.if_version = 0;
	return cart_op_copy_request(&again);
}

/* no-idempotency: keys are ignored, so a repeat is applied again. */
static void fault_mutant_keyless_in(struct fault_mutant *mutant, const struct cart_op *op,
				    struct cart_op *copy)
{
	(void)op;
	if (copy->key != NULL && fault_mutant_strikes(mutant))
		copy->key = NULL;
}

/* The next three mutants need the cart after each change. */
static void fault_mutant_watch_in(struct fault_mutant *mutant, const struct cart_op *op,
				  struct cart_op *copy)
{
	(void)mutant;
	if (op->type == CART_OP_CHANGE)
		copy->flags |= CART_WANT_CART;
}

static void fault_mutant_watch(struct fault_mutant *mutant, const struct cart_op *op,
			       struct cart_op *answer)
{
	if (!cart_op_is_write(op) || answer->result != CART_OK || answer->cart.version == 0)
		return;
	fault_copies_learn(mutant->copies, &answer->cart);
	if (op->type == CART_OP_CHANGE && !(op->flags & CART_WANT_CART))
		cart_clear(&answer->cart);
}

static bool fault_mutant_is_read(const struct fault_mutant *mutant, const struct cart_op *op,
				 const struct cart_op *answer)
{
	return op->type == CART_OP_GET && answer->result == CART_OK &&
	       (!mutant->only_eventual || op->flags & CART_READ_EVENTUAL);
}

/* stale-cache: some reads get the cart as it was before its last change. */
static struct cart_op *fault_mutant_cache_out(struct fault_mutant *mutant,
					      struct fault_mutation *mutation,
					      const struct cart_op *op, struct cart_op *answer)
{
	(void)mutation;
	fault_mutant_watch(mutant, op, answer);
	if (fault_mutant_is_read(mutant, op, answer) && fault_mutant_strikes(mutant))
		fault_copies_age(mutant->copies, &answer->cart);
	return NULL;
}

/* stale-lines: the same, under the version and the times that the cart has now. */
static struct cart_op *fault_mutant_lines_out(struct fault_mutant *mutant,
					      struct fault_mutation *mutation,
					      const struct cart_op *op, struct cart_op *answer)
{
	struct cart now = answer->cart;

	fault_mutant_cache_out(mutant, mutation, op, answer);
	if (op->type == CART_OP_GET && answer->result == CART_OK) {
		answer->cart.version = now.version;
		answer->cart.created_ms = now.created_ms;
		answer->cart.updated_ms = now.updated_ms;
	}
	return NULL;
}

/* two-replicas: reads of a cart get an old copy and the current one alternately. */
static struct cart_op *fault_mutant_replicas_out(struct fault_mutant *mutant,
						 struct fault_mutation *mutation,
						 const struct cart_op *op, struct cart_op *answer)
{
	(void)mutation;
	fault_mutant_watch(mutant, op, answer);
	if (fault_mutant_is_read(mutant, op, answer))
		fault_copies_alternate(mutant->copies, &answer->cart);
	return NULL;
}

/* stale-index: a customer's list shows carts as they were before their last change. */
static struct cart_op *fault_mutant_index_out(struct fault_mutant *mutant,
					      struct fault_mutation *mutation,
					      const struct cart_op *op, struct cart_op *answer)
{
	(void)mutation;
	fault_mutant_watch(mutant, op, answer);
	if (op->type == CART_OP_LIST && op->list.kind == CART_LIST_CUSTOMER)
		for (size_t i = 0; i < answer->cart_count; i++)
			if (fault_mutant_strikes(mutant))
				fault_copies_age(mutant->copies, &answer->carts[i]);
	return NULL;
}

static const struct fault_mutant_type types[] = {
	{"read-modify-write", fault_mutant_rmw_in, fault_mutant_rmw_out},
	{"dropped-write", fault_mutant_drop_in, fault_mutant_drop_out},
	{"doubled-write", NULL, fault_mutant_double_out},
	{"no-idempotency", fault_mutant_keyless_in, NULL},
	{"stale-cache", fault_mutant_watch_in, fault_mutant_cache_out},
	{"stale-lines", fault_mutant_watch_in, fault_mutant_lines_out},
	{"two-replicas", fault_mutant_watch_in, fault_mutant_replicas_out},
	{"stale-index", fault_mutant_watch_in, fault_mutant_index_out},
};

/* The same names, for the settings' table. */
const char *const fault_mutant_names[] = {
	"none",	       "read-modify-write", "dropped-write", "doubled-write", "no-idempotency",
	"stale-cache", "stale-lines",	    "two-replicas",  "stale-index",   NULL,
};

const char *const fault_mutant_reads[] = {"all", "eventual", NULL};

int fault_mutant_init(struct fault_mutant *mutant, const struct settings *settings,
		      const struct cart_rules *rules, const struct cart_clock *clock,
		      struct cart_error *error)
{
	const char *name = settings_string(settings, "fault.mutant");

	*mutant = (struct fault_mutant){.rules = rules};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			mutant->type = &types[i];
	mutant->share = settings_integer(settings, "fault.mutant_share");
	mutant->only_eventual =
		strcmp(settings_string(settings, "fault.mutant_reads"), "eventual") == 0;
	mutant->random.state = (uint64_t)settings_integer(settings, "fault.mutant_seed");
	mutant->copies = fault_copies_new(clock, settings_integer(settings, "fault.mutant_age"));
	if (mutant->copies == NULL)
		return cart_error_set(error, "out of memory");
	pthread_mutex_init(&mutant->lock, NULL);
	return 0;
}

void fault_mutant_destroy(struct fault_mutant *mutant)
{
	fault_copies_free(&mutant->copies);
	pthread_mutex_destroy(&mutant->lock);
}

void fault_mutant_in(struct fault_mutant *mutant, const struct cart_op *op, struct cart_op *copy)
{
	if (mutant->type != NULL && mutant->type->in != NULL)
		mutant->type->in(mutant, op, copy);
}

struct cart_op *fault_mutant_out(struct fault_mutant *mutant, struct fault_mutation *mutation,
				 const struct cart_op *op, struct cart_op *answer)
{
	mutation->answers++;
	if (mutant->type == NULL || mutant->type->out == NULL)
		return NULL;
	return mutant->type->out(mutant, mutation, op, answer);
}

void fault_mutation_clear(struct fault_mutation *mutation)
{
	if (mutation->kept != NULL)
		cart_op_clear(mutation->kept);
	free(mutation->kept);
	*mutation = (struct fault_mutation){0};
}
