#include "ctl/archive/open.h"

#include "ctl/archive/bucket.h"

#include <string.h>

static void archive_warn(const char *text)
{
	(void)ctl_fail(CTL_OK, "%s", text);
}

enum ctl_status archive_open(struct archive_place **place, const struct ctl *ctl, const char *where,
			     enum archive_access access)
{
	struct cart_error error;

	*place = NULL;
	if (strncmp(where, "s3://", 5) == 0)
		*place = archive_bucket_open(where, ctl->settings, access, archive_warn, &error);
	else if (strstr(where, "://") != NULL)
		return ctl_fail(CTL_USAGE, "%s: \"%s\" is neither a folder nor s3://BUCKET/PREFIX",
				ctl->argv[0], where);
	else
		*place = archive_folder_open(where, access, &error);
	return *place != NULL ? CTL_OK : ctl_fail(CTL_FAILED, "%s: %s", ctl->argv[0], error.text);
}
