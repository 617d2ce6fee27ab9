#include "decode/decode.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "container/lznt1.h"

// A run in progress. It ends early where the payload does, where the event needs more slots than one can hold, and
// where its text would get too long.
typedef struct run {
    decoder *decoder;
    const plan *plan;
    span payload;
    u32 at;    // payload bytes after the last value
    u32 slots; // filled so far
    u64 text;  // of elements so far
} run;

void decoder_free(decoder *d)
{
    mem_free(d->slots);
    mem_free(d->values);
    outbuf_free(&d->inflated);
    *d = (decoder){0};
}

static bool more_slots(decoder *d, u32 used)
{
    if (used >= LIMIT_SLOTS)
        return false;
    u32 had = d->slot_cap;
    d->slot_cap = had ? had * 2 : 256;
    d->slots = mem_grow(d->slots, had, d->slot_cap, sizeof(*d->slots));
    return true;
}

static inline bool push(run *r, u32 offset, u32 len)
{
    if (r->slots >= r->decoder->slot_cap && !more_slots(r->decoder, r->slots))
        return false;
    r->decoder->slots[r->slots++] = (slot){offset, len};
    return true;
}

static inline u32 left(const run *r)
{
    return (u32)r->payload.len - r->at;
}

// Bytes of a SID standing at p: 0 where it does not fit or is none. All SIDs are of revision 1.
static u32 sid_bytes(const u8 *p, u32 capacity)
{
    if (capacity < 8 || p[0] != 1 || p[1] > 15)
        return 0;
    u32 bytes = 8 + 4u * p[1];
    return bytes <= capacity ? bytes : 0;
}

// Finds where the value at r->at ends: *skip bytes in front that are no part of it (a length), *len of its own, *after
// after it (a terminator). False where the payload is too short.
typedef struct extent {
    u32 skip, len, after;
} extent;

static bool extent_counted(const run *r, u32 prefix, bool big_endian, extent *x)
{
    if (left(r) < prefix)
        return false;
    const u8 *p = r->payload.at + r->at;
    u32 claimed = prefix == 4 ? load_u32(p) : big_endian ? load_u16_be(p) : load_u16(p);
    if (claimed > left(r) - prefix)
        return false;
    *x = (extent){prefix, claimed, 0};
    return true;
}

// A TOKEN_USER left zero with a SID after it all the same (private sessions write such): revision 1 and an authority
// of one byte cannot be the start of a name.
static bool blank_token_user(const u8 *p, u32 user)
{
    static const u8 SID_START[7] = {1, 0, 0, 0, 0, 0, 0};
    for (u32 i = 0; i < user; i++)
        if (p[i])
            return false;
    return p[user] == SID_START[0] && memcmp(p + user + 2, SID_START + 1, 5) == 0;
}

static bool extent_wbem_sid(const run *r, extent *x)
{
    const u8 *p = r->payload.at + r->at;
    u32 capacity = left(r), user = r->plan->is_64_bit ? 16 : 8;
    if (capacity < 4)
        return false;
    u32 bytes = capacity > user ? sid_bytes(p + user, capacity - user) : 0;
    if (load_u32(p) == 0 && !(bytes && blank_token_user(p, user))) {
        *x = (extent){0, 0, 4};
        return true;
    }
    *x = (extent){user, bytes, 0};
    return bytes != 0;
}

