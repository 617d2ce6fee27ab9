// Compiles the layout text of built-in tables into properties. Structs are taken breadth first, so that members stand
// after everything that was placed before them and nothing recurses.
#include "schema/model/schema_layout.h"

#include "base/limits.h"

enum { LAYOUT_FIELDS = 160, LAYOUT_WORD = 256 }; // the longest layout known has 99 fields, the longest name 180 bytes

typedef struct layout_type {
    const char *word;
    u16 in, out; // out OUT_NULL: the in type's default
} layout_type;

// In the order of how often the tables use them.
static const layout_type TYPES[] = {
    {"u32", IN_UINT32, OUT_NULL},
    {"wstr", IN_UNICODE_STRING, OUT_NULL},
    {"ptr", IN_POINTER, OUT_NULL},
    {"x32", IN_UINT32, OUT_HEX_INT32},
    {"size_t", IN_SIZE_T, OUT_NULL},
    {"u64", IN_UINT64, OUT_NULL},
    {"u16", IN_UINT16, OUT_NULL},
    {"u8", IN_UINT8, OUT_NULL},
    {"x64", IN_UINT64, OUT_HEX_INT64},
    {"guid", IN_GUID, OUT_NULL},
    {"hex32", IN_HEX_INT32, OUT_NULL},
    {"hex64", IN_HEX_INT64, OUT_NULL},
    {"bool", IN_BOOLEAN, OUT_NULL},
    {"bytes", IN_BINARY, OUT_NULL},
    {"wmitime", IN_UINT64, OUT_ETW_TIME},
    {"ipv4", IN_UINT32, OUT_IPV4},
    {"ipv6", IN_BINARY, OUT_IPV6},
    {"port", IN_UINT16, OUT_PORT},
    {"i8", IN_INT8, OUT_NULL},
    {"i16", IN_INT16, OUT_NULL},
    {"i32", IN_INT32, OUT_NULL},
    {"i64", IN_INT64, OUT_NULL},
    {"x8", IN_UINT8, OUT_HEX_INT8},
    {"x16", IN_UINT16, OUT_HEX_INT16},
    {"bool8", IN_UINT8, OUT_BOOLEAN},
    {"astr", IN_ANSI_STRING, OUT_NULL},
    {"sid", IN_SID, OUT_NULL},
    {"wbemsid", IN_WBEM_SID, OUT_NULL},
    {"time", IN_FILETIME, OUT_NULL},
    {"systime", IN_SYSTEMTIME, OUT_NULL},
    {"sockaddr", IN_BINARY, OUT_SOCKET_ADDRESS},
    {"f32", IN_FLOAT, OUT_NULL},
    {"f64", IN_DOUBLE, OUT_NULL},
    {"cwstr", IN_COUNTED_STRING, OUT_NULL},
    {"castr", IN_COUNTED_ANSI_STRING, OUT_NULL},
    {"cbytes", IN_COUNTED_BINARY, OUT_NULL},
    {"wchar", IN_UNICODE_CHAR, OUT_NULL},
    {"char", IN_ANSI_CHAR, OUT_NULL},
    {"dump", IN_HEX_DUMP, OUT_NULL},
};

typedef struct layout {
    arena *arena;
    const provider_schema *provider;
    const char *text;
    u32 variant;
    property fields[LAYOUT_FIELDS];
    const char *bodies[LAYOUT_FIELDS]; // of structs: where their members' text begins
    u32 count;
    const char *at;
    error *e;
} layout;

static bool fail(layout *l, const char *what)
{
    return error_set(l->e, "%s at \"%.40s\" of layout \"%.200s\"", what, l->at, l->text);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The word at the position, "" where there is none.
static void take_word(layout *l, char word[LAYOUT_WORD])
{
    size_t len = 0;
    while (is_word_char(*l->at) && len + 1 < LAYOUT_WORD)
        word[len++] = *l->at++;
    word[len] = 0;
}

// A field's name, or the reference to one: everything up to one of `ends` (names of manifests may hold blanks).
static void take_name(layout *l, char name[LAYOUT_WORD], const char *ends)
{
    size_t len = strcspn(l->at, ends);
    size_t kept = len < LAYOUT_WORD ? len : LAYOUT_WORD - 1u;
    memcpy(name, l->at, kept);
    name[kept] = 0;
    l->at += len;
}

static bool take_char(layout *l, char c)
{
    if (*l->at != c)
        return false;
    l->at++;
    return true;
}

// A number, or 65536 where the word is none.
static u32 number_of(const char *word)
{
    u32 number = 0;
    if (!*word)
        return 65536;
    for (; *word; word++) {
        if (*word < '0' || *word > '9')
            return 65536;
        number = number * 10 + (u32)(*word - '0');
        if (number > 65535)
            return 65536;
    }
    return number;
}

// The nearest earlier field of that name; members find their siblings before the fields around them.
static bool find_field(const layout *l, const char *name, u16 *index)
{
    for (u32 i = l->count; i-- > 0;) {
        if (l->fields[i].name && strcmp(l->fields[i].name, name) == 0) {
            *index = (u16)i;
            return true;
        }
    }
    return false;
}

// What stands in () or []: a number or a field's name. `rest` stays with the caller.
static bool take_extent(layout *l, const char *word, u16 *value, u32 *flags, u32 fixed_flag, u32 field_flag)
{
    u32 number = number_of(word);
    if (number <= 65535) {
        *value = (u16)number;
        *flags |= fixed_flag;
        return true;
    }
    if (!find_field(l, word, value))
        return fail(l, "no such field before it");
    *flags |= field_flag;
    return true;
}

static bool take_out_type(layout *l, property *p)
{
    char word[LAYOUT_WORD];
    if (take_char(l, ':')) {
        take_word(l, word);
        if (!out_type_from_name(word, &p->out_type))
            return fail(l, "no such out type");
    }
    if (take_char(l, '=')) {
        take_word(l, word);
        p->map = l->provider ? schema_find_map(l->provider, word) : NULL;
        if (!p->map)
            return fail(l, "no such map");
    }
    return true;
}

static bool take_length(layout *l, property *p)
{
    char word[LAYOUT_WORD];
    if (!take_char(l, '('))
        return true;
    take_name(l, word, ");{}");
    if (strcmp(word, "rest") == 0)
        p->flags |= PROP_COUNT_REST;
    else if (!take_extent(l, word, &p->length, &p->flags, PROP_FIXED_LENGTH, PROP_PARAM_LENGTH))
        return false;
    return take_char(l, ')') || fail(l, ") expected");
}

static bool take_count(layout *l, property *p)
{
    char word[LAYOUT_WORD];
    if (!take_char(l, '['))
        return true;
    take_name(l, word, "];{}");
    if (strcmp(word, "rest") == 0)
        p->flags |= PROP_COUNT_REST;
    else if (!take_extent(l, word, &p->count, &p->flags, PROP_FIXED_COUNT, PROP_PARAM_COUNT))
        return false;
    return take_char(l, ']') || fail(l, "] expected");
}

static bool set_type(layout *l, property *p, const char *word)
{
    bool packed = strcmp(word, "lznt1") == 0;
    p->flags |= packed ? PROP_LZNT1 : 0;
    word = packed ? "bytes" : word;
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        if (strcmp(TYPES[i].word, word) == 0) {
            p->in_type = TYPES[i].in;
            p->out_type = TYPES[i].out;
            if (p->out_type == OUT_NULL)
                p->out_type = in_type_find(p->in_type)->default_out;
            return true;
        }
    }
    return fail(l, "no such type");
}

