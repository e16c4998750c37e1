/*
 * Removes from the store what is safe in the archive: each cart of a file under the version that it
 * has there. A cart that has another version is in the store, and goes out of the file. So of two
 * archives that have the same cart one removes it, and the other one lets it go.
 */
#ifndef CTL_ARCHIVE_SETTLE_H
#define CTL_ARCHIVE_SETTLE_H

#include "ctl/archive/file.h"
#include "ctl/ctl.h"

struct archive_sum {
	size_t files;	/* published */
	size_t carts;	/* in them, without those that went out of them again */
	size_t changed; /* went out of a file, also of one of an earlier run */
	size_t gone;	/* went out because somebody else had removed them */
	size_t deleted; /* went out because somebody else had removed them after a restore */
	size_t damaged; /* marked files that were set aside */
	size_t failed;	/* could not be removed from the store, and their file stays marked */
	bool refused;	/* one of them is not damaged, so that a page may have it again */
	char why[CART_REASON_MAX + CART_ID_TEXT + 64];
};

/*
 * A file that was marked and checked just now, so that none of it was ever removed because of it.
 * It is then no longer marked, unless some of it failed. A cart that is not there was removed by
 * somebody else, such as another archive, which then has it, or who erased a customer, and goes out
 * of the file.
 */
CART_MUST_CHECK int archive_settle(struct ctl_session *session, struct archive_place *place,
				   const struct archive_file *file, struct archive_sum *sum,
				   struct cart_error *error);
/* Of each file whose place another one has taken: removes it. What a run before this one began. */
CART_MUST_CHECK int archive_settle_replaced(struct archive_place *place, struct cart_error *error);
/* The same, and every file that is marked. Of its carts those that were restored and are no longer
 * in the store go out of it, into _deleted/. Of others that are not there nobody can tell whether
 * the archive itself has removed them, and they stay. */
CART_MUST_CHECK int archive_settle_marked(struct ctl_session *session, struct archive_place *place,
					  struct archive_sum *sum, struct cart_error *error);

#endif
