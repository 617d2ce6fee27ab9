// Objects of the `ecs` format as they are put together: members separate themselves from what stands before them, those
// without a value leave nothing, and so do objects without members.
#ifndef ETWKIT_ECS_WRITE_H
#define ETWKIT_ECS_WRITE_H

#include "base/outbuf.h"
#include "base/text.h"
#include "base/text_put.h"

// Text in quotes.
static inline void ecs_string(outbuf *out, span text)
{
    u8 *p = put_char(outbuf_reserve(out, 6 * text.len + 2), '"');
    outbuf_written(out, put_char(text_utf8_json(p, text), '"'));
}

// A comma, but for the first of an object or array.
static inline void ecs_separate(outbuf *out)
{
    u8 last = out->len ? out->bytes[out->len - 1] : '{';
    if (last != '{' && last != '[')
        outbuf_text(out, ",");
}

static inline void ecs_key(outbuf *out, const char *key)
{
    ecs_separate(out);
    outbuf_text(out, "\"");
    outbuf_text(out, key);
    outbuf_text(out, "\":");
}

static inline void ecs_span(outbuf *out, const char *key, span text)
{
    if (!text.len)
        return;
    ecs_key(out, key);
    ecs_string(out, text);
}

static inline void ecs_text(outbuf *out, const char *key, const char *text)
{
    ecs_span(out, key, text ? text_span(text) : (span){0});
}

static inline void ecs_number(outbuf *out, const char *key, u64 value)
{
    ecs_key(out, key);
    outbuf_written(out, put_u64(outbuf_reserve(out, 20), value));
}

// Where an object began, and its first member.
typedef struct ecs_object {
    size_t start, first;
} ecs_object;

static inline ecs_object ecs_begin(outbuf *out, const char *key)
{
    ecs_object o = {.start = out->len};
    ecs_key(out, key);
    outbuf_text(out, "{");
    o.first = out->len;
    return o;
}

static inline void ecs_end(outbuf *out, ecs_object o)
{
    if (out->len == o.first)
        out->len = o.start;
    else
        outbuf_text(out, "}");
}

#endif
