/*
 * Puts carts of an archive back into the store, as they were, where they are not there. The archive
 * stays as it is, but that their files are marked: so the next run of archive takes those that are
 * still the same away again, and takes those that have changed or were deleted since out of their
 * files. A mark names the carts of its file once they are in the store, so that a later restore
 * does not bring back what was deleted since.
 */
#include "ctl/archive/file.h"
#include "ctl/archive/open.h"
#include "ctl/archive/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESTORE_AT_ONCE 1000
#define RESTORE_TRIES	12
#define RESTORE_NAP_NS	50000000

struct restore {
	const struct ctl *ctl;
	struct ctl_session *session;
	struct archive_place *place;
	bool has_id, has_customer;
	bool skip_damaged, unmarked, again;
	struct cart_id id;
	struct shop_id customer;
	struct cart *carts; /* RESTORE_AT_ONCE, that match and wait */
	size_t waiting;
	struct archive_mark mark; /* of the file; loaded with the first cart that matches */
	bool news;		  /* the mark does not say yet what the store has now */
	size_t restored, there, deleted, failed;
	size_t files;	/* of the days that were asked for */
	size_t damaged; /* files and lines */
	char why[CART_REASON_MAX + 64];
	int rc;
	struct cart_error error;
};

static bool restore_wants(const struct restore *restore, const struct cart *cart)
{
	if (restore->has_id && cart_id_compare(&restore->id, &cart->id) != 0)
		return false;
	return !restore->has_customer ||
	       shop_id_compare(&restore->customer, &cart->customer_id) == 0;
}

/* The store has the cart. */
static void restore_note(struct restore *restore, const struct cart_id *id)
{
	if (restore->unmarked)
		return;
	restore->news = true;
	if (!archive_mark_add(&restore->mark, id))
		restore->rc = cart_error_set(&restore->error, "out of memory");
}

static void restore_count(struct restore *restore, const struct cart_op *op)
{
	bool look = op->type == CART_OP_GET;

	if (op->result == CART_OK && !look) {
		restore->restored++;
	} else if (op->result == CART_MISMATCH || op->result == CART_OK) {
		restore->there++;
	} else if (op->result == CART_NOT_FOUND && look) {
		restore->deleted++;
		return;
	} else {
		restore->failed++;
		snprintf(restore->why, sizeof(restore->why), "%s %s", cart_result_name(op->result),
			 op->reason);
		return;
	}
	restore_note(restore, &op->id);
}

static void restore_ask_again(struct restore *restore, struct cart_op *op)
{
	for (int try = 1; try < RESTORE_TRIES; try++) {
		const struct timespec nap = {.tv_nsec = try * RESTORE_NAP_NS};

		if (op->result != CART_BUSY && op->result != CART_TIMEOUT &&
		    op->result != CART_UNCERTAIN)
			return;
		nanosleep(&nap, NULL);
		ctl_session_run(restore->session, op);
	}
}

/* A cart that was put back before is looked for alone: where it is gone it was deleted since. */
static void restore_ask(const struct restore *restore, const struct cart *cart, struct cart_op *op)
{
	bool look = !restore->again && archive_mark_find(&restore->mark, &cart->id) != NULL;

	cart_op_init(op, look ? CART_OP_GET : CART_OP_IMPORT);
	op->id = cart->id;
	if (look)
		op->flags = CART_READ_STRONG;
	else
		op->whole = cart;
}

/* Imports the carts that wait. */
static void restore_flush(struct restore *restore)
{
	struct cart_op *ops = calloc(restore->waiting + 1, sizeof(*ops));

	for (size_t i = 0; i < restore->waiting && ops != NULL; i++)
		restore_ask(restore, &restore->carts[i], &ops[i]);
	if (ops != NULL)
		ctl_session_run_all(restore->session, ops, restore->waiting);
	else
		restore->rc = cart_error_set(&restore->error, "out of memory");
	for (size_t i = 0; i < restore->waiting; i++) {
		if (ops != NULL) {
			restore_ask_again(restore, &ops[i]);
			restore_count(restore, &ops[i]);
			cart_op_clear(&ops[i]);
		}
		cart_clear(&restore->carts[i]);
	}
	restore->waiting = 0;
	free(ops);
}

/* Before the first of its carts is in the store. */
static int restore_mark(struct restore *restore, const struct archive_file *file)
{
	if (restore->unmarked)
		return 0;
	if (archive_mark_load(restore->place, file->stem, &restore->mark, &restore->error) != 0)
		return -1;
	return restore->mark.there
		       ? 0
		       : archive_mark(restore->place, file->stem, NULL, &restore->error);
}

