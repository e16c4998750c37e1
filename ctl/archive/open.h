/* What archive and restore share: where the archive is, and what became of it. */
#ifndef CTL_ARCHIVE_OPEN_H
#define CTL_ARCHIVE_OPEN_H

#include "ctl/archive/place.h"
#include "ctl/ctl.h"

/* The place that an argument names. */
CART_MUST_CHECK enum ctl_status archive_open(struct archive_place **place, const struct ctl *ctl,
					     const char *where, enum archive_access access);

#endif
