/* kernels.c - which table runs here.
 *
 * A table is usable when the processor has its instructions *and* the
 * operating system saves the registers they use (XCR0 on x86: a kernel or a
 * hypervisor may hide ZMM state while cpuid still shows AVX-512). The choice
 * is a pure function of the machine, so any number of threads may make it at
 * once: they store the same pointer. That pointer is the only writable global
 * of the library. */
#include "kernels/kernels.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "recs/base.h"

#if defined(__x86_64__)

#include <cpuid.h>

enum {
    LEAF1_ECX_FMA = 1 << 12,
    LEAF1_ECX_OSXSAVE = 1 << 27,
    LEAF1_ECX_AVX = 1 << 28,
    LEAF1_ECX_F16C = 1 << 29,
    LEAF7_EBX_AVX2 = 1 << 5,
    LEAF7_EBX_AVX512F = 1 << 16,
    LEAF7_EBX_AVX512DQ = 1 << 17,
    LEAF7_EBX_AVX512BW = 1 << 30,
    LEAF7_ECX_VNNI = 1 << 11,
    XCR0_YMM = 0x06, /* SSE and AVX state */
    XCR0_ZMM = 0xe6  /* and opmask, upper halves of ZMM0-15, ZMM16-31 */
};
#define LEAF7_EBX_AVX512VL (1u << 31)

static bool has_all(uint64_t bits, uint64_t wanted) {
    return (bits & wanted) == wanted;
}

/* The register state the operating system saves; only after OSXSAVE is seen. */
static uint64_t saved_state(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool runs_here(const recs__kernels *table) {
    if (table == &recs__kernels_scalar) return true;

    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
    if (!has_all(c, LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX | LEAF1_ECX_FMA | LEAF1_ECX_F16C))
        return false;
    uint64_t saved = saved_state();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    if (!has_all(saved, XCR0_YMM) || !has_all(b, LEAF7_EBX_AVX2)) return false;
    if (table == &recs__kernels_avx2) return true;
    if (table == &recs__kernels_vnni && !has_all(c, LEAF7_ECX_VNNI)) return false;
    return has_all(saved, XCR0_ZMM) &&
           has_all(b, LEAF7_EBX_AVX512F | LEAF7_EBX_AVX512DQ | LEAF7_EBX_AVX512BW |
                          LEAF7_EBX_AVX512VL);
}

static const recs__kernels *const tables[] = {
    &recs__kernels_scalar,
    &recs__kernels_avx2,
    &recs__kernels_avx512,
    &recs__kernels_vnni,
};

#else

static bool runs_here(const recs__kernels *table) {
    (void)table; /* NEON is part of every AArch64 */
    return true;
}

static const recs__kernels *const tables[] = {
    &recs__kernels_scalar,
#if defined(__aarch64__)
    &recs__kernels_neon,
#endif
};

#endif

static _Atomic(const recs__kernels *) chosen;

const recs__kernels *recs__kernels_at(size_t index) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (!runs_here(tables[i])) continue;
        if (index-- == 0) return tables[i];
    }
    return NULL;
}

const recs__kernels *recs__kernels_get(void) {
    const recs__kernels *table = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (table) return table;
    /* The tables are constants, so relaxed order is enough; the widest is last. */
    for (size_t i = 0; recs__kernels_at(i); i++) table = recs__kernels_at(i);
    atomic_store_explicit(&chosen, table, memory_order_relaxed);
    return table;
}

#ifdef RECS_TEST
void recs__kernels_force(const recs__kernels *table) {
    atomic_store_explicit(&chosen, table, memory_order_relaxed);
}
#endif

const char *recs_kernel_name(void) {
    return recs__kernels_get()->name;
}
