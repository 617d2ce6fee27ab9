// Methods that a runtime compiled: what lies where in a process's memory, by its name.
//
// MethodLoad events of .NET and of JavaScript engines, and .NET's rundowns, wherever in the recording they are: a
// rundown comes at its end. So an address means the method for the whole life of its process; where two were there, the
// one that begins nearer.
#include "base/bisect.h"
#include "correlate/correlate_internal.h"

typedef struct method {
    u64 start, end;
    const char *name;
    i64 time;
    u32 process_id;
    u32 life;   // once closed: who had that id, by number in the list; NO_LIFE: not known
    u32 source; // once closed: the machine
} method;

static const u32 NO_LIFE = UINT32_MAX;

static const char *name_of(const seen *v)
{
    const char *space = seen_text(v, WANT_PATH), *name = seen_text(v, WANT_NAME);
    if (!space || !name)
        return name ? name : space;
    outbuf *scratch = &v->c->scratch;
    scratch->len = 0;
    outbuf_text(scratch, space);
    outbuf_text(scratch, ".");
    outbuf_text(scratch, name);
    return text_set_add(&v->c->texts, (const char *)scratch->bytes, scratch->len);
}

void method_see(correlator *c, const sighting *s, const seen *v, u32 source)
{
    method_book *b = &c->methods;
    method m = {.time = s->time, .process_id = s->ev->process_id, .source = source};
    u64 size;
    if (!seen_number(v, WANT_OBJECT, &m.start) || !seen_number(v, WANT_SIZE, &size) || !size ||
        m.start + size < m.start)
        return;
    m.end = m.start + size;
    m.name = name_of(v);
    if (!m.name)
        return;
    if (b->count >= LIMIT_METHOD_FACTS) {
        b->refused++;
        return;
    }
    SPILL_GROW(b->list_block, b->list, b->count, b->cap);
    b->list[b->count++] = m;
}

static int by_place(const void *a, const void *b)
{
    const method *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->process_id != y->process_id)
        return x->process_id < y->process_id ? -1 : 1;
    if (x->life != y->life)
        return x->life < y->life ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->end != y->end ? (x->end < y->end ? -1 : 1) : strcmp(x->name, y->name);
}

static u32 life_at(const correlator *c, u32 machine, u32 process_id, i64 time)
{
    const process_life *p = process_at(c, machine, process_id, time);
    return p ? (u32)(p - c->processes.list) : NO_LIFE;
}

void method_close(correlator *c)
{
    method_book *b = &c->methods;
    u32 kept = 0;
    u64 passed = 0;
    for (u32 i = 0; i < b->count; i++) {
        method *m = &b->list[i];
        spill_pass(&passed, SPILL_LOOKUP, SPILL_LOOKUPS);
        m->source = c->machines[m->source];
        m->life = life_at(c, m->source, m->process_id, m->time);
    }
    b->list = spill_sort(&b->list_block, b->count, sizeof(*b->list), by_place);
    for (u32 i = 0; i < b->count; i++) {
        if (!kept || by_place(&b->list[kept - 1], &b->list[i]) != 0)
            b->list[kept++] = b->list[i];
        spill_pass(&passed, sizeof(*b->list), SPILL_ITEMS);
    }
    b->count = kept;
    spill_seal(b->list_block);
}

static bool begins_up_to(const method *m, const method *at)
{
    return m->source != at->source           ? m->source < at->source
           : m->process_id != at->process_id ? m->process_id < at->process_id
           : m->life != at->life             ? m->life < at->life
                                             : m->start <= at->start;
}

static const method *method_in(const method_book *b, const method *at)
{
    u32 count;
    BISECT(count, 0, b->count, begins_up_to(&b->list[index_], at));
    const method *m = count ? &b->list[count - 1] : NULL;
    bool is_there = m && m->source == at->source && m->process_id == at->process_id && m->life == at->life;
    return is_there && at->start < m->end ? m : NULL;
}

bool method_at(const correlator *c, u32 machine, u32 process_id, i64 time, u64 address, stack_frame *out)
{
    const method_book *b = &c->methods;
    if (!b->count)
        return false;
    method at = {.start = address, .process_id = process_id, .source = machine};
    at.life = life_at(c, machine, process_id, time);
    const method *m = method_in(b, &at);
    if (!m)
        return false;
    out->function = m->name;
    out->offset = address - m->start;
    return true;
}

void method_free(method_book *b)
{
    spill_free(&b->list_block);
}
