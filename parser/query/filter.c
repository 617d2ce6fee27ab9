#include "query/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void filter_init(filter *f)
{
    memset(f, 0, sizeof(*f));
    f->since = INT64_MIN;
    f->until = INT64_MAX;
}

void filter_free(filter *f)
{
    mem_free(f->providers);
    mem_free(f->ids);
    mem_free(f->pids);
    mem_free(f->tids);
    filter_init(f);
}

static bool asks_descriptor(const filter *f)
{
    return f->provider_count || f->id_count || f->has_level || f->keyword;
}

bool filter_is_open(const filter *f)
{
    return !asks_descriptor(f) && f->since == INT64_MIN && f->until == INT64_MAX && !filter_needs_record(f);
}

static bool number(const char **text, u32 *out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(*text, &end, 0);
    if (end == *text || errno || value > UINT32_MAX || **text == '-' || **text == '+')
        return false;
    *out = (u32)value;
    *text = end;
    return true;
}

void filter_add_provider(filter *f, const char *name_or_guid)
{
    GROW(f->providers, f->provider_count, f->provider_cap);
    f->providers[f->provider_count++] = name_or_guid;
}

void filter_add_pid(filter *f, u32 pid)
{
    GROW(f->pids, f->pid_count, f->pid_cap);
    f->pids[f->pid_count++] = pid;
}

void filter_add_tid(filter *f, u32 tid)
{
    GROW(f->tids, f->tid_count, f->tid_cap);
    f->tids[f->tid_count++] = tid;
}

bool filter_add_ids(filter *f, const char *text, error *e)
{
    const char *p = text;
    for (;;) {
        u32 first, last;
        if (!number(&p, &first))
            break;
        last = first;
        if (*p == '-') {
            p++;
            if (!number(&p, &last))
                break;
        }
        if (last < first)
            return error_set(e, "--event-id: %u-%u is no range: it begins behind its end", first, last);
        GROW(f->ids, f->id_count, f->id_cap);
        f->ids[f->id_count++] = (filter_range){first, last};
        if (!*p)
            return true;
        if (*p++ != ',')
            break;
    }
    return error_set(e, "--event-id: '%s' is not a list of numbers like 1,5,100-200", text);
}

bool filter_set_level(filter *f, const char *text, error *e)
{
    static const char *const NAMES[] = {"LogAlways", "Critical", "Error", "Warning", "Information", "Verbose"};
    const char *p = text;
    u32 value = 256;
    if (!number(&p, &value) || *p)
        for (u32 i = 0; i < COUNT_OF(NAMES); i++)
            if (strcasecmp(text, NAMES[i]) == 0)
                value = i;
    if (strcasecmp(text, "Informational") == 0 || strcasecmp(text, "Info") == 0)
        value = 4;
    if (value > 255)
        return error_set(e,
                         "--level: '%s' is neither a number from 0 to 255 nor Critical, Error, Warning, "
                         "Information or Verbose",
                         text);
    f->has_level = true;
    f->level = (u8)value;
    return true;
}

bool filter_set_keyword(filter *f, const char *text, error *e)
{
    char *end;
    errno = 0;
    f->keyword = strtoull(text, &end, 0);
    if (end == text || *end || errno || *text == '-' || !f->keyword)
        return error_set(e, "--keyword: '%s' is not a mask like 0x10", text);
    return true;
}

static bool is_provider(const char *name_or_guid, const event_class *cls, bool any_name)
{
    guid id;
    if (guid_from_text(name_or_guid, strlen(name_or_guid), &id))
        return guid_equal(&id, &cls->provider_id);
    return any_name || (cls->provider && strcasecmp(cls->provider, name_or_guid) == 0);
}

bool filter_is_provider(const char *name_or_guid, const event_class *cls)
{
    return is_provider(name_or_guid, cls, false);
}

static bool provider_fits(const filter *f, const event_class *cls, bool any_name)
{
    for (u32 i = 0; i < f->provider_count; i++)
        if (is_provider(f->providers[i], cls, any_name))
            return true;
    return f->provider_count == 0;
}

static bool id_fits(const filter *f, const event_class *cls)
{
    for (u32 i = 0; i < f->id_count; i++)
        if (cls->descriptor.id >= f->ids[i].first && cls->descriptor.id <= f->ids[i].last)
            return true;
    return f->id_count == 0;
}

static where_truth class_truth(const filter *f, const event_class *cls, bool planned)
{
    bool has_level = planned || !cls->message; // WPP messages have the level of their description
    if ((f->has_level && has_level && cls->descriptor.level > f->level) ||
        (f->keyword && !(cls->descriptor.keyword & f->keyword)) || !id_fits(f, cls) || !provider_fits(f, cls, !planned))
        return WHERE_NEVER;
    where_truth truth = f->where ? where_for_class(f->where, cls, planned) : WHERE_ALWAYS;
    return truth == WHERE_ALWAYS && (f->pid_count || f->tid_count) ? WHERE_SOMETIMES : truth;
}

where_truth filter_class(const filter *f, const event_class *cls)
{
    where_truth truth = class_truth(f, cls, true);
    for (u32 i = 0; cls->named && i < cls->plan_count; i++)
        if (class_truth(f, cls->named[i], true) != truth)
            return WHERE_SOMETIMES;
    return truth;
}

bool filter_may_let(const filter *f, const event_class *cls)
{
    return class_truth(f, cls, false) != WHERE_NEVER;
}

bool filter_asks_class(const filter *f)
{
    return asks_descriptor(f) || (f->where && where_asks_class(f->where));
}

bool filter_needs_record(const filter *f)
{
    return f->pid_count || f->tid_count || f->where;
}

static bool listed(const u32 *list, u32 count, u32 value)
{
    for (u32 i = 0; i < count; i++)
        if (list[i] == value)
            return true;
    return false;
}

bool filter_needs_stack(const filter *f)
{
    return f->where && (where_asks_column(f->where, COLUMN_stack) || where_asks_column(f->where, COLUMN_extended));
}

void filter_bind(record_filter *out, const filter *f, const event_class *const *classes, u32 count)
{
    *out = (record_filter){.filter = f};
    if (!f->where)
        return;
    const expression *list[] = {f->where};
    out->where = query_new(list, 1);
    query_bind(out->where, classes, count);
}

void filter_unbind(record_filter *r)
{
    query_free(r->where);
    *r = (record_filter){0};
}

bool filter_record(const record_filter *r, const record *rec, query_scratch *scratch)
{
    const filter *f = r->filter;
    if (f->pid_count && !(rec->has_process && listed(f->pids, f->pid_count, rec->process_id)))
        return false;
    if (f->tid_count && !(rec->has_thread && listed(f->tids, f->tid_count, rec->thread_id)))
        return false;
    if ((rec->cls->named || rec->cls->made) && class_truth(f, rec->cls, true) == WHERE_NEVER)
        return false;
    return !r->where || query_any(r->where, rec, scratch);
}
