// Binary files as words, for the tests of file readers. Words are separated by blanks, # starts a comment to the end
// of the line:
//
//   here:x        gives the next byte the name x
//   u8:v u16:v u32:v u64:v   little-endian; v is a sum of numbers and @names (their offsets): u32:@x+0x1000
//   ascii:text    bytes          utf16:text  UTF-16 with NUL       name:text  size, UTF-16, NUL, padding to 4
//   cstr:text     bytes with NUL guid:text   16 bytes as in a trace
//   pad:n         n zero bytes   to:n  zero bytes up to offset n   align:n
//
// A tilde in a text stands for a blank. A word that is wrong fails the test.
#ifndef ETWKIT_TESTS_BLOB_H
#define ETWKIT_TESTS_BLOB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/guid.h"
#include "base/outbuf.h"

enum { BLOB_NAMES = 512, BLOB_WORD = 256 };

typedef struct blob_names {
    struct {
        char name[32];
        size_t at;
    } items[BLOB_NAMES];
    size_t count;
} blob_names;

static inline u64 blob_name_at(const blob_names *names, const char *name, size_t len, bool final)
{
    for (size_t i = 0; i < names->count; i++)
        if (strlen(names->items[i].name) == len && memcmp(names->items[i].name, name, len) == 0)
            return names->items[i].at;
    if (final)
        fail_msg("no such name: %.*s", (int)len, name);
    return 0;
}

static inline u64 blob_value(const blob_names *names, const char *text, bool final)
{
    u64 sum = 0;
    while (*text) {
        bool minus = *text == '-';
        if (*text == '+' || *text == '-')
            text++;
        u64 term;
        if (*text == '@') {
            size_t len = strcspn(text + 1, "+-");
            term = blob_name_at(names, text + 1, len, final);
            text += len + 1;
        } else {
            char *end;
            term = strtoull(text, &end, 0);
            if (end == text)
                fail_msg("no number: %s", text);
            text = end;
        }
        sum = minus ? sum - term : sum + term;
    }
    return sum;
}

static inline void blob_number(outbuf *out, u64 value, unsigned bytes)
{
    u8 raw[8];
    for (unsigned i = 0; i < bytes; i++)
        raw[i] = (u8)(value >> 8 * i);
    outbuf_add(out, raw, bytes);
}

static inline void blob_zeros(outbuf *out, u64 count)
{
    assert_true(count < 1u << 28);
    memset(outbuf_reserve(out, (size_t)count + 1), 0, (size_t)count);
    out->len += (size_t)count;
}

static inline void blob_wide(outbuf *out, const char *text)
{
    for (; *text; text++)
        blob_number(out, *text == '~' ? ' ' : (u8)*text, 2);
    blob_number(out, 0, 2);
}

static inline void blob_name(outbuf *out, const char *text)
{
    size_t size = 4 + (strlen(text) + 1) * 2;
    size = (size + 3) & ~(size_t)3;
    blob_number(out, size, 4);
    size_t end = out->len + size - 4;
    blob_wide(out, text);
    blob_zeros(out, end - out->len);
}

static inline void blob_text(outbuf *out, const char *text)
{
    for (; *text; text++)
        blob_number(out, *text == '~' ? ' ' : (u8)*text, 1);
}

static inline void blob_word(outbuf *out, blob_names *names, const char *word, bool final)
{
    const char *colon = strchr(word, ':'), *rest = colon ? colon + 1 : "";
    guid id;
    if (!colon)
        fail_msg("no word of a blob: %s", word);
    else if (strncmp(word, "here:", 5) == 0 && !final && names->count < BLOB_NAMES) {
        snprintf(names->items[names->count].name, sizeof(names->items[0].name), "%s", rest);
        names->items[names->count++].at = out->len;
    } else if (strncmp(word, "here:", 5) == 0 && final)
        return;
    else if (strncmp(word, "u8:", 3) == 0)
        blob_number(out, blob_value(names, rest, final), 1);
    else if (strncmp(word, "u16:", 4) == 0)
        blob_number(out, blob_value(names, rest, final), 2);
    else if (strncmp(word, "u32:", 4) == 0)
        blob_number(out, blob_value(names, rest, final), 4);
    else if (strncmp(word, "u64:", 4) == 0)
        blob_number(out, blob_value(names, rest, final), 8);
    else if (strncmp(word, "ascii:", 6) == 0)
        blob_text(out, rest);
    else if (strncmp(word, "cstr:", 5) == 0) {
        blob_text(out, rest);
        blob_number(out, 0, 1);
    } else if (strncmp(word, "utf16:", 6) == 0)
        blob_wide(out, rest);
    else if (strncmp(word, "name:", 5) == 0)
        blob_name(out, rest);
    else if (strncmp(word, "guid:", 5) == 0 && guid_from_text(rest, strlen(rest), &id))
        outbuf_add(out, id.bytes, 16);
    else if (strncmp(word, "pad:", 4) == 0)
        blob_zeros(out, blob_value(names, rest, final));
    else if (strncmp(word, "to:", 3) == 0 && blob_value(names, rest, final) >= out->len)
        blob_zeros(out, blob_value(names, rest, final) - out->len);
    else if (strncmp(word, "align:", 6) == 0)
        while (out->len % (size_t)blob_value(names, rest, final))
            blob_number(out, 0, 1);
    else
        fail_msg("no word of a blob: %s", word);
}

// The bytes the words stand for; free with outbuf_free. Names may be used before they are given.
static inline outbuf blob_from(const char *words)
{
    blob_names names;
    names.count = 0;
    outbuf out = {0};
    for (int pass = 0; pass < 2; pass++) {
        out.len = 0;
        for (const char *at = words; *(at += strspn(at, " \t\n"));) {
            if (*at == '#') {
                at += strcspn(at, "\n");
                continue;
            }
            char word[BLOB_WORD];
            size_t len = strcspn(at, " \t\n");
            assert_true(len < sizeof(word));
            memcpy(word, at, len);
            word[len] = 0;
            blob_word(&out, &names, word, pass == 1);
            at += len;
        }
    }
    outbuf_reserve(&out, 1);
    return out;
}

static inline span blob_span(const outbuf *b)
{
    return (span){b->bytes, b->len};
}

// A copy of exactly this many bytes on the heap, so that the sanitizer sees a read after it. Free the pointer.
static inline u8 *blob_cut(const outbuf *b, size_t len)
{
    u8 *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, b->bytes, len);
    return copy;
}

#endif
