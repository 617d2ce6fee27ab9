#include "profile.h"

#include <stdio.h>

#include "base/known_guids.h"
#include "base/map.h"
#include "base/text.h"
#include "base/text_put.h"
#include "literal.h"

typedef enum profile_role { PROFILE_NONE, PROFILE_SAMPLE, PROFILE_SWITCH } profile_role;

// What a record gives; the process's name and the frames' follow, each after its length.
typedef struct profile_item {
    u32 role, process_id, name_len, count;
} profile_item;

typedef struct process {
    u32 id;
    bool switches; // its context switches, not its samples
    span name;
    const char *text;
} process;

typedef struct stack {
    u32 process, count;
    u64 at, samples; // at: in ids
} stack;

struct profile {
    u8 *roles; // by class
    arena memory;
    process *processes;
    const char **frames;
    stack *stacks;
    u32 *ids; // of frames, of all stacks
    u32 process_count, process_cap, frame_count, frame_cap, stack_count, stack_cap;
    u64 id_count, id_cap;
    map process_map, frame_map, stack_map;
    u32 *scratch; // frames of the sample being added
    u32 scratch_cap;
    u64 samples, switches, without_stack, lost;
};

static profile_role role_of(const event_class *cls)
{
    static const guid PERF_INFO = GUID_CLASS_PERF_INFO, THREAD = GUID_CLASS_THREAD;
    enum { SAMPLE_PROF = 46, CONTEXT_SWITCH = 36 };
    if (guid_equal(&cls->provider_id, &PERF_INFO) && cls->descriptor.opcode == SAMPLE_PROF)
        return PROFILE_SAMPLE;
    return guid_equal(&cls->provider_id, &THREAD) && cls->descriptor.opcode == CONTEXT_SWITCH ? PROFILE_SWITCH
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
    mem_free(p->scratch);
    map_free(&p->process_map);
    map_free(&p->frame_map);
    map_free(&p->stack_map);
    arena_free(&p->memory);
    mem_free(p);
}

// ---------------------------------------------------------------------------------------------- records to items

static void put_frame_text(outbuf *out, const record *rec, u32 i)
{
    const stack_frame *f = rec->frames ? &rec->frames[i] : NULL;
    if (f && f->module) {
        outbuf_text(out, f->module);
        outbuf_text(out, f->function ? "!" : "!+");
    }
    if (f && f->function)
        outbuf_text(out, f->function);
    else
        outbuf_written(out, text_hex_lower(outbuf_reserve(out, 19), f && f->module ? f->offset : rec->stack[i]));
}

void profile_put_frame(outbuf *out, const record *rec, u32 i)
{
    u32 len = 0;
    size_t start = out->len;
    outbuf_add(out, &len, sizeof(len));
    put_frame_text(out, rec, i);
    len = (u32)(out->len - start - sizeof(len));
    memcpy(out->bytes + start, &len, sizeof(len));
}

// Of context switches those with a stack.
void profile_render(const profile *p, const record *rec, outbuf *out)
{
    profile_role role = (profile_role)p->roles[rec->cls->index];
    if (role == PROFILE_NONE || (role == PROFILE_SWITCH && !rec->stack_count))
        return;
    span name = text_span(rec->process_name ? rec->process_name : "");
    const profile_item item = {.role = role,
                               .process_id = rec->has_process ? rec->process_id : UINT32_MAX,
                               .name_len = (u32)name.len,
                               .count = rec->stack_count};
    outbuf_add(out, &item, sizeof(item));
    outbuf_add(out, name.at, name.len);
    for (u32 i = 0; i < rec->stack_count; i++)
        profile_put_frame(out, rec, i);
}

// ---------------------------------------------------------------------------------------------- items to stacks

