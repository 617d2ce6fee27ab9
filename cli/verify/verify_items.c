// What outputs hold that are made from records but have none: packets of pcapng, samples of profiles, events of a
// timeline. Each reader is by the format's specification alone.
#include <string.h>

#include "base/limits.h"
#include "base/span.h"
#include "verify/verify.h"

enum { CHUNK = 64 << 10 };

// An input byte by byte, without going back.
typedef struct stream {
    const input *in;
    u64 at; // in the input, of chunk[pos]
    size_t pos, len;
    bool lost, ended; // ended: before what was asked for
    u8 chunk[CHUNK];
} stream;

static bool fill(stream *s)
{
    if (s->pos < s->len)
        return true;
    s->len = input_read(s->in, s->at, s->chunk, CHUNK, &s->lost);
    s->pos = 0;
    return s->len > 0;
}

static u8 byte_of(stream *s)
{
    if (!fill(s)) {
        s->ended = true;
        return 0;
    }
    s->at++;
    return s->chunk[s->pos++];
}

static void skip(stream *s, u64 bytes)
{
    u64 held = s->len - s->pos;
    s->pos += (size_t)(bytes < held ? bytes : held);
    s->at += bytes;
    s->ended |= s->at > s->in->bytes;
}

static u32 u32_of(stream *s)
{
    u32 value = 0;
    for (u32 shift = 0; shift < 32; shift += 8)
        value |= (u32)byte_of(s) << shift;
    return value;
}

static bool told(const stream *s, const char *what, u64 at, error *e)
{
    if (s->lost)
        return error_code_set(e, ERR_IO, "%s: a read failed at byte %llu", s->in->path, (unsigned long long)s->at);
    return error_set(e, "%s: %s at byte %llu", s->in->path, what, (unsigned long long)at);
}

// ---------------------------------------------------------------------------------------------- pcapng

// Blocks have their length at both ends; an Enhanced Packet Block is a packet (draft-ietf-opsawg-pcapng).
static bool count_packets(stream *s, u64 *packets, error *e)
{
    enum { SECTION = 0x0a0d0d0a, PACKET = 6, LEAST = 12 };
    while (fill(s)) {
        u64 start = s->at;
        u32 type = u32_of(s), len = u32_of(s);
        if (s->ended || len < LEAST || len % 4 || (start == 0 && type != SECTION))
            return told(s, "no pcapng block", start, e);
        skip(s, len - LEAST);
        if (u32_of(s) != len || s->ended)
            return told(s, "a pcapng block has two lengths", start, e);
        *packets += type == PACKET;
    }
    return s->at > 0 || told(s, "no pcapng block", 0, e);
}

// ---------------------------------------------------------------------------------------------- folded stacks

// "a;b;c 12": the sum of what stands after the last blank of each line.
static bool count_folded(stream *s, u64 *samples, error *e)
{
    u64 number = 0, start = 0;
    u8 before = '\n';
    bool digits = false; // since the last blank nothing else
    while (fill(s)) {
        u8 c = byte_of(s);
        if (c == ' ') {
            digits = true;
            number = 0;
        } else if (c == '\n') {
            if (!digits || before == ' ')
                return told(s, "a line without a count", start, e);
            *samples += number;
            digits = false;
            start = s->at;
        } else {
            digits &= c >= '0' && c <= '9' && number < UINT64_MAX / 16;
            number = digits ? number * 10 + (c - '0') : 0;
        }
        before = c;
    }
    return before == '\n' || told(s, "a line without an end", start, e);
}

// ---------------------------------------------------------------------------------------------- speedscope

// A string's text, as far as it fits; the quote before it is taken.
static void take_string(stream *s, char text[16])
{
    size_t len = 0;
    for (u8 c = byte_of(s); c != '"' && !s->ended; c = byte_of(s)) {
        if (len < 15)
            text[len++] = (char)c;
        if (c == '\\')
            (void)byte_of(s);
    }
    text[len] = 0;
}

