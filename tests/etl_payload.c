// Turns payload atoms into bytes. See etl_payload.h.

#include "etl_payload.h"

#include <arpa/inet.h>
#include <stdlib.h>

typedef struct atom {
    const char *name;  // of its kind
    const char *value; // after the colon
} atom;

static const struct integer_atom {
    const char *name;
    u8 bytes;
    bool big_endian;
} integer_atoms[] = {
    {"u8", 1, false},  {"u16", 2, false}, {"u32", 4, false}, {"u64", 8, false}, {"i8", 1, false},
    {"i16", 2, false}, {"i32", 4, false}, {"i64", 8, false}, {"x8", 1, false},  {"x16", 2, false},
    {"x32", 4, false}, {"x64", 8, false}, {"be16", 2, true}, {"be32", 4, true}, {"port", 2, true},
};

static bool integer_put(outbuf *to, u64 value, u8 bytes, bool big_endian, error *e)
{
    u64 high = bytes == 8 ? 0 : value >> (8 * bytes);
    if (high && high != UINT64_MAX >> (8 * bytes))
        return error_set(e, "0x%llx does not fit %u bytes", (unsigned long long)value, bytes);
    for (u8 i = 0; i < bytes; i++)
        put_u8(to, (u8)(value >> 8 * (big_endian ? bytes - 1 - i : i) & 0xff));
    return true;
}

static bool integers_put(outbuf *to, const char *text, u8 bytes, bool big_endian, arena *memory, error *e)
{
    for (const char *p = text;;) {
        const char *comma = strchr(p, ',');
        const char *one = comma ? arena_text_len(memory, p, (size_t)(comma - p)) : p;
        u64 value;
        if (!word_number(one, &value, e) || !integer_put(to, value, bytes, big_endian, e))
            return false;
        if (!comma)
            return true;
        p = comma + 1;
    }
}

static bool float_put(outbuf *to, const char *text, bool wide, error *e)
{
    char *stop;
    double value = strtod(text, &stop);
    if (stop == text || *stop)
        return error_set(e, "%s is no floating-point number", text);
    if (wide) {
        u64 bits;
        memcpy(&bits, &value, sizeof bits);
        put_u64(to, bits);
    } else {
        float narrow = strtof(text, NULL);
        u32 bits;
        memcpy(&bits, &narrow, sizeof bits);
        put_u32(to, bits);
    }
    return true;
}

// wstr, wchars, cwstr and wfixed (wide), astr, chars, castr and afixed: `fixed` is in characters, 0 for the others.
static bool string_put(outbuf *to, const char *text, bool wide, bool terminated, bool counted, size_t fixed,
                       arena *memory, error *e)
{
    const char *value;
    size_t len;
    if (!word_text(memory, text, &value, &len, e))
        return false;
    outbuf body = {0};
    if (wide)
        put_utf16(&body, value, len);
    else
        outbuf_add(&body, value, len);
    size_t each = wide ? 2 : 1;
    if (terminated)
        put_fill(&body, 0, each);
    bool fits = !fixed || body.len <= fixed * each;
    if (fixed && fits)
        put_fill(&body, 0, fixed * each - body.len);
    if (counted)
        put_u16(to, (u16)body.len);
    outbuf_add(to, body.bytes, body.len);
    outbuf_free(&body);
    return fits || error_set(e, "%s is longer than %zu characters", text, fixed);
}

static bool fixed_put(outbuf *to, const char *text, bool wide, arena *memory, error *e)
{
    char *stop;
    size_t count = strtoul(text, &stop, 10);
    if (!count || *stop != ':')
        return error_set(e, "%s does not begin with a length and a colon", text);
    return string_put(to, stop + 1, wide, false, false, count, memory, e);
}

// Eight u16: year, month, day of week, day, hour, minute, second, millisecond.
static bool systemtime_put(outbuf *to, const char *text, error *e)
{
    i64 filetime;
    if (!word_time(text, &filetime, e))
        return false;
    const char *p = *text == '"' ? text + 1 : text;
    i64 days = filetime / 864000000000, rest = filetime % 864000000000 / 10000;
    put_u16(to, (u16)strtol(p, NULL, 10));
    put_u16(to, (u16)strtol(p + 5, NULL, 10));
    put_u16(to, (u16)((days + 1) % 7)); // 1601-01-01 was a Monday
    put_u16(to, (u16)strtol(p + 8, NULL, 10));
    put_u16(to, (u16)(rest / 3600000));
    put_u16(to, (u16)(rest / 60000 % 60));
    put_u16(to, (u16)(rest / 1000 % 60));
    put_u16(to, (u16)(rest % 1000));
    return true;
}

// TOKEN_USER (two pointers, the first one not zero), then the SID; or four zero bytes.
static bool wbem_sid_put(outbuf *to, const char *text, u32 bits, error *e)
{
    if (strcmp(text, "none") == 0) {
        put_u32(to, 0);
        return true;
    }
    put_ptr(to, bits == 32 ? 0x9a5b1c60 : 0xffffe10f9a5b1c60, bits);
    put_ptr(to, 0, bits);
    return word_sid(text, to, e);
}

static bool address_put(outbuf *to, const char *text, int family, error *e)
{
    u8 bytes[16];
    if (inet_pton(family, text, bytes) != 1)
        return error_set(e, "%s is no address", text);
    outbuf_add(to, bytes, family == AF_INET ? 4 : 16);
    return true;
}

