/* Compiler attributes, spelled once. */
#ifndef CORE_BASE_ATTR_H
#define CORE_BASE_ATTR_H

#define CART_MUST_CHECK __attribute__((warn_unused_result))
/* Nearly never called: it is not inlined, so that its callers stay short. */
#define CART_COLD			 __attribute__((cold))
#define CART_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

#endif
