// Which of a class's layouts a payload has.
#include "decode/classes_internal.h"

static inline void choose(const event_class *cls, u32 which, class_decode *out)
{
    out->plan = cls->plans[which];
    out->cls = cls->named ? cls->named[which] : cls;
}

// Of another version of the event a layout must show that it fits: one that takes what is left cannot.
static inline decode_fit proven(const event_class *cls, const plan *p, decode_fit fit)
{
    bool unproven = p->takes_what_is_left && p->schema->descriptor.version != cls->descriptor.version;
    return fit == FIT_EXACT && unproven ? FIT_TAIL : fit;
}

// A name that begins with anything but printable ASCII.
static bool strange_text(const plan *p, const decoded *values, span payload)
{
    if (p->first_text == PLAN_NO_TEXT || values->slots[p->first_text].len < 2)
        return false;
    u16 first = load_u16(payload.at + values->slots[p->first_text].offset);
    return first < 0x20 || first > 0x7e;
}

// Addresses have 48 bits, sign-extended.
static bool canonical_pointers(const plan *p, const decoded *values, span payload)
{
    for (u32 i = 0; i < p->first_text; i++) {
        slot value = values->slots[i];
        bool pointer = p->fields[i].in_type == IN_POINTER && value.len == 8;
        i64 high = pointer ? load_i64(payload.at + value.offset) >> 47 : 0;
        if (high != 0 && high != -1)
            return false;
    }
    return true;
}

// Both pointer sizes may take a payload: half of a 64-bit number is then the beginning of the name that follows. It is
// as its header says, unless that makes a name strange which is not with 8-byte pointers: 32-bit programs have written
// such payloads.
static inline bool may_be_64_bit(const event_class *cls, const plan *p)
{
    return p->has_pointer && !p->is_64_bit && cls->classic;
}

static __attribute__((noinline)) bool is_64_bit_after_all(const event_class *cls, decoder *d, const plan *plan_32,
                                                          span payload, class_decode *out)
{
    if (!strange_text(plan_32, &out->values, payload))
        return false;
    for (u32 i = 0; i < cls->plan_count; i++) {
        const plan *p = cls->plans[i];
        if (!p->is_64_bit || decode_run(d, p, payload, &out->values) != FIT_EXACT || p->first_text == PLAN_NO_TEXT ||
            strange_text(p, &out->values, payload) || !canonical_pointers(p, &out->values, payload))
            continue;
        choose(cls, i, out);
        return true;
    }
    decode_run(d, plan_32, payload, &out->values);
    return false;
}

// The plan of the description that the event's process sent last before it, or else first after it: process ids are
// used again. CLASS_PLANS: it sent none.
static u32 plan_of_sender(const event_class *cls, const schema_sender *from)
{
    const schema_sender *best = NULL;
    u32 found = CLASS_PLANS;
    for (u32 i = 0; i < cls->plan_count; i++) {
        const schema_sender *s = schema_find_sender(cls->plans[i]->schema->provider, from);
        if (!s)
            continue;
        bool nearer = !best || (s->time <= from->time ? best->time > from->time || s->time > best->time
                                                      : best->time > from->time && s->time < best->time);
        if (nearer) {
            best = s;
            found = i;
        }
    }
    return found;
}

// Of the plans that leave nothing but padding over, the first; else `otherwise`.
static void decode_inexact(const event_class *cls, decoder *d, u32 padded, u32 otherwise, span payload,
                           class_decode *out)
{
    if (!cls->plan_count) {
        *out = (class_decode){cls, NULL, {0}, RECORD_RAW};
        return;
    }
    bool fits = padded < cls->plan_count;
    choose(cls, fits ? padded : otherwise, out);
    out->state = fits ? RECORD_DECODED : RECORD_PARTIAL;
    if (cls->plan_count > 1)
        decode_run(d, out->plan, payload, &out->values);
}

static inline void decode_by_plans(const event_class *cls, decoder *d, u32 otherwise, span payload, class_decode *out)
{
    u32 padded = CLASS_PLANS;
    for (u32 i = 0; i < cls->plan_count; i++) {
        const plan *p = cls->plans[i];
        if (padded < CLASS_PLANS && p->is_64_bit != cls->plans[padded]->is_64_bit)
            break;
        decode_fit fit = proven(cls, p, decode_run(d, p, payload, &out->values));
        if (fit == FIT_PADDED && padded == CLASS_PLANS)
            padded = i;
        if (fit != FIT_EXACT)
            continue;
        out->state = RECORD_DECODED;
        if (!may_be_64_bit(cls, p) || !is_64_bit_after_all(cls, d, p, payload, out))
            choose(cls, i, out);
        return;
    }
    decode_inexact(cls, d, padded, otherwise, payload, out);
}

// Of a process that sent none: the plan of the description that was sent nearest in time to the event, by whomever.
static u32 plan_sent_beside(const event_class *cls, i64 time)
{
    u32 found = CLASS_PLANS;
    u64 least = UINT64_MAX;
    for (u32 i = 0; i < cls->plan_count; i++) {
        u64 apart = schema_sent_beside(cls->plans[i]->schema->provider, time);
        if (apart < least) {
            least = apart;
            found = i;
        }
    }
    return found;
}

void class_decode_payload(const event_class *cls, decoder *d, span payload, class_decode *out)
{
    decode_by_plans(cls, d, 0, payload, out);
}

void class_decode_sent(const event_class *cls, decoder *d, span payload, const schema_sender *from, class_decode *out)
{
    u32 own = plan_of_sender(cls, from);
    if (own == CLASS_PLANS)
        own = plan_sent_beside(cls, from->time);
    if (own < CLASS_PLANS && decode_run(d, cls->plans[own], payload, &out->values) == FIT_EXACT) {
        out->state = RECORD_DECODED;
        choose(cls, own, out);
        return;
    }
    decode_by_plans(cls, d, own < CLASS_PLANS ? own : 0, payload, out);
}

record_state class_state(const event_class *cls, decoder *d, span payload)
{
    for (u32 i = 0; i < cls->plan_count; i++) {
        const plan *p = cls->plans[i];
        decoded values;
        bool fits = p->all_fixed ? payload.len >= p->prefix_bytes && payload.len - p->prefix_bytes <= p->padding
                                 : proven(cls, p, decode_run(d, p, payload, &values)) == FIT_EXACT;
        if (fits)
            return p->inflates && !decoder_inflate(d, p, &payload, &values) ? RECORD_PARTIAL : RECORD_DECODED;
    }
    return cls->plan_count ? RECORD_PARTIAL : RECORD_RAW;
}

const char *record_state_name(record_state state)
{
    switch (state) {
    case RECORD_DECODED:
        return "decoded";
    case RECORD_PARTIAL:
        return "partial";
    case RECORD_RAW:
        return "raw";
    }
    return "raw";
}
