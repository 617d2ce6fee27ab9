// Text prepared once and copied many times: what is the same for all records of a class, a source or a state.
//
// Also the questions about a record that every exporter answers alike.
#ifndef ETWKIT_LITERAL_H
#define ETWKIT_LITERAL_H

#include "base/outbuf.h"
#include "base/text.h"
#include "base/text_put.h"
#include "etwkit_engine.h"

typedef struct literal {
    const u8 *text;
    size_t len;
} literal;

enum { ORIGIN_COUNT = ORIGIN_STRING + 1, STATE_COUNT = RECORD_RAW + 1 };

// The bytes written so far, moved to `a`; the buffer is empty again.
static inline literal literal_take(arena *a, outbuf *from)
{
    u8 *copy = arena_take(a, from->len + TEXT_PADDING);
    if (from->len)
        memcpy(copy, from->bytes, from->len);
    literal taken = {copy, from->len};
    from->len = 0;
    return taken;
}

// Room len + TEXT_PADDING.
static inline u8 *put_literal(u8 *p, literal l)
{
    return put_padded(p, l.text, l.len);
}

// Where this record's decode came from. Candidates of one class may stem from different sources.
static inline schema_origin record_origin(const record *rec)
{
    if (!rec->plan)
        return ORIGIN_NONE;
    const provider_schema *provider = rec->plan->schema ? rec->plan->schema->provider : NULL;
    schema_origin origin = provider ? provider->origin : rec->cls->origin;
    return (unsigned)origin < ORIGIN_COUNT ? origin : ORIGIN_NONE;
}

static inline span text_span(const char *text)
{
    return (span){(const u8 *)text, strlen(text)};
}

#endif
