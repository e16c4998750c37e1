#include "ctl/archive/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETTLE_AT_ONCE 4096
#define SETTLE_TRIES   12
#define SETTLE_NAP_NS  50000000

/* Whether the answer says nothing certain, or that it may be otherwise soon. */
static bool settle_is_open(enum cart_result result)
{
	return result == CART_BUSY || result == CART_TIMEOUT || result == CART_UNCERTAIN;
}

/* What becomes of a cart of a file, as the store says. */
enum settle_fate {
	SETTLE_REMOVED,
	SETTLE_CHANGED, /* it stays in the store, under another version */
	SETTLE_GONE,	/* somebody else has removed it */
	SETTLE_FAILED
};

/* Runs the ops, and again those whose answer is open. fates: REMOVED of all that were in doubt;
 * NULL: of reads, which never are. */
static void settle_ask(struct ctl_session *session, struct cart_op *ops, enum settle_fate *fates,
		       size_t count)
{
	size_t left = count;

	ctl_session_run_all(session, ops, count);
	for (int try = 1; try < SETTLE_TRIES && left > 0; try++) {
		const struct timespec nap = {.tv_nsec = try * SETTLE_NAP_NS};

		left = 0;
		for (size_t i = 0; i < count; i++) {
			left += settle_is_open(ops[i].result);
			if (ops[i].result == CART_UNCERTAIN && fates != NULL)
				fates[i] = SETTLE_REMOVED;
		}
		if (left > 0)
			nanosleep(&nap, NULL);
		for (size_t i = 0; i < count && left > 0; i++)
			if (settle_is_open(ops[i].result))
				ctl_session_run_all(session, &ops[i], 1);
	}
}

/* fates: REMOVED of all that may have been removed by what is asked here. */
static void settle_ask_to_remove(struct ctl_session *session, const struct archive_cart *carts,
				 struct cart_op *ops, enum settle_fate *fates, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cart_op_init(&ops[i], CART_OP_DELETE);
		ops[i].id = carts[i].id;
		ops[i].if_version = carts[i].version;
		ops[i].flags = CART_ERASE;
		fates[i] = SETTLE_GONE;
	}
	settle_ask(session, ops, fates, count);
}

/* What an answer says, of a cart that is REMOVED if it may have been before, and else GONE. */
static enum settle_fate settle_fate_of(const struct cart_op *op, enum settle_fate if_not_there)
{
	switch (op->result) {
	case CART_OK:
		return SETTLE_REMOVED;
	case CART_MISMATCH:
		return SETTLE_CHANGED;
	case CART_NOT_FOUND:
		return if_not_there;
	default:
		return SETTLE_FAILED;
	}
}

static void settle_note_failure(struct archive_sum *sum, const struct cart_op *op)
{
	char id[CART_ID_TEXT + 1];

	cart_id_format(&op->id, id);
	sum->failed++;
	sum->refused = sum->refused || op->result != CART_DAMAGED;
	snprintf(sum->why, sizeof(sum->why), "%s: %s %s", id, cart_result_name(op->result),
		 op->reason);
}

/* One after the other in groups. */
static int settle_remove(struct ctl_session *session, const struct archive_file *file,
			 enum settle_fate *fates, struct archive_sum *sum, struct cart_error *error)
{
	struct cart_op *ops = calloc(SETTLE_AT_ONCE, sizeof(*ops));

	if (ops == NULL)
		return cart_error_set(error, "out of memory");
	for (size_t from = 0; from < file->count; from += SETTLE_AT_ONCE) {
		size_t left = file->count - from;
		size_t count = left < SETTLE_AT_ONCE ? left : SETTLE_AT_ONCE;

		settle_ask_to_remove(session, file->carts + from, ops, fates + from, count);
		for (size_t i = 0; i < count; i++) {
			fates[from + i] = settle_fate_of(&ops[i], fates[from + i]);
			if (fates[from + i] == SETTLE_FAILED)
				settle_note_failure(sum, &ops[i]);
			cart_op_clear(&ops[i]);
		}
	}
	free(ops);
	return 0;
}

/* The carts of the file that have this fate. */
static int settle_copy(const struct archive_file *file, const enum settle_fate *fates,
		       enum settle_fate fate, struct archive_file *some, struct cart_error *error)
{
	bool done = true;

	*some = (struct archive_file){0};
	memcpy(some->date, file->date, sizeof(some->date));
	for (size_t i = 0; i < file->count && done; i++) {
		struct cart cart;

		if (fates[i] != fate)
			continue;
		done = archive_line_read(&cart, file->text.data + file->carts[i].at,
					 archive_file_line_len(file, i), NULL) == 0;
		done = done && archive_file_add(some, &cart);
		cart_clear(&cart);
	}
	return done ? 0 : cart_error_set(error, "out of memory");
}

/* That a cart is not there may be the store's fault, and nobody else has it any more. */
static int settle_put_aside(struct archive_place *place, const struct archive_file *file,
			    const enum settle_fate *fates, struct cart_error *error)
{
	struct archive_file gone;
	int rc = settle_copy(file, fates, SETTLE_GONE, &gone, error);

	if (rc == 0 && gone.count > 0)
		rc = archive_file_put_aside(place, &gone, error);
	archive_file_clear(&gone);
	return rc;
}

