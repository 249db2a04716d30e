/* vnni.c - the AVX-512 table for processors with VNNI too: four products of
 * codes and their sum in one instruction, 32 bits wide. All else is that of
 * avx512.c. */
#define RECS__VNNI 1
#define RECS__TABLE recs__kernels_vnni
#define RECS__TABLE_NAME "avx512-vnni"
#include "kernels/avx512.c"
