#include "container/event.h"

#include "base/limits.h"
#include "container/hook.h"

const header_facts HEADER_FACTS[HEADER_KINDS] = {
    [HEADER_SYSTEM32] = {"SYSTEM32", 4, 16, 32, false},
    [HEADER_SYSTEM64] = {"SYSTEM64", 4, 16, 32, true},
    [HEADER_COMPACT32] = {"COMPACT32", 4, 16, 24, false},
    [HEADER_COMPACT64] = {"COMPACT64", 4, 16, 24, true},
    [HEADER_FULL32] = {"FULL32", 0, 16, 48, false},
    [HEADER_FULL64] = {"FULL64", 0, 16, 48, true},
    [HEADER_INSTANCE32] = {"INSTANCE32", 0, 16, 72, false},
    [HEADER_INSTANCE64] = {"INSTANCE64", 0, 16, 72, true},
    // Its layout beyond the size is not known; no trace at hand holds one.
    [HEADER_ERROR] = {"ERROR", 0, 16, 24, true},
    [HEADER_MESSAGE] = {"MESSAGE", 0, 0, 0, true},
    [HEADER_PERFINFO32] = {"PERFINFO32", 4, 8, 16, false},
    [HEADER_PERFINFO64] = {"PERFINFO64", 4, 8, 16, true},
    [HEADER_EVENT32] = {"EVENT32", 0, 16, 80, false},
    [HEADER_EVENT64] = {"EVENT64", 0, 16, 80, true},
};

enum {
    MESSAGE_SEQUENCE = 0x1,
    MESSAGE_GUID = 0x2,
    MESSAGE_COMPONENT = 0x4,
    MESSAGE_TIMESTAMP = 0x8,
    MESSAGE_SYSTEMINFO = 0x20,
    MESSAGE_POINTER32 = 0x40,
};

const char *header_kind_name(header_kind kind)
{
    return (unsigned)kind < HEADER_KINDS && HEADER_FACTS[kind].name ? HEADER_FACTS[kind].name : "";
}

// The optional parts of a WPP message stand in this order after its 8 fixed bytes.
typedef struct message_parts {
    u32 sequence_at, id_at, time_at, system_at, payload_at; // 0: not there
} message_parts;

static message_parts message_layout(u16 flags)
{
    message_parts parts = {0};
    u32 at = 8;
    if (flags & MESSAGE_SEQUENCE)
        parts.sequence_at = at, at += 4;
    if (flags & MESSAGE_GUID)
        parts.id_at = at, at += 16;
    else if (flags & MESSAGE_COMPONENT)
        parts.id_at = at, at += 4;
    if (flags & MESSAGE_TIMESTAMP)
        parts.time_at = at, at += 8;
    if (flags & MESSAGE_SYSTEMINFO)
        parts.system_at = at, at += 8;
    parts.payload_at = at;
    return parts;
}

static frame_result frame_message(span left, event_frame *out, const char **why)
{
    u32 size = load_u16(left.at);
    message_parts parts = message_layout(load_u16(left.at + 6));
    *why = "a WPP message is shorter than its own header";
    if (size < parts.payload_at)
        return FRAME_DAMAGE;
    *why = "a WPP message reaches past the buffer's used bytes";
    if (size > left.len)
        return FRAME_DAMAGE;
    *out =
        (event_frame){size, HEADER_MESSAGE, parts.time_at != 0, parts.time_at ? load_i64(left.at + parts.time_at) : 0};
    return FRAME_OK;
}

frame_result event_frame_rare(span left, event_frame *out, const char **why)
{
    if (left.len < 8)
        return FRAME_END;
    u32 mark = load_u32(left.at);
    if (mark == 0xffffffff || mark == 0)
        return FRAME_END;
    u32 flags = mark >> 24, kind = mark >> 16 & 0xff;
    if ((flags & MARK_EVENT) != MARK_EVENT) {
        if ((flags & MARK_MESSAGE) == MARK_MESSAGE)
            return frame_message(left, out, why);
        *why = "no event starts with these bytes";
    } else if (kind >= HEADER_KINDS || !HEADER_FACTS[kind].bytes) {
        *why = "the header type does not exist";
    } else if (load_u16(left.at + HEADER_FACTS[kind].size_at) < HEADER_FACTS[kind].bytes) {
        *why = "the event claims to be shorter than its header";
    } else {
        *why = "the event reaches past the buffer's used bytes";
    }
    return FRAME_DAMAGE;
}