// "pad3", or "padptr" in the variant that has it. The word is a pad's; *none: this variant has no such field.
static bool set_pad(layout *l, property *p, const char *size, bool *none)
{
    u32 bytes = strcmp(size, "ptr") == 0 ? 4 : number_of(size);
    if (bytes == 0 || bytes > 64)
        return fail(l, "no such type");
    *none = strcmp(size, "ptr") == 0 && l->variant != 0;
    p->flags |= PROP_HIDDEN | PROP_FIXED_LENGTH | (strcmp(size, "ptr") == 0 ? PROP_64_BIT_ONLY : 0);
    p->in_type = IN_BINARY;
    p->out_type = OUT_HEX_BINARY;
    p->length = (u16)bytes;
    p->name = arena_format(l->arena, "Pad%u", l->count);
    return true;
}

// Leaves the position after the } that closes the body which begins at it.
static bool skip_body(layout *l)
{
    u32 depth = 1;
    for (; *l->at; l->at++) {
        depth += *l->at == '{';
        if (*l->at == '}' && --depth == 0) {
            l->at++;
            return true;
        }
    }
    return fail(l, "} expected");
}

static bool take_field(layout *l)
{
    char word[LAYOUT_WORD];
    property p = {.count = 1};
    const char *body = NULL;
    bool none = false;
    if (l->count >= LAYOUT_FIELDS)
        return fail(l, "more fields than a layout may have");
    if (take_char(l, '~'))
        p.flags |= PROP_HIDDEN;
    if (take_char(l, '{')) {
        body = l->at;
        p.flags |= PROP_STRUCT;
        if (!skip_body(l))
            return false;
    } else {
        take_word(l, word);
        bool pad = strncmp(word, "pad", 3) == 0;
        if (pad ? !set_pad(l, &p, word + 3, &none) : !set_type(l, &p, word))
            return false;
    }
    if (!take_length(l, &p) || !take_out_type(l, &p) || !take_count(l, &p))
        return false;
    if (!p.name) {
        if (!take_char(l, ' '))
            return fail(l, "a name expected");
        take_name(l, word, ";{}");
        if (!*word || *word == ' ')
            return fail(l, "a name expected");
        p.name = arena_text(l->arena, word);
    }
    if (none)
        return true;
    l->bodies[l->count] = body;
    l->fields[l->count++] = p;
    return true;
}

// Fields up to the end of the text, or to the } of a struct's body.
static bool take_fields(layout *l, const char *text)
{
    l->at = text;
    while (*l->at && *l->at != '}') {
        if (!take_field(l))
            return false;
        if (take_char(l, ';')) {
            if (!take_char(l, ' '))
                return fail(l, "a blank expected");
        } else if (*l->at && *l->at != '}') {
            return fail(l, "; expected");
        }
    }
    return true;
}

u32 layout_variants(const char *text)
{
    return strstr(text, "padptr") ? 2 : 1;
}

bool layout_compile(arena *a, const provider_schema *provider, const char *text, u32 variant, event_schema *event,
                    error *e)
{
    layout l;
    l.arena = a;
    l.provider = provider;
    l.text = text;
    l.variant = variant;
    l.count = 0;
    l.e = e;
    if (!take_fields(&l, text))
        return false;
    if (*l.at)
        return fail(&l, "} without a struct");
    u32 top = l.count;
    for (u32 i = 0; i < l.count; i++) {
        if (!l.bodies[i])
            continue;
        l.fields[i].struct_start = (u16)l.count;
        if (!take_fields(&l, l.bodies[i]))
            return false;
        l.fields[i].struct_members = (u16)(l.count - l.fields[i].struct_start);
    }
    property *copy = arena_array(a, property, l.count);
    if (l.count)
        memcpy(copy, l.fields, l.count * sizeof(*copy));
    event->properties = copy;
    event->property_count = (u16)l.count;
    event->top_count = (u16)top;
    return schema_event_valid(event, e);
}
