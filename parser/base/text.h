// Writers of one value each, as Windows prints it (TdhFormatProperty, ConvertSidToStringSid, RtlIpv6AddressToString).
//
// Every writer takes a write position with enough room after it (stated for each) and returns the new position. None
// allocates, locks or calls printf; none ever emits invalid UTF-8. The SSE2 and NEON forms of the string writers give
// the same bytes as the scalar ones (tested).
#ifndef ETWKIT_TEXT_H
#define ETWKIT_TEXT_H

#include <string.h>

#include "base/guid.h"
#include "base/limits.h"
#include "base/span.h"

// ------------------------------------------------------------------------------------- numbers

u8 *text_u64(u8 *p, u64 value);                        // room 20
u8 *text_i64(u8 *p, i64 value);                        // room 20
u8 *text_hex(u8 *p, u64 value);                        // room 18: 0x, upper case, no leading zeros, "0x0"
u8 *text_hex_lower(u8 *p, u64 value);                  // room 18: the same in lower case
u8 *text_hex_fixed(u8 *p, u64 value, unsigned digits); // room digits: lower case, zero-padded, no prefix
u8 *text_bytes(u8 *p, span bytes);                     // room 2 * len: two upper-case digits a byte, no prefix

// A conversion of printf for a whole number, as WPP messages have them ("08x", "-5d", "#I64x").
typedef struct number_form {
    bool left, plus, blank, zeros, prefix; // the flags - + blank 0 #
    bool has_precision;
    u8 width, precision; // at most LIMIT_NUMBER_WIDTH
    char conversion;     // d i u x X o: whole numbers; p: all digits; else no number is meant
} number_form;

// The length (l, ll, I64…) is skipped, it follows from the value; a form that ends before its conversion is a 'd'.
number_form number_form_read(const char *spec);
// As printf writes it. d and i have a sign: `negative` and the magnitude. Room LIMIT_NUMBER_WIDTH + 24.
u8 *text_number(u8 *p, u64 magnitude, bool negative, const number_form *form);

// %f where that text reads back as the same number (TDH prints %f), else the shortest text that does. "NaN",
// "Infinity" and "-Infinity" for what is no number: callers who write JSON quote those. Room 400.
u8 *text_f32(u8 *p, u32 bits);
u8 *text_f64(u8 *p, u64 bits);

// ------------------------------------------------------------------------------------- identities and addresses

u8 *text_guid(u8 *p, const u8 *bytes); // room 36: lower case, no braces; bytes as in a trace
// SID in its binary form: revision, count, 6 bytes big-endian authority, count sub-authorities. The caller has proven
// 8 + 4 * count bytes. Authority in decimal below 2^32, else 0x and 12 hex digits. Room TEXT_SID_BYTES.
enum { TEXT_SID_BYTES = 16 + 11 * 256 };
u8 *text_sid(u8 *p, span sid);
u8 *text_ipv4(u8 *p, const u8 *bytes); // room 15
u8 *text_ipv6(u8 *p, const u8 *bytes); // room 45: RFC 5952, v4-mapped and ISATAP tails dotted
// SOCKADDR: 1.2.3.4:80, [fe80::1%3]:80; 0x and hex bytes for another family or a short one. Room 64 + 2 * len.
u8 *text_socket_address(u8 *p, span bytes);

// ------------------------------------------------------------------------------------- times

// FILETIME (100 ns since 1601, UTC). Values before 1601 or after 9999 give the raw number. Room 32.
u8 *text_time(u8 *p, i64 filetime);     // 2023-03-14T07:46:50.7012345Z
u8 *text_time_tdh(u8 *p, i64 filetime); // 2017-11-04T02:46:22.305045900Z, as TDH prints a FILETIME
// 16 bytes; 2017-11-04T03:46:22.305Z, or the eight numbers as they are where there is no such time; room 64
u8 *text_systemtime(u8 *p, const u8 *bytes);
// The reverse for command lines: ISO 8601 with optional fraction, 'T' or blank, 'Z' or nothing, date alone allowed.
// The parts of a FILETIME. `days` is since 1601-01-01, a Monday.
typedef struct calendar_time {
    u32 year, month, day, hour, minute, second, ticks, days;
} calendar_time;
calendar_time time_calendar(u64 filetime);

MUST_USE bool time_from_text(const char *text, i64 *filetime);

// ------------------------------------------------------------------------------------- strings

// Lone surrogates and malformed UTF-8 become U+FFFD, each maximal bad part one. *_json escapes for the inside of a JSON
// string (quote, backslash, all below 0x20, and 0x7f) and does not write the quotes. NUL becomes U+2400, its symbol.
// Odd trailing bytes of UTF-16 are ignored by these. Room: plain 3 bytes for each input byte; json 6 bytes for each
// input byte.
u8 *text_utf16(u8 *p, span utf16);
u8 *text_utf16_json(u8 *p, span utf16);
u8 *text_utf8(u8 *p, span utf8);
u8 *text_utf8_json(u8 *p, span utf8);
u8 *text_ansi(u8 *p, span ansi); // Windows-1252, the default ANSI code page
u8 *text_ansi_json(u8 *p, span ansi);

// Bytes of the character at the start of `utf8` that shows nothing itself and changes what is seen: it has no width,
// turns the direction of others, or breaks a line (U+2028, U+2029). 0: it is another one. Controls are others.
size_t text_hidden(span utf8);
// Bytes of the character at the start of `utf8`; 0: it is none, or not all of it is there.
size_t text_character(span utf8);

// The same by a value. ESCAPE_JSON_CSV is for JSON inside a quoted CSV cell: the quotes in it are doubled.
typedef enum text_escape { ESCAPE_NONE, ESCAPE_JSON, ESCAPE_JSON_CSV } text_escape;
u8 *text_utf16_as(u8 *p, span utf16, text_escape escape);
u8 *text_utf8_as(u8 *p, span utf8, text_escape escape);
u8 *text_ansi_as(u8 *p, span ansi, text_escape escape);

// The bytes of a text that ends with a NUL.
static inline span text_span(const char *text)
{
    return (span){(const u8 *)text, strlen(text)};
}

// What stands behind the last backslash of a path; all of it where there is none.
static inline span text_file_name(span path)
{
    size_t at = path.len;
    while (at && path.at[at - 1] != '\\')
        at--;
    return span_from(path, at);
}

// Whether it ends so, in any case.
bool text_ends_in(span text, const char *suffix);
static inline const char *text_s(u64 count) // "1 event", "2 events": "%llu event%s"
{
    return count == 1 ? "" : "s";
}

// Bytes before the terminator; false where there is none (then *len is all of it, for UTF-16 rounded down to even).
bool utf16_length(span s, size_t *len);
bool ansi_length(span s, size_t *len);

// ------------------------------------------------------------------------------------- for tests only

// The forms without vector instructions, on every machine: the ones above must give the same bytes.
u8 *text_utf16_scalar(u8 *p, span utf16, text_escape escape);
u8 *text_utf8_scalar(u8 *p, span utf8, text_escape escape);
u8 *text_ansi_scalar(u8 *p, span ansi, text_escape escape);
u8 *text_guid_scalar(u8 *p, const u8 *bytes);
u8 *text_bytes_scalar(u8 *p, span bytes);
bool utf16_length_scalar(span s, size_t *len);

#endif
