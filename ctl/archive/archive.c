/*
 * Moves carts that were checked out long ago from the store to an archive, batch by batch. A thread
 * writes and checks the files of one batch while the session removes the carts of the batch before
 * it from the store and reads the batch after it. A run that was stopped, wherever that was, is
 * ended by the next one, see file.h.
 */
#include "ctl/archive/open.h"
#include "ctl/archive/settle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARCHIVE_BATCH	  20000 /* carts */
#define ARCHIVE_BATCH_MAX 1000000
#define ARCHIVE_TRIES	  12
#define ARCHIVE_NAP_NS	  50000000

/* Carts that were read together, a file for each day. */
struct archive_batch {
	struct archive_file *files;
	size_t count;
	size_t carts;
	struct archive_place *place; /* where a thread publishes them */
	int failed;
	struct cart_error error;
};

struct archive_run {
	const struct ctl *ctl;
	struct ctl_session *session;
	struct archive_place *place;
	struct cart_list list; /* the next page */
	bool more;
	size_t batch_max;
	struct archive_sum sum;
	struct cart_error error;
};

static void archive_batch_clear(struct archive_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		archive_file_clear(&batch->files[i]);
	free(batch->files);
	*batch = (struct archive_batch){0};
}

/* The file of a day; most carts are of the same day as the one before. NULL: no memory. */
static struct archive_file *archive_batch_file(struct archive_batch *batch, const char *date)
{
	struct archive_file *files;

	for (size_t i = batch->count; i > 0; i--)
		if (strcmp(batch->files[i - 1].date, date) == 0)
			return &batch->files[i - 1];
	files = reallocarray(batch->files, batch->count + 1, sizeof(*files));
	if (files == NULL)
		return NULL;
	batch->files = files;
	files[batch->count] = (struct archive_file){0};
	memcpy(files[batch->count].date, date, ARCHIVE_DATE_TEXT + 1);
	return &files[batch->count++];
}

static bool archive_batch_add(struct archive_batch *batch, const struct cart *cart)
{
	char date[ARCHIVE_DATE_TEXT + 1];
	struct archive_file *file;

	archive_line_date(cart, date);
	file = archive_batch_file(batch, date);
	batch->carts++;
	return file != NULL && archive_file_add(file, cart);
}

/* A page; one that the store is too busy for is asked for again. */
static void archive_ask(struct archive_run *run, struct cart_op *op, size_t limit)
{
	for (int try = 1; try <= ARCHIVE_TRIES; try++) {
		const struct timespec nap = {.tv_nsec = try * ARCHIVE_NAP_NS};

		cart_op_init(op, CART_OP_LIST);
		op->list = run->list;
		op->list.limit = (int)(limit < CART_CLOSED_MAX ? limit : CART_CLOSED_MAX);
		ctl_session_run(run->session, op);
		if ((op->result != CART_BUSY && op->result != CART_TIMEOUT) || try == ARCHIVE_TRIES)
			return;
		cart_op_clear(op);
		nanosleep(&nap, NULL);
	}
}

static int archive_read(struct archive_run *run, struct archive_batch *batch)
{
	bool added = true;

	while (run->more && batch->carts < run->batch_max) {
		struct cart_op op;

		archive_ask(run, &op, run->batch_max - batch->carts);
		if (op.result != CART_OK) {
			cart_error_set(&run->error, "cannot read carts: %s %s",
				       cart_result_name(op.result), op.reason);
			cart_op_clear(&op);
			return -1;
		}
		for (size_t i = 0; i < op.cart_count && added; i++)
			added = archive_batch_add(batch, &op.carts[i]);
		run->more = op.more;
		if (run->more)
			cart_list_go_on(&run->list, &op.cart);
		cart_op_clear(&op);
		if (!added)
			return cart_error_set(&run->error, "out of memory");
	}
	return 0;
}

static void *archive_publish(void *user)
{
	struct archive_batch *batch = user;

	for (size_t i = 0; i < batch->count && batch->failed == 0; i++)
		batch->failed =
			archive_file_publish(batch->place, &batch->files[i], NULL, &batch->error);
	return NULL;
}

static int archive_settle_batch(struct archive_run *run, struct archive_batch *batch)
{
	int rc = 0;

	for (size_t i = 0; i < batch->count && rc == 0; i++) {
		size_t left = run->sum.changed + run->sum.gone;

		rc = archive_settle(run->session, run->place, &batch->files[i], &run->sum,
				    &run->error);
		left = run->sum.changed + run->sum.gone - left;
		run->sum.files += left < batch->files[i].count;
		run->sum.carts += batch->files[i].count - left;
	}
	archive_batch_clear(batch);
	return rc;
}

/* Publishes the batch, and meanwhile settles the one before and reads the one after it. The batch
 * is then the one before. */
static int archive_step(struct archive_run *run, struct archive_batch *before,
			struct archive_batch *batch, struct archive_batch *after)
{
	pthread_t thread;
	int rc;

	batch->place = run->place;
	if (pthread_create(&thread, NULL, archive_publish, batch) != 0)
		return cart_error_set(&run->error, "cannot start a thread");
	rc = archive_settle_batch(run, before);
	if (rc == 0)
		rc = archive_read(run, after);
	pthread_join(thread, NULL);
	if (rc == 0 && batch->failed != 0)
		rc = cart_error_set(&run->error, "%s", batch->error.text);
	return rc;
}

