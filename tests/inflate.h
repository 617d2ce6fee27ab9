// What the tests of the inflaters share: calls on exactly allocated memory, sample data, a finder of matches for the
// compressors they are tested against, damage, and the walk over the shared traces. The includer defines SLACK, the
// bytes its inflater may spill after the output.
#ifndef ETWKIT_TESTS_INFLATE_H
#define ETWKIT_TESTS_INFLATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/outbuf.h"
#include "base/span.h"

typedef bool part_inflater(span in, u8 *out, size_t out_len, size_t *made, error *e);

// Input and output in blocks of exactly their size, so that the address sanitizer sees a byte too far. Returns whether
// it worked; *out is what came out, made bytes of it, for the caller to free.
static inline bool inflate(part_inflater *inflater, span in, size_t out_len, u8 **out, size_t *made)
{
    u8 *copy = malloc(in.len ? in.len : 1);
    memcpy(copy, in.at, in.len);
    *out = malloc(out_len + SLACK ? out_len + SLACK : 1);
    error e = {0};
    *made = SIZE_MAX;
    bool ok = inflater((span){copy, in.len}, *out, out_len, made, &e);
    assert_true(*made <= out_len);
    assert_true(ok ? *made == out_len : strlen(e.message) > 20);
    free(copy);
    return ok;
}

static inline void expect_inflated(part_inflater *inflater, span in, span plain)
{
    u8 *out;
    size_t made;
    if (!inflate(inflater, in, plain.len, &out, &made))
        fail_msg("refused after %zu of %zu bytes", made, plain.len);
    for (size_t i = 0; i < plain.len; i++)
        if (out[i] != plain.at[i])
            fail_msg("byte %zu of %zu differs", i, plain.len);
    free(out);
}

static inline void expect_refused(part_inflater *inflater, span in, size_t out_len)
{
    u8 *out;
    size_t made;
    assert_false(inflate(inflater, in, out_len, &out, &made));
    free(out);
}

#define BYTES(...) ((span){(const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})})

static inline span ascii(const char *text)
{
    return (span){(const u8 *)text, strlen(text)};
}

