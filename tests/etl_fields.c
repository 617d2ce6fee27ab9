// Reads the field language and writes schemas from it. See etl_fields.h.

#include "etl_fields.h"

#include <ctype.h>
#include <stdlib.h>

enum { IN_STRUCT_TL = 24, DEEPEST = 16 };

static const struct {
    const char *name;
    u16 in, bytes;
} types[] = {{"null", 0, 0},   {"wstr", 1, 0}, {"astr", 2, 0},      {"i8", 3, 1},           {"u8", 4, 1},
             {"i16", 5, 2},    {"u16", 6, 2},  {"i32", 7, 4},       {"u32", 8, 4},          {"i64", 9, 8},
             {"u64", 10, 8},   {"f32", 11, 4}, {"f64", 12, 8},      {"bool", 13, 4},        {"bin", 14, 0},
             {"guid", 15, 16}, {"ptr", 16, 8}, {"filetime", 17, 8}, {"systemtime", 18, 16}, {"sid", 19, 0},
             {"x32", 20, 4},   {"x64", 21, 8}, {"cwstr", 22, 0},    {"castr", 23, 0},       {"cbin", 25, 0}};

// TDH_OUTTYPE and TraceLogging's own number; hex has four TDH numbers, by the type's size. 0xff: has none.
static const struct {
    const char *name;
    u16 tdh;
    u8 tl;
} outs[] = {
    {"string", 1, 2},     {"datetime", 2, 0xff}, {"i8", 3, 0x11},       {"u8", 4, 0x12},     {"i16", 5, 0x11},
    {"u16", 6, 0x12},     {"i32", 7, 0x11},      {"u32", 8, 0x12},      {"i64", 9, 0x11},    {"u64", 10, 0x12},
    {"f32", 11, 0xff},    {"f64", 12, 0xff},     {"bool", 13, 3},       {"guid", 14, 0xff},  {"hexbinary", 15, 0xff},
    {"pid", 20, 5},       {"tid", 21, 6},        {"port", 22, 7},       {"ipv4", 23, 8},     {"ipv6", 24, 9},
    {"socket", 25, 10},   {"etwtime", 27, 0xff}, {"xml", 28, 11},       {"error", 29, 0xff}, {"win32", 30, 13},
    {"ntstatus", 31, 14}, {"hresult", 32, 15},   {"culture", 33, 0x21}, {"json", 34, 12},    {"utf8", 35, 0x23},
    {"pkcs7", 36, 0x24},  {"code", 37, 0x25},    {"utc", 38, 0x26},     {"noprint", 301, 1}};

// ---------------------------------------------------------------------------------------------- reading

typedef struct field_reader {
    const char *at;
    arena *memory;
    error *e;
} field_reader;

static void blanks_skip(field_reader *r)
{
    while (isspace((unsigned char)*r->at))
        r->at++;
}

static const char *take_until(field_reader *r, const char *stops)
{
    const char *start = r->at;
    r->at += strcspn(r->at, stops);
    return arena_text_len(r->memory, start, (size_t)(r->at - start));
}

static bool type_set(field *f, const char *name, error *e)
{
    f->is_struct = strcmp(name, "struct") == 0;
    if (f->is_struct)
        return true;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            f->in = types[i].in;
            return true;
        }
    }
    if (strncmp(name, "in", 2) == 0 && isdigit((unsigned char)name[2])) {
        f->in = (u16)strtoul(name + 2, NULL, 10);
        return true;
    }
    return error_set(e, "\"%s\" is no field type", name);
}

static bool out_set(field *f, const char *name, error *e)
{
    if (strcmp(name, "hex") == 0) {
        u16 bytes = 8;
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            if (types[i].in == f->in)
                bytes = types[i].bytes;
        }
        f->out = bytes == 1 ? 16 : bytes == 2 ? 17 : bytes == 4 ? 18 : 19;
        f->tl_out = 4;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(outs); i++) {
        if (strcmp(outs[i].name, name) == 0) {
            f->out = outs[i].tdh;
            f->tl_out = outs[i].tl;
            return true;
        }
    }
    if (strncmp(name, "out", 3) == 0 && isdigit((unsigned char)name[3])) {
        f->out = (u16)strtoul(name + 3, NULL, 10);
        f->tl_out = (u8)(f->out & 0x7f);
        return true;
    }
    return error_set(e, "\"%s\" is no out type", name);
}