static u8 take_after_blanks(stream *s)
{
    u8 c = byte_of(s);
    while (strchr(" \t\r\n", c) && c)
        c = byte_of(s);
    return c;
}

static bool add_numbers(stream *s, u64 *sum)
{
    u64 number = 0;
    for (;;) {
        u8 c = take_after_blanks(s);
        if (c >= '0' && c <= '9') {
            number = number * 10 + (c - '0');
            continue;
        }
        *sum += number;
        number = 0;
        if (c != ',')
            return c == ']';
    }
}

// The sum of all lists "weights"; braces and brackets must fit each other.
static bool count_weights(stream *s, u64 *samples, error *e)
{
    char text[16];
    u64 depth = 0;
    u8 c = take_after_blanks(s);
    for (; !s->ended; c = take_after_blanks(s)) {
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth-- == 0)
                return told(s, "no JSON", s->at, e);
        } else if (c == '"') {
            take_string(s, text);
            if (strcmp(text, "weights") == 0 && take_after_blanks(s) == ':' &&
                (take_after_blanks(s) != '[' || !add_numbers(s, samples)))
                return told(s, "no list of weights", s->at, e);
        }
    }
    return (depth == 0 && s->at > 2) || told(s, "the JSON does not end", s->at, e);
}

// ---------------------------------------------------------------------------------------------- timelines

static u8 next_byte(void *from)
{
    return byte_of(from);
}

static u64 take_varint(stream *s)
{
    u64 value;
    s->ended |= !verify_varint(next_byte, s, &value);
    return value;
}

// Messages within messages, by field number; what is counted is in the table.
typedef enum message { TRACE, PACKET, BUNDLE, TRACK_EVENT, OTHER } message;
enum { VARINT, EIGHT, BYTES, FOUR = 5, SLICE_BEGIN = 1, INSTANT = 3 };

static message member_of(message of, u64 id, u64 *events)
{
    if (of == TRACE && id == 1)
        return PACKET;
    if (of == PACKET && id == 1) // ftrace_events
        return BUNDLE;
    if (of == PACKET && id == 11)
        return TRACK_EVENT;
    *events += (of == PACKET && id == 66) || (of == BUNDLE && id == 2); // perf_sample, event
    return OTHER;
}

static void take_message(stream *s, message of, u64 end, u64 *events)
{
    while (!s->ended && s->at < end) {
        u64 tag = take_varint(s), id = tag >> 3, value;
        switch (tag & 7) {
        case VARINT:
            value = take_varint(s);
            *events += of == TRACK_EVENT && id == 9 && (value == SLICE_BEGIN || value == INSTANT);
            break;
        case EIGHT:
            skip(s, 8);
            break;
        case FOUR:
            skip(s, 4);
            break;
        case BYTES:
            value = take_varint(s);
            message member = member_of(of, id, events);
            if (value > end - s->at)
                s->ended = true;
            else if (member == OTHER)
                skip(s, value);
            else
                take_message(s, member, s->at + value, events);
            break;
        default:
            s->ended = true;
        }
    }
    s->ended |= s->at != end;
}

static bool count_timeline(stream *s, u64 *events, error *e)
{
    take_message(s, TRACE, s->in->bytes, events);
    return !s->ended || told(s, "no message of protobuf", s->at, e);
}

// ---------------------------------------------------------------------------------------------- by format

bool verify_count_items(const input *in, const char *format, u64 *items, error *e)
{
    static const struct {
        const char *format;
        bool (*count)(stream *s, u64 *items, error *e);
    } READERS[] = {
        {"pcapng", count_packets},
        {"folded", count_folded},
        {"speedscope", count_weights},
        {"perfetto", count_timeline},
    };
    *items = 0;
    for (size_t i = 0; i < COUNT_OF(READERS); i++)
        if (strcmp(READERS[i].format, format) == 0) {
            stream *s = mem_zeroed(1, sizeof(*s));
            s->in = in;
            bool ok = READERS[i].count(s, items, e);
            mem_free(s);
            return ok;
        }
    return error_set(e, "%s: nobody knows how to count what it has", in->path);
}
