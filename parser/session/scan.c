#include "session/scan.h"

#include "base/known_guids.h"

#include <string.h>

#include "schema/carried/schema_tdh.h"

static const guid SYSTEM_CONFIG = GUID_CLASS_SYSTEM_CONFIG;
enum { CONFIG_CPU = 10 };

enum { EVENTSOURCE_MANIFEST_ID = 0xfffe };

interest interest_of(const correlator *c, const event_class *cls)
{
    if (cls->classic && guid_equal(&cls->provider_id, &EVENT_METADATA_CLASS)) {
        if (cls->descriptor.opcode == METADATA_EVENT_INFO)
            return INTEREST_EVENT_INFO;
        return cls->descriptor.opcode == METADATA_MAP_INFO ? INTEREST_MAP_INFO : INTEREST_NONE;
    }
    if (!cls->classic && cls->descriptor.id == EVENTSOURCE_MANIFEST_ID)
        return INTEREST_MANIFEST;
    if (cls->classic && cls->descriptor.opcode == CONFIG_CPU && guid_equal(&cls->provider_id, &SYSTEM_CONFIG))
        return INTEREST_COMPUTER;
    if (correlator_is_stack(c, cls))
        return INTEREST_STACK;
    return correlator_wants(c, cls) ? INTEREST_CORRELATE : INTEREST_NONE;
}

void scanner_begin(scanner *s, const correlator *c)
{
    *s = (scanner){.correlator = c, .classes = class_table_new(LIMIT_SCAN_CLASS_BYTES)};
}

void scanner_end(scanner *s)
{
    buffer_reader_free(&s->reader);
    class_table_free(s->classes);
    mem_free(s->numbers.list);
    mem_free(s->interests);
}

void scanned_free(scanned *s)
{
    loaded_buffer_free(&s->buffer);
    damage_free(&s->damage);
    mem_free(s->notable);
    stack_notes_free(&s->stacks);
    *s = (scanned){0};
}

static void note_interests(scanner *s)
{
    while (s->interest_count < class_count(s->classes)) {
        u8 kind = (u8)interest_of(s->correlator, class_at(s->classes, s->interest_count));
        GROW(s->interests, s->interest_count, s->interest_capacity);
        s->interests[s->interest_count++] = kind;
    }
}

// Events without a class are notable: the collector's table may have space for their class.
static void note_events(scanner *s, scanned *out)
{
    const loaded_buffer *b = &out->buffer;
    for (u32 i = 0; i < b->count; i++) {
        const event_ref *ref = &b->refs[i];
        u8 kind = ref->cls == CLASS_NONE ? INTEREST_CORRELATE : s->interests[ref->cls];
        if (kind == INTEREST_NONE)
            continue;
        if (kind == INTEREST_STACK &&
            correlator_note_stack(s->correlator, class_at(s->classes, ref->cls), b, ref, &out->stacks))
            continue;
        GROW(out->notable, out->notable_count, out->notable_capacity);
        out->notable[out->notable_count++] = i;
    }
}

void scan_buffer(scanner *s, const etl_file *file, u32 trace, u32 buffer_index, scanned *out)
{
    out->by = s;
    out->notable_count = 0;
    stack_notes_clear(&out->stacks);
    out->account = (etl_account){0};
    memset(out->headers, 0, sizeof(out->headers));
    damage_free(&out->damage);
    walk_report report = {
        .account = &out->account, .damage = &out->damage, .headers = out->headers, .adds_classes = true};
    buffer_load_bytes(file, buffer_index, &out->buffer, &s->reader, &out->damage);
    buffer_walk_events(s->classes, &out->buffer, &s->reader, &report);
    out->unordered = report.unordered;
    out->buffer.file_index = trace;
    out->classes = class_count(s->classes);
    note_interests(s);
    note_events(s, out);
}
