/* SHA-256 of many blocks after one salt, with the processor's instructions (FIPS 180-4).
 *
 * The rounds of one message wait for each other, so two blocks go through the processor at once.
 * This needs the instructions: without them hashlib is as good as anything. */
#include "prelude.h"

enum { CHUNK = 64, DIGEST = 32, LANES = 2 };

/* A hash in progress. */
struct lane {
    uint32_t state[8];
    const uint8_t *chunks; /* to be hashed next */
};

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

#if defined(__x86_64__) || (defined(__aarch64__) && defined(__linux__))
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

int px_sha256_available(void)
{
    unsigned a, b, c, d;

    /* CPUID leaf 1, ECX bit 19: SSE 4.1; leaf 7, EBX bit 29: SHA extensions, for which older
     * compilers have no name */
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 19 & 1) &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

/* The instructions keep a state as the words F E B A and H G D C, each from high to low. */
__attribute__((target("sha,sse4.1"))) static void compress(struct lane *lanes, size_t chunks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low[LANES], high[LANES], words[LANES][4];

    for (int n = 0; n < LANES; n++) {
        __m128i dcba = _mm_loadu_si128((const __m128i *)lanes[n].state);
        __m128i hgfe = _mm_loadu_si128((const __m128i *)(lanes[n].state + 4));

        low[n] = _mm_shuffle_epi32(_mm_unpacklo_epi64(dcba, hgfe), 0x1b);
        high[n] = _mm_shuffle_epi32(_mm_unpackhi_epi64(dcba, hgfe), 0x1b);
    }
    for (size_t at = 0; at < chunks * CHUNK; at += CHUNK) {
        __m128i low_before[LANES], high_before[LANES];

        for (int n = 0; n < LANES; n++) {
            low_before[n] = low[n];
            high_before[n] = high[n];
            for (int i = 0; i < 4; i++)
                words[n][i] = _mm_shuffle_epi8(
                    _mm_loadu_si128((const __m128i *)(lanes[n].chunks + at + 16 * i)), swap);
        }
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            __m128i four = _mm_load_si128((const __m128i *)(constants + 4 * i));

#pragma GCC unroll 2
            for (int n = 0; n < LANES; n++) {
                __m128i *w = words[n];
                __m128i sum = _mm_add_epi32(w[i % 4], four);

                high[n] = _mm_sha256rnds2_epu32(high[n], low[n], sum);
                low[n] = _mm_sha256rnds2_epu32(low[n], high[n], _mm_shuffle_epi32(sum, 0x0e));
                if (i < 12)
                    w[i % 4] = _mm_sha256msg2_epu32(
                        _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]),
                                      _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4)),
                        w[(i + 3) % 4]);
            }
        }
        for (int n = 0; n < LANES; n++) {
            low[n] = _mm_add_epi32(low[n], low_before[n]);
            high[n] = _mm_add_epi32(high[n], high_before[n]);
        }
    }
    for (int n = 0; n < LANES; n++) {
        __m128i abef = _mm_shuffle_epi32(low[n], 0x1b), cdgh = _mm_shuffle_epi32(high[n], 0x1b);

        _mm_storeu_si128((__m128i *)lanes[n].state, _mm_unpacklo_epi64(abef, cdgh));
        _mm_storeu_si128((__m128i *)(lanes[n].state + 4), _mm_unpackhi_epi64(abef, cdgh));
    }
}
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_neon.h>
#include <sys/auxv.h>

#define PX_HWCAP_SHA2 (1UL << 6) /* asm/hwcap.h */

int px_sha256_available(void)
{
    return (getauxval(AT_HWCAP) & PX_HWCAP_SHA2) != 0;
}

__attribute__((target("+crypto"))) static void compress(struct lane *lanes, size_t chunks)
{
    uint32x4_t abcd[LANES], efgh[LANES], words[LANES][4];

    for (int n = 0; n < LANES; n++) {
        abcd[n] = vld1q_u32(lanes[n].state);
        efgh[n] = vld1q_u32(lanes[n].state + 4);
    }
    for (size_t at = 0; at < chunks * CHUNK; at += CHUNK) {
        uint32x4_t abcd_before[LANES], efgh_before[LANES];

        for (int n = 0; n < LANES; n++) {
            abcd_before[n] = abcd[n];
            efgh_before[n] = efgh[n];
            for (int i = 0; i < 4; i++)
                words[n][i] =
                    vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(lanes[n].chunks + at + 16 * i)));
        }
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            uint32x4_t four = vld1q_u32(constants + 4 * i);

