#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>

int cart_error_set(struct cart_error *error, const char *format, ...)
{
	va_list args;

	if (error != NULL) {
		va_start(args, format);
		vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return -1;
}
