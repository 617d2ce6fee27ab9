#include "schema/carried/schema_tracelogging.h"

#include "base/limits.h"
#include "base/text.h"

// The in type byte.
enum {
    IN_TYPE_MASK = 0x1f,
    IN_COUNT_MASK = 0x60,
    IN_COUNT_FIXED = 0x20,    // u16 follows: how many
    IN_COUNT_VARIABLE = 0x40, // the payload holds a u16 count
    IN_CUSTOM = 0x60,         // u16 and as many bytes of a foreign schema follow; payload: u16 byte length and bytes
    IN_CHAIN = 0x80,          // an out type byte follows
    OUT_CHAIN = 0x80,         // tag bytes follow
};

// Fields in the order of the metadata: a struct, then its members with their own members in them.
typedef struct node {
    property prop;
    u32 members; // direct ones
    u32 end;     // index after the last field inside it
} node;

typedef struct reader {
    arena *arena;
    cursor at;
    node *nodes;
    u32 count;
} reader;

static const char *take_name(reader *r)
{
    span rest = {r->at.at, cursor_left(&r->at)};
    size_t len = 0;
    if (!ansi_length(rest, &len)) {
        r->at.ran_out = true;
        return "";
    }
    (void)take(&r->at, len + 1);
    if (len > LIMIT_NAME_BYTES)
        len = LIMIT_NAME_BYTES;
    u8 *text = arena_take(r->arena, len * 3 + 1);
    text_utf8(text, (span){rest.at, len});
    return (const char *)text;
}

// Seven bits a byte, the most significant first, until a byte without its high bit; left-aligned in 28 bits.
static u32 take_tags(reader *r)
{
    u32 tags = 0, shift = 28;
    u8 byte;
    do {
        byte = take_u8(&r->at);
        if (shift >= 7) {
            shift -= 7;
            tags |= (u32)(byte & 0x7f) << shift;
        }
    } while ((byte & 0x80) && !r->at.ran_out);
    return tags;
}

static u16 hex_out(u16 in)
{
    const in_type_facts *facts = in_type_find(in);
    switch (facts ? facts->bytes : 0) {
    case 1:
        return OUT_HEX_INT8;
    case 2:
        return OUT_HEX_INT16;
    case 4:
        return OUT_HEX_INT32;
    default:
        return OUT_HEX_INT64;
    }
}

static u16 sized_out(u16 in, bool is_signed)
{
    const in_type_facts *facts = in_type_find(in);
    switch (facts ? facts->bytes : 0) {
    case 1:
        return is_signed ? OUT_BYTE : OUT_UNSIGNED_BYTE;
    case 2:
        return is_signed ? OUT_SHORT : OUT_UNSIGNED_SHORT;
    case 4:
        return is_signed ? OUT_INT : OUT_UNSIGNED_INT;
    default:
        return is_signed ? OUT_LONG : OUT_UNSIGNED_LONG;
    }
}

// TraceLogging's own numbers for formats. 1 (no print) is a hint for viewers: a record still shows the value.
static u16 out_type_of(u16 in, u8 out)
{
    static const u16 SAME[] = {
        [2] = OUT_STRING,   [3] = OUT_BOOLEAN,  [5] = OUT_PID,          [6] = OUT_TID,
        [7] = OUT_PORT,     [8] = OUT_IPV4,     [9] = OUT_IPV6,         [10] = OUT_SOCKET_ADDRESS,
        [11] = OUT_XML,     [12] = OUT_JSON,    [13] = OUT_WIN32_ERROR, [14] = OUT_NTSTATUS,
        [15] = OUT_HRESULT, [16] = OUT_DATETIME};
    if (out == 4)
        return hex_out(in);
    if (out == 0x11 || out == 0x12)
        return sized_out(in, out == 0x11);
    if (out < COUNT_OF(SAME))
        return SAME[out];
    return out >= OUT_DATETIME_CULTURE_INSENSITIVE && out <= OUT_DATETIME_UTC ? out : 0;
}

static bool read_field(reader *r, u32 depth, error *e);

static bool read_struct(reader *r, u32 index, u32 members, u32 depth, error *e)
{
    if (depth >= LIMIT_NESTING)
        return error_set(e, "TraceLogging structs nest deeper than %u", LIMIT_NESTING);
    // Anonymous objects of .NET have structs without members.
    r->nodes[index].prop.flags |= members ? PROP_STRUCT : PROP_STRUCT | PROP_EMPTY;
    for (u32 i = 0; i < members && cursor_left(&r->at); i++) {
        if (!read_field(r, depth + 1, e))
            return false;
        r->nodes[index].members++;
    }
    if (r->nodes[index].members < members)
        return error_set(e, "TraceLogging struct %s claims %u members, %u are there", r->nodes[index].prop.name,
                         members, r->nodes[index].members);
    return true;
}

