/* Who calls, and what that caller may do. */
#ifndef SERVER_ACCESS_CALLER_H
#define SERVER_ACCESS_CALLER_H

#include "core/base/attr.h"
#include "core/shop_id.h"

/* Scopes. None includes another. */
#define ACCESS_READ   1u
#define ACCESS_WRITE  2u
#define ACCESS_ADMIN  4u /* metrics, and the carts of every customer in one list */
#define ACCESS_SCOPES 3

#define ACCESS_NAME_MAX 64

struct access_caller {
	unsigned scopes;
	bool bound;		 /* to a customer: carts of other customers do not exist for it */
	struct shop_id customer; /* when bound; no id: a guest, whose carts have no customer */
	char name[ACCESS_NAME_MAX + 1]; /* for the log */
};

/* "read", "write", "admin" of a single bit. */
const char *access_scope_name(unsigned scope);
/* The bit of a name that needs no NUL; 0: none. */
unsigned access_scope_find(const char *name, size_t len);
/* Names between separators, "read,write"; 0: one of them is none, or there are none. */
unsigned access_scopes_parse(const char *text, char separator);
/* "read,write" */
#define ACCESS_SCOPES_TEXT 24
const char *access_scopes_format(unsigned scopes, char text[ACCESS_SCOPES_TEXT]);

#endif
