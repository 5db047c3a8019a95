// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Philox4x32-10 (Salmon et al., SC'11), the keys made with it, the fills through the vector kernels. */
#include <separatrix/random.h>

#include "core/kernels.h"

#include "core/mutant.h"

#include <string.h>

void sx_philox(const uint32_t counter[4], sx_key key, uint32_t out[4]) {
    uint32_t c[4] = { counter[0], counter[1], counter[2], counter[3] };
    uint32_t k0 = key.k[0], k1 = key.k[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = UINT64_C(0xD2511F53) * c[0], p1 = UINT64_C(0xCD9E8D57) * c[2];
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

/* Keys. H has 128 bits; each block of 16 message bytes B enters as H <- philox(counter = H ^ B, key = K) ^ B (the feed-forward
 * makes a step one-way), K = (parent.k0 ^ domain, parent.k1 ^ number of the block). The key is (H0 ^ H2, H1 ^ H3).
 *   seed:   one block { seed low, seed high, 0, 0 }, parent (0, 0), domain "seed";
 *   derive: a head { index low, index high, length low, length high }, then the name padded with zeros; the length keeps
 *           "a" and "a\0" or a longer name apart. Equal keys of different paths are a matter of chance, 2^-64 a pair. */
enum { SX_DOMAIN_SEED = 0x64656573, SX_DOMAIN_CHILD = 0x6c696863 }; /* "seed", "chil" */

static void absorb(uint32_t H[4], const uint32_t B[4], sx_key parent, uint32_t domain, uint64_t number) {
    sx_key K = { { parent.k[0] ^ domain ^ (uint32_t)(number >> 32), parent.k[1] ^ (uint32_t)number } };
    uint32_t c[4], out[4];
    for (int i = 0; i < 4; i++) c[i] = H[i] ^ B[i];
    sx_philox(c, K, out);
    for (int i = 0; i < 4; i++) H[i] = out[i] ^ B[i];
}

sx_key sx_key_seed(uint64_t seed) {
    uint32_t H[4] = { 0, 0, 0, 0 };
    const uint32_t B[4] = { (uint32_t)seed, (uint32_t)(seed >> 32), 0, 0 };
    absorb(H, B, (sx_key){ { 0, 0 } }, SX_DOMAIN_SEED, 0);
    return (sx_key){ { H[0] ^ H[2], H[1] ^ H[3] } };
}

sx_key sx_key_derive(sx_key parent, const char *name, uint64_t index) {
    uint32_t H[4] = { 0, 0, 0, 0 };
    const uint64_t length = name ? strlen(name) : 0;
    const uint32_t head[4] = { (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)length, (uint32_t)(length >> 32) };
    if (!SX_MUTANT(key_index)) absorb(H, head, parent, SX_DOMAIN_CHILD, 0);
    for (uint64_t i = 0; i < length; i += 16) {
        unsigned char byte[16] = { 0 };
        uint32_t B[4];
        memcpy(byte, name + i, length - i < 16 ? (size_t)(length - i) : 16);
        for (int w = 0; w < 4; w++)
            B[w] = (uint32_t)byte[4 * w] | (uint32_t)byte[4 * w + 1] << 8 | (uint32_t)byte[4 * w + 2] << 16 |
                   (uint32_t)byte[4 * w + 3] << 24;
        absorb(H, B, parent, SX_DOMAIN_CHILD, 1 + i / 16);
    }
    return (sx_key){ { H[0] ^ H[2], H[1] ^ H[3] } };
}

void sx_normal_fill(sx_key key, uint64_t step, sx_slot slot, int64_t replica0, int64_t n, int64_t b, double *out) {
    sx_kernels_get(NULL)->normal(key, step, (uint32_t)slot, (uint32_t)replica0, n, b, out);
}

void sx_uniform_fill(sx_key key, uint64_t step, sx_slot slot, int64_t replica0, int64_t n, int64_t b, double *out) {
    sx_kernels_get(NULL)->uniform(key, step, (uint32_t)slot, (uint32_t)replica0, n, b, out);
}
