#include "profile.h"

#include <stdio.h>

#include "base/known_guids.h"
#include "base/map.h"
#include "base/sort.h"
#include "base/text.h"
#include "base/text_put.h"
#include "literal.h"

typedef enum profile_role { PROFILE_NONE, PROFILE_SAMPLE, PROFILE_METHOD } profile_role;

// ---------------------------------------------------------------------------------------------- items

// What a record gives; a name and the frames or nothing follow.
typedef struct profile_item {
    u32 role, process_id;
    u32 name_len, count; // of a sample: the process and how many frames
    u64 start, size;     // of a method
} profile_item;

typedef struct frame_item {
    u64 address, offset;
    u32 module_len; // 0: in no module; else its name follows
} frame_item;

// ---------------------------------------------------------------------------------------------- what is counted

typedef struct process {
    u32 id;
    span name;
    const char *text;
} process;

typedef struct frame {
    u32 process_id;
    u64 address, offset;
    span module;
    const char *text;
} frame;

typedef struct stack {
    u32 process, count;
    u64 at, samples; // at: in ids
} stack;

typedef struct method {
    u32 process_id;
    u64 start, end;
    const char *name;
} method;

struct profile {
    u8 *roles; // by class
    arena memory;
    process *processes;
    frame *frames;
    stack *stacks;
    u32 *ids; // of frames, of all stacks
    method *methods;
    u32 process_count, process_cap, frame_count, frame_cap, stack_count, stack_cap, method_count, method_cap;
    u64 id_count, id_cap;
    map process_map, frame_map, stack_map;
    u32 *scratch; // frames of the sample being added
    u32 scratch_cap;
    u64 samples, without_stack, lost, methods_lost;
};

static profile_role role_of(const event_class *cls)
{
    static const guid PERF_INFO = GUID_CLASS_PERF_INFO;
    enum { SAMPLE_PROF = 46 };
    value_path path;
    if (guid_equal(&cls->provider_id, &PERF_INFO) && cls->descriptor.opcode == SAMPLE_PROF)
        return PROFILE_SAMPLE;
    const plan *first = cls->plan_count ? cls->plans[0] : NULL;
    return first && value_path_find(first, "MethodStartAddress", &path) &&
                   value_path_find(first, "MethodSize", &path) && value_path_find(first, "MethodName", &path)
               ? PROFILE_METHOD
               : PROFILE_NONE;
}

profile *profile_new(const export_target *target)
{
    profile *p = mem_zeroed(1, sizeof(*p));
    p->roles = arena_array(&p->memory, u8, target->class_count);
    for (u32 i = 0; i < target->class_count; i++)
        p->roles[i] = (u8)role_of(target->classes[i]);
    return p;
}

void profile_free(profile *p)
{
    mem_free(p->processes);
    mem_free(p->frames);
    mem_free(p->stacks);
    mem_free(p->ids);
    mem_free(p->methods);
    mem_free(p->scratch);
    map_free(&p->process_map);
    map_free(&p->frame_map);
    map_free(&p->stack_map);
    arena_free(&p->memory);
    mem_free(p);
}

// ---------------------------------------------------------------------------------------------- records to items

static void render_frame(outbuf *out, const record *rec, u32 i)
{
    const stack_frame *known = rec->frames && rec->frames[i].module ? &rec->frames[i] : NULL;
    frame_item f = {.address = rec->stack[i], .offset = known ? known->offset : 0};
    span module = text_span(known ? known->module : "");
    f.module_len = (u32)module.len;
    outbuf_add(out, &f, sizeof(f));
    outbuf_add(out, module.at, module.len);
}

static void render_sample(outbuf *out, const record *rec)
{
    span name = text_span(rec->process_name ? rec->process_name : "");
    const profile_item item = {.role = PROFILE_SAMPLE,
                               .process_id = rec->has_process ? rec->process_id : UINT32_MAX,
                               .name_len = (u32)name.len,
                               .count = rec->stack_count};
    outbuf_add(out, &item, sizeof(item));
    outbuf_add(out, name.at, name.len);
    for (u32 i = 0; i < rec->stack_count; i++)
        render_frame(out, rec, i);
}

static u64 number_of(const record *rec, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    return value_is_integer(&v) ? v.number : 0;
}

