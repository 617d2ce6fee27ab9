// A record's values as text. Everything here is infallible: the decoder has proven every slot.
//
// Text follows TdhFormatProperty (FORMAT.md, section 10), except that JSON keeps JSON's own numbers and booleans, and
// that status codes stay numbers in hex so that they can be compared.
#ifndef ETWKIT_RENDER_H
#define ETWKIT_RENDER_H

#include "base/outbuf.h"
#include "decode/record.h"

// The payload as a JSON object: {"name":value,…}. "{}" where the class has no fields.
void render_data_json(outbuf *out, const record *rec);

// The message string with its inserts, UTF-8; false (and nothing written) where the class has none. _json escapes for
// the inside of a JSON string.
bool render_message(outbuf *out, const record *rec);
bool render_message_json(outbuf *out, const record *rec);

// Return addresses as a JSON array of "0x…" strings.
void render_stack_json(outbuf *out, const record *rec);

// The extended data items that have no column of their own (all but activity, SID, stacks, schema and traits) and what
// other events tell of the record (file_path, key_path, frames) as a JSON object by name; false where there are none.
bool render_extended_json(outbuf *out, const record *rec);

// Columns that live in extended data items; false where the event has none. Room for the SID's text is taken from out.
bool render_related_activity(const record *rec, const u8 **guid_bytes);
bool render_user_sid(outbuf *out, const record *rec);

// One value of a field as plain text (messages, TdhFormatProperty): strings unquoted, numbers as TDH prints them.
void render_value_text(outbuf *out, const field *f, span value, bool wide);

// A top-level field by name as plain text: arrays and structs as JSON. False: the record has no such field.
bool render_field_text(outbuf *out, const record *rec, const char *name);

// `text` as the inside of a JSON string.
void render_json_text(outbuf *out, const char *text);

#endif
