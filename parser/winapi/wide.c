#include "winapi/wide.h"

#include "base/text.h"

static u32 next_scalar(const u8 **at)
{
    // The number of bytes that follow a first byte, and the smallest scalar that may be written with so many.
    const u8 *p = *at;
    u32 more = *p < 0x80                 ? 0
               : *p >= 0xc2 && *p < 0xe0 ? 1
               : *p >= 0xe0 && *p < 0xf0 ? 2
               : *p >= 0xf0 && *p < 0xf5 ? 3
                                         : 4;
    static const u32 smallest[4] = {0, 0x80, 0x800, 0x10000};
    *at = p + 1;
    if (more == 4)
        return 0xfffd;
    u32 scalar = more == 0 ? *p : *p & (0x3fu >> more);
    for (u32 i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        scalar = scalar << 6 | (p[i] & 0x3fu);
    }
    if (scalar < smallest[more] || scalar > 0x10ffff || (scalar >= 0xd800 && scalar < 0xe000))
        return 0xfffd;
    *at = p + 1 + more;
    return scalar;
}

static u8 *put_unit(u8 *p, u32 unit)
{
    WCHAR native = (WCHAR)unit;
    memcpy(p, &native, sizeof(native));
    return p + sizeof(native);
}

void wide_put(outbuf *out, const char *utf8)
{
    const u8 *at = (const u8 *)utf8;
    u8 *p = outbuf_reserve(out, strlen(utf8) * 2 + 2);
    while (*at) {
        u32 scalar = next_scalar(&at);
        if (scalar >= 0x10000) {
            p = put_unit(p, 0xd800 + ((scalar - 0x10000) >> 10));
            p = put_unit(p, 0xdc00 + (scalar & 0x3ff));
        } else {
            p = put_unit(p, scalar);
        }
    }
    outbuf_written(out, put_unit(p, 0));
}

void wide_put_logged(outbuf *out, span units)
{
    u8 *p = outbuf_reserve(out, units.len);
    for (size_t i = 0; i + 2 <= units.len; i += 2)
        p = put_unit(p, load_u16(units.at + i));
    outbuf_written(out, p);
}

WCHAR *wide_copy(const char *utf8)
{
    outbuf text = {0};
    wide_put(&text, utf8);
    return (WCHAR *)(void *)text.bytes;
}

size_t wide_length(const WCHAR *text)
{
    size_t len = 0;
    while (text[len])
        len++;
    return len;
}

char *wide_utf8(const WCHAR *text)
{
    size_t len = wide_length(text);
    u8 *units = mem_alloc(len * 2), *utf8 = mem_alloc(len * 3 + 1);
    for (size_t i = 0; i < len; i++) {
        units[i * 2] = (u8)text[i];
        units[i * 2 + 1] = (u8)(text[i] >> 8);
    }
    *text_utf16(utf8, (span){units, len * 2}) = 0;
    mem_free(units);
    return (char *)utf8;
}