bool extended_next(span chain, size_t *at, extended_item *out)
{
    span head;
    if (!span_sub(chain, *at, 8, &head))
        return false;
    u32 whole = load_u16(head.at), data = load_u16(head.at + 6);
    if (whole < 8 || data > whole - 8 || !span_sub(chain, *at + 8, data, &out->data))
        return false;
    out->type = load_u16(head.at + 2);
    *at += whole;
    return true;
}

// A chain of extended data items, walked to its end.
typedef struct chain_facts {
    span schema_tl, traits;
    size_t bytes; // that hold together; user data starts right after them
    bool damaged;
} chain_facts;

static chain_facts walk_extended(span rest)
{
    chain_facts out = {.damaged = true};
    for (u32 i = 0; i < LIMIT_EXTENDED_ITEMS; i++) {
        span item;
        if (!span_sub(rest, out.bytes, 8, &item))
            break;
        u32 whole = load_u16(item.at), type = load_u16(item.at + 2), data = load_u16(item.at + 6);
        bool more = item.at[4] & 1;
        if (whole < 8 || whole % 8 != 0 || data > whole - 8 || !span_sub(rest, out.bytes, whole, &item))
            break;
        if (type == EXT_SCHEMA_TL)
            out.schema_tl = (span){item.at + 8, data};
        else if (type == EXT_PROV_TRAITS)
            out.traits = (span){item.at + 8, data};
        out.bytes += whole;
        if (!more) {
            out.damaged = false;
            break;
        }
    }
    return out;
}

bool event_carries_schema(span record, bool *damaged)
{
    chain_facts chain = walk_extended(span_from(record, HEADER_FACTS[HEADER_EVENT64].bytes));
    *damaged = chain.damaged;
    return chain.schema_tl.len != 0;
}

static bool sixteen_zero(const u8 *p)
{
    return (load_u64(p) | load_u64(p + 8)) == 0;
}

static void read_event_header(span r, event *out)
{
    out->flags |= load_u16(r.at + 4) & (u16) ~(EVENT_FLAG_32_BIT | EVENT_FLAG_64_BIT);
    out->property = load_u16(r.at + 6);
    out->thread_id = load_u32(r.at + 8);
    out->process_id = load_u32(r.at + 12);
    out->provider = guid_load(r.at + 24);
    const u8 *d = r.at + 40;
    out->descriptor = (event_descriptor){load_u16(d), d[2], d[3], d[4], d[5], load_u16(d + 6), load_u64(d + 8)};
    if (!(out->flags & EVENT_FLAG_NO_CPUTIME)) {
        out->kernel_time = load_u32(r.at + 56);
        out->user_time = load_u32(r.at + 60);
    }
    if (!sixteen_zero(r.at + 64))
        out->activity = r.at + 64;
    span rest = span_from(r, 80);
    if (out->flags & EVENT_FLAG_EXTENDED) {
        chain_facts chain = walk_extended(rest);
        out->schema_tl = chain.schema_tl;
        out->traits = chain.traits;
        out->extended_damaged = chain.damaged;
        out->extended = (span){rest.at, chain.bytes};
        rest = span_from(rest, chain.bytes);
    }
    out->payload = rest;
}

static void read_classic(span r, size_t header, event *out)
{
    out->classic = true;
    out->flags |= EVENT_FLAG_CLASSIC;
    out->descriptor.opcode = r.at[4];
    out->descriptor.level = r.at[5];
    out->descriptor.version = r.at[6];
    out->thread_id = load_u32(r.at + 8);
    out->process_id = load_u32(r.at + 12);
    out->provider = guid_load(r.at + 24);
    out->kernel_time = load_u32(r.at + 40);
    out->user_time = load_u32(r.at + 44);
    if (header == 72) {
        out->instance_id = load_u32(r.at + 48);
        out->parent_instance_id = load_u32(r.at + 52);
        out->parent_guid = r.at + 56;
    }
    out->payload = span_from(r, header);
}

static u32 counters_of(u32 version)
{
    return (version & 0x8000 ? 1 : 0) + (version >> 8 & 7);
}