// type(length)@map:out[count] name ~tags
static bool head_parse(field_reader *r, field *f)
{
    if (!type_set(f, take_until(r, "(@:[;{} \t\r\n"), r->e))
        return false;
    if (*r->at == '(') {
        r->at++;
        f->length = take_until(r, ")");
        r->at += *r->at != 0;
    }
    if (*r->at == '@') {
        r->at++;
        f->map = take_until(r, ":[;} \t\r\n");
    }
    if (*r->at == ':') {
        r->at++;
        if (!out_set(f, take_until(r, "[;} \t\r\n"), r->e))
            return false;
    }
    if (*r->at == '[') {
        r->at++;
        f->is_array = true;
        f->count = take_until(r, "]");
        r->at += *r->at != 0;
    }
    blanks_skip(r);
    f->name = take_until(r, ";{}~ \t\r\n");
    blanks_skip(r);
    if (*r->at == '~') {
        r->at++;
        f->has_tags = true;
        f->tags = (u32)strtoul(take_until(r, ";{} \t\r\n"), NULL, 0);
        blanks_skip(r);
    }
    return true;
}

static bool list_parse(field_reader *r, field **out, unsigned depth)
{
    if (depth > DEEPEST)
        return error_set(r->e, "structs nest more than %d deep", DEEPEST);
    if (*r->at++ != '{')
        return error_set(r->e, "fields do not begin with a brace");
    for (;;) {
        blanks_skip(r);
        if (*r->at == ';') {
            r->at++;
            continue;
        }
        if (*r->at == '}') {
            r->at++;
            return true;
        }
        if (!*r->at)
            return error_set(r->e, "the fields' brace is never closed");
        field *f = arena_new(r->memory, field);
        *out = f;
        out = &f->next;
        if (!head_parse(r, f) || (f->is_struct && !list_parse(r, &f->members, depth + 1)))
            return false;
        blanks_skip(r);
        if (*r->at != ';' && *r->at != '}')
            return error_set(r->e, "after field \"%s\": no ; but \"%.10s\"", f->name, r->at);
    }
}

bool fields_parse(const char *text, field **out, arena *memory, error *e)
{
    *out = NULL;
    field_reader r = {.at = text, .memory = memory, .e = e};
    return !text || list_parse(&r, out, 0);
}

static u32 fields_count(const field *f)
{
    u32 count = 0;
    for (; f; f = f->next)
        count++;
    return count;
}

// ---------------------------------------------------------------------------------------------- TraceLogging

// 28 bits, seven a byte from the top, as many bytes as are needed.
static void tags_put(outbuf *to, u32 tags)
{
    u32 left = tags & 0x0fffffff;
    do {
        u8 bits = (u8)(left >> 21 & 0x7f);
        left = left << 7 & 0x0fffffff;
        put_u8(to, (u8)(bits | (left ? 0x80 : 0)));
    } while (left);
}

static bool tl_fields_put(outbuf *to, const field *f, error *e)
{
    for (; f; f = f->next) {
        if (f->length || f->map || f->tl_out == 0xff)
            return error_set(e, "field \"%s\": TraceLogging knows no such length, map or out type", f->name);
        outbuf_add(to, f->name, strlen(f->name) + 1);
        u8 in = f->is_struct ? IN_STRUCT_TL : (u8)f->in, out = f->tl_out;
        bool fixed = f->is_array && *f->count;
        if (f->is_array)
            in |= fixed ? 0x20 : 0x40;
        if (f->is_struct)
            out = (u8)fields_count(f->members);
        bool has_out = f->is_struct || out || f->has_tags;
        put_u8(to, (u8)(in | (has_out ? 0x80 : 0)));
        if (has_out)
            put_u8(to, (u8)(out | (f->has_tags ? 0x80 : 0)));
        if (f->has_tags)
            tags_put(to, f->tags);
        if (fixed)
            put_u16(to, (u16)strtoul(f->count, NULL, 10));
        if (!tl_fields_put(to, f->members, e))
            return false;
    }
    return true;
}

bool fields_to_tracelogging(outbuf *to, const char *event_name, u32 tags, const field *fields, error *e)
{
    size_t start = to->len;
    put_u16(to, 0);
    tags_put(to, tags);
    outbuf_add(to, event_name, strlen(event_name) + 1);
    if (!tl_fields_put(to, fields, e))
        return false;
    set_u16(to->bytes + start, (u16)(to->len - start));
    return true;
}