static inline u64 random_next(u64 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// ------------------------------------------------------------------------------------- matches for the compressors

typedef struct match {
    size_t distance, len; // len 0: none
} match;

typedef struct finder {
    span data;
    size_t last[4096]; // position + 1 by hash of three bytes
} finder;

static inline size_t hash_at(const u8 *p)
{
    return ((p[0] * 2654435761u) ^ (p[1] * 40503u) ^ p[2] * 69069u) >> 4 & 4095;
}

// The last place that begins like this one, not before `from` and not further than max_distance.
static inline match match_at(finder *f, size_t at, size_t from, size_t max_distance, size_t max_len)
{
    match none = {0, 0};
    if (f->data.len - at < 3)
        return none;
    size_t *slot = &f->last[hash_at(f->data.at + at)], before = *slot;
    *slot = at + 1;
    if (!before || before - 1 < from || at - (before - 1) > max_distance)
        return none;
    match m = {at - (before - 1), 0};
    while (m.len < max_len && at + m.len < f->data.len && f->data.at[at + m.len] == f->data.at[at + m.len - m.distance])
        m.len++;
    return m.len >= 3 ? m : none;
}

static inline void add_u8(outbuf *out, size_t v)
{
    u8 byte = (u8)v;
    outbuf_add(out, &byte, 1);
}

static inline void add_u16(outbuf *out, size_t v)
{
    add_u8(out, v & 0xff);
    add_u8(out, v >> 8 & 0xff);
}

static inline void add_u32(outbuf *out, size_t v)
{
    add_u16(out, v & 0xffff);
    add_u16(out, v >> 16 & 0xffff);
}

// ------------------------------------------------------------------------------------- samples

enum { KINDS = 7 };

// Noise, zeros, short periods, records with counters, text, long runs between noise, and a mix.
static inline u8 *sample_make(unsigned kind, size_t len)
{
    u8 *p = malloc(len ? len : 1);
    u64 seed = 0x9e3779b97f4a7c15u + kind + len;
    for (size_t i = 0; i < len; i++) {
        u64 r = random_next(&seed);
        unsigned how = kind < 6 ? kind : (unsigned)(i / 700 * 2654435761u >> 7) % 6;
        if (how == 0)
            p[i] = (u8)r;
        else if (how == 1)
            p[i] = 0;
        else if (how == 2)
            p[i] = (u8)(i % (1 + i / 600 % 40));
        else if (how == 3)
            p[i] = (u8)(i % 64 == 0 ? i / 64 : i % 64 == 8 ? r & 3 : i % 64);
        else if (how == 4)
            p[i] = (u8) "event trace "[r % 12];
        else
            p[i] = (u8)(i % 5000 < 100 ? r : i / 5000);
    }
    return p;
}

static const size_t SIZES[] = {1,   2,   3,    4,    5,    31,    32,    33,    63,    64,    65,
                               100, 257, 4095, 4096, 4097, 20000, 65464, 65536, 65537, 150000};

static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz";

static inline const char *abc300(void)
{
    static char text[301];
    for (int i = 0; i < 300; i++)
        text[i] = (char)('a' + i % 3);
    return text;
}

// ------------------------------------------------------------------------------------- damage

// Of a cut stream comes out a beginning of what the whole one held.
static inline void check_prefixes(part_inflater *inflater, span packed, span plain)
{
    size_t before = 0;
    for (size_t len = 0; len < packed.len; len += 1 + len / 200) {
        u8 *out;
        size_t made;
        inflate(inflater, (span){packed.at, len}, plain.len, &out, &made);
        assert_true(made >= before);
        assert_memory_equal(out, plain.at, made);
        before = made;
        free(out);
    }
}

// Whatever is changed: no byte too far (the sanitizers watch), never more than asked for.
static inline void check_flips(part_inflater *inflater, span packed, size_t out_len, u64 *seed)
{
    u8 *bytes = malloc(packed.len);
    for (int i = 0; i < 300; i++) {
        memcpy(bytes, packed.at, packed.len);
        for (u64 n = random_next(seed) % 8 + 1; n; n--)
            bytes[random_next(seed) % packed.len] = (u8)(random_next(seed) % 3 ? random_next(seed) : 0xff);
        u8 *out;
        size_t made, wanted = i % 3 ? out_len : random_next(seed) % (2 * out_len);
        inflate(inflater, (span){bytes, packed.len}, wanted, &out, &made);
        free(out);
    }
    free(bytes);
}

// Bytes that were never a stream; the first `fixed` of them are given.
static inline void check_noise(part_inflater *inflater, const u8 *start, size_t fixed)
{
    u64 seed = 42;
    for (int i = 0; i < 2000; i++) {
        u8 bytes[600], *out;
        size_t len = random_next(&seed) % sizeof(bytes), made;
        for (size_t k = 0; k < len; k++)
            bytes[k] = k < fixed ? start[k] : (u8)random_next(&seed);
        inflate(inflater, (span){bytes, len}, 70000, &out, &made);
        free(out);
    }
}

static inline void check_nothing(part_inflater *inflater)
{
    size_t made = 9;
    u8 bytes[1 + SLACK];
    error e;
    assert_true(inflater((span){NULL, 0}, bytes, 0, &made, &e));
    assert_int_equal(made, 0);
    assert_false(inflater((span){NULL, 0}, bytes, 1, &made, &e));
}

// ------------------------------------------------------------------------------------- the shared traces

static inline span file_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    outbuf b = {0};
    size_t got;
    do {
        u8 *p = outbuf_reserve(&b, 1 << 20);
        got = fread(p, 1, 1 << 20, f);
        outbuf_written(&b, p + got);
    } while (got);
    fclose(f);
    return (span){b.bytes, b.len};
}

// Calls with every trace of the shared corpus, given by name and bytes; how many they were. 0: there is none.
static inline size_t traces_each(void (*with)(const char *name, span file, void *context), void *context)
{
    const char *shared = getenv("ETWKIT_SHARED");
    char path[4096];
    snprintf(path, sizeof(path), "%s/corpus", shared ? shared : "../shared");
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("skipped: no %s\n", path);
        return 0;
    }
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 4, ".etl") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/corpus/%s", shared ? shared : "../shared", entry->d_name);
        span file = file_read(path);
        with(entry->d_name, file, context);
        mem_free((void *)(uintptr_t)file.at);
        count++;
    }
    closedir(dir);
    return count;
}

#endif