/* A cart of the file. */
static int restore_cart(struct restore *restore, const struct archive_file *file, size_t at,
			bool *marked)
{
	struct cart *cart = &restore->carts[restore->waiting];

	if (archive_line_read(cart, file->text.data + file->carts[at].at,
			      archive_file_line_len(file, at), &restore->error) != 0)
		return -1;
	if (!restore_wants(restore, cart)) {
		cart_clear(cart);
		return 0;
	}
	if (!*marked && restore_mark(restore, file) != 0) {
		cart_clear(cart);
		return -1;
	}
	*marked = true;
	restore->waiting++;
	if (restore->waiting == RESTORE_AT_ONCE)
		restore_flush(restore);
	return restore->rc;
}

static void restore_pass_over(const char *what, void *user)
{
	struct restore *restore = user;

	restore->damaged++;
	(void)ctl_fail(CTL_FAILED, "%s: passed over: %s", restore->ctl->argv[0], what);
}

/* False: restore->rc says why. A damaged file that is passed over is empty. */
static bool restore_load(struct restore *restore, const char *stem, struct archive_file *file)
{
	enum archive_found found = archive_file_load_lines(
		restore->place, stem, restore->skip_damaged ? restore_pass_over : NULL, restore,
		file, &restore->error);

	if (found == ARCHIVE_DAMAGED && restore->skip_damaged)
		restore_pass_over(restore->error.text, restore);
	else if (found == ARCHIVE_DAMAGED)
		restore->damaged++;
	if (found == ARCHIVE_FAILED || (found == ARCHIVE_DAMAGED && !restore->skip_damaged))
		restore->rc = -1;
	return restore->rc == 0;
}

static bool restore_file(const char *name, void *user)
{
	struct restore *restore = user;
	char stem[ARCHIVE_STEM_TEXT + 1];
	struct archive_file file;
	bool marked = false;

	if (!archive_file_stem(name, stem))
		return true;
	restore->files++;
	if (!restore_load(restore, stem, &file))
		return false;
	for (size_t i = 0; i < file.count && restore->rc == 0; i++)
		restore->rc = restore_cart(restore, &file, i, &marked);
	restore_flush(restore);
	if (restore->news &&
	    archive_mark_save(restore->place, stem, &restore->mark, &restore->error) != 0)
		restore->rc = -1;
	restore->news = false;
	archive_mark_clear(&restore->mark);
	archive_file_clear(&file);
	return restore->rc == 0 && !(restore->has_id && marked);
}

static enum ctl_status restore_found_none(const struct restore *restore, const char *from,
					  const char *date)
{
	if (restore->files > 0)
		return ctl_fail(CTL_FAILED, "%s: no such cart in the archive",
				restore->ctl->argv[0]);
	return ctl_fail(CTL_FAILED, "%s: there is no file of %s%s in %s", restore->ctl->argv[0],
			date != NULL ? "the day " : "a day", date != NULL ? date : "", from);
}

static enum ctl_status restore_report(const struct restore *restore, const char *from,
				      const char *date, int rc)
{
	printf("%zu cart%s restored, %zu %s there\n", restore->restored,
	       restore->restored == 1 ? "" : "s", restore->there,
	       restore->there == 1 ? "was" : "were");
	if (restore->deleted > 0)
		printf("%zu %s deleted since an earlier restore, and come%s back by --again\n",
		       restore->deleted, restore->deleted == 1 ? "was" : "were",
		       restore->deleted == 1 ? "s" : "");
	if (ctl_flush() != CTL_OK)
		return CTL_FAILED;
	if (rc != 0 && restore->damaged > 0 && !restore->skip_damaged)
		return ctl_fail(CTL_FAILED, "%s: %s; --skip-damaged passes over it",
				restore->ctl->argv[0], restore->error.text);
	if (rc != 0)
		return ctl_fail(CTL_FAILED, "%s: %s", restore->ctl->argv[0], restore->error.text);
	if (restore->failed > 0)
		return ctl_fail(CTL_FAILED,
				"%s: the store did not take %zu (%s); run it again to go on",
				restore->ctl->argv[0], restore->failed, restore->why);
	if (restore->damaged > 0)
		return ctl_fail(CTL_FAILED, "%s: %zu damaged file%s or line%s passed over",
				restore->ctl->argv[0], restore->damaged,
				restore->damaged == 1 ? "" : "s",
				restore->damaged == 1 ? " was" : "s were");
	if (restore->restored + restore->there == 0 && restore->deleted > 0)
		return ctl_fail(CTL_FAILED, "%s: nothing was restored", restore->ctl->argv[0]);
	if (restore->restored + restore->there == 0)
		return restore_found_none(restore, from, date);
	return CTL_OK;
}

