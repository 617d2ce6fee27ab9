// A GUID as its 16 bytes stand in a trace (Data1..3 little-endian), which is also Windows' memory layout.
#ifndef ETWKIT_GUID_H
#define ETWKIT_GUID_H

#include <string.h>

#include "base/span.h"

typedef struct guid {
    u8 bytes[16];
} guid;

// GUID_OF(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3)
#define GUID_OF(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                                               \
    {                                                                                                                  \
        {                                                                                                              \
            (u8)((a)&0xff), (u8)((a) >> 8 & 0xff), (u8)((a) >> 16 & 0xff), (u8)((u32)(a) >> 24), (u8)((b)&0xff),       \
                (u8)((b) >> 8), (u8)((c)&0xff), (u8)((c) >> 8), d0, d1, d2, d3, d4, d5, d6, d7                         \
        }                                                                                                              \
    }

static inline guid guid_load(const u8 *p)
{
    guid g;
    memcpy(g.bytes, p, 16);
    return g;
}

static inline bool guid_equal(const guid *a, const guid *b)
{
    return memcmp(a->bytes, b->bytes, 16) == 0;
}

static inline bool guid_is_zero(const guid *g)
{
    static const guid zero;
    return guid_equal(g, &zero);
}

// "68fdd900-4a3e-11d1-84f4-0000f80464e3", braces and upper case allowed, the whole text must be one. len < 64.
MUST_USE bool guid_from_text(const char *text, size_t len, guid *out);

enum { GUID_TEXT = 37 };
char *guid_to_text(const guid *g, char text[GUID_TEXT]); // lower case, no braces; returns text

#endif