static void render_method(outbuf *out, const record *rec)
{
    profile_item item = {.role = PROFILE_METHOD,
                         .process_id = rec->process_id,
                         .start = number_of(rec, "MethodStartAddress"),
                         .size = number_of(rec, "MethodSize")};
    typed_value v;
    size_t start = out->len;
    outbuf_add(out, &item, sizeof(item));
    record_value(rec, "MethodNamespace", &v);
    render_text(out, &v);
    outbuf_text(out, v.kind == VALUE_NULL || !v.bytes.len ? "" : ".");
    record_value(rec, "MethodName", &v);
    render_text(out, &v);
    item.name_len = (u32)(out->len - start - sizeof(item));
    memcpy(out->bytes + start, &item, sizeof(item));
}

void profile_render(const profile *p, const record *rec, outbuf *out)
{
    profile_role role = (profile_role)p->roles[rec->cls->index];
    if (role == PROFILE_SAMPLE)
        render_sample(out, rec);
    else if (role == PROFILE_METHOD && rec->plan)
        render_method(out, rec);
}

// ---------------------------------------------------------------------------------------------- items to stacks

static bool same_text(span a, span b)
{
    return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

static u32 process_of(profile *p, u32 id, span name)
{
    u32 found;
    u64 hash = hash_more(hash_u64(id), name.at, name.len);
    MAP_FIND(found, &p->process_map, hash, p->processes[index_].id == id && same_text(p->processes[index_].name, name));
    if (found != MAP_NONE)
        return found;
    GROW(p->processes, p->process_count, p->process_cap);
    p->processes[p->process_count] = (process){.id = id, .name = arena_bytes(&p->memory, name)};
    map_add(&p->process_map, hash, p->process_count);
    return p->process_count++;
}

// A module that is loaded to where another one was gives another frame.
static u32 frame_of(profile *p, u32 process_id, const frame_item *item, span module)
{
    u32 found;
    const u64 key[] = {process_id, item->address, item->offset};
    u64 hash = hash_more(hash_bytes(key, sizeof(key)), module.at, module.len);
    MAP_FIND(found, &p->frame_map, hash,
             p->frames[index_].process_id == process_id && p->frames[index_].address == item->address &&
                 p->frames[index_].offset == item->offset && same_text(p->frames[index_].module, module));
    if (found != MAP_NONE)
        return found;
    GROW(p->frames, p->frame_count, p->frame_cap);
    p->frames[p->frame_count] = (frame){process_id, item->address, item->offset, arena_bytes(&p->memory, module), NULL};
    map_add(&p->frame_map, hash, p->frame_count);
    return p->frame_count++;
}

static void count_stack(profile *p, u32 of, u32 count)
{
    u32 found;
    size_t bytes = count * sizeof(*p->scratch);
    u64 hash = hash_more(hash_u64(of), p->scratch, bytes);
    MAP_FIND(found, &p->stack_map, hash,
             p->stacks[index_].process == of && p->stacks[index_].count == count &&
                 (!count || memcmp(p->ids + p->stacks[index_].at, p->scratch, bytes) == 0));
    if (found != MAP_NONE) {
        p->stacks[found].samples++;
        return;
    }
    GROW(p->stacks, p->stack_count, p->stack_cap);
    if (p->id_count + count > p->id_cap) {
        p->id_cap = 2 * p->id_cap + count;
        p->ids = mem_grow(p->ids, p->id_count, p->id_cap, sizeof(*p->ids));
    }
    if (count)
        memcpy(p->ids + p->id_count, p->scratch, bytes);
    p->stacks[p->stack_count] = (stack){of, count, p->id_count, 1};
    p->id_count += count;
    map_add(&p->stack_map, hash, p->stack_count++);
}

static span take_bytes(span *rest, size_t len)
{
    span taken = {rest->at, len};
    *rest = span_from(*rest, len);
    return taken;
}

static void add_sample(profile *p, const profile_item *item, span *rest)
{
    bool full = p->id_count > LIMIT_PROFILE_FRAMES || p->frame_count > LIMIT_PROFILE_FRAMES / 8;
    u32 of = process_of(p, item->process_id, take_bytes(rest, item->name_len));
    for (u32 i = 0; i < item->count; i++) {
        frame_item f;
        memcpy(&f, rest->at, sizeof(f));
        *rest = span_from(*rest, sizeof(f));
        span module = take_bytes(rest, f.module_len);
        if (i == p->scratch_cap)
            GROW(p->scratch, i, p->scratch_cap);
        if (!full)
            p->scratch[i] = frame_of(p, item->process_id, &f, module);
    }
    p->samples++;
    p->without_stack += !item->count;
    p->lost += full;
    if (!full)
        count_stack(p, of, item->count);
}

static void add_method(profile *p, const profile_item *item, span name)
{
    if (!item->size || item->start + item->size < item->start)
        return;
    if (p->method_count >= LIMIT_PROFILE_METHODS) {
        p->methods_lost++;
        return;
    }
    GROW(p->methods, p->method_count, p->method_cap);
    p->methods[p->method_count++] = (method){item->process_id, item->start, item->start + item->size,
                                             arena_text_len(&p->memory, (const char *)name.at, name.len)};
}

void profile_add(profile *p, span rendered)
{
    while (rendered.len) {
        profile_item item;
        memcpy(&item, rendered.at, sizeof(item));
        rendered = span_from(rendered, sizeof(item));
        if (item.role == PROFILE_SAMPLE)
            add_sample(p, &item, &rendered);
        else
            add_method(p, &item, take_bytes(&rendered, item.name_len));
    }
}

// ---------------------------------------------------------------------------------------------- names

static int by_address(const void *a, const void *b)
{
    const method *x = a, *y = b;
    if (x->process_id != y->process_id)
        return x->process_id < y->process_id ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->end != y->end ? (x->end < y->end ? -1 : 1) : strcmp(x->name, y->name);
}

static const char *method_at(const profile *p, u32 process_id, u64 address)
{
    u32 low = 0, high = p->method_count; // the last one that begins at or before the address
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        const method *m = &p->methods[middle];
        if (m->process_id < process_id || (m->process_id == process_id && m->start <= address))
            low = middle + 1;
        else
            high = middle;
    }
    const method *m = low ? &p->methods[low - 1] : NULL;
    return m && m->process_id == process_id && address < m->end ? m->name : NULL;
}