static int archive_move(struct archive_run *run)
{
	struct archive_batch before = {0}, batch = {0}, after = {0};
	int rc = archive_settle_marked(run->session, run->place, &run->sum, &run->error);

	/* What the store did not let go of is in a file, and may not get into another one. */
	run->more = !run->sum.refused;
	if (rc == 0)
		rc = archive_read(run, &batch);
	while (rc == 0 && batch.carts > 0) {
		rc = archive_step(run, &before, &batch, &after);
		if (rc == 0) {
			before = batch;
			batch = after;
			after = (struct archive_batch){0};
		}
	}
	if (rc == 0)
		rc = archive_settle_batch(run, &before);
	archive_batch_clear(&before);
	archive_batch_clear(&batch);
	archive_batch_clear(&after);
	return rc;
}

static enum ctl_status archive_report(const struct archive_run *run, int rc)
{
	const struct archive_sum *sum = &run->sum;

	printf("%zu cart%s archived in %zu file%s\n", sum->carts, sum->carts == 1 ? "" : "s",
	       sum->files, sum->files == 1 ? "" : "s");
	if (sum->changed > 0)
		printf("%zu changed meanwhile and stay%s in the store\n", sum->changed,
		       sum->changed == 1 ? "s" : "");
	if (sum->gone > 0)
		printf("%zu removed meanwhile by somebody else, and %s not in this archive\n",
		       sum->gone, sum->gone == 1 ? "is" : "are");
	if (sum->deleted > 0)
		printf("%zu deleted since they were restored, and now in _deleted/\n",
		       sum->deleted);
	if (ctl_flush() != CTL_OK)
		return CTL_FAILED;
	if (rc != 0)
		return ctl_fail(CTL_FAILED, "%s: %s; once that is mended, run it again to go on",
				run->ctl->argv[0], run->error.text);
	if (sum->failed > 0)
		return ctl_fail(CTL_FAILED,
				"%s: the store did not let go of %zu that the archive has (%s); "
				"run it again to go on",
				run->ctl->argv[0], sum->failed, sum->why);
	if (sum->damaged > 0)
		return ctl_fail(CTL_FAILED,
				"%s: done, but for the damage above: what was in the store still "
				"is archived again, the rest of such a file is in it alone",
				run->ctl->argv[0]);
	return CTL_OK;
}

static enum ctl_status archive_read_options(struct ctl *ctl, struct archive_run *run,
					    const char **to)
{
	const char *older = NULL, *batch = NULL;
	const struct ctl_option options[] = {
		{.name = "--older-than", .value = &older},
		{.name = "--to", .value = to},
		{.name = "--batch", .value = &batch},
		{0},
	};
	int64_t most = ARCHIVE_BATCH;

	if (ctl_parse_options(ctl, options) != CTL_OK)
		return CTL_USAGE;
	if (older == NULL || *to == NULL)
		return ctl_fail(CTL_USAGE, "archive: needs --older-than and --to");
	if (!ctl_parse_time(older, &run->list.idle_before_ms))
		return ctl_fail(CTL_USAGE,
				"archive: --older-than: \"%s\" is neither a duration such as 90d "
				"nor a time such as 2025-11-01T00:00:00Z",
				older);
	if (batch != NULL && !ctl_parse_integer(batch, 1, ARCHIVE_BATCH_MAX, &most))
		return ctl_fail(CTL_USAGE,
				"archive: --batch: \"%s\" is not an integer from 1 to %d", batch,
				ARCHIVE_BATCH_MAX);
	run->batch_max = (size_t)most;
	return CTL_OK;
}

static enum ctl_status ctl_archive_run(struct ctl *ctl)
{
	struct archive_run run = {.ctl = ctl, .list = {.kind = CART_LIST_CLOSED}, .more = true};
	const char *to = NULL;
	enum ctl_status status;

	if (archive_read_options(ctl, &run, &to) != CTL_OK)
		return CTL_USAGE;
	status = ctl_session_open_to_read(&run.session, ctl);
	if (status == CTL_OK)
		status = archive_open(&run.place, ctl, to, ARCHIVE_MAKE);
	if (status == CTL_OK)
		status = archive_report(&run, archive_move(&run));
	archive_place_close(&run.place);
	ctl_session_close(&run.session);
	return status;
}

const struct ctl_command ctl_archive = {
	.name = "archive",
	.synopsis = "--older-than AGE --to PLACE [--batch N]",
	.summary = "Moves carts that were checked out long ago to files in a folder or a bucket",
	.help = "The files are JSON Lines, gzip, in Hive partitions by the day of the checkout;\n"
		"docs/archive.md describes them. Each file is read back and compared before its\n"
		"carts are removed from the store. A run that was stopped is ended by the next.\n"
		"\n"
		"Options:\n"
		"  --older-than AGE  carts whose checkout is longer ago (90d), or before a time "
		"of\n"
		"                    RFC 3339\n"
		"  --to PLACE        the archive: a folder, or s3://BUCKET/PREFIX (settings "
		"s3.*);\n"
		"                    one cartctl at a time works in it\n"
		"  --batch N         carts that are held in memory at a time, and at most in a "
		"file;\n"
		"                    20000 without it\n"
		"\n"
		"Example:\n"
		"  cartctl --config /etc/cart/cartd.ini archive --older-than 90d --to "
		"/var/lib/cart-archive\n"
		"  cartctl --s3.region eu-west-1 archive --older-than 90d --to "
		"s3://BUCKET/PREFIX\n",
	.run = ctl_archive_run,
};
