// The message of a record: its template's text with the values of fields and header put in.
#include "base/text.h"
#include "base/text_put.h"
#include "decode/render.h"
#include "schema/tables/error_names.h"

enum { BOUND_NUMBER = LIMIT_NUMBER_WIDTH + 24 };

// An integer in the form a WPP message asks for.
static u8 *put_number(u8 *p, const number_form *form, const field *f, span v)
{
    // Pointers as Windows' C library prints them: all digits, no 0x, which messages write themselves.
    if (form->conversion == 'p')
        return text_number(p, load_unsigned(v), false,
                           &(number_form){.has_precision = true, .precision = (u8)(2 * f->bytes), .conversion = 'X'});
    i64 value = load_signed(v);
    bool negative = value < 0 && (form->conversion == 'd' || form->conversion == 'i');
    return text_number(p, negative ? 0 - (u64)value : load_unsigned(v), negative, form);
}

static bool is_integer(const field *f)
{
    return f->wire == WIRE_FIXED && (f->show == SHOW_UNSIGNED || f->show == SHOW_SIGNED || f->show == SHOW_HEX);
}

// A status as WPP's formatter writes it: 0xc0000022(STATUS_ACCESS_DENIED), success by its name alone.
static u8 *put_status(u8 *p, show_form show, u32 code)
{
    const char *name = show == SHOW_NTSTATUS  ? ntstatus_name(code)
                       : show == SHOW_HRESULT ? hresult_name(code)
                                              : win32_error_name(code);
    if (!name || code)
        p = text_number(put_text(p, "0x"), code, false,
                        &(number_form){.has_precision = true, .precision = 8, .conversion = 'x'});
    if (!name)
        return p;
    return code ? put_char(put_text(put_char(p, '('), name), ')') : put_text(p, name);
}

// What the record's header says, a number in the form the message asks for. Nothing where it does not say it.
static u8 *put_own(u8 *p, const record *rec, const message_piece *piece)
{
    const event *ev = rec->event;
    u64 value = 0;
    bool known = true;
    switch ((message_own)piece->own) {
    case OWN_NOTHING:
        return p;
    case OWN_TIME:
        return text_time(p, rec->time);
    case OWN_THREAD:
        value = rec->thread_id;
        known = rec->has_thread;
        break;
    case OWN_PROCESS:
        value = rec->process_id;
        known = rec->has_process;
        break;
    case OWN_SEQUENCE:
        value = ev->message_sequence;
        known = ev->message_flags & 1; // TRACE_MESSAGE_SEQUENCE
        break;
    case OWN_KERNEL_TIME:
        value = ev->kernel_time;
        break;
    case OWN_USER_TIME:
        value = ev->user_time;
        break;
    case OWN_PROCESSOR:
        value = rec->processor;
        break;
    }
    if (!known)
        return p;
    return piece->form ? text_number(p, value, false, piece->form) : put_u64(p, value);
}

static u8 *put_insert(const pen *at, u8 *p, const record *rec, const message_piece *piece, text_escape e)
{
    const field *f = &rec->plan->fields[piece->field];
    if (!f->single) {
        typed_value v;
        record_field(rec, (u32)piece->field, &v);
        return render_value_text(at, p, &v, e);
    }
    span v = record_bytes(rec, (u32)piece->field);
    if (!piece->named && !(piece->form && is_integer(f)))
        return render_bytes_text(at, p, f, v, e);
    p = pen_more(at, p, BOUND_NUMBER);
    return piece->named ? put_status(p, (show_form)f->show, (u32)load_unsigned(v)) : put_number(p, piece->form, f, v);
}

static const char *parameter_text(const value_map *map, u64 number)
{
    u32 low = 0, high = map->count; // by number
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (map->entries[middle].value < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < map->count && map->entries[low].value == number ? map->entries[low].text : NULL;
}

// The number behind %% at the start of `text`, and where it ends; 0: there is none.
static size_t parameter_number(const u8 *text, size_t len, u64 *number)
{
    size_t at = 2;
    *number = 0;
    if (len < 3 || text[0] != '%' || text[1] != '%')
        return 0;
    for (; at < len && at < 12 && text[at] >= '0' && text[at] <= '9'; at++)
        *number = *number * 10 + text[at] - '0';
    return at > 2 ? at : 0;
}

static size_t written(const pen *at, const u8 *p)
{
    return (size_t)(p - at->out->bytes);
}

// Puts the texts of parameter messages in place of their numbers in what was written from `start` on: behind it first.
// A text may hold many numbers: no more are replaced where the message would get longer than a record's text may be.
static u8 *put_parameters(const pen *at, u8 *p, size_t start, size_t budget, const value_map *map, text_escape e)
{
    size_t end = written(at, p), used;
    if (end - start < 3 || !memchr(at->out->bytes + start, '%', end - start))
        return p;
    for (size_t i = start; i < end; i += used) {
        u64 number;
        used = parameter_number(at->out->bytes + i, end - i, &number);
        const char *text = used ? parameter_text(map, number) : NULL;
        used = used ? used : 1;
        p = pen_more(at, p, text ? 6 * strlen(text) : used);
        if (text && written(at, p) - end < budget) {
            p = text_utf8_as(p, text_span(text), e);
        } else {
            p = pen_more(at, p, used);
            memcpy(p, at->out->bytes + i, used);
            p += used;
        }
    }
    memmove(at->out->bytes + start, at->out->bytes + end, written(at, p) - end);
    return at->out->bytes + start + (written(at, p) - end);
}

u8 *render_message_text(const pen *at, u8 *p, const record *rec, text_escape escape)
{
    for (u32 i = 0; i < rec->plan->message_count; i++) {
        const message_piece *piece = &rec->plan->message[i];
        plan_text text = escape == ESCAPE_NONE ? piece->text : piece->json;
        p = put_padded(pen_more(at, p, text.len + TEXT_PADDING), text.text, text.len);
        size_t start = written(at, p);
        if (piece->field >= 0 && (u32)piece->field < rec->top_done) {
            p = put_insert(at, p, rec, piece, escape);
            if (rec->cls->parameters)
                p = put_parameters(at, p, start, LIMIT_RECORD_TEXT / rec->plan->message_count, rec->cls->parameters,
                                   escape);
        } else if (piece->own)
            p = put_own(pen_more(at, p, BOUND_NUMBER), rec, piece);
    }
    return p;
}

bool render_message(outbuf *out, const record *rec)
{
    if (!render_has_message(rec))
        return false;
    pen at = {out, 0};
    outbuf_written(out, render_message_text(&at, pen_start(&at), rec, ESCAPE_NONE));
    return true;
}
