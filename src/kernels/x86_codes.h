/* x86_codes.h - one row's codes times a query of 16 bits, for the vector tables of x86.
 * Sixteen codes a step, from four lines; 32-bit sums may wrap. */
#ifndef RECS_KERNELS_X86_CODES_H
#define RECS_KERNELS_X86_CODES_H

static inline __m128i four_at(const uint8_t *at) {
    int32_t four;
    __builtin_memcpy(&four, at, sizeof four);
    return _mm_cvtsi32_si128(four);
}

static inline __m128i query_at(const int16_t *query) {
    return _mm_loadu_si128((const __m128i *)(const void *)query);
}

static int32_t code_product(const int16_t *query, const uint8_t *at, size_t groups) {
    const __m128i zero = _mm_setzero_si128();
    __m128i low = zero, high = zero;
    size_t g = 0;
    for (; g + 4 <= groups; g += 4) {
        const uint8_t *line = at + 64 * g;
        __m128i first = _mm_unpacklo_epi32(four_at(line), four_at(line + 64));
        __m128i second = _mm_unpacklo_epi32(four_at(line + 128), four_at(line + 192));
        low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi8(first, zero),
                                                query_at(query + 4 * g)));
        high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpacklo_epi8(second, zero),
                                                  query_at(query + 4 * g + 8)));
    }
    for (; g < groups; g++) {
        __m128i four = _mm_unpacklo_epi8(four_at(at + 64 * g), zero);
        __m128i with = _mm_loadl_epi64((const __m128i *)(const void *)(query + 4 * g));
        low = _mm_add_epi32(low, _mm_madd_epi16(four, with));
    }
    low = _mm_add_epi32(low, high);
    low = _mm_add_epi32(low, _mm_shuffle_epi32(low, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(low, _mm_shuffle_epi32(low, 0xb1)));
}

#endif
