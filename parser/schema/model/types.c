// In types, out types and origins: names and numbers; maps in the width of an in type.
#include "schema/model/schema.h"

#include <strings.h>

#include "base/bisect.h"
#include "base/sort.h"

static const in_type_facts IN_TYPES[] = {
#define IN(name, number, text, bytes, out) {text, number, bytes, OUT_##out},
#include "schema/model/types.def"
};

static const struct {
    const char *name;
    u16 number;
} OUT_TYPES[] = {
#define OUT(name, number, text) {text, number},
#include "schema/model/types.def"
};

const in_type_facts *in_type_find(u16 number)
{
    if (number < 26)
        return &IN_TYPES[number];
    if (number >= 300 && number <= 310)
        return &IN_TYPES[26 + number - 300];
    return NULL;
}

u8 in_type_alignment(u16 number, u16 bytes)
{
    if (number == IN_SYSTEMTIME)
        return 2;
    return number == IN_GUID ? 4 : (u8)(bytes < 8 ? bytes : 8);
}

const char *in_type_name(u16 number)
{
    static const struct {
        u16 number;
        const char *name;
    } NAMES[] = {
#define IN(name, number, text, bytes, out) {number, #name},
#include "schema/model/types.def"
    };
    const in_type_facts *facts = in_type_find(number);
    if (facts && facts->name[0])
        return strncmp(facts->name, "win:", 4) == 0 ? facts->name + 4 : facts->name;
    for (u32 i = 0; i < COUNT_OF(NAMES); i++)
        if (NAMES[i].number == number)
            return NAMES[i].name;
    return "?";
}

static const char *behind_prefix(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

bool in_type_from_name(const char *name, u16 *in)
{
    const char *plain = behind_prefix(name);
    for (size_t i = 0; i < COUNT_OF(IN_TYPES); i++) {
        if (IN_TYPES[i].name[0] && strcasecmp(behind_prefix(IN_TYPES[i].name), plain) == 0) {
            *in = IN_TYPES[i].number;
            return true;
        }
    }
    return false;
}

bool out_type_from_name(const char *name, u16 *out)
{
    const char *plain = behind_prefix(name);
    for (size_t i = 0; i < COUNT_OF(OUT_TYPES); i++) {
        if (OUT_TYPES[i].name[0] && strcasecmp(behind_prefix(OUT_TYPES[i].name), plain) == 0) {
            *out = OUT_TYPES[i].number;
            return true;
        }
    }
    return false;
}

const char *out_type_name(u16 out)
{
    for (size_t i = 0; i < COUNT_OF(OUT_TYPES); i++)
        if (OUT_TYPES[i].number == out)
            return OUT_TYPES[i].name;
    return "";
}

const char *schema_origin_name(schema_origin origin)
{
    switch (origin) {
    case ORIGIN_NONE:
        return "none";
    case ORIGIN_TRACELOGGING:
        return "tracelogging";
    case ORIGIN_EMBEDDED:
        return "embedded";
    case ORIGIN_EVENTSOURCE:
        return "eventsource";
    case ORIGIN_MANIFEST:
        return "manifest";
    case ORIGIN_WEVT:
        return "wevt";
    case ORIGIN_KERNEL:
        return "kernel";
    case ORIGIN_MOF:
        return "mof";
    case ORIGIN_WPP:
        return "wpp";
    case ORIGIN_BUILTIN:
        return "builtin";
    case ORIGIN_STRING:
        return "string";
    }
    return "none";
}

// Whether a value is one of a field of so many bits as it stands (0xff of a u8, -1 of an i8), or only in its bits.
typedef enum fit_of_value { NO_VALUE, SAME_BITS, SAME_VALUE } fit_of_value;

static fit_of_value value_fit(u64 value, u32 bits, bool is_signed)
{
    if (bits >= 64)
        return SAME_VALUE;
    i64 same = value <= UINT32_MAX && bits < 32 ? (i32)(u32)value : (i64)value;
    bool is_unsigned_one = value >> bits == 0, is_negative_one = same >> (bits - 1) == -1;
    if (!is_unsigned_one && !is_negative_one)
        return NO_VALUE;
    bool as_it_stands = is_signed ? is_negative_one || value >> (bits - 1) == 0 : is_unsigned_one;
    return as_it_stands ? SAME_VALUE : SAME_BITS;
}

static u64 low_bits(u64 value, u32 bits)
{
    return bits >= 64 ? value : value & (((u64)1 << bits) - 1);
}

// Whether nothing is to be done.
static bool is_fitted(const value_map *m, u32 bits, bool is_signed)
{
    for (u32 i = 0; i < m->count; i++) {
        u64 value = m->entries[i].value;
        if (value_fit(value, bits, is_signed) != SAME_VALUE || low_bits(value, bits) != value ||
            (i && !m->is_bitmap && value <= m->entries[i - 1].value))
            return false;
    }
    return true;
}

typedef struct placed_entry {
    map_entry entry;
    u32 place;
} placed_entry;

static int by_value(const void *a, const void *b)
{
    const placed_entry *x = a, *y = b;
    if (x->entry.value != y->entry.value)
        return x->entry.value < y->entry.value ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static u32 put_in_order(map_entry *entries, u32 count)
{
    placed_entry *placed = mem_alloc((count + (size_t)1) * sizeof(*placed));
    u32 kept = 0;
    for (u32 i = 0; i < count; i++)
        placed[i] = (placed_entry){entries[i], i};
    sort_in_place(placed, count, sizeof(*placed), by_value);
    for (u32 i = 0; i < count; i++)
        if (!kept || entries[kept - 1].value != placed[i].entry.value)
            entries[kept++] = placed[i].entry;
    mem_free(placed);
    return kept;
}

const value_map *value_map_fitted(arena *a, const value_map *from, u32 bytes, bool is_signed)
{
    u32 bits = 8 * bytes, count = 0;
    value_map *fitted = arena_new(a, value_map);
    *fitted = *from;
    if (is_fitted(from, bits, is_signed))
        return fitted;
    map_entry *entries = arena_array(a, map_entry, from->count);
    for (fit_of_value fit = SAME_VALUE; fit != NO_VALUE; fit--)
        for (u32 i = 0; i < from->count; i++)
            if (value_fit(from->entries[i].value, bits, is_signed) == fit)
                entries[count++] = (map_entry){low_bits(from->entries[i].value, bits), from->entries[i].text};
    fitted->count = from->is_bitmap ? count : put_in_order(entries, count);
    fitted->entries = entries;
    return fitted;
}

const char *value_map_text(const value_map *map, u64 value)
{
    u32 at;
    BISECT(at, 0, map->count, map->entries[index_].value < value);
    return at < map->count && map->entries[at].value == value ? map->entries[at].text : NULL;
}
