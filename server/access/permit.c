#include "server/access/permit.h"

const struct shop_id *permit_owner(const struct access_caller *caller)
{
	return caller->bound && (caller->scopes & ACCESS_ADMIN) == 0 ? &caller->customer : NULL;
}

static bool permit_lists_own(const struct access_caller *caller, const struct cart_list *list)
{
	return caller->bound && list->kind == CART_LIST_CUSTOMER &&
	       shop_id_compare(&list->customer_id, &caller->customer) == 0;
}

const char *permit_refusal(const struct access_caller *caller, const struct cart_op *op,
			   bool *as_admin)
{
	if (!cart_is_owned(&op->customer_id, op->owner))
		return "the caller makes and claims carts for its own customer only";
	if (op->type != CART_OP_LIST || permit_lists_own(caller, &op->list))
		return NULL;
	if ((caller->scopes & ACCESS_ADMIN) == 0)
		return "a list of other carts than the caller's own needs the scope admin";
	*as_admin = true;
	return NULL;
}
