/* Carts and failures as cartctl prints them. */
#ifndef CTL_PRINT_H
#define CTL_PRINT_H

#include "core/cart_op.h"
#include "ctl/ctl.h"

/* The cart on a line of its own, in JSON as the HTTP API shows it. False: standard output is
 * broken. */
bool ctl_print_cart(const struct cart *cart);
/* Says why an op failed. Returns CTL_FAILED. */
enum ctl_status ctl_print_failure(const struct ctl *ctl, const struct cart_op *op);

#endif
