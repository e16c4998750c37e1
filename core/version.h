/* Which build this is. Defined in a file that the Makefile writes. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

extern const char cart_version[];  /* "0.1.0", the file VERSION */
extern const char cart_revision[]; /* the commit, 12 hex digits; "unknown" outside a clone */

#endif
