// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Philox4x32-10 over chunks of SX_CHUNK counters at once and the uniforms and normals made of it.
 *
 * The items of a batch are numbered q = j b + r (unit pair j, replica r), so that a single trajectory (b = 1) fills the lanes
 * as well as many replicas do. Words live in 64-bit lanes, whose low half feeds the 32 x 32 -> 64 multiplication.
 * Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC'11. */
#include "core/kernels/level.h"
#include "core/kernels/vmath_inline.h"
#include "core/mutant.h"

#include <math.h>
#include <immintrin.h>

enum { SX_CHUNK = 64 };

/* The integer product of the low halves: the one operation the compilers do not find in plain C at every level. */
#if defined(__AVX512F__)
typedef __m512i sx_words;
#define SX_WORDS_MUL(a, b) _mm512_mul_epu32(a, b)
#elif defined(__AVX2__)
typedef __m256i sx_words;
#define SX_WORDS_MUL(a, b) _mm256_mul_epu32(a, b)
#else
typedef __m128i sx_words;
#define SX_WORDS_MUL(a, b) _mm_mul_epu32(a, b)
#endif
typedef uint64_t sx_u64s __attribute__((vector_size(8 * SX_LANES)));

SX_INLINE sx_u64s mul_low(sx_u64s a, uint64_t m) {
    const sx_u64s zero = { 0 };
    return (sx_u64s)SX_WORDS_MUL((sx_words)a, (sx_words)(zero + m));
}

/* Ten rounds on one register of counters. High halves of the words may hold anything until the end:
 * c0 <- hi(M1 c2) ^ c1 ^ k0, c1 <- lo(M1 c2), c2 <- hi(M0 c0) ^ c3 ^ k1, c3 <- lo(M0 c0). */
SX_INLINE void philox_lanes(sx_u64s c[4], sx_key key) {
    uint32_t k0 = key.k[0], k1 = key.k[1];
    for (int round = 0; round < 10; round++) {
        sx_u64s p0 = mul_low(c[0], 0xD2511F53u), p1 = mul_low(c[2], 0xCD9E8D57u);
        c[0] = (p1 >> 32) ^ c[1] ^ (uint64_t)k0;
        c[1] = p1;
        c[2] = (p0 >> 32) ^ c[3] ^ (uint64_t)k1;
        c[3] = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* The pair and replica of an item, stepping through the batch. */
typedef struct {
    int64_t b, pair, r;
} sx_item;

/* The four words of the next SX_CHUNK items, of which the first `items`, whole registers, are needed. */
static void chunk_words(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, sx_item *at, int items,
                        uint64_t word[4][SX_CHUNK]) {
    uint64_t *pair = word[0], *replica = word[1];
    if (at->b == 1) {
        for (int i = 0; i < SX_CHUNK; i++) {
            pair[i] = (uint32_t)(at->pair + i);
            replica[i] = replica0;
        }
        at->pair += SX_CHUNK;
    } else if (at->r + SX_CHUNK <= at->b) {
        for (int i = 0; i < SX_CHUNK; i++) {
            pair[i] = (uint64_t)at->pair;
            replica[i] = (uint32_t)(replica0 + (uint64_t)at->r + (uint64_t)i);
        }
        at->r += SX_CHUNK;
        if (at->r == at->b) at->r = 0, at->pair++;
    } else {
        for (int i = 0; i < SX_CHUNK; i++) {
            pair[i] = (uint64_t)at->pair;
            replica[i] = (uint32_t)(replica0 + (uint64_t)at->r);
            if (++at->r == at->b) at->r = 0, at->pair++;
        }
    }
    if (SX_MUTANT(same_replica_key)) memset(replica, 0, sizeof word[1]);
    if (SX_MUTANT(noise_reused)) step = 0;
    if (SX_MUTANT(slot_shared)) slot = 0;
    const sx_u64s zero = { 0 };
    const uint64_t low = step & 0xffffffffu, high = (uint32_t)((step >> 32) << 16 | slot);
    for (int i = 0; i < items; i += SX_LANES) {
        sx_u64s c[4] = { zero + low, zero, zero, zero + high };
        memcpy(&c[1], pair + i, sizeof c[1]);
        memcpy(&c[2], replica + i, sizeof c[2]);
        philox_lanes(c, key);
        for (int w = 0; w < 4; w++) {
            c[w] &= UINT64_C(0xffffffff);
            memcpy(word[w] + i, &c[w], sizeof c[w]);
        }
    }
}

static void chunk_uniforms(int items, uint64_t word[4][SX_CHUNK], double *restrict u, double *restrict v) {
    for (int i = 0; i < items; i++) {
        u[i] = sx_vm_uniform(word[0][i], word[1][i]);
        v[i] = sx_vm_uniform(word[2][i], word[3][i]);
    }
}

/* Box-Muller: R = sqrt(-2 log u1), the normals R cos 2 pi u2 and R sin 2 pi u2. */
static void chunk_normals(int items, uint64_t word[4][SX_CHUNK], double *restrict u, double *restrict v) {
    for (int i = 0; i < items; i++) {
        double s, c;
        double radius = sqrt(-2.0 * sx_vm_log_normal(sx_vm_uniform(word[0][i], word[1][i]), 0.0));
        sx_vm_sincospi_near(2.0 * sx_vm_uniform(word[2][i], word[3][i]), &s, &c);
        u[i] = radius * c;
        v[i] = radius * s;
    }
}

/* Units unit0 .. unit0 + n of a batch of b replicas; unit0 is even. */
SX_INLINE void fill(int normal, sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t unit0, int64_t n,
                    int64_t b, double *out) {
    uint64_t word[4][SX_CHUNK];
    double u[SX_CHUNK], v[SX_CHUNK];
    sx_item at = { b, unit0 / 2, 0 };
    if (n <= 0 || b <= 0) return;
    int64_t pair = 0, r = 0, left = (n + 1) / 2 * b;
    for (; left > 0; left -= SX_CHUNK) {
        const int64_t used = left < SX_CHUNK ? left : SX_CHUNK;
        const int items = (int)((used + SX_LANES - 1) / SX_LANES * SX_LANES);
        chunk_words(key, step, slot, replica0, &at, items, word);
        if (normal)
            chunk_normals(items, word, u, v);
        else
            chunk_uniforms(items, word, u, v);
        if (b == 1) { /* u and v alternate */
            int64_t whole = 2 * pair + 2 * used <= n ? used : used - 1;
            for (int64_t l = 0; l < whole; l++) {
                out[2 * (pair + l)] = u[l];
                out[2 * (pair + l) + 1] = v[l];
            }
            if (whole < used) out[n - 1] = u[whole];
            pair += used;
            continue;
        }
        for (int64_t i = 0; i < used;) { /* runs of one pair */
            int64_t run = b - r < used - i ? b - r : used - i;
            double *row = out + 2 * pair * b + r;
            for (int64_t l = 0; l < run; l++) row[l] = u[i + l];
            if (2 * pair + 1 < n)
                for (int64_t l = 0; l < run; l++) row[b + l] = v[i + l];
            i += run;
            r += run;
            if (r == b) r = 0, pair++;
        }
    }
}

void SX_K(normal)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t n, int64_t b, double *out) {
    fill(1, key, step, slot, replica0, 0, n, b, out);
}

void SX_K(normal_rows)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t unit0, int64_t n, int64_t b,
                       double *out) {
    fill(1, key, step, slot, replica0, unit0, n, b, out);
}

void SX_K(uniform)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t n, int64_t b, double *out) {
    fill(0, key, step, slot, replica0, 0, n, b, out);
}