// Valid UTF-8 in one line.
static const char *clean(profile *p, const char *text)
{
    span s = text_span(text);
    outbuf out = {0};
    outbuf_written(&out, text_utf8(outbuf_reserve(&out, 3 * s.len + 1), s));
    for (size_t i = 0; i < out.len; i++)
        if (out.bytes[i] < ' ' || out.bytes[i] == 0x7f)
            out.bytes[i] = ' ';
    const char *copy = arena_text_len(&p->memory, (const char *)out.bytes, out.len);
    outbuf_free(&out);
    return copy;
}

static const char *frame_text(profile *p, const frame *f)
{
    const char *name = method_at(p, f->process_id, f->address);
    if (name)
        return clean(p, name);
    if (!f->module.len)
        return arena_format(&p->memory, "0x%llx", (unsigned long long)f->address);
    const char *module = arena_text_len(&p->memory, (const char *)f->module.at, f->module.len);
    return clean(p, arena_format(&p->memory, "%s!+0x%llx", module, (unsigned long long)f->offset));
}

static const char *process_text(profile *p, const process *of)
{
    const char *name = arena_text_len(&p->memory, (const char *)of->name.at, of->name.len);
    if (of->id == UINT32_MAX)
        return "unknown process";
    return clean(p, arena_format(&p->memory, "%s (%u)", *name ? name : "process", of->id));
}

void profile_finish(profile *p)
{
    sort_in_place(p->methods, p->method_count, sizeof(*p->methods), by_address);
    for (u32 i = 0; i < p->frame_count; i++)
        p->frames[i].text = frame_text(p, &p->frames[i]);
    for (u32 i = 0; i < p->process_count; i++)
        p->processes[i].text = process_text(p, &p->processes[i]);
}

u32 profile_stacks(const profile *p)
{
    return p->stack_count;
}

profile_stack profile_stack_of(const profile *p, u32 index)
{
    const stack *s = &p->stacks[index];
    return (profile_stack){s->process, s->count, s->count ? p->ids + s->at : NULL, s->samples};
}

const char *profile_process(const profile *p, u32 index)
{
    return index < p->process_count ? p->processes[index].text : NULL;
}

const char *profile_frame(const profile *p, u32 index)
{
    return index < p->frame_count ? p->frames[index].text : NULL;
}

void profile_remark(const profile *p, char text[EXPORT_REMARK])
{
    int len =
        snprintf(text, EXPORT_REMARK, "%llu CPU samples, %llu of them without a stack; %u stacks, %u methods",
                 (unsigned long long)p->samples, (unsigned long long)p->without_stack, p->stack_count, p->method_count);
    if (p->methods_lost)
        len += snprintf(text + len, EXPORT_REMARK - (size_t)len, "; %llu methods are beyond LIMIT_PROFILE_METHODS",
                        (unsigned long long)p->methods_lost);
    if (p->lost)
        snprintf(text + len, EXPORT_REMARK - (size_t)len, "; %llu samples were left out: LIMIT_PROFILE_FRAMES",
                 (unsigned long long)p->lost);
    if (!p->samples)
        snprintf(text, EXPORT_REMARK, "no CPU samples: there are no SampleProf events");
}