static bool same_text(span a, span b)
{
    return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

static u32 process_of(profile *p, u32 id, bool switches, span name)
{
    u32 found;
    u64 hash = hash_more(hash_u64((u64)switches << 32 | id), name.at, name.len);
    MAP_FIND(found, &p->process_map, hash,
             p->processes[index_].id == id && p->processes[index_].switches == switches &&
                 same_text(p->processes[index_].name, name));
    if (found != MAP_NONE)
        return found;
    GROW(p->processes, p->process_count, p->process_cap);
    p->processes[p->process_count] = (process){.id = id, .switches = switches, .name = arena_bytes(&p->memory, name)};
    map_add(&p->process_map, hash, p->process_count);
    return p->process_count++;
}

// Valid UTF-8 in one line.
static const char *clean(profile *p, span s)
{
    outbuf out = {0};
    outbuf_written(&out, text_utf8(outbuf_reserve(&out, 3 * s.len + 1), s));
    for (size_t i = 0; i < out.len; i++)
        if (out.bytes[i] < ' ' || out.bytes[i] == 0x7f)
            out.bytes[i] = ' ';
    const char *copy = arena_text_len(&p->memory, (const char *)out.bytes, out.len);
    outbuf_free(&out);
    return copy;
}

static bool is_text(const char *a, span b)
{
    return strlen(a) == b.len && memcmp(a, b.at, b.len) == 0;
}

// By its text as it was rendered, which has no NUL.
static u32 frame_of(profile *p, span text)
{
    u32 found;
    u64 hash = hash_bytes(text.at, text.len);
    MAP_FIND(found, &p->frame_map, hash, is_text(p->frames[index_], text));
    if (found != MAP_NONE)
        return found;
    GROW(p->frames, p->frame_count, p->frame_cap);
    p->frames[p->frame_count] = arena_text_len(&p->memory, (const char *)text.at, text.len);
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
    u32 of = process_of(p, item->process_id, item->role == PROFILE_SWITCH, take_bytes(rest, item->name_len));
    for (u32 i = 0; i < item->count; i++) {
        u32 len;
        memcpy(&len, rest->at, sizeof(len));
        *rest = span_from(*rest, sizeof(len));
        span text = take_bytes(rest, len);
        if (i == p->scratch_cap)
            GROW(p->scratch, i, p->scratch_cap);
        if (!full)
            p->scratch[i] = frame_of(p, text);
    }
    p->samples += item->role == PROFILE_SAMPLE;
    p->switches += item->role == PROFILE_SWITCH;
    p->without_stack += !item->count;
    p->lost += full;
    if (!full)
        count_stack(p, of, item->count);
}

void profile_add(profile *p, span rendered)
{
    while (rendered.len) {
        profile_item item;
        memcpy(&item, rendered.at, sizeof(item));
        rendered = span_from(rendered, sizeof(item));
        add_sample(p, &item, &rendered);
    }
}

// ---------------------------------------------------------------------------------------------- names

static const char *process_text(profile *p, const process *of)
{
    const char *name = arena_text_len(&p->memory, (const char *)of->name.at, of->name.len);
    const char *what = of->switches ? ", context switches" : "";
    const char *text = of->id == UINT32_MAX
                           ? arena_format(&p->memory, "unknown process%s", what)
                           : arena_format(&p->memory, "%s (%u)%s", *name ? name : "process", of->id, what);
    return clean(p, text_span(text));
}

void profile_finish(profile *p)
{
    for (u32 i = 0; i < p->frame_count; i++)
        p->frames[i] = clean(p, text_span(p->frames[i]));
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
    return index < p->frame_count ? p->frames[index] : NULL;
}

u64 profile_samples(const profile *p)
{
    return p->samples + p->switches;
}

void profile_remark(const profile *p, char text[EXPORT_REMARK])
{
    int len = snprintf(text, EXPORT_REMARK,
                       "%llu CPU samples, %llu of them without a stack; %llu context switches; %u stacks",
                       (unsigned long long)p->samples, (unsigned long long)p->without_stack,
                       (unsigned long long)p->switches, p->stack_count);
    if (p->lost)
        snprintf(text + len, EXPORT_REMARK - (size_t)len, "; %llu were left out: LIMIT_PROFILE_FRAMES",
                 (unsigned long long)p->lost);
    if (!p->samples && !p->switches)
        snprintf(text, EXPORT_REMARK, "no CPU samples, no context switches with stacks");
}
