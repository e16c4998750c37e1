/* cmocka with the headers that it wants before it, in their order. */
#ifndef TESTS_LIB_CMOCKA_H
#define TESTS_LIB_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#endif
