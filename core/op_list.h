/* A list of ops, doubly linked through held.next and held.prev. Zeroed, it is empty. */
#ifndef CORE_OP_LIST_H
#define CORE_OP_LIST_H

#include "core/cart_op.h"

struct op_list {
	struct cart_op *first;
	struct cart_op *last;
	size_t count;
};

static inline void op_list_append(struct op_list *list, struct cart_op *op)
{
	op->held.next = NULL;
	op->held.prev = list->last;
	if (list->last != NULL)
		list->last->held.next = op;
	else
		list->first = op;
	list->last = op;
	list->count++;
}

static inline void op_list_prepend(struct op_list *list, struct cart_op *op)
{
	op->held.prev = NULL;
	op->held.next = list->first;
	if (list->first != NULL)
		list->first->held.prev = op;
	else
		list->last = op;
	list->first = op;
	list->count++;
}

static inline void op_list_remove(struct op_list *list, struct cart_op *op)
{
	if (op->held.prev != NULL)
		op->held.prev->held.next = op->held.next;
	else
		list->first = op->held.next;
	if (op->held.next != NULL)
		op->held.next->held.prev = op->held.prev;
	else
		list->last = op->held.prev;
	op->held.next = op->held.prev = NULL;
	list->count--;
}

#endif
