// The item types of WPP parameters, and the slices all WPP files are cut into.
//
// Knows how many bytes TraceMessage wrote for each type and how TDH would call them. Called by wpp_reader.c only.
// Trusts nothing: a type it does not know is said to be unknown, since everything after it would be misread.
#include "schema/wpp/wpp.h"

#include <strings.h>

#include "base/limits.h"

// ---------------------------------------------------------------------------------------------- slices

bool slice_same_word(span s, const char *word)
{
    return s.len == strlen(word) && (s.len == 0 || strncasecmp((const char *)s.at, word, s.len) == 0);
}

bool slice_starts(span s, const char *with)
{
    size_t len = strlen(with);
    return s.len >= len && memcmp(s.at, with, len) == 0;
}

size_t slice_find(span s, const char *what)
{
    size_t len = strlen(what), at = 0;
    while (s.len - at >= len && s.len > at) {
        const u8 *first = memchr(s.at + at, what[0], s.len - at);
        if (!first)
            break;
        at = (size_t)(first - s.at);
        if (s.len - at >= len && memcmp(first, what, len) == 0)
            return at;
        at++;
    }
    return s.len;
}

span slice_take_word(span *s)
{
    while (s->len && slice_blank(s->at[0]))
        *s = span_from(*s, 1);
    size_t len = 0;
    while (len < s->len && !slice_blank(s->at[len]))
        len++;
    span word = slice_before(*s, len);
    *s = span_from(*s, len);
    return word;
}

bool slice_to_u32(span s, u32 *out)
{
    s = slice_trim(s);
    bool minus = s.len && s.at[0] == '-';
    s = span_from(s, minus ? 1 : 0);
    bool hex = s.len > 2 && s.at[0] == '0' && (s.at[1] | 0x20) == 'x';
    s = span_from(s, hex ? 2 : 0);
    u64 value = 0;
    for (size_t i = 0; i < s.len; i++) {
        u8 c = s.at[i], lower = (u8)(c | 0x20);
        u32 digit = c >= '0' && c <= '9'                  ? c - (u32)'0'
                    : hex && lower >= 'a' && lower <= 'f' ? lower - (u32)'a' + 10
                                                          : 99;
        if (digit > 15)
            return false;
        value = value * (hex ? 16 : 10) + digit;
        if (value > UINT32_MAX)
            return false;
    }
    if (!s.len || (minus && value > 0x80000000u))
        return false;
    *out = minus ? 0u - (u32)value : (u32)value;
    return true;
}

// ---------------------------------------------------------------------------------------------- item types

// What the printf conversion of the insert has a say in.
typedef enum item_kind {
    ITEM_PLAIN,
    ITEM_INTEGER,
    ITEM_POINTER,
    ITEM_NAMED,
} item_kind;

typedef struct item_row {
    const char *name; // after "Item"
    u16 in_type, out_type;
    u8 kind, bytes; // bytes: size of an integer; explicit length of others
    u8 naming;
} item_row;