static bool fill_put(outbuf *to, const char *text, u8 byte, error *e)
{
    u64 count;
    if (!word_number(text, &count, e))
        return false;
    if (count > (64u << 20))
        return error_set(e, "%s bytes are too many", text);
    put_fill(to, byte, (size_t)count);
    return true;
}

const char *text_find(const text_block *texts, const char *name)
{
    for (; texts; texts = texts->next) {
        if (strcmp(texts->name, name) == 0)
            return texts->text;
    }
    return NULL;
}

// Identities and times.
static bool identity_put(outbuf *to, const atom *a, const payload_context *c, bool *known, error *e)
{
    const char *name = a->name;
    *known = true;
    if (strcmp(name, "guid") == 0) {
        guid g;
        bool good = word_guid(a->value, &g, e);
        if (good)
            put_guid(to, &g);
        return good;
    }
    if (strcmp(name, "sid") == 0)
        return word_sid(a->value, to, e);
    if (strcmp(name, "wbemsid") == 0)
        return wbem_sid_put(to, a->value, c->bits, e);
    if (strcmp(name, "systemtime") == 0)
        return systemtime_put(to, a->value, e);
    if (strcmp(name, "ipv4") == 0)
        return address_put(to, a->value, AF_INET, e);
    if (strcmp(name, "ipv6") == 0)
        return address_put(to, a->value, AF_INET6, e);
    i64 filetime = 0;
    u64 ticks = 0;
    if (strcmp(name, "filetime") == 0) {
        bool good = word_time(a->value, &filetime, e);
        put_u64(to, (u64)filetime);
        return good;
    }
    if (strcmp(name, "time") == 0) {
        bool good = word_ticks(a->value, c->trace, &ticks, e);
        put_u64(to, ticks);
        return good;
    }
    *known = false;
    return true;
}

static bool text_put(outbuf *to, const atom *a, const payload_context *c, bool *known, error *e)
{
    static const struct {
        const char *name;
        bool wide, terminated, counted;
    } strings[] = {{"wstr", true, true, false},    {"astr", false, true, false}, {"wchars", true, false, false},
                   {"chars", false, false, false}, {"cwstr", true, false, true}, {"castr", false, false, true}};
    *known = true;
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        if (strcmp(a->name, strings[i].name) == 0)
            return string_put(to, a->value, strings[i].wide, strings[i].terminated, strings[i].counted, 0, c->memory,
                              e);
    }
    if (strcmp(a->name, "wfixed") == 0 || strcmp(a->name, "afixed") == 0)
        return fixed_put(to, a->value, a->name[0] == 'w', c->memory, e);
    if (strcmp(a->name, "text") == 0) {
        const char *text = text_find(c->texts, a->value);
        if (text)
            outbuf_text(to, text);
        return text || error_set(e, "there is no text block %s", a->value);
    }
    *known = false;
    return true;
}

static bool plain_put(outbuf *to, const atom *a, const payload_context *c, bool *known, error *e)
{
    *known = true;
    for (size_t i = 0; i < COUNT_OF(integer_atoms); i++) {
        const struct integer_atom *kind = &integer_atoms[i];
        if (strcmp(a->name, kind->name) == 0)
            return integers_put(to, a->value, kind->bytes, kind->big_endian, c->memory, e);
    }
    if (strcmp(a->name, "ptr") == 0)
        return integers_put(to, a->value, c->bits == 32 ? 4 : 8, false, c->memory, e);
    if (strcmp(a->name, "f32") == 0 || strcmp(a->name, "f64") == 0)
        return float_put(to, a->value, a->name[1] == '6', e);
    if (strcmp(a->name, "bool") == 0) {
        bool yes = false, good = word_bool(a->value, &yes, e);
        put_u32(to, yes);
        return good;
    }
    if (strcmp(a->name, "hex") == 0)
        return word_hex(a->value, to, e);
    if (strcmp(a->name, "cbin") == 0) {
        size_t at = to->len;
        put_u16(to, 0);
        bool good = word_hex(a->value, to, e);
        set_u16(to->bytes + at, (u16)(to->len - at - 2));
        return good;
    }
    if (strcmp(a->name, "zeros") == 0 || strcmp(a->name, "ones") == 0)
        return fill_put(to, a->value, a->name[0] == 'z' ? 0 : 0xff, e);
    *known = false;
    return true;
}

bool payload_put(outbuf *to, const char *text, const payload_context *c, error *e)
{
    const char *colon = strchr(text, ':');
    if (!colon)
        return error_set(e, "%s is no payload: it has no colon", text);
    atom a = {.name = arena_text_len(c->memory, text, (size_t)(colon - text)), .value = colon + 1};
    bool known = false;
    bool good = plain_put(to, &a, c, &known, e);
    if (!known)
        good = text_put(to, &a, c, &known, e);
    if (!known)
        good = identity_put(to, &a, c, &known, e);
    return known ? good : error_set(e, "%s is no kind of payload", a.name);
}

bool payload_put_all(outbuf *to, const words *w, const payload_context *c, error *e)
{
    for (size_t i = 0; i < w->atom_count; i++) {
        if (!payload_put(to, w->atoms[i], c, e))
            return false;
    }
    return true;
}