static int settle_take_off(struct archive_place *place, const char *stem, struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM];

	archive_file_name(stem, name);
	return place->kind->remove(place, name, error) == 0 ? archive_unmark(place, stem, error)
							    : -1;
}

/* In this order: whoever finds both files takes the older one off, see settle_replaced(). */
static int settle_replace(struct archive_place *place, const struct archive_file *file,
			  const enum settle_fate *fates, struct cart_error *error)
{
	struct archive_file rest;
	int rc = settle_copy(file, fates, SETTLE_REMOVED, &rest, error);

	if (rc == 0 && rest.count > 0)
		rc = archive_file_publish(place, &rest, file->stem, error);
	if (rc == 0)
		rc = settle_take_off(place, file->stem, error);
	if (rc == 0 && rest.count > 0)
		rc = archive_unmark(place, rest.stem, error);
	archive_file_clear(&rest);
	return rc;
}

/* restored: those of a file whose carts may have been removed because of it before; of the others
 * nobody can tell who has removed them. NULL: none was. */
static int settle_file(struct ctl_session *session, struct archive_place *place,
		       const struct archive_file *file, const struct archive_mark *restored,
		       struct archive_sum *sum, struct cart_error *error)
{
	size_t failed = sum->failed, changed = 0, gone = 0;
	enum settle_fate *fates = calloc(file->count + 1, sizeof(*fates));
	int rc = fates != NULL ? settle_remove(session, file, fates, sum, error)
			       : cart_error_set(error, "out of memory");

	for (size_t i = 0; i < file->count && rc == 0; i++) {
		if (fates[i] == SETTLE_GONE && restored != NULL &&
		    archive_mark_find(restored, &file->carts[i].id) == NULL)
			fates[i] = SETTLE_REMOVED;
		changed += fates[i] == SETTLE_CHANGED;
		gone += fates[i] == SETTLE_GONE;
	}
	sum->changed += changed;
	if (restored != NULL)
		sum->deleted += gone;
	else
		sum->gone += gone;
	if (rc == 0 && sum->failed == failed && restored != NULL)
		rc = settle_put_aside(place, file, fates, error);
	if (rc == 0 && sum->failed == failed)
		rc = changed + gone > 0 ? settle_replace(place, file, fates, error)
					: archive_unmark(place, file->stem, error);
	free(fates);
	return rc;
}

int archive_settle(struct ctl_session *session, struct archive_place *place,
		   const struct archive_file *file, struct archive_sum *sum,
		   struct cart_error *error)
{
	return settle_file(session, place, file, NULL, sum, error);
}

/* Whether a cart that was restored is in the store still, also as one that cannot be read. */
static void settle_note_look(struct archive_given *given, const struct cart_op *op,
			     struct archive_sum *sum)
{
	if (op->result == CART_NOT_FOUND)
		given->state = ARCHIVE_DELETED;
	else if (op->result == CART_OK || op->result == CART_DAMAGED)
		given->state = ARCHIVE_ASKED;
	else
		settle_note_failure(sum, op);
}

static int settle_look(struct ctl_session *session, struct archive_mark *mark,
		       struct archive_sum *sum, struct cart_error *error)
{
	struct cart_op *ops = calloc(SETTLE_AT_ONCE, sizeof(*ops));

	if (ops == NULL)
		return cart_error_set(error, "out of memory");
	for (size_t from = 0; from < mark->count; from += SETTLE_AT_ONCE) {
		size_t left = mark->count - from;
		size_t count = left < SETTLE_AT_ONCE ? left : SETTLE_AT_ONCE;

		for (size_t i = 0; i < count; i++) {
			cart_op_init(&ops[i], CART_OP_GET);
			ops[i].id = mark->given[from + i].id;
			ops[i].flags = CART_READ_STRONG;
		}
		settle_ask(session, ops, NULL, count);
		for (size_t i = 0; i < count; i++) {
			settle_note_look(&mark->given[from + i], &ops[i], sum);
			cart_op_clear(&ops[i]);
		}
	}
	free(ops);
	return 0;
}

/*
 * What an earlier run has left, or restore. Of what was restored it is asked first whether it is in
 * the store still; that is in the mark before any of it is removed, as it can then no longer be
 * told from what the archive itself has removed.
 */
static int settle_go_on(struct ctl_session *session, struct archive_place *place,
			const struct archive_file *file, struct archive_sum *sum,
			struct cart_error *error)
{
	size_t failed = sum->failed;
	struct archive_mark mark;
	int rc = archive_mark_load(place, file->stem, &mark, error);

	if (rc == 0 && mark.count > 0) {
		rc = settle_look(session, &mark, sum, error);
		if (rc == 0 && sum->failed == failed)
			rc = archive_mark_save(place, file->stem, &mark, error);
	}
	if (rc == 0 && sum->failed == failed)
		rc = settle_file(session, place, file, &mark, sum, error);
	archive_mark_clear(&mark);
	return rc;
}

