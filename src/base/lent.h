/* lent.h - structs the caller lends: the struct_size rule, in one place. */
#ifndef RECS_BASE_LENT_H
#define RECS_BASE_LENT_H

#include "recs/base.h"

/* Copies given, a public struct whose first member is size_t struct_size,
 * into out (out_size bytes, the library's sizeof); name is for the text.
 * given NULL: all zero. Smaller than out_size: the missing tail is zero.
 * Larger: its extra bytes must be zero, else ARGUMENT, as for a size that no
 * caller can mean. out's own struct_size becomes out_size. */
recs_status recs__lent_copy(void *out, size_t out_size, const void *given, const char *name,
                            recs_error *error);

#endif