#pragma GCC unroll 2
            for (int n = 0; n < LANES; n++) {
                uint32x4_t *w = words[n], sum = vaddq_u32(w[i % 4], four), before = abcd[n];

                abcd[n] = vsha256hq_u32(before, efgh[n], sum);
                efgh[n] = vsha256h2q_u32(efgh[n], before, sum);
                if (i < 12)
                    w[i % 4] = vsha256su1q_u32(vsha256su0q_u32(w[i % 4], w[(i + 1) % 4]),
                                               w[(i + 2) % 4], w[(i + 3) % 4]);
            }
        }
        for (int n = 0; n < LANES; n++) {
            abcd[n] = vaddq_u32(abcd[n], abcd_before[n]);
            efgh[n] = vaddq_u32(efgh[n], efgh_before[n]);
        }
    }
    for (int n = 0; n < LANES; n++) {
        vst1q_u32(lanes[n].state, abcd[n]);
        vst1q_u32(lanes[n].state + 4, efgh[n]);
    }
}
#else
int px_sha256_available(void)
{
    return 0;
}

static void compress(struct lane *lanes, size_t chunks)
{
    (void)lanes;
    (void)chunks;
}
#endif

static void put_digest(uint8_t *out, const uint32_t *state)
{
    for (int i = 0; i < 8; i++) {
        uint32_t word = __builtin_bswap32(state[i]);
        memcpy(out + 4 * i, &word, 4);
    }
}

/* Hash what follows the salt's whole chunks: its rest with the start of the block, the block's
 * whole chunks, and the end of the block with the padding. */
static void hash_pair(const uint8_t *const blocks[LANES], size_t size, const uint32_t *salted,
                      const uint8_t *rest, size_t rest_size, uint64_t message_size,
                      uint8_t *const outs[LANES])
{
    struct lane lanes[LANES];
    uint8_t edge[LANES][2 * CHUNK];
    size_t begin = rest_size ? CHUNK - rest_size : 0; /* of the block, beside the salt's rest */
    size_t whole = (size - begin) / CHUNK;
    size_t tail = size - begin - whole * CHUNK;
    size_t last = tail + 9 <= CHUNK ? CHUNK : 2 * CHUNK; /* 0x80 and the length follow */
    uint64_t bits = __builtin_bswap64(8 * message_size);

    for (int n = 0; n < LANES; n++) {
        memcpy(lanes[n].state, salted, sizeof lanes[n].state);
        memcpy(edge[n], rest, rest_size);
        memcpy(edge[n] + rest_size, blocks[n], begin);
        lanes[n].chunks = edge[n];
    }
    compress(lanes, begin ? 1 : 0);
    for (int n = 0; n < LANES; n++)
        lanes[n].chunks = blocks[n] + begin;
    compress(lanes, whole);
    for (int n = 0; n < LANES; n++) {
        memset(edge[n], 0, sizeof edge[n]);
        memcpy(edge[n], blocks[n] + size - tail, tail);
        edge[n][tail] = 0x80;
        memcpy(edge[n] + last - 8, &bits, 8);
        lanes[n].chunks = edge[n];
    }
    compress(lanes, last / CHUNK);
    for (int n = 0; n < LANES; n++)
        put_digest(outs[n], lanes[n].state);
}

void px_block_digests(const uint8_t *data, size_t size, size_t count, const uint8_t *salt,
                      size_t salt_size, uint8_t *out)
{
    struct lane lanes[LANES];
    size_t whole = salt_size / CHUNK;

    for (int n = 0; n < LANES; n++) {
        memcpy(lanes[n].state, initial, sizeof initial);
        lanes[n].chunks = salt;
    }
    compress(lanes, whole);
    for (size_t i = 0; i < count; i += LANES) {
        size_t other = i + 1 < count ? i + 1 : i; /* an odd last block goes through twice */
        const uint8_t *const blocks[LANES] = {data + i * size, data + other * size};
        uint8_t *const outs[LANES] = {out + i * DIGEST, out + other * DIGEST};

        hash_pair(blocks, size, lanes[0].state, salt + whole * CHUNK, salt_size % CHUNK,
                  (uint64_t)salt_size + size, outs);
    }
}