struct settle_marks {
	char (*stems)[ARCHIVE_STEM_TEXT + 1];
	size_t count;
	bool failed;
};

static bool settle_note(const char *name, void *user)
{
	struct settle_marks *marks = user;
	char stem[ARCHIVE_STEM_TEXT + 1];
	void *stems;

	if (!archive_mark_stem(name, stem))
		return true;
	stems = reallocarray(marks->stems, marks->count + 1, sizeof(*marks->stems));
	marks->failed = stems == NULL;
	if (marks->failed)
		return false;
	marks->stems = stems;
	memcpy(marks->stems[marks->count++], stem, sizeof(stem));
	return true;
}

static int settle_list(struct archive_place *place, struct settle_marks *marks,
		       struct cart_error *error)
{
	*marks = (struct settle_marks){0};
	if (place->kind->list(place, "_open", settle_note, marks, error) != 0)
		return -1;
	return marks->failed ? cart_error_set(error, "out of memory") : 0;
}

/* A file that took the place of another and is whole: the other one goes. */
static int settle_replaced(struct archive_place *place, const char *stem, struct cart_error *error)
{
	enum archive_found found = ARCHIVE_NONE;
	struct archive_file file = {0};
	struct archive_mark mark;
	int rc = archive_mark_load(place, stem, &mark, error);

	if (rc == 0 && mark.replaces[0] != '\0') {
		found = archive_file_load(place, stem, &file, error);
		if (found == ARCHIVE_WHOLE)
			rc = settle_take_off(place, mark.replaces, error);
	}
	archive_file_clear(&file);
	archive_mark_clear(&mark);
	return rc < 0 || found == ARCHIVE_FAILED ? -1 : 0;
}

/* Writes the file under the first name that is free, or that has it already: an earlier run was
 * stopped after that. */
static int settle_keep(struct archive_place *place, const char *stem, const struct buf *data,
		       char kept[ARCHIVE_NAME_ROOM], struct cart_error *error)
{
	for (int number = 1;; number++) {
		struct buf other = {0};
		bool same;
		int rc;

		snprintf(kept, ARCHIVE_NAME_ROOM, "_damaged/%s.%d.gz", stem, number);
		rc = place->kind->read(place, kept, &other, error);
		same = rc == 1 && other.len == data->len &&
		       (other.len == 0 || memcmp(other.data, data->data, other.len) == 0);
		buf_free(&other);
		if (rc == 0)
			return place->kind->write(place, kept, data, error);
		if (rc < 0 || same)
			return rc < 0 ? -1 : 0;
	}
}

/* A damaged file no longer says which carts may be removed: those that are in the store stay there,
 * and are archived again. Those that are not may be in this file alone, so it is kept. */
static int settle_set_aside(struct archive_place *place, const char *stem, struct archive_sum *sum,
			    struct cart_error *error)
{
	char name[ARCHIVE_NAME_ROOM], kept[ARCHIVE_NAME_ROOM];
	struct cart_error why = *error;
	struct buf data = {0};
	int rc;

	archive_file_name(stem, name);
	rc = place->kind->read(place, name, &data, error);
	if (rc == 1)
		rc = settle_keep(place, stem, &data, kept, error);
	else if (rc == 0)
		rc = cart_error_set(error, "%s is no longer there", name);
	buf_free(&data);
	if (rc == 0)
		rc = settle_take_off(place, stem, error);
	if (rc == 0) {
		sum->damaged++;
		(void)ctl_fail(CTL_FAILED, "archive: %s; it was moved to %s", why.text, kept);
	}
	return rc;
}

static int settle_marked(struct ctl_session *session, struct archive_place *place, const char *stem,
			 struct archive_sum *sum, struct cart_error *error)
{
	struct archive_file file;
	int rc = -1;

	switch (archive_file_load(place, stem, &file, error)) {
	case ARCHIVE_FAILED:
		break;
	case ARCHIVE_NONE: /* it was not written, or another one has its place */
		rc = archive_unmark(place, stem, error);
		break;
	case ARCHIVE_WHOLE:
		rc = settle_go_on(session, place, &file, sum, error);
		break;
	case ARCHIVE_DAMAGED:
		rc = settle_set_aside(place, stem, sum, error);
		break;
	}
	archive_file_clear(&file);
	return rc;
}

int archive_settle_replaced(struct archive_place *place, struct cart_error *error)
{
	struct settle_marks marks;
	int rc = settle_list(place, &marks, error);

	for (size_t i = 0; i < marks.count && rc == 0; i++)
		rc = settle_replaced(place, marks.stems[i], error);
	free(marks.stems);
	return rc;
}

int archive_settle_marked(struct ctl_session *session, struct archive_place *place,
			  struct archive_sum *sum, struct cart_error *error)
{
	struct settle_marks marks = {0};
	int rc = archive_settle_replaced(place, error);

	if (rc == 0)
		rc = settle_list(place, &marks, error);
	for (size_t i = 0; i < marks.count && rc == 0; i++)
		rc = settle_marked(session, place, marks.stems[i], sum, error);
	free(marks.stems);
	return rc;
}