void traits_put(outbuf *to, const char *provider, const guid *group)
{
    size_t start = to->len;
    put_u16(to, 0);
    outbuf_add(to, provider, strlen(provider) + 1);
    if (group) {
        put_u16(to, 19);
        put_u8(to, 1);
        put_guid(to, group);
    }
    set_u16(to->bytes + start, (u16)(to->len - start));
}

// ---------------------------------------------------------------------------------------------- TRACE_EVENT_INFO

// Property flags of tdh.h.
enum { IS_STRUCT = 1, PARAM_LENGTH = 2, PARAM_COUNT = 4, FIXED_LENGTH = 0x10, FIXED_COUNT = 0x20, HAS_TAGS = 0x40 };

typedef struct field_list {
    field **items;
    u32 count, cap;
} field_list;

// Top level first, then every struct's members together, outer structs before inner ones.
static void fields_number(field_list *all, field *fields)
{
    for (field *f = fields; f; f = f->next) {
        GROW(all->items, all->count, all->cap);
        f->index = (u16)all->count;
        all->items[all->count++] = f;
    }
    for (u32 i = 0; i < all->count; i++) {
        for (field *f = all->items[i]->members; f; f = f->next) {
            GROW(all->items, all->count, all->cap);
            f->index = (u16)all->count;
            all->items[all->count++] = f;
        }
    }
}

// A number, or the index of the field of that name (then *is_index).
static bool reference_find(const field_list *all, const char *text, u16 *value, bool *is_index, error *e)
{
    *is_index = !isdigit((unsigned char)*text);
    if (!*is_index) {
        *value = (u16)strtoul(text, NULL, 0);
        return true;
    }
    for (u32 i = 0; i < all->count; i++) {
        if (strcmp(all->items[i]->name, text) == 0) {
            *value = (u16)i;
            return true;
        }
    }
    return error_set(e, "there is no field \"%s\" to take a length or count from", text);
}

static u32 info_string(outbuf *blob, const char *text, bool trailing_blank)
{
    if (!text)
        return 0;
    u32 at = (u32)blob->len;
    put_utf16(blob, text, strlen(text));
    if (trailing_blank)
        put_u16(blob, ' ');
    put_u16(blob, 0);
    return at;
}

static u32 natural_length(const field *f, bool is_32_bit)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (types[i].in == f->in)
            return f->in == 16 ? (is_32_bit ? 4 : 8) : types[i].bytes;
    }
    return 0;
}

// 0 flags  4 name  8 in type or first member  10 out type or members  12 map name  16 count  18 length  20 tags
static bool property_put(outbuf *blob, size_t at, const field_list *all, const field *f, bool is_32_bit, error *e)
{
    u32 flags = f->is_struct ? IS_STRUCT : 0;
    u16 count = 1, length = (u16)natural_length(f, is_32_bit), second = f->out;
    bool is_index;
    if (f->count) {
        if (!reference_find(all, f->count, &count, &is_index, e))
            return false;
        flags |= is_index ? PARAM_COUNT : FIXED_COUNT;
    }
    if (f->length) {
        if (!reference_find(all, f->length, &length, &is_index, e))
            return false;
        flags |= is_index ? PARAM_LENGTH : FIXED_LENGTH;
    }
    if (f->is_struct) {
        length = 0;
        second = (u16)fields_count(f->members);
    }
    if (f->has_tags)
        flags |= HAS_TAGS;
    u32 name = info_string(blob, f->name, false), map = info_string(blob, f->map, false);
    u8 *p = blob->bytes + at;
    set_u32(p, flags);
    set_u32(p + 4, name);
    set_u16(p + 8, f->is_struct ? (f->members ? f->members->index : 0) : f->in);
    set_u16(p + 10, second);
    set_u32(p + 12, map);
    set_u16(p + 16, count);
    set_u16(p + 18, length);
    set_u32(p + 20, f->has_tags ? f->tags & 0x0fffffff : 0);
    return true;
}