static bool read_field(reader *r, u32 depth, error *e)
{
    if (r->count >= LIMIT_PROPERTIES)
        return error_set(e, "TraceLogging metadata has more than %u fields", LIMIT_PROPERTIES);
    u32 index = r->count++;
    property p = {.name = take_name(r), .count = 1};
    u8 in = take_u8(&r->at), out = 0;
    if (in & IN_CHAIN) {
        out = take_u8(&r->at);
        if (out & OUT_CHAIN) {
            p.tags = take_tags(r);
            p.flags |= PROP_HAS_TAGS;
        }
    }
    out &= (u8)~OUT_CHAIN;
    if ((in & IN_COUNT_MASK) == IN_COUNT_FIXED) {
        p.count = take_u16(&r->at);
        p.flags |= PROP_FIXED_COUNT;
    } else if ((in & IN_COUNT_MASK) == IN_COUNT_VARIABLE) {
        p.flags |= PROP_COUNT_INLINE;
    }
    u16 type = in & IN_TYPE_MASK;
    if ((in & IN_COUNT_MASK) == IN_CUSTOM) {
        (void)take(&r->at, take_u16(&r->at));
        type = IN_COUNTED_BINARY;
    }
    if (r->at.ran_out)
        return error_set(e, "TraceLogging metadata ends inside field %u (%s)", index + 1, p.name);
    // Binary carries its length in front here, unlike TDH's type of that number.
    p.in_type = type == IN_BINARY ? IN_COUNTED_BINARY : type;
    r->nodes[index] = (node){.prop = p};
    if (type == IN_STRUCT) {
        if (!read_struct(r, index, out, depth, e))
            return false;
    } else {
        if (!in_type_find(type))
            return error_set(e, "TraceLogging field %s has in type %u, which does not exist", p.name, type);
        r->nodes[index].prop.out_type = out_type_of(type, out);
    }
    r->nodes[index].end = r->count;
    return true;
}

// Top-level fields first, then the members of each struct in turn: the order schema.h asks for.
static void lay_out(const reader *r, event_schema *out)
{
    property *props = arena_array(r->arena, property, r->count);
    u32 *source = arena_array(r->arena, u32, r->count);
    u32 placed = 0;
    for (u32 i = 0; i < r->count; i = r->nodes[i].end)
        source[placed++] = i;
    out->top_count = (u16)placed;
    for (u32 k = 0; k < placed; k++) {
        const node *n = &r->nodes[source[k]];
        props[k] = n->prop;
        if (!(n->prop.flags & PROP_STRUCT))
            continue;
        props[k].struct_start = (u16)placed;
        props[k].struct_members = (u16)n->members;
        for (u32 i = source[k] + 1; i < n->end; i = r->nodes[i].end)
            source[placed++] = i;
    }
    out->properties = props;
    out->property_count = (u16)r->count;
}

bool tracelogging_schema(arena *a, span metadata, event_schema *out, error *e)
{
    if (metadata.len < 4)
        return error_set(e, "TraceLogging metadata of %zu bytes is too short", metadata.len);
    u32 claimed = load_u16(metadata.at);
    if (claimed > metadata.len)
        return error_set(e, "TraceLogging metadata claims %u bytes, the item holds %zu", claimed, metadata.len);
    // A size below the item's own occurs; the item then ends in padding.
    reader r = {.arena = a, .at = cursor_over((span){metadata.at, claimed >= 4 ? claimed : metadata.len})};
    (void)take_u16(&r.at);
    (void)take_tags(&r);
    *out = (event_schema){.key = KEY_MANIFEST};
    out->event_name = take_name(&r);
    if (r.at.ran_out)
        return error_set(e, "TraceLogging metadata ends inside the event's name");
    r.nodes = mem_zeroed(LIMIT_PROPERTIES, sizeof(*r.nodes));
    bool ok = true;
    while (ok && cursor_left(&r.at))
        ok = read_field(&r, 0, e);
    if (ok)
        lay_out(&r, out);
    mem_free(r.nodes);
    return ok && schema_event_valid(out, e);
}

const char *tracelogging_provider_name(arena *a, span traits)
{
    size_t len = 0;
    span name = span_from(traits, 2);
    if (!ansi_length(name, &len) || len == 0 || len > LIMIT_NAME_BYTES)
        return NULL;
    u8 *text = arena_take(a, len * 3 + 1);
    text_utf8(text, (span){name.at, len});
    return (const char *)text;
}
