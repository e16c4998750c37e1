#include "ctl/archive/open.h"

#include <string.h>

enum ctl_status archive_open(struct archive_place **place, const struct ctl *ctl, const char *where,
			     enum archive_access access)
{
	struct cart_error error;

	*place = NULL;
	if (strstr(where, "://") != NULL)
		return ctl_fail(CTL_USAGE, "%s: \"%s\" is not a folder", ctl->argv[0], where);
	*place = archive_folder_open(where, access, &error);
	return *place != NULL ? CTL_OK : ctl_fail(CTL_FAILED, "%s: %s", ctl->argv[0], error.text);
}
