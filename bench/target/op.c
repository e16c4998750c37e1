#include "bench/target/op.h"

#include <stdlib.h>
#include <string.h>

static const char *const op_names[BENCH_OP_TYPES] = {
	[BENCH_CREATE] = "create", [BENCH_ADD] = "add",	  [BENCH_SET] = "set",
	[BENCH_REMOVE] = "remove", [BENCH_GET] = "get",	  [BENCH_CHECKOUT] = "checkout",
	[BENCH_DELETE] = "delete", [BENCH_LIST] = "list",
};

const char *bench_op_type_name(enum bench_op_type type)
{
	return op_names[type];
}

bool bench_op_type_find(const char *name, size_t len, enum bench_op_type *type)
{
	for (int i = 0; i < BENCH_OP_TYPES; i++) {
		if (strlen(op_names[i]) == len && memcmp(op_names[i], name, len) == 0) {
			*type = (enum bench_op_type)i;
			return true;
		}
	}
	return false;
}

bool bench_op_type_changes(enum bench_op_type type)
{
	return type != BENCH_GET && type != BENCH_LIST;
}

const char *bench_read_name(enum bench_read read)
{
	static const char *const names[] = {"default", "strong", "eventual"};

	return names[read];
}

enum bench_read bench_read_of(const char *name)
{
	enum bench_read read = BENCH_READ_EVENTUAL;

	while (read > BENCH_READ_DEFAULT &&
	       (name == NULL || strcmp(name, bench_read_name(read)) != 0))
		read--;
	return read;
}

int bench_op_ok_status(const struct bench_op *op)
{
	if (op->type == BENCH_CREATE)
		return 201;
	if (op->type == BENCH_DELETE)
		return 204;
	return bench_op_type_changes(op->type) && op->type != BENCH_CHECKOUT && !op->want_cart
		       ? 204
		       : 200;
}

void bench_op_clear(struct bench_op *op)
{
	cart_clear(&op->cart);
	for (size_t i = 0; i < op->cart_count; i++)
		cart_clear(&op->carts[i]);
	free(op->carts);
	op->carts = NULL;
	op->cart_count = 0;
	op->outcome = BENCH_OK;
	op->status = 0;
	op->error[0] = '\0';
	op->replayed = false;
	op->version = 0;
	op->sent_ns = op->done_ns = 0;
	op->queue_ns = op->db_ns = op->total_ns = -1;
	op->cached = false;
}
