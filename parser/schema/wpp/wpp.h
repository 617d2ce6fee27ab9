// The pieces of WPP software tracing's message descriptions: format strings, item types, the texts they stand in.
//
// Internal to the WPP sources (schema_wpp.c, wpp_reader.c, wpp_item.c, wpp_message.c). A slice is a span of the text of
// a description file, which is hostile; none is NUL-terminated. Facts: WPP documentation of learn.microsoft.com ("WPP
// extended format specification strings", "Trace message format file"), the type table of WPP's default configuration
// (defaultwpp.ini, MIT-licensed in dotnet/wpf), and TMF files that tracepdb wrote.
#ifndef ETWKIT_WPP_H
#define ETWKIT_WPP_H

#include "schema/model/schema.h"

// ---------------------------------------------------------------------------------------------- slices

static inline bool slice_blank(u8 c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool slice_word(u8 c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static inline span slice_of(const char *text)
{
    return (span){(const u8 *)text, strlen(text)};
}

static inline span slice_trim(span s)
{
    while (s.len && slice_blank(s.at[0]))
        s = span_from(s, 1);
    while (s.len && slice_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

static inline span slice_before(span s, size_t len)
{
    return (span){s.at, len < s.len ? len : s.len};
}

static inline bool slice_same(span a, span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool slice_same_word(span s, const char *word); // case ignored
bool slice_starts(span s, const char *with);
// Where `what` stands first; s.len where it does not.
size_t slice_find(span s, const char *what);
// The first word of *s, up to a blank; *s goes on after it.
span slice_take_word(span *s);
// Decimal, or hexadecimal after 0x; a minus sign gives the two's complement. The whole text must be one number.
MUST_USE bool slice_to_u32(span s, u32 *out);

// ---------------------------------------------------------------------------------------------- format strings

typedef enum wpp_token_kind {
    WPP_TEXT,
    WPP_PERCENT, // one literal percent sign
    WPP_PREFIX,  // %0: where the standard prefix belongs
    WPP_INSERT,  // %10!s!
    WPP_NAME,    // %!FUNC!
    WPP_ESCAPE,  // %n %t %b %r %. %!: FormatMessage's own
} wpp_token_kind;

typedef struct wpp_token {
    wpp_token_kind kind;
    span text;  // all of it; WPP_NAME: the word between the marks
    span spec;  // WPP_INSERT: what stands between the exclamation marks, empty where nothing does
    u32 number; // WPP_INSERT
} wpp_token;

// The next token of *rest, which moves on. False at the end.
bool wpp_token_next(span *rest, wpp_token *out);

// The KEY=value pairs of a trailing comment. A value goes on up to the next key, since names of functions hold blanks;
// keys begin with a capital ("operator=" is none).
enum { WPP_TRAILER_PAIRS = 16 };
typedef struct wpp_trailer {
    struct {
        span key, value;
    } pairs[WPP_TRAILER_PAIRS];
    u32 count;
} wpp_trailer;

void wpp_trailer_read(span comment, wpp_trailer *out);
span wpp_trailer_find(const wpp_trailer *trailer, span key); // letter case ignored; empty where it is not there

// What a message's %!NAME! and %1…%9 stand for. Slices are empty where they are not known.
typedef struct wpp_facts {
    span component; // the name of the GUID line
    span tag;       // of the #typev line: source file, extension, line ("L2CAP_c141")
    span source;    // SRC= of the GUID line
    span function, level, flags;
    const wpp_trailer *trailer, *guid_trailer; // the comments of both lines, for other keys
} wpp_facts;

enum {
    WPP_FIRST_PARAMETER = 10, // %1 to %9 are the event's own header
    WPP_LAST_PARAMETER = 9999,
};

// The message in the form of manifests: parameters are numbered from 1 in the order of `indexes` (ascending numbers of
// the parameters, as the format string knows them), and every percent sign is an insert, an escape or doubled. Names
// nothing is known for stay as they are; what the record's header says (%3 thread, %8 process, …) becomes "%#3!x!".
// NULL where the format string is empty. *cut: LIMIT_MESSAGE_BYTES were not enough.
const char *wpp_message_translate(arena *a, span format, const wpp_facts *facts, const u16 *indexes, u32 count,
                                  bool *cut);

// ---------------------------------------------------------------------------------------------- item types

typedef enum wpp_naming {
    WPP_UNNAMED,
    WPP_LIST,  // ItemListLong(a,b): names of values
    WPP_SET,   // ItemSetLong(a,b): names of bits
    WPP_ENUM,  // ItemEnum(type): an #enumv of the file
    WPP_FLAGS, // ItemFlagsEnum(type): the same, its values are masks
} wpp_naming;

// A parameter's type in TDH's terms.
typedef struct wpp_item {
    u16 in_type, out_type;
    u16 length; // bytes, for types that have no length of their own; else 0
    wpp_naming naming;
    span names; // between the parentheses
} wpp_item;

// "ItemLong", "ItemListByte(Low,APC,DPC)". The printf conversion of its insert ("d", "08x", empty) decides between
// signed, unsigned and hexadecimal. False where the type is not known, so that its size is not.
MUST_USE bool wpp_item_from_text(span text, span spec, wpp_item *out);

// The names of a list or set as map entries; texts lie in `a`. Returns their number, at most LIMIT_MAP_ENTRIES.
u32 wpp_item_names(arena *a, const wpp_item *item, const map_entry **out);

#endif
