#include "detect/detection.h"

#include <stddef.h>
#include <string.h>

#include "base/fold.h"

enum { FIELD_BYTES = 1024 }; // of a value that is shown; correlations keep it whole

// Before the fields and the kept values of each hit. What the pointers point to lives as long as the session.
typedef struct head {
    u32 bytes, rule; // of all that follows
    u32 field_count, kept_count;
    i64 time;
    u64 record, offset;
    const char *host, *source, *process_name;
    const event_class *cls;
    bool has_process;
    u32 process_id;
} head;

typedef struct value {
    const char *name; // of a field
    u32 len;
    bool has;
} value;

typedef struct packing_fields {
    outbuf *out;
    u32 count;
} packing_fields;

static void put_value(outbuf *out, const char *name, const subject *s, size_t most)
{
    value v = {.name = name, .has = s->kind == SUBJECT_TEXT};
    size_t len = v.has ? s->text.len : 0;
    if (len > most) {
        len = most;
        while (len && (s->text.at[len] & 0xc0) == 0x80)
            len--;
    }
    v.len = (u32)len;
    outbuf_add(out, &v, sizeof(v));
    if (len)
        outbuf_add(out, s->text.at, len);
}

static void pack_reason(void *context, const rule_field *f, const subject *s)
{
    packing_fields *p = context;
    subject shown = *s;
    if (s->tail && s->text.len && s->text.at[0] == '\\')
        shown.text = span_from(s->text, 1); // the backslash before a name
    p->count++;
    put_value(p->out, *f->name ? f->name : "keywords", &shown, FIELD_BYTES);
}

void detection_pack(outbuf *out, const rule_set *set, u32 number, const record *rec, view_scratch *x)
{
    const sigma_rule *r = &set->rules[number];
    size_t start = out->len;
    packing_fields fields = {out, 0};
    head h = {.rule = number,
              .kept_count = r->kept_count,
              .time = rec->time,
              .record = rec->number,
              .offset = rec->offset,
              .host = rec->host,
              .source = rec->source,
              .process_name = rec->process_name,
              .cls = rec->cls,
              .has_process = rec->has_process,
              .process_id = rec->process_id};
    outbuf_add(out, &h, sizeof(h));
    rule_reasons(set, number, &x->rules, pack_reason, &fields);
    for (u32 i = 0; i < r->kept_count; i++)
        put_value(out, NULL, &x->subjects[r->kept[i]], SIZE_MAX);
    h.field_count = fields.count;
    h.bytes = (u32)(out->len - start - sizeof(h));
    memcpy(out->bytes + start, &h, sizeof(h));
}

void detection_number(u8 *packed, u64 number)
{
    memcpy(packed + offsetof(head, record), &number, sizeof(number));
}

// ---------------------------------------------------------------------------------------------- back

void detection_room_free(detection_room *room)
{
    mem_free(room->fields);
    mem_free(room->kept);
    outbuf_free(&room->folded);
    *room = (detection_room){0};
}

static span cut_off(span *from, size_t len)
{
    span taken = {from->at, len};
    *from = span_from(*from, len);
    return taken;
}

static span take_value(span *from, value *v)
{
    memcpy(v, cut_off(from, sizeof(*v)).at, sizeof(*v));
    return cut_off(from, v->len);
}

static void make_room(detection_room *room, const head *h)
{
    if (h->field_count > room->field_capacity) {
        mem_free(room->fields);
        room->field_capacity = h->field_count;
        room->fields = mem_zeroed(room->field_capacity, sizeof(*room->fields));
    }
    if (h->kept_count > room->kept_capacity) {
        mem_free(room->kept);
        room->kept_capacity = h->kept_count;
        room->kept = mem_zeroed(room->kept_capacity, sizeof(*room->kept));
    }
    room->folded.len = 0;
    (void)outbuf_reserve(&room->folded, h->bytes + 1);
}

static void take_kept(span *from, u32 count, detection_room *room)
{
    for (u32 i = 0; i < count; i++) {
        value v;
        span text = take_value(from, &v);
        u8 *at = room->folded.bytes + room->folded.len;
        text_fold(at, text);
        room->folded.len += text.len;
        room->kept[i] = v.has ? (span){at, text.len} : (span){0};
    }
}

void detection_unpack(span *packed, const rule_set *set, detection_room *room, detection *out, span *whole)
{
    head h;
    memcpy(&h, packed->at, sizeof(h));
    *whole = cut_off(packed, sizeof(h) + h.bytes);
    span rest = span_from(*whole, sizeof(h));
    make_room(room, &h);
    for (u32 i = 0; i < h.field_count; i++) {
        value v;
        span text = take_value(&rest, &v);
        room->fields[i] = (detection_field){v.name, text, !v.has};
    }
    take_kept(&rest, h.kept_count, room);
    *out = (detection){.rule = &set->rules[h.rule],
                       .time = h.time,
                       .record = h.record,
                       .offset = h.offset,
                       .host = h.host,
                       .source = h.source,
                       .provider = h.cls->provider,
                       .event_name = h.cls->event_name,
                       .process_name = h.process_name,
                       .provider_id = h.cls->provider_id,
                       .event_id = h.cls->descriptor.id,
                       .has_process = h.has_process,
                       .process_id = h.process_id,
                       .fields = room->fields,
                       .field_count = h.field_count};
}