static enum ctl_status restore_read_options(struct ctl *ctl, struct restore *restore,
					    const char **from, const char **date)
{
	const char *id = NULL, *customer = NULL;
	const struct ctl_option options[] = {
		{.name = "--from", .value = from},
		{.name = "--id", .value = &id},
		{.name = "--customer", .value = &customer},
		{.name = "--dt", .value = date},
		{.name = "--skip-damaged", .flag = &restore->skip_damaged},
		{.name = "--unmarked", .flag = &restore->unmarked},
		{.name = "--again", .flag = &restore->again},
		{0},
	};

	if (ctl_parse_options(ctl, options) != CTL_OK)
		return CTL_USAGE;
	if (*from == NULL)
		return ctl_fail(CTL_USAGE, "restore: needs --from");
	restore->has_id = id != NULL;
	if (id != NULL && !cart_id_parse(&restore->id, id, strlen(id)))
		return ctl_fail(CTL_USAGE, "restore: --id: \"%s\" is not a UUID", id);
	restore->has_customer = customer != NULL;
	if (customer != NULL && !shop_id_parse(&restore->customer, customer, strlen(customer)))
		return ctl_fail(CTL_USAGE, "restore: --customer: \"%s\" is not %s", customer,
				shop_id_rule());
	if (*date != NULL && (strlen(*date) != ARCHIVE_DATE_TEXT ||
			      strspn(*date, "0123456789-") != ARCHIVE_DATE_TEXT))
		return ctl_fail(CTL_USAGE, "restore: --dt: \"%s\" is not a day such as 2025-11-01",
				*date);
	return CTL_OK;
}

static int restore_all(struct restore *restore, const char *date)
{
	char prefix[ARCHIVE_NAME_ROOM];
	int rc;

	restore->carts = calloc(RESTORE_AT_ONCE, sizeof(*restore->carts));
	if (restore->carts == NULL)
		return cart_error_set(&restore->error, "out of memory");
	/* A file that was replaced has carts in it that have changed since, or were deleted. */
	if (!restore->unmarked && archive_settle_replaced(restore->place, &restore->error) != 0)
		return -1;
	snprintf(prefix, sizeof(prefix), "dt=%s", date != NULL ? date : "");
	rc = restore->place->kind->list(restore->place, prefix, restore_file, restore,
					&restore->error);
	return rc != 0 ? rc : restore->rc;
}

static enum ctl_status ctl_restore_run(struct ctl *ctl)
{
	struct restore restore = {.ctl = ctl};
	const char *from = NULL, *date = NULL;
	enum ctl_status status;

	if (restore_read_options(ctl, &restore, &from, &date) != CTL_OK)
		return CTL_USAGE;
	status = ctl_session_open_to_read(&restore.session, ctl);
	if (status == CTL_OK)
		status = archive_open(&restore.place, ctl, from,
				      restore.unmarked ? ARCHIVE_READ : ARCHIVE_WRITE);
	if (status == CTL_OK)
		status = restore_report(&restore, from, date, restore_all(&restore, date));
	free(restore.carts);
	archive_place_close(&restore.place);
	ctl_session_close(&restore.session);
	return status;
}

const struct ctl_command ctl_restore = {
	.name = "restore",
	.synopsis = "--from PLACE [--id ID] [--customer ID] [--dt DAY] [--skip-damaged] "
		    "[--unmarked] [--again]",
	.summary = "Puts carts of an archive back into the store, as they were",
	.help = "A cart that is in the store is left as it is. Without --id, --customer or --dt "
		"all\n"
		"carts of the archive are put back. The archive keeps them: the next run of "
		"archive\n"
		"removes from the store those that have not changed. A cart that was restored "
		"before\n"
		"that run and was deleted since does not come back.\n"
		"\n"
		"Options:\n"
		"  --from PLACE      the archive: a folder, or s3://BUCKET/PREFIX (settings s3.*)\n"
		"  --id ID           this cart alone\n"
		"  --customer ID     carts of this customer alone; reads all files\n"
		"  --dt DAY          carts that were checked out on this day, such as 2025-11-01\n"
		"  --skip-damaged    passes over damaged files and lines, and names them\n"
		"  --unmarked        writes nothing to the archive: for another store than the "
		"one\n"
		"                    that is archived there, whose next run would archive these "
		"carts\n"
		"                    a second time\n"
		"  --again           also carts that were deleted since an earlier restore\n"
		"\n"
		"Exit status: 1 if the archive has no such cart, one could not be restored, or "
		"some "
		"of\n"
		"it was passed over.\n"
		"\n"
		"Example:\n"
		"  cartctl --config /etc/cart/cartd.ini restore --from /var/lib/cart-archive --dt "
		"2025-11-01 \\\n"
		"          --id 550e8400-e29b-41d4-a716-446655440000\n",
	.run = ctl_restore_run,
};
