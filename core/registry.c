/* The one place that names backends. The first is the default in lists; the order is for people. */
#include "core/cart_backend.h"

extern const struct cart_backend sqlite_backend;
extern const struct cart_backend memory_backend;
extern const struct cart_backend mysql_backend;
extern const struct cart_backend dynamodb_backend;
#ifdef CART_WITH_FAULT
extern const struct cart_backend fault_backend;
extern const struct cart_backend regions_backend;
#endif

static const struct cart_backend *const registry[] = {
	&sqlite_backend, &mysql_backend,   &dynamodb_backend, &memory_backend,
#ifdef CART_WITH_FAULT
	&fault_backend,	 &regions_backend,
#endif
};

const struct cart_backend *cart_backend_at(size_t index)
{
	return index < sizeof(registry) / sizeof(registry[0]) ? registry[index] : NULL;
}