// SYSTEM, COMPACT and PERFINFO: the version word also says how many counters stand before the payload.
static void read_hook(span r, size_t header, event *out)
{
    u32 version = load_u16(r.at);
    out->classic = true;
    out->flags |= EVENT_FLAG_CLASSIC;
    out->hook = load_u16(r.at + 6);
    out->descriptor.opcode = r.at[6];
    out->descriptor.version = (u8)version;
    out->provider = *hook_class(out->hook);
    if (header != 16) {
        out->thread_id = load_u32(r.at + 8);
        out->process_id = load_u32(r.at + 12);
    }
    if (header == 32) {
        out->kernel_time = load_u32(r.at + 24);
        out->user_time = load_u32(r.at + 28);
    }
    out->payload = span_from(r, header);
    u32 counters = counters_of(version);
    if (counters && out->payload.len >= counters * 8u) {
        out->extra = out->payload.at;
        out->extra_count = (u8)counters;
        out->extra_pebs = version & 0x8000;
        out->payload = span_from(out->payload, counters * 8u);
    }
}

static void read_message(span r, event *out)
{
    out->message_flags = load_u16(r.at + 6);
    out->flags |= EVENT_FLAG_TRACE_MESSAGE;
    message_parts parts = message_layout(out->message_flags);
    out->descriptor.id = load_u16(r.at + 4);
    out->is_64_bit = !(out->message_flags & MESSAGE_POINTER32);
    if (parts.sequence_at)
        out->message_sequence = load_u32(r.at + parts.sequence_at);
    if (out->message_flags & MESSAGE_GUID)
        out->provider = guid_load(r.at + parts.id_at);
    else if (parts.id_at)
        memcpy(out->provider.bytes, r.at + parts.id_at, 4);
    if (parts.system_at) {
        out->thread_id = load_u32(r.at + parts.system_at);
        out->process_id = load_u32(r.at + parts.system_at + 4);
    }
    out->payload = span_from(r, parts.payload_at);
}

// Field by field: a compound literal of this size becomes `rep stos`, which alone took a tenth of a conversion.
static void event_clear(event *out)
{
    // One by one: a chain of assignments is compiled to a load of 16 bytes that were just stored as two times 8, which
    // waits for the stores to be done (half of the time this function took).
    out->extended = (span){NULL, 0};
    out->schema_tl = (span){NULL, 0};
    out->traits = (span){NULL, 0};
    out->classic = out->extended_damaged = out->extra_pebs = false;
    out->flags = out->property = out->hook = out->message_flags = 0;
    out->process_id = out->thread_id = 0xffffffff;
    out->kernel_time = out->user_time = 0;
    out->message_sequence = out->instance_id = out->parent_instance_id = 0;
    out->provider = (guid){{0}};
    out->descriptor = (event_descriptor){0};
    out->activity = out->parent_guid = out->extra = NULL;
    out->extra_count = 0;
}

void event_read(span record, const event_frame *frame, i64 previous_time, event *out)
{
    const header_facts *facts = &HEADER_FACTS[frame->kind];
    event_clear(out);
    out->record = record;
    out->kind = frame->kind;
    out->is_64_bit = facts->is_64_bit;
    out->time = frame->has_time ? frame->time : previous_time;
    switch (frame->kind) {
    case HEADER_EVENT32:
    case HEADER_EVENT64:
        read_event_header(record, out);
        break;
    case HEADER_SYSTEM32:
    case HEADER_SYSTEM64:
    case HEADER_COMPACT32:
    case HEADER_COMPACT64:
    case HEADER_PERFINFO32:
    case HEADER_PERFINFO64:
        read_hook(record, facts->bytes, out);
        break;
    case HEADER_FULL32:
    case HEADER_FULL64:
    case HEADER_INSTANCE32:
    case HEADER_INSTANCE64:
        read_classic(record, facts->bytes, out);
        break;
    case HEADER_MESSAGE:
        read_message(record, out);
        break;
    case HEADER_ERROR:
    case HEADER_NONE:
    case HEADER_KINDS:
        out->classic = true;
        out->payload = span_from(record, facts->bytes);
        break;
    }
    out->flags |= out->is_64_bit ? EVENT_FLAG_64_BIT : EVENT_FLAG_32_BIT;
}

span event_payload_rare(span record, header_kind kind)
{
    size_t at = HEADER_FACTS[kind].bytes;
    if (kind == HEADER_MESSAGE) {
        at = message_layout(load_u16(record.at + 6)).payload_at;
    } else if (header_is_event(kind) && (load_u16(record.at + 4) & EVENT_FLAG_EXTENDED)) {
        at += walk_extended(span_from(record, at)).bytes;
    } else if (header_is_hook(kind)) {
        size_t counters = counters_of(load_u16(record.at)) * (size_t)8;
        at += record.len - at >= counters ? counters : 0;
    }
    return span_from(record, at);
}