static inline bool extent_of(const run *r, const field *f, extent *x)
{
    span rest = span_from(r->payload, r->at);
    size_t len = 0;
    *x = (extent){0, 0, 0};
    switch ((wire_form)f->wire) {
    case WIRE_FIXED:
        x->len = f->bytes;
        return x->len <= rest.len;
    case WIRE_UTF16:
        // A last string may have lost its terminator, or an empty one may not be there at all: both occur.
        if (utf16_length(rest, &len))
            x->after = 2;
        x->len = (u32)len;
        return true;
    case WIRE_ANSI:
        if (ansi_length(rest, &len))
            x->after = 1;
        x->len = (u32)len;
        return true;
    case WIRE_BY_FIELD: {
        u64 claimed = r->decoder->values[f->length_field];
        if (claimed > rest.len / f->unit)
            return false;
        x->len = (u32)claimed * f->unit;
        return true;
    }
    case WIRE_COUNTED:
        return extent_counted(r, 2, false, x);
    case WIRE_COUNTED_BE:
        return extent_counted(r, 2, true, x);
    case WIRE_COUNTED32:
        return extent_counted(r, 4, false, x);
    case WIRE_SID:
        x->len = sid_bytes(rest.at, (u32)rest.len);
        return x->len != 0;
    case WIRE_WBEM_SID:
        return extent_wbem_sid(r, x);
    case WIRE_REST:
        x->len = (u32)rest.len - f->bytes;
        return f->bytes <= rest.len;
    case WIRE_UNKNOWN:
    case WIRE_STRUCT:
        break;
    }
    return false;
}

static inline bool run_value(run *r, u32 index)
{
    const field *f = &r->plan->fields[index];
    extent x;
    if (!extent_of(r, f, &x))
        return false;
    u32 at = r->at + x.skip;
    if (f->referenced)
        r->decoder->values[index] = load_unsigned((span){r->payload.at + at, x.len});
    r->at = at + x.len + x.after;
    return push(r, at, x.len);
}

static bool run_field(run *r, u32 index, u32 depth);

static bool run_members(run *r, const field *f, u32 depth)
{
    r->text += f->element_text;
    for (u32 i = 0; i < f->member_count; i++)
        if (!run_field(r, f->first_member + i, depth + 1))
            return false;
    return true;
}

static bool run_elements(run *r, u32 index, u32 count, u32 depth)
{
    const field *f = &r->plan->fields[index];
    if (f->wire == WIRE_FIXED) {
        u64 bytes = (u64)count * f->bytes;
        if (bytes > left(r) || !push(r, r->at, (u32)bytes))
            return false;
        r->at += (u32)bytes;
        r->text += (u64)count * f->element_text;
        return true;
    }
    if (!push(r, SLOT_COUNT, count))
        return false;
    bool is_empty = f->wire == WIRE_STRUCT && f->member_count == 0;
    r->text += f->wire == WIRE_STRUCT && !is_empty ? 0 : (u64)count * f->element_text;
    for (u32 i = 0; i < count && !is_empty; i++) {
        bool done = f->wire == WIRE_STRUCT ? run_members(r, f, depth) : run_value(r, index);
        if (!done)
            return false;
    }
    return true;
}

// Elements until the payload ends; only whole ones count.
static bool run_rest(run *r, u32 index, u32 depth)
{
    const field *f = &r->plan->fields[index];
    if (f->wire == WIRE_FIXED)
        return run_elements(r, index, f->bytes ? left(r) / f->bytes : 0, depth);
    u32 counter = r->slots, count = 0;
    if (!push(r, SLOT_COUNT, 0))
        return false;
    while (left(r) && count < LIMIT_ARRAY_ELEMENTS) {
        u32 before = r->at;
        bool done = f->wire == WIRE_STRUCT ? run_members(r, f, depth) : run_value(r, index);
        if (!done)
            return false;
        count++;
        if (r->at == before)
            break;
    }
    r->text += f->wire == WIRE_STRUCT ? 0 : (u64)count * f->element_text;
    r->decoder->slots[counter].len = count;
    return true;
}

static bool run_field(run *r, u32 index, u32 depth)
{
    const field *f = &r->plan->fields[index];
    u64 count = 0;
    if (depth > LIMIT_NESTING)
        return false;
    switch ((count_form)f->count_form) {
    case COUNT_ONE:
        return f->wire == WIRE_STRUCT ? run_members(r, f, depth) : run_value(r, index);
    case COUNT_REST:
        return run_rest(r, index, depth);
    case COUNT_FIXED:
        count = f->count;
        break;
    case COUNT_BY_FIELD:
        count = r->decoder->values[f->count];
        break;
    case COUNT_INLINE:
        if (left(r) < 2)
            return false;
        count = load_u16(r->payload.at + r->at);
        r->at += 2;
        break;
    }
    return count <= LIMIT_ARRAY_ELEMENTS && run_elements(r, index, (u32)count, depth);
}