// Names, sizes and default conversions: defaultwpp.ini, the names of older ones that tracefmt and tracedmp know, and
// FORMAT.md section 9 (layouts of HEXDump, PString, Sid and the times checked there against tracefmt's output of the
// same records).
static const item_row ITEMS[] = {
    {"Char", IN_INT8, OUT_BYTE, ITEM_INTEGER, 1, 0},
    {"UChar", IN_UINT8, OUT_UNSIGNED_BYTE, ITEM_INTEGER, 1, 0},
    {"CharShort", IN_INT8, OUT_BYTE, ITEM_INTEGER, 1, 0},
    {"Short", IN_INT16, OUT_SHORT, ITEM_INTEGER, 2, 0},
    {"UShort", IN_UINT16, OUT_UNSIGNED_SHORT, ITEM_INTEGER, 2, 0},
    {"Int", IN_INT32, OUT_INT, ITEM_INTEGER, 4, 0},
    {"UInt", IN_UINT32, OUT_UNSIGNED_INT, ITEM_INTEGER, 4, 0},
    {"Long", IN_INT32, OUT_INT, ITEM_INTEGER, 4, 0},
    {"ULong", IN_UINT32, OUT_UNSIGNED_INT, ITEM_INTEGER, 4, 0},
    {"ULongX", IN_UINT32, OUT_HEX_INT32, ITEM_INTEGER, 4, 0},
    {"LongLong", IN_INT64, OUT_LONG, ITEM_INTEGER, 8, 0},
    {"Quad", IN_INT64, OUT_LONG, ITEM_INTEGER, 8, 0},
    {"ULongLong", IN_UINT64, OUT_UNSIGNED_LONG, ITEM_INTEGER, 8, 0},
    {"UQuad", IN_UINT64, OUT_UNSIGNED_LONG, ITEM_INTEGER, 8, 0},
    {"LongLongX", IN_UINT64, OUT_HEX_INT64, ITEM_INTEGER, 8, 0},
    {"LongLongXX", IN_UINT64, OUT_HEX_INT64, ITEM_INTEGER, 8, 0},
    {"LongLongO", IN_UINT64, OUT_UNSIGNED_LONG, ITEM_INTEGER, 8, 0},
    {"Float", IN_FLOAT, OUT_FLOAT, ITEM_PLAIN, 0, 0},
    {"Double", IN_DOUBLE, OUT_DOUBLE, ITEM_PLAIN, 0, 0},
    {"Ptr", IN_POINTER, OUT_HEX_INT64, ITEM_POINTER, 0, 0},

    {"String", IN_ANSI_STRING, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"RString", IN_ANSI_STRING, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"WString", IN_UNICODE_STRING, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"RWString", IN_UNICODE_STRING, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"PString", IN_MOF_COUNTED_ANSI_STRING, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"PWString", IN_MOF_COUNTED_STRING, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"WChar", IN_UINT16, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"NWString", IN_REST_STRING, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"Char4", IN_ANSI_STRING, OUT_STRING, ITEM_PLAIN, 4, 0},
    {"CharSign", IN_ANSI_STRING, OUT_STRING, ITEM_PLAIN, 2, 0},
    {"HEXDump", IN_COUNTED_BINARY, OUT_HEX_BINARY, ITEM_PLAIN, 0, 0},
    {"HexBytes", IN_COUNTED_BINARY, OUT_HEX_BINARY, ITEM_PLAIN, 0, 0},

    {"Sid", IN_SID, OUT_STRING, ITEM_PLAIN, 0, 0},
    {"Guid", IN_GUID, OUT_GUID, ITEM_PLAIN, 0, 0},
    {"CLSID", IN_GUID, OUT_GUID, ITEM_PLAIN, 0, 0},
    {"LIBID", IN_GUID, OUT_GUID, ITEM_PLAIN, 0, 0},
    {"IID", IN_GUID, OUT_GUID, ITEM_PLAIN, 0, 0},
    {"NTSTATUS", IN_UINT32, OUT_NTSTATUS, ITEM_PLAIN, 0, 0},
    {"WINERROR", IN_UINT32, OUT_WIN32_ERROR, ITEM_PLAIN, 0, 0},
    {"HRESULT", IN_INT32, OUT_HRESULT, ITEM_PLAIN, 0, 0},
    {"NTerror", IN_UINT32, OUT_WIN32_ERROR, ITEM_PLAIN, 0, 0},
    {"NDIS_STATUS", IN_UINT32, OUT_HEX_INT32, ITEM_PLAIN, 0, 0}, // its codes are not all NTSTATUS codes
    {"NDIS_OID", IN_UINT32, OUT_HEX_INT32, ITEM_PLAIN, 0, 0},
    {"Bool", IN_BOOLEAN, OUT_BOOLEAN, ITEM_PLAIN, 0, 0},
    {"Timestamp", IN_FILETIME, OUT_DATETIME, ITEM_PLAIN, 0, 0},
    {"WaitTime", IN_FILETIME, OUT_DATETIME, ITEM_PLAIN, 0, 0},
    {"TimeDelta", IN_INT64, OUT_LONG, ITEM_PLAIN, 0, 0}, // 100 ns
    {"IPAddr", IN_UINT32, OUT_IPV4, ITEM_PLAIN, 0, 0},
    {"IPV6Addr", IN_BINARY, OUT_IPV6, ITEM_PLAIN, 16, 0},
    {"MACAddr", IN_BINARY, OUT_HEX_BINARY, ITEM_PLAIN, 6, 0},
    {"Port", IN_UINT16, OUT_PORT, ITEM_PLAIN, 0, 0},

    {"ListByte", IN_UINT8, OUT_UNSIGNED_BYTE, ITEM_NAMED, 1, WPP_LIST},
    {"ListShort", IN_UINT16, OUT_UNSIGNED_SHORT, ITEM_NAMED, 2, WPP_LIST},
    {"ListLong", IN_UINT32, OUT_UNSIGNED_INT, ITEM_NAMED, 4, WPP_LIST},
    {"SetByte", IN_UINT8, OUT_UNSIGNED_BYTE, ITEM_NAMED, 1, WPP_SET},
    {"SetShort", IN_UINT16, OUT_UNSIGNED_SHORT, ITEM_NAMED, 2, WPP_SET},
    {"SetLong", IN_UINT32, OUT_UNSIGNED_INT, ITEM_NAMED, 4, WPP_SET},
    {"Enum", IN_UINT32, OUT_UNSIGNED_INT, ITEM_NAMED, 4, WPP_ENUM},
    {"FlagsEnum", IN_UINT32, OUT_UNSIGNED_INT, ITEM_NAMED, 4, WPP_FLAGS},
};

