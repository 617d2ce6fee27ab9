#include "activity/condition.h"

// Of the first of these names that the event has.
static void get_named(const getter *found, const char *const names[2], const record *rec, typed_value *out)
{
    if (found->field) {
        (void)getter_value(found, rec, out);
        return;
    }
    record_value(rec, names[0], out);
    if (out->kind == VALUE_NULL)
        record_value(rec, names[1], out);
}

static const char *const OPTIONS[] = {"CreateOptions", "Disposition"}, *const PATHS[] = {"OpenPath", "FileName"},
                         *const PROCESSES[] = {"ProcessId", "ProcessID"}, *const THREADS[] = {"TThreadId", "ThreadID"};

static bool get_path(const event_condition *c, const record *rec, typed_value *out)
{
    get_named(&c->path, PATHS, rec, out);
    return out->kind == VALUE_TEXT;
}

static size_t unit_of(const typed_value *v)
{
    return v->encoding == TEXT_UTF16 ? 2 : 1;
}

// Without case.
static bool begins(const typed_value *v, const char *with)
{
    size_t unit = unit_of(v), len = strlen(with), i = 0;
    if (v->bytes.len < len * unit)
        return false;
    while (i < len && (v->bytes.at[i * unit] | 0x20) == (u8)(with[i] | 0x20))
        i++;
    return i == len;
}

// Where the first of these letters is at or after `from`; SIZE_MAX: nowhere.
static size_t find_letter(const typed_value *v, char letter, size_t from)
{
    size_t unit = unit_of(v);
    for (size_t i = from; (i + 1) * unit <= v->bytes.len; i++)
        if (v->bytes.at[i * unit] == (u8)letter && (unit == 1 || !v->bytes.at[i * unit + 1]))
            return i;
    return SIZE_MAX;
}

// Dispositions of a file's opening, the highest byte of CreateOptions. FILE_SUPERSEDE, FILE_CREATE and
// FILE_OVERWRITE_IF make a file or make it anew; FILE_OPEN_IF makes one where there is none; FILE_OPEN and
// FILE_OVERWRITE need one.
enum { FILE_OPEN = 1, FILE_OPEN_IF = 3, FILE_OVERWRITE = 4 };

static u32 disposition_of(const event_condition *c, const record *rec)
{
    typed_value options;
    get_named(&c->options, OPTIONS, rec, &options);
    return value_is_integer(&options) ? (u32)(options.number >> 24 & 0xff) : FILE_OPEN;
}

static bool may_create(const event_condition *c, const record *rec)
{
    u32 disposition = disposition_of(c, rec);
    return disposition != FILE_OPEN && disposition != FILE_OVERWRITE;
}

// Pipes are told of their own.
static bool makes_file(const event_condition *c, const record *rec)
{
    typed_value path;
    return may_create(c, rec) && !(get_path(c, rec, &path) && begins(&path, "\\Device\\NamedPipe"));
}

// REG_OPENED_EXISTING_KEY: asked to be made, it was there.
static bool is_new_key(const event_condition *c, const record *rec)
{
    typed_value disposition;
    get_named(&c->options, OPTIONS, rec, &disposition);
    return !value_is_integer(&disposition) || disposition.number != 2;
}

// The first thread of a process is its creator's work, and what it starts in the kernel's (4) is the kernel's.
static bool is_first_thread(const correlator *c, const event_condition *when, const record *rec, u32 target)
{
    typed_value thread;
    get_named(&when->thread, THREADS, rec, &thread);
    const process_life *life = correlator_process_at(c, rec->source_index, rec->epoch, target, rec->time);
    return life && life->thread_time != INT64_MAX && value_is_integer(&thread) &&
           life->first_thread == (u32)thread.number;
}

static bool is_foreign(const correlator *c, const event_condition *when, const record *rec)
{
    typed_value id;
    if (!rec->has_process || rec->process_id <= 4)
        return false;
    get_named(&when->process, PROCESSES, rec, &id);
    return value_is_integer(&id) && (u32)id.number != rec->process_id && id.number > 4 &&
           !is_first_thread(c, when, rec, (u32)id.number);
}

bool event_meets_condition(const correlator *c, const event_condition *when, const record *rec)
{
    typed_value value;
    size_t at;
    switch (when->when) {
    case WHEN_ALWAYS:
        return true;
    case WHEN_CREATES:
        return makes_file(when, rec) && disposition_of(when, rec) != FILE_OPEN_IF;
    case WHEN_MAY_CREATE:
        return makes_file(when, rec) && disposition_of(when, rec) == FILE_OPEN_IF;
    case WHEN_NEW:
        return is_new_key(when, rec);
    case WHEN_STREAM:
        if (!may_create(when, rec) && rec->cls->classic)
            return false;
        at = get_path(when, rec, &value) ? find_letter(&value, '\\', 0) : SIZE_MAX;
        return at != SIZE_MAX && find_letter(&value, ':', at) != SIZE_MAX;
    case WHEN_PIPE:
        return may_create(when, rec) && get_path(when, rec, &value) && begins(&value, "\\Device\\NamedPipe\\");
    case WHEN_KERNEL:
        get_named(&when->process, PROCESSES, rec, &value);
        return value_is_integer(&value) && value.number == 0;
    case WHEN_FOREIGN:
        return is_foreign(c, when, rec);
    }
    return false;
}

bool event_meets(const correlator *c, event_when when, const record *rec)
{
    const event_condition unprepared = {.when = when};
    return event_meets_condition(c, &unprepared, rec);
}

static void find_named(arena *a, const event_class *cls, const char *const names[2], getter *out)
{
    for (u32 i = 0; i < 2; i++) {
        if (getter_of_field(a, cls, names[i], out))
            return;
    }
}

void event_condition_make(arena *a, const event_class *cls, event_when when, event_condition *out)
{
    *out = (event_condition){.when = when};
    if (when == WHEN_ALWAYS)
        return;
    find_named(a, cls, OPTIONS, &out->options);
    find_named(a, cls, PATHS, &out->path);
    find_named(a, cls, PROCESSES, &out->process);
    find_named(a, cls, THREADS, &out->thread);
}