// A run of plain fields that lies whole in the payload.
static inline bool take_run(run *r, const field *f)
{
    decoder *d = r->decoder;
    while (d->slot_cap - r->slots < f->run_fields)
        if (!more_slots(d, r->slots))
            return false;
    for (u32 i = 0; i < f->run_fields; i++) {
        d->slots[r->slots++] = (slot){r->at, f[i].bytes};
        r->at += f[i].bytes;
    }
    return true;
}

static void take_prefix(run *r)
{
    const plan *p = r->plan;
    decoder *d = r->decoder;
    if (d->slot_cap < p->prefix_count) {
        d->slot_cap = p->prefix_count + 64;
        d->slots = mem_grow(d->slots, 0, d->slot_cap, sizeof(*d->slots));
    }
    if (p->prefix_count)
        memcpy(d->slots, p->prefix_slots, p->prefix_count * sizeof(*d->slots));
    r->slots = p->prefix_count;
    for (u32 i = 0; p->prefix_referenced && i < p->prefix_count; i++)
        if (p->fields[i].referenced)
            d->values[i] = load_unsigned((span){r->payload.at + p->prefix_slots[i].offset, p->fields[i].bytes});
    r->at = p->prefix_bytes;
}

decode_fit decode_run(decoder *d, const plan *p, span payload, decoded *out)
{
    if (p->all_fixed && payload.len >= p->prefix_bytes) {
        size_t over = payload.len - p->prefix_bytes;
        out->fit = over == 0 ? FIT_EXACT : over <= p->padding ? FIT_PADDED : FIT_TAIL;
        out->top_done = p->top_count;
        out->slot_count = p->prefix_count;
        out->consumed = p->prefix_bytes;
        out->slots = p->prefix_slots;
        return out->fit;
    }
    if (d->value_cap < p->field_count) {
        d->value_cap = p->field_count + 64;
        d->values = mem_grow(d->values, 0, d->value_cap, sizeof(*d->values));
        memset(d->values, 0, d->value_cap * sizeof(*d->values));
    }
    run r = {d, p, payload, 0, 0, 0};
    u32 done = 0;
    if (payload.len >= p->payload_end) {
        d->cut++;
        *out = (decoded){FIT_SHORT, 0, 0, 0, d->slots};
        return FIT_SHORT;
    }
    if (payload.len >= p->prefix_bytes) {
        take_prefix(&r);
        done = p->prefix_count;
    }
    while (done < p->top_count) {
        const field *f = &p->fields[done];
        u32 slots = r.slots, at = r.at;
        if (f->run_fields && f->run_bytes <= left(&r) && take_run(&r, f)) {
            done += f->run_fields;
            continue;
        }
        bool single = f->count_form == COUNT_ONE && f->wire != WIRE_STRUCT;
        if (!(single ? run_value(&r, done) : run_field(&r, done, 0)) || r.text > p->elements_text) {
            d->cut += r.text > p->elements_text;
            r.slots = slots;
            r.at = at;
            break;
        }
        done++;
    }
    out->fit = done < p->top_count ? FIT_SHORT : r.at == payload.len ? FIT_EXACT : FIT_TAIL;
    out->top_done = done;
    out->slot_count = r.slots;
    out->consumed = r.at;
    out->slots = d->slots;
    return out->fit;
}

bool decoder_inflate(decoder *d, const plan *p, span *payload, decoded *values)
{
    if (values->top_done < p->top_count)
        return false;
    u32 last = values->slot_count - 1, prefix = values->slots[last].offset;
    size_t most = p->payload_end > prefix ? p->payload_end - prefix : 0;
    d->inflated.len = 0;
    outbuf_add(&d->inflated, payload->at, prefix);
    bool whole = lznt1_inflate_all(span_from(*payload, prefix), most, &d->inflated, NULL);
    if (!whole) {
        values->top_done--;
        values->slot_count--;
        return false;
    }
    d->slots[last].len = (u32)(d->inflated.len - prefix);
    *payload = (span){d->inflated.bytes, d->inflated.len};
    return true;
}
