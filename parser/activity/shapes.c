#include "activity/shapes.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "decode/payload_text.h"
#include "decode/render.h"

void shape_put_pipe(span path, outbuf *out)
{
    static const char DEVICE[] = "\\Device\\NamedPipe";
    size_t len = sizeof(DEVICE) - 1;
    bool has = path.len > len && strncasecmp((const char *)path.at, DEVICE, len) == 0;
    span name = has ? span_from(path, len) : path;
    outbuf_add(out, name.at, name.len);
}

// Of a command of a few letters too little is there to guess by: all of it must be ASCII in UTF-16.
static bool is_short_utf16(span s)
{
    for (size_t i = 0; i + 2 <= s.len; i += 2)
        if (s.at[i] < 0x20 || s.at[i] >= 0x7f || s.at[i + 1])
            return false;
    return s.len && s.len % 2 == 0;
}

void shape_put_text(const typed_value *value, outbuf *out)
{
    typed_value text = *value;
    if (value->kind == VALUE_BYTES) {
        text = payload_text(value->bytes);
        if (text.kind == VALUE_NULL)
            text = (typed_value){.kind = is_short_utf16(value->bytes) ? VALUE_TEXT : VALUE_NULL,
                                 .encoding = TEXT_UTF16,
                                 .bytes = value->bytes};
    }
    render_text(out, text.kind == VALUE_NULL ? value : &text);
}

void shape_put_verb(const typed_value *value, outbuf *out)
{
    static const char *const VERBS[] = {NULL,       NULL,        NULL,    "OPTIONS", "GET",    "HEAD",  "POST",
                                        "PUT",      "DELETE",    "TRACE", "CONNECT", "TRACK",  "MOVE",  "COPY",
                                        "PROPFIND", "PROPPATCH", "MKCOL", "LOCK",    "UNLOCK", "SEARCH"};
    bool named = value_is_integer(value) && value->number < COUNT_OF(VERBS) && VERBS[value->number];
    if (named)
        outbuf_text(out, VERBS[value->number]);
    else
        render_text(out, value);
}
