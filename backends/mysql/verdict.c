/* What a batch's answer says of each of its writes. */
#include "backends/mysql/rows.h"
#include "backends/mysql/write.h"

/* The cart is as the op left it: what the op answers. */
static void verdict_applied(struct sql_write *write, const struct sql_row *row,
			    const struct cart_rules *rules)
{
	struct cart_op *op = write->op;

	op->result = CART_OK;
	op->version = row->cart.version;
	if (op->type == CART_OP_CREATE)
		cart_create(&op->cart, op, rules);
	else if (sql_write_wants_lines(op))
		op->cart = row->cart;
}

/* The guard did not let it through; the row may say why, and it is still locked. */
static enum sql_verdict verdict_refused(struct sql_write *write, const struct sql_row *row)
{
	struct cart_op *op = write->op;

	if (write->kind == SQL_WRITE_CREATE)
		return SQL_VERDICT_LOOK;
	if (cart_is_expired(&row->cart, op->now_ms)) {
		op->result = CART_NOT_FOUND;
		return SQL_VERDICT_DONE;
	}
	if (op->key != NULL)
		return SQL_VERDICT_LOOK;
	if (row->cart.state == CART_CHECKED_OUT) {
		op->result = op->type == CART_OP_CHECKOUT ? CART_OK : CART_CLOSED;
		if (op->result == CART_OK) {
			op->version = row->cart.version;
			op->cart = row->cart;
		}
		return SQL_VERDICT_DONE;
	}
	if (op->if_version != 0 && op->if_version != row->cart.version) {
		op->result = CART_MISMATCH;
		return SQL_VERDICT_DONE;
	}
	return SQL_VERDICT_LOOK;
}

static bool verdict_row(struct sql_write *write, const struct sql_row *row,
			const struct cart_rules *rules)
{
	if (write->op == NULL)
		return true;
	if (!write->seen) {
		write->seen = true;
		write->verdict = SQL_VERDICT_DONE;
		if (row->op == write->token)
			verdict_applied(write, row, rules);
		else
			write->verdict = verdict_refused(write, row);
	}
	if (write->verdict != SQL_VERDICT_DONE || write->op->result != CART_OK ||
	    !sql_write_wants_lines(write->op))
		return true;
	/* The change is made; that its answer cannot be held is not certain failure. */
	return sql_rows_add_line(&write->op->cart, row);
}

/* No row: the cart is not there. A create without one met its key. */
static void verdict_absent(struct sql_write *write)
{
	if (write->op == NULL || write->seen)
		return;
	if (write->kind == SQL_WRITE_CREATE) {
		write->verdict = SQL_VERDICT_LOOK;
		return;
	}
	write->op->result = CART_NOT_FOUND;
	write->verdict = SQL_VERDICT_DONE;
}

static void verdict_unread(struct sql_write *write)
{
	if (write->op == NULL)
		return;
	cart_clear(&write->op->cart);
	write->op->result = CART_UNCERTAIN;
	cart_op_set_reason(write->op, "the rows of the answer cannot be read");
	write->verdict = SQL_VERDICT_DONE;
}

/* Where the statement is whose rows tell whether a write that is alone was let through: after
 * START TRANSACTION, or all there is. */
static size_t verdict_alone_at(const struct sql_write *write)
{
	return write->kind != SQL_WRITE_CREATE || write->op->key != NULL ? 1 : 0;
}

/* There is no row: why it was not let through is for the careful way. */
static void verdict_alone(struct sql_write *write, const struct sql_reply *reply,
			  const struct cart_rules *rules)
{
	struct sql_row row = {.cart.version = 1};
	size_t at;

	write->seen = true;
	write->verdict = SQL_VERDICT_LOOK;
	if (write->op == NULL)
		return;
	at = verdict_alone_at(write);
	if (reply->affected[at] == 0)
		return;
	if (write->kind != SQL_WRITE_CREATE)
		row.cart.version = (int64_t)reply->insert_id[at];
	write->verdict = SQL_VERDICT_DONE;
	verdict_applied(write, &row, rules);
}

static bool verdict_rows(struct sql_write *writes, size_t count, MYSQL_RES *rows,
			 const struct cart_rules *rules)
{
	struct sql_row row;
	enum sql_rows next;

	while ((next = sql_rows_next(rows, &row)) == SQL_ROWS_ONE) {
		size_t at;

		if (!cart_id_find(&writes[0].id, sizeof(*writes), count, &row.cart.id, &at) ||
		    !verdict_row(&writes[at], &row, rules))
			return false;
	}
	return next == SQL_ROWS_END;
}

bool sql_write_read(struct sql_write *writes, size_t count, const struct sql_reply *reply,
		    const struct cart_rules *rules)
{
	bool good;

	if (count == 1 && writes[0].alone) {
		verdict_alone(&writes[0], reply, rules);
		return true;
	}
	good = reply->rows_count > 0 &&
	       verdict_rows(writes, count, reply->rows[reply->rows_count - 1], rules);
	for (size_t i = 0; i < count; i++) {
		if (good)
			verdict_absent(&writes[i]);
		else
			verdict_unread(&writes[i]);
	}
	return good;
}
