// Text as SQL.
#ifndef ETWKIT_SQLITE_TEXT_H
#define ETWKIT_SQLITE_TEXT_H

#include "base/outbuf.h"
#include "base/text.h"

static inline void add_quoted(outbuf *b, const char *text, char quote)
{
    size_t len = strlen(text);
    u8 *p = outbuf_reserve(b, 2 * len + 2);
    *p++ = (u8)quote;
    for (size_t i = 0; i < len; i++) {
        *p++ = (u8)text[i];
        if (text[i] == quote)
            *p++ = (u8)quote;
    }
    *p++ = (u8)quote;
    outbuf_written(b, p);
}

static inline void add_number(outbuf *b, u64 value)
{
    outbuf_written(b, text_u64(outbuf_reserve(b, 20), value));
}

#endif
