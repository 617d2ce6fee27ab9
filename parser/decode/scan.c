#include "decode/scan.h"

#include <string.h>

scanner *scanner_new(void)
{
    scanner *s = mem_zeroed(1, sizeof(*s));
    s->classes = class_table_new();
    return s;
}

void scanner_free(scanner *s)
{
    if (!s)
        return;
    buffer_reader_free(&s->reader);
    class_table_free(s->classes);
    mem_free(s->numbers.list);
    mem_free(s);
}

void scanned_free(scanned *s)
{
    loaded_buffer_free(&s->buffer);
    damage_free(&s->damage);
    mem_free(s->firsts);
    *s = (scanned){0};
}

// Classes are numbered as they come, so the next new one has the next number.
static void note_firsts(scanned *out, u32 known, u32 now)
{
    const loaded_buffer *b = &out->buffer;
    for (u32 i = 0; i < b->count && known < now; i++) {
        if (b->refs[i].cls != known)
            continue;
        GROW(out->firsts, out->first_count, out->first_cap);
        out->firsts[out->first_count++] = i;
        known++;
    }
}

void scan_buffer(scanner *s, const etl_file *file, u32 buffer_index, u8 *place, scanned *out)
{
    u32 known = class_count(s->classes);
    out->by = s;
    out->first_count = 0;
    out->account = (etl_account){0};
    memset(out->headers, 0, sizeof(out->headers));
    damage_free(&out->damage);
    walk_report report = {
        .account = &out->account, .damage = &out->damage, .headers = out->headers, .adds_classes = true};
    buffer_load_bytes(file, buffer_index, &out->buffer, place, &s->reader, &out->damage);
    buffer_walk_events(s->classes, &out->buffer, &s->reader, &report);
    out->unordered = report.unordered;
    note_firsts(out, known, class_count(s->classes));
}
