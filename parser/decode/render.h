// A record's values as text. Everything here is infallible: the decoder has proven every slot.
//
// Text follows TdhFormatProperty (FORMAT.md, section 10), except that JSON keeps JSON's own numbers and booleans, and
// that status codes stay numbers in hex so that they can be compared.
//
// Two forms: those that take a pen and a position are for whoever writes whole records under one reservation, whose
// room must contain render_bound(rec); those that take a buffer append to it.
#ifndef ETWKIT_RENDER_H
#define ETWKIT_RENDER_H

#include "base/outbuf.h"
#include "base/text.h"
#include "decode/value.h"

// Bytes that payload, raw payload and stack of the record take at most, arrays and structs apart: those ask for more.
size_t render_bound(const record *rec);

// The payload as a JSON object: {"name":value,…}. "{}" where the class has no fields. `escape` is ESCAPE_JSON, or
// ESCAPE_JSON_CSV for the inside of a quoted CSV cell.
u8 *render_data(const pen *at, u8 *p, const record *rec, text_escape escape);
void render_data_json(outbuf *out, const record *rec);

// Any value of a payload as JSON: ESCAPE_JSON, or ESCAPE_JSON_CSV for the inside of a quoted CSV cell.
u8 *render_value_json(const pen *at, u8 *p, const typed_value *v, text_escape escape);
// The same as messages show it: texts and numbers without quotes, elements of an array joined by commas, structs as
// JSON, nothing for VALUE_NULL. ESCAPE_NONE, or ESCAPE_JSON for the inside of a JSON string.
u8 *render_value_text(const pen *at, u8 *p, const typed_value *v, text_escape escape);
void render_text(outbuf *out, const typed_value *v);                                         // with ESCAPE_NONE
u8 *render_bytes_text(const pen *at, u8 *p, const field *f, span bytes, text_escape escape); // of a single field

static inline bool render_has_message(const record *rec)
{
    return rec->plan && rec->plan->message_count;
}

// The message string with its inserts, UTF-8: as it is (ESCAPE_NONE), or for the inside of a JSON string. The record
// has one; the second form returns false, and writes nothing, where it has none.
u8 *render_message_text(const pen *at, u8 *p, const record *rec, text_escape escape);
bool render_message(outbuf *out, const record *rec);

// Escapes what stands from offset `start` to p for the inside of a JSON string, in place.
u8 *render_escaped(const pen *at, u8 *p, size_t start);

// Return addresses as a JSON array of "0x…" strings.
u8 *render_stack(u8 *p, const record *rec, text_escape escape);
void render_stack_json(outbuf *out, const record *rec);

// The extended data items that have no column of their own (all but activity, SID, stacks, schema and traits) and what
// other events tell of the record (file_path, key_path, frames) as a JSON object by name; false where there are none.
bool render_extended_json(outbuf *out, const record *rec);

// False: render_extended_json is, too. So that the many records without such items do not pay for those with them.
static inline bool render_may_extend(const record *rec)
{
    const event *ev = rec->event;
    return ev->extended.len || ev->parent_guid || ev->extra_count || ev->kind == HEADER_MESSAGE || rec->file_path ||
           rec->key_path || rec->frames;
}

// `text` as the inside of a JSON string.
void render_json_text(outbuf *out, const char *text);

#endif
