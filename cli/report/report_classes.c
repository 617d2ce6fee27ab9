// What is known of events by their class, before the first record: its rule, its provider's table, its colour.
#include <stdlib.h>
#include <string.h>

#include "base/known_guids.h"
#include "base/text.h"
#include "info.h"
#include "report/report.h"

#define EVENT_TRACE GUID_OF(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3)

// ---------------------------------------------------------------------------------------------- providers

// What the recording says of itself and of the machine, and stacks, which other events have.
static bool is_bookkeeping(const event_class *cls)
{
    static const guid IDS[] = {EVENT_TRACE, GUID_CLASS_SYSTEM_CONFIG, GUID_CLASS_SYSTEM_CONFIG_EX,
                               GUID_CLASS_STACK_WALK};
    if (!cls->classic)
        return false;
    for (size_t i = 0; i < COUNT_OF(IDS); i++)
        if (guid_equal(&IDS[i], &cls->provider_id))
            return true;
    return cls->provider && strcmp(cls->provider, "KernelTraceControl") == 0;
}

static const char *title_of(report_classes *out, const event_class *cls)
{
    outbuf title = {0};
    info_provider(cls, &title);
    const char *kept = arena_text_len(&out->arena, (const char *)title.bytes, title.len);
    outbuf_free(&title);
    return kept;
}

static bool is_provider(const void *items, u32 index, const void *id)
{
    return guid_equal(&((const report_provider *)items)[index].id, id);
}

static report_provider *provider_of(report_classes *out, map *by_id, const event_class *cls)
{
    u64 hash = hash_bytes(&cls->provider_id, sizeof(guid));
    u32 found = map_find(by_id, hash, is_provider, out->providers, &cls->provider_id);
    if (found != MAP_NONE)
        return &out->providers[found];
    GROW(out->providers, out->provider_count, out->provider_cap);
    map_add(by_id, hash, out->provider_count);
    report_provider *p = &out->providers[out->provider_count];
    *p = (report_provider){.id = cls->provider_id,
                           .bookkeeping = is_bookkeeping(cls),
                           .kernel = info_is_kernel(cls),
                           .order = out->provider_count++,
                           .table = REPORT_NONE};
    return p;
}

// What is written for people comes before the kernel's events, and what says nothing of what was done comes last.
static int by_interest(const void *a, const void *b)
{
    const report_provider *x = a, *y = b;
    if (x->bookkeeping != y->bookkeeping)
        return x->bookkeeping ? 1 : -1;
    if (x->kernel != y->kernel)
        return x->kernel ? 1 : -1;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void find_providers(report_classes *out, map *by_id, const session *s)
{
    for (u32 i = 0; i < out->count; i++) {
        const event_class *cls = class_list(s->classes)[i];
        report_provider *p = provider_of(out, by_id, cls);
        p->events += cls->events;
        p->has_rules |= out->list[i].shows_always;
        if (!p->title || (!p->kernel && cls->provider && cls->events))
            p->title = title_of(out, cls);
    }
    if (out->provider_count)
        qsort(out->providers, out->provider_count, sizeof(*out->providers), by_interest);
}

// ---------------------------------------------------------------------------------------------- series

// The timeline shows what happened, and not what the recording says of itself when it begins and ends.
static bool is_on_timeline(const report_provider *p)
{
    return !p->bookkeeping || guid_equal(&p->id, &(guid)GUID_CLASS_STACK_WALK);
}

static u64 events_on_timeline(const report_provider *p)
{
    return is_on_timeline(p) ? p->events : 0;
}

// The series of provider i: those with most events have one of their own.
static u32 *rank_providers(report_classes *out)
{
    u32 *series = mem_zeroed(out->provider_count + 1, sizeof(*series));
    for (u32 i = 0; i < out->provider_count; i++) {
        u64 events = events_on_timeline(&out->providers[i]);
        u32 before = 0;
        for (u32 j = 0; j < out->provider_count && before < REPORT_SERIES; j++) {
            u64 other = events_on_timeline(&out->providers[j]);
            before += other > events || (j < i && other == events);
        }
        series[i] = before;
        if (before < REPORT_SERIES)
            out->series_names[before] = out->providers[i].title;
        else
            out->other_series += events > 0;
    }
    out->series_names[REPORT_SERIES] = "";
    return series;
}

// ---------------------------------------------------------------------------------------------- the whole

static void number_tables(report_classes *out)
{
    for (u32 i = 0; i < out->provider_count; i++) {
        if (i < REPORT_TABLES)
            out->providers[i].table = report_table_count() + i;
        else
            out->left_out++;
    }
}

static void finish_classes(report_classes *out, const session *s, const u32 *series)
{
    map sorted = {0};
    for (u32 i = 0; i < out->provider_count; i++)
        map_add(&sorted, hash_bytes(&out->providers[i].id, sizeof(guid)), i);
    for (u32 i = 0; i < out->count; i++) {
        const guid *id = &class_list(s->classes)[i]->provider_id;
        u32 at = map_find(&sorted, hash_bytes(id, sizeof(*id)), is_provider, out->providers, id);
        out->list[i].table = out->providers[at].table;
        out->list[i].series = series[at];
        out->list[i].outside_time = !is_on_timeline(&out->providers[at]);
    }
    map_free(&sorted);
}

// As activities_new counts them.
static void find_shows(report_class *out, const event_class *cls)
{
    u32 which = 0;
    for (u32 i = 0; cls->plan_count && i < activity_source_count; i++) {
        const activity_source *s = &activity_sources[i];
        if (s->kind >= ACTIVITY_KINDS || !activity_source_is_of(s, cls))
            continue;
        report_show show = {which++, report_table_of(s->kind), s->when};
        if (show.table == REPORT_NONE || out->show_count == REPORT_SHOWS)
            continue;
        out->shows[out->show_count++] = show;
        out->shows_always |= s->when == WHEN_ALWAYS;
    }
}

// Starts of processes: their command lines are known from the process.
static bool tells_process(const event_class *cls)
{
    static const guid IDS[] = {GUID_CLASS_PROCESS, GUID_KERNEL_PROCESS};
    for (size_t i = 0; i < COUNT_OF(IDS); i++)
        if (guid_equal(&IDS[i], &cls->provider_id))
            return true;
    return guid_equal(&cls->provider_id, &(guid)GUID_SECURITY_AUDITING) && cls->descriptor.id == 4688;
}

void report_classes_begin(report_classes *out, const session *s)
{
    map by_id = {0};
    *out = (report_classes){.count = class_count(s->classes)};
    out->list = mem_zeroed(out->count + 1, sizeof(*out->list));
    for (u32 i = 0; i < out->count; i++) {
        find_shows(&out->list[i], class_list(s->classes)[i]);
        out->list[i].tells_process = tells_process(class_list(s->classes)[i]);
        out->list[i].chart = report_chart_rule_of(class_list(s->classes)[i]);
    }
    find_providers(out, &by_id, s);
    map_free(&by_id);
    number_tables(out);
    u32 *series = rank_providers(out);
    finish_classes(out, s, series);
    mem_free(series);
}

void report_classes_free(report_classes *c)
{
    mem_free(c->list);
    mem_free(c->providers);
    arena_free(&c->arena);
}
