/* backend.h - who does approximate search: the backend that the host hands
 * over, or the companion library, loaded by name when one is first needed.
 *
 * A library once loaded stays loaded: its code may be running in any thread,
 * and FAISS brings libraries that do not survive being unloaded. Loading it
 * again gives the same one, so no state is kept here. */
#ifndef RECS_BASE_BACKEND_H
#define RECS_BASE_BACKEND_H

#include "recs/backend.h"

/* The file loaded by name, and the function in it. */
#define RECS__BACKEND_LIBRARY "librecs-faiss.so.0"
#define RECS__BACKEND_FUNCTION "recs_faiss_backend"

/* Copies the backend into out: given, or where that is NULL the companion
 * library's. index is for the text. ARGUMENT: by the struct_size rule, or a
 * function is missing. UNSUPPORTED: there is no such library, or it is none. */
recs_status recs__backend_find(recs_vector_backend *out, const recs_vector_backend *given,
                               const char *index, recs_error *error);

/* The second half of it, of any library. */
recs_status recs__backend_load(recs_vector_backend *out, const char *library,
                               const char *function, const char *index, recs_error *error);

#endif