// 0 provider  16 event GUID  32 descriptor  48 source  52 offsets: provider name, level, channel, keywords, task,
// opcode, message, provider message, binary XML, its size, event name, attributes  100 properties  104 top level  108
// flags  112
static void info_head_put(outbuf *blob, const event_info *info, const field_list *all, u32 top)
{
    put_guid(blob, &info->provider);
    put_guid(blob, &info->event_guid);
    put_u16(blob, info->id);
    put_u8(blob, info->version);
    put_u8(blob, info->channel);
    put_u8(blob, info->level);
    put_u8(blob, info->opcode);
    put_u16(blob, info->task);
    put_u64(blob, info->keyword);
    put_u32(blob, info->source);
    put_fill(blob, 0, 100 - 52);
    put_u32(blob, all->count);
    put_u32(blob, top);
    put_u32(blob, info->flags);
    put_fill(blob, 0, (size_t)all->count * 24);
}

static void info_names_put(outbuf *blob, const event_info *info, arena *memory)
{
    u32 provider = info_string(blob, info->provider_name, false), level = info_string(blob, info->level_name, true);
    u32 channel = info_string(blob, info->channel_name, false), keywords = 0;
    if (info->keyword_names) {
        keywords = (u32)blob->len;
        for (const char *p = info->keyword_names; *p; p += *p == ',') {
            size_t len = strcspn(p, ",");
            info_string(blob, arena_text_len(memory, p, len), true);
            p += len;
        }
        put_u16(blob, 0);
    }
    u32 offsets[12] = {provider, level, channel, keywords};
    offsets[4] = info_string(blob, info->task_name, true);
    offsets[5] = info_string(blob, info->opcode_name, true);
    offsets[6] = info_string(blob, info->message, true);
    offsets[10] = info_string(blob, info->event_name, false);
    for (size_t i = 0; i < COUNT_OF(offsets); i++)
        set_u32(blob->bytes + 52 + 4 * i, offsets[i]);
}

bool fields_to_event_info(outbuf *to, const event_info *info, field *fields, arena *memory, error *e)
{
    field_list all = {0};
    outbuf blob = {0}; // offsets count from the blob's start
    fields_number(&all, fields);
    info_head_put(&blob, info, &all, fields_count(fields));
    bool good = true;
    for (u32 i = 0; i < all.count && good; i++)
        good = property_put(&blob, 112 + (size_t)i * 24, &all, all.items[i], info->is_32_bit, e);
    info_names_put(&blob, info, memory);
    if (good)
        outbuf_add(to, blob.bytes, blob.len);
    outbuf_free(&blob);
    mem_free(all.items);
    return good;
}

// 0 name  4 flag  8 entries  12 value type  16 {u32 text, u32 value}; offsets from the EVENT_MAP_INFO's start
bool map_info_put(outbuf *to, const guid *provider, const char *name, bool bitmap, const char *entries, arena *memory,
                  error *e)
{
    u64 values[256];
    const char *texts[256];
    u32 count = 0;
    const char *p = *entries == '{' ? entries + 1 : entries;
    for (;;) {
        while (isspace((unsigned char)*p))
            p++;
        if (*p == '}' || !*p)
            break;
        size_t left = strcspn(p, "="), len;
        const char *quote = p + left + 1, *close = p[left] ? strchr(quote + 1, '"') : NULL;
        if (count == COUNT_OF(values) || !close || *quote != '"')
            return error_set(e, "%s is no map such as {1=\"one\" 2=\"two\"}", entries);
        if (!word_number(arena_text_len(memory, p, left), &values[count], e) ||
            !word_text(memory, arena_text_len(memory, quote, (size_t)(close + 1 - quote)), &texts[count], &len, e))
            return false;
        count++;
        p = close + 1;
    }
    outbuf blob = {0};
    put_fill(&blob, 0, 16 + (size_t)count * 8);
    u32 name_at = info_string(&blob, name, false);
    set_u32(blob.bytes, name_at);
    set_u32(blob.bytes + 4, bitmap ? 2 : 1);
    set_u32(blob.bytes + 8, count);
    for (u32 i = 0; i < count; i++) {
        u32 text_at = info_string(&blob, texts[i], true);
        set_u32(blob.bytes + 16 + 8 * (size_t)i, text_at);
        set_u32(blob.bytes + 20 + 8 * (size_t)i, (u32)values[i]);
    }
    put_guid(to, provider);
    outbuf_add(to, blob.bytes, blob.len);
    outbuf_free(&blob);
    return true;
}
