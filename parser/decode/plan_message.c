#include "decode/plan_message.h"

#include <string.h>

#include "base/outbuf.h"
#include "base/text.h"

typedef struct message_builder {
    arena *arena;
    const plan *plan;
    message_piece *pieces;
    u32 count, cap;
    outbuf text;
} message_builder;

static message_piece *add_piece(message_builder *b)
{
    GROW(b->pieces, b->count, b->cap);
    arena *a = b->arena;
    size_t len = b->text.len;
    u8 *escaped = outbuf_reserve(&b->text, 6 * len + 1);
    u8 *end = text_utf8_json(escaped, (span){b->text.bytes, len});
    message_piece *piece = &b->pieces[b->count++];
    *piece = (message_piece){.text = plan_padded(a, b->text.bytes, len),
                             .json = plan_padded(a, escaped, (size_t)(end - escaped)),
                             .field = -1};
    b->text.len = 0;
    return piece;
}

// The form a WPP message gives a number between exclamation marks; NULL where it does not mean one ("s").
static const number_form *number_form_of(arena *a, const char *spec, size_t len)
{
    number_form *form = arena_new(a, number_form);
    *form = number_form_read(arena_text_len(a, spec, len));
    return strchr("diuxXop", form->conversion) ? form : NULL;
}

// "!spec!" at m. Returns what stands after it; *len 0, and m, where there is none.
static const char *message_spec(const char *m, size_t *len)
{
    const char *close = *m == '!' ? strchr(m + 1, '!') : NULL;
    bool spec = close && close - m < 31;
    *len = spec ? (size_t)(close - m - 1) : 0;
    return spec ? close + 1 : m;
}

// %n or %n!spec! at m. Returns what stands after it, NULL where it is none.
static const char *message_insert(message_builder *b, const char *m)
{
    const plan *p = b->plan;
    u32 number = 0;
    const char *at = m + 1;
    size_t len;
    while (*at >= '0' && *at <= '9' && number < 1000)
        number = number * 10 + (u32)(*at++ - '0');
    if (number == 0 || number > p->top_count)
        return NULL;
    const char *spec = at + 1, *after = message_spec(at, &len);
    message_piece *piece = add_piece(b);
    piece->field = (i32)number - 1;
    if (p->schema->key != KEY_WPP)
        return after;
    u8 show = p->fields[number - 1].show;
    piece->form = len ? number_form_of(b->arena, spec, len) : NULL;
    piece->named = show == SHOW_NTSTATUS || show == SHOW_HRESULT || show == SHOW_WIN32_ERROR;
    return after;
}

// "%#3!x!" of a WPP message: of the record's header. Likewise.
static const char *message_own_insert(message_builder *b, const char *m)
{
    size_t len;
    if (b->plan->schema->key != KEY_WPP || m[2] < '0' + OWN_THREAD || m[2] > '0' + OWN_PROCESSOR)
        return NULL;
    const char *after = message_spec(m + 3, &len);
    message_piece *piece = add_piece(b);
    piece->own = (u8)(m[2] - '0');
    piece->form = len ? number_form_of(b->arena, m + 4, len) : NULL;
    return after;
}

// Message table escapes: FormatMessage's documentation.
static char message_escape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
    case ' ':
        return ' ';
    case '%':
    case '.':
    case '!':
        return c;
    default:
        return 0;
    }
}

void plan_add_message(arena *a, plan *out)
{
    const char *m = out->schema->message;
    if (!m || !*m)
        return;
    message_builder b = {.arena = a, .plan = out};
    while (*m) {
        if (*m == '%') {
            if (m[1] == '0')
                break;
            const char *after = m[1] >= '1' && m[1] <= '9' ? message_insert(&b, m)
                                : m[1] == '#'              ? message_own_insert(&b, m)
                                                           : NULL;
            if (after) {
                m = after;
                continue;
            }
            char plain = message_escape(m[1]);
            if (plain) {
                outbuf_add(&b.text, &plain, 1);
                m += 2;
                continue;
            }
        }
        outbuf_add(&b.text, m++, 1);
    }
    while (b.text.len && strchr(" \r\n\t", b.text.bytes[b.text.len - 1]))
        b.text.len--;
    if (b.text.len || b.count)
        (void)add_piece(&b);
    message_piece *pieces = arena_array(a, message_piece, b.count);
    if (b.count)
        memcpy(pieces, b.pieces, b.count * sizeof(*pieces));
    out->message = pieces;
    out->message_count = b.count;
    mem_free(b.pieces);
    outbuf_free(&b.text);
}

u32 plan_message_repeats(const plan *p)
{
    u32 most = 0, *times = mem_zeroed(p->top_count, sizeof(*times));
    for (u32 i = 0; i < p->message_count; i++)
        if (p->message[i].field >= 0 && ++times[p->message[i].field] > most)
            most = times[p->message[i].field];
    mem_free(times);
    return most;
}

u64 plan_message_bound(const plan *p)
{
    u64 bound = 0;
    for (u32 i = 0; i < p->message_count; i++)
        bound += p->message[i].text.len + (p->message[i].field >= 0 ? p->fields[p->message[i].field].bound : 0);
    return bound;
}