// Signed, unsigned and hexadecimal forms of 1, 2, 4 and 8 bytes.
typedef struct integer_forms {
    u8 bytes;
    u16 signed_in, signed_out, unsigned_in, unsigned_out, hex_out;
} integer_forms;

static const integer_forms INTEGERS[] = {
    {1, IN_INT8, OUT_BYTE, IN_UINT8, OUT_UNSIGNED_BYTE, OUT_HEX_INT8},
    {2, IN_INT16, OUT_SHORT, IN_UINT16, OUT_UNSIGNED_SHORT, OUT_HEX_INT16},
    {4, IN_INT32, OUT_INT, IN_UINT32, OUT_UNSIGNED_INT, OUT_HEX_INT32},
    {8, IN_INT64, OUT_LONG, IN_UINT64, OUT_UNSIGNED_LONG, OUT_HEX_INT64},
};

static void integer_by_conversion(u8 bytes, u8 conversion, wpp_item *out)
{
    const integer_forms *forms = &INTEGERS[0];
    for (size_t i = 0; i < COUNT_OF(INTEGERS); i++)
        if (INTEGERS[i].bytes == bytes)
            forms = &INTEGERS[i];
    switch (conversion) {
    case 'd':
    case 'i':
        out->in_type = forms->signed_in;
        out->out_type = forms->signed_out;
        break;
    case 'u':
    case 'o':
        out->in_type = forms->unsigned_in;
        out->out_type = forms->unsigned_out;
        break;
    case 'x':
    case 'X':
    case 'p':
        out->in_type = forms->unsigned_in;
        out->out_type = forms->hex_out;
        break;
    case 'c':
    case 'C':
        if (bytes <= 2) { // TDH shows these two as a character
            out->in_type = forms->unsigned_in;
            out->out_type = OUT_STRING;
        }
        break;
    default:
        break;
    }
}

bool wpp_item_from_text(span text, span spec, wpp_item *out)
{
    if (!slice_starts(text, "Item"))
        return false;
    span name = span_from(text, 4);
    size_t open = slice_find(name, "(");
    span names = slice_of("");
    bool has_names = open < name.len;
    if (has_names) {
        if (name.at[name.len - 1] != ')')
            return false;
        names = slice_trim(slice_before(span_from(name, open + 1), name.len - open - 2));
        name = slice_before(name, open);
    }
    name = slice_trim(name);
    u8 conversion = spec.len ? spec.at[spec.len - 1] : 0;
    for (size_t i = 0; i < COUNT_OF(ITEMS); i++) {
        const item_row *row = &ITEMS[i];
        if (!slice_same_word(name, row->name) || has_names != (row->kind == ITEM_NAMED))
            continue;
        *out = (wpp_item){row->in_type, row->out_type, 0, (wpp_naming)row->naming, names};
        if (row->kind == ITEM_INTEGER)
            integer_by_conversion(row->bytes, conversion, out);
        else if (row->kind == ITEM_PLAIN)
            out->length = row->bytes;
        else if (row->kind == ITEM_POINTER && (conversion == 'd' || conversion == 'i'))
            out->out_type = OUT_LONG;
        else if (row->kind == ITEM_POINTER && conversion == 'u')
            out->out_type = OUT_UNSIGNED_LONG;
        return true;
    }
    return false;
}

static u32 item_bits(const wpp_item *item)
{
    return item->in_type == IN_UINT8 ? 8 : item->in_type == IN_UINT16 ? 16 : 32;
}

// "a,b=5,c" numbers a 0, b 5, c 6.
u32 wpp_item_names(arena *a, const wpp_item *item, const map_entry **out)
{
    u32 capacity = 1, count = 0, next = 0;
    for (size_t i = 0; i < item->names.len && capacity < LIMIT_MAP_ENTRIES; i++)
        capacity += item->names.at[i] == ',';
    map_entry *entries = arena_array(a, map_entry, capacity);
    span rest = item->names;
    while (rest.len && count < capacity) {
        size_t comma = slice_find(rest, ",");
        span entry = slice_trim(slice_before(rest, comma));
        rest = span_from(rest, comma + 1);
        size_t equals = slice_find(entry, "=");
        u32 number = next;
        if (equals < entry.len && slice_to_u32(span_from(entry, equals + 1), &number))
            entry = slice_trim(slice_before(entry, equals));
        next = number + 1;
        if (!entry.len || (item->naming == WPP_SET && number >= item_bits(item)))
            continue;
        entries[count].value = item->naming == WPP_SET ? 1u << number : number;
        entries[count++].text = arena_text_len(a, (const char *)entry.at, entry.len);
    }
    *out = entries;
    return count;
}
