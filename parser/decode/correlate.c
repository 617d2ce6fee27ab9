#include "decode/correlate.h"

#include <stdlib.h>
#include <string.h>

#include "base/outbuf.h"
#include "decode/render.h"

// A lifeline is one process id or thread id over the whole recording: what it meant from which time on.
typedef struct life {
    i64 from; // INT64_MIN: since before the recording
    union {
        const char *name; // processes
        u32 process_id;   // threads
    };
} life;

typedef struct lifeline {
    u32 id;
    bool used;
    u32 count, cap;
    life *lives; // by time once closed
} lifeline;

typedef struct lifelines {
    lifeline *slots;
    u32 count, cap; // cap is a power of two
} lifelines;

struct correlator {
    arena arena;
    lifelines processes, threads;
    const char **names; // interned
    u32 name_count, name_cap;
    outbuf scratch;
};

static const guid PROCESS_CLASS = GUID_OF(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const guid THREAD_CLASS = GUID_OF(0x3d6fa8d1, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const guid KERNEL_PROCESS = GUID_OF(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16);

enum { OPCODE_START = 1, OPCODE_DC_START = 3, OPCODE_DC_END = 4, OPCODE_DEFUNCT = 39 };
enum { KERNEL_PROCESS_START = 1, KERNEL_PROCESS_STOP = 2, KERNEL_PROCESS_RUNDOWN = 15 };

// ---------------------------------------------------------------------------------------------- lifelines

static lifeline *line_slot(const lifelines *l, u32 id)
{
    u32 at = id * 2654435761u & (l->cap - 1);
    while (l->slots[at].used && l->slots[at].id != id)
        at = (at + 1) & (l->cap - 1);
    return &l->slots[at];
}

static const lifeline *line_find(const lifelines *l, u32 id)
{
    if (!l->cap)
        return NULL;
    const lifeline *line = line_slot(l, id);
    return line->used ? line : NULL;
}

static lifeline *line_add(lifelines *l, u32 id)
{
    if ((l->count + 1) * 2 > l->cap) {
        lifelines grown = {.cap = l->cap ? l->cap * 2 : 256, .count = l->count};
        grown.slots = mem_zeroed(grown.cap, sizeof(*grown.slots));
        for (u32 i = 0; i < l->cap; i++)
            if (l->slots[i].used)
                *line_slot(&grown, l->slots[i].id) = l->slots[i];
        mem_free(l->slots);
        *l = grown;
    }
    lifeline *line = line_slot(l, id);
    if (!line->used) {
        line->used = true;
        line->id = id;
        l->count++;
    }
    return line;
}

static void lines_free(lifelines *l)
{
    for (u32 i = 0; i < l->cap; i++)
        mem_free(l->slots[i].lives);
    mem_free(l->slots);
    *l = (lifelines){0};
}

// `started`: the id got its meaning at `at`; otherwise it had it already, and had it since before.
static void line_note(lifelines *l, u32 id, life fact, bool started)
{
    lifeline *line = line_add(l, id);
    if (!started)
        fact.from = INT64_MIN;
    for (u32 i = line->count; i-- > 0 && line->count - i <= 4;) {
        const life *other = &line->lives[i];
        if (memcmp(&other->name, &fact.name, sizeof(fact.name)) == 0 && (!started || other->from == fact.from))
            return;
    }
    GROW(line->lives, line->count, line->cap);
    line->lives[line->count++] = fact;
}

static int by_from(const void *a, const void *b)
{
    const life *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

// A rundown entry says the meaning without its start: where a start with the same meaning is known, that one holds.
static void line_close(lifeline *line)
{
    if (line->count < 2)
        return;
    qsort(line->lives, line->count, sizeof(*line->lives), by_from);
    u32 kept = 0;
    for (u32 i = 0; i < line->count; i++) {
        bool told_by_start = false;
        for (u32 j = i + 1; line->lives[i].from == INT64_MIN && j < line->count && !told_by_start; j++)
            told_by_start = memcmp(&line->lives[j].name, &line->lives[i].name, sizeof(line->lives[j].name)) == 0;
        if (!told_by_start)
            line->lives[kept++] = line->lives[i];
    }
    line->count = kept;
}

static const life *line_at(const lifeline *line, i64 time)
{
    const life *found = NULL;
    for (u32 i = 0; line && i < line->count && line->lives[i].from <= time; i++)
        found = &line->lives[i];
    return found;
}

// ---------------------------------------------------------------------------------------------- what events tell

correlator *correlator_new(void)
{
    return mem_zeroed(1, sizeof(correlator));
}

void correlator_free(correlator *c)
{
    if (!c)
        return;
    lines_free(&c->processes);
    lines_free(&c->threads);
    mem_free(c->names);
    outbuf_free(&c->scratch);
    arena_free(&c->arena);
    mem_free(c);
}

bool correlator_wants(const event_class *cls)
{
    u8 opcode = cls->descriptor.opcode;
    if (cls->classic && (guid_equal(&cls->provider_id, &PROCESS_CLASS) || guid_equal(&cls->provider_id, &THREAD_CLASS)))
        return (opcode >= OPCODE_START && opcode <= OPCODE_DC_END) || opcode == OPCODE_DEFUNCT;
    u16 id = cls->descriptor.id;
    return !cls->classic && guid_equal(&cls->provider_id, &KERNEL_PROCESS) &&
           (id == KERNEL_PROCESS_START || id == KERNEL_PROCESS_STOP || id == KERNEL_PROCESS_RUNDOWN);
}

// A top-level scalar of a decoded payload by name.
static bool value_of(const class_decode *d, span payload, const char *name, const field **f, span *value)
{
    const plan *p = d->plan;
    for (u32 i = 0; i < d->values.top_done && i < d->values.slot_count; i++) {
        if (p->fields[i].count_form != COUNT_ONE || p->fields[i].wire == WIRE_STRUCT)
            return false; // slots and fields part ways here; nothing asked for stands behind such a field
        if (strcmp(p->fields[i].name, name) == 0) {
            *f = &p->fields[i];
            return span_sub(payload, d->values.slots[i].offset, d->values.slots[i].len, value);
        }
    }
    return false;
}

static bool number_of(const class_decode *d, span payload, const char *name, u32 *number)
{
    const field *f;
    span v;
    if (!value_of(d, payload, name, &f, &v) || v.len < 4)
        return false;
    *number = load_u32(v.at);
    return true;
}

static const char *intern(correlator *c, const char *text, size_t len)
{
    for (u32 i = c->name_count; i-- > 0 && c->name_count - i < 512;)
        if (strncmp(c->names[i], text, len) == 0 && c->names[i][len] == 0)
            return c->names[i];
    GROW(c->names, c->name_count, c->name_cap);
    c->names[c->name_count] = arena_text_len(&c->arena, text, len);
    return c->names[c->name_count++];
}

// The last component of an image path.
static const char *image_name(correlator *c, const class_decode *d, span payload, const char *name)
{
    const field *f;
    span v;
    if (!value_of(d, payload, name, &f, &v) || v.len == 0)
        return NULL;
    c->scratch.len = 0;
    render_value_text(&c->scratch, f, v, d->plan->wide);
    size_t start = c->scratch.len;
    while (start > 0 && c->scratch.bytes[start - 1] != '\\' && c->scratch.bytes[start - 1] != '/')
        start--;
    return c->scratch.len > start ? intern(c, (const char *)c->scratch.bytes + start, c->scratch.len - start) : NULL;
}

void correlator_see(correlator *c, const event_class *cls, const event *ev, i64 filetime, decoder *d)
{
    class_decode found = class_decode_payload(cls, d, ev->payload);
    if (!found.plan)
        return;
    u32 process = 0, thread = 0;
    bool manifest = !cls->classic;
    bool started = manifest ? cls->descriptor.id == KERNEL_PROCESS_START : cls->descriptor.opcode == OPCODE_START;
    if (!number_of(&found, ev->payload, manifest ? "ProcessID" : "ProcessId", &process))
        return;
    if (!manifest && guid_equal(&cls->provider_id, &THREAD_CLASS)) {
        if (number_of(&found, ev->payload, "TThreadId", &thread)) {
            life fact;
            memset(&fact, 0, sizeof(fact));
            fact.from = filetime;
            fact.process_id = process;
            line_note(&c->threads, thread, fact, started);
        }
        return;
    }
    const char *name = image_name(c, &found, ev->payload, manifest ? "ImageName" : "ImageFileName");
    if (name)
        line_note(&c->processes, process, (life){.from = filetime, .name = name}, started);
}

void correlator_close(correlator *c)
{
    for (u32 i = 0; i < c->processes.cap; i++)
        line_close(&c->processes.slots[i]);
    for (u32 i = 0; i < c->threads.cap; i++)
        line_close(&c->threads.slots[i]);
}

const char *correlator_process_name(const correlator *c, u32 process_id, i64 filetime)
{
    const life *l = line_at(line_find(&c->processes, process_id), filetime);
    return l ? l->name : NULL;
}

bool correlator_thread_process(const correlator *c, u32 thread_id, i64 filetime, u32 *process_id)
{
    const life *l = line_at(line_find(&c->threads, thread_id), filetime);
    if (l)
        *process_id = l->process_id;
    return l != NULL;
}
