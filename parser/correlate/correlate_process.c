// Processes from start to end, and whose the threads are.
//
// Three witnesses tell of a process: the kernel's own events, Microsoft-Windows-Kernel-Process, and the security audit.
// Each life is put together from all that agree; two lives of one id are told apart by ends, by a second start from the
// same witness, by creation times and kernel keys, and by names that contradict each other.
#include <strings.h>

#include "correlate/correlate_internal.h"

typedef enum witness { WITNESS_KERNEL, WITNESS_PROVIDER, WITNESS_AUDIT, WITNESSES } witness;

typedef enum process_kind { PROCESS_END, PROCESS_DEFUNCT, PROCESS_EXISTS, PROCESS_START } process_kind;

typedef struct process_fact {
    i64 time;
    u32 process_id;
    u32 source; // once closed: the machine
    process_kind kind;
    witness by;
    i64 created, exited;
    u64 key;
    const char *name, *path, *command, *sid, *package, *application;
    u32 parent, session, exit;
    bool has_parent, has_session, has_exit;
} process_fact;

// A life while it is put together.
typedef struct draft {
    process_life facts;
    i64 from; // it is asked for from here on
    i64 first_seen, created;
    u64 key;
    i64 started_at[WITNESSES];
    bool started_by[WITNESSES];
    bool ended;
    i64 ended_at;
} draft;

enum {
    OPCODE_START = 1,
    OPCODE_END = 2,
    OPCODE_DC_START = 3,
    OPCODE_DC_END = 4,
    OPCODE_DEFUNCT = 39,
    PROVIDER_START = 1,
    PROVIDER_STOP = 2,
    PROVIDER_THREAD_START = 3,
    PROVIDER_THREAD_STOP = 4,
    NAME_KEPT = 14, // the kernel keeps so many characters of an image's name at least
};
// Witnesses log one start within this time; ids come up again later than that.
static const i64 WITNESS_APART = 20000000;

// ---------------------------------------------------------------------------------------------- facts

static process_kind kind_of(const event_class *cls, topic t)
{
    if (t == TOPIC_AUDIT_START)
        return PROCESS_START;
    if (t == TOPIC_AUDIT_STOP)
        return PROCESS_END;
    if (!cls->classic)
        return cls->descriptor.id == PROVIDER_START  ? PROCESS_START
               : cls->descriptor.id == PROVIDER_STOP ? PROCESS_END
                                                     : PROCESS_EXISTS;
    switch (cls->descriptor.opcode) {
    case OPCODE_START:
        return PROCESS_START;
    case OPCODE_END:
        return PROCESS_END;
    case OPCODE_DEFUNCT:
        return PROCESS_DEFUNCT;
    default:
        return PROCESS_EXISTS;
    }
}

static i64 filetime_of(const seen *v, want w)
{
    u64 n = 0;
    return seen_number(v, w, &n) && n < INT64_MAX ? (i64)n : 0;
}

// "-" and S-1-0-0 stand for nobody.
static const char *sid_of(const seen *v, want w)
{
    const char *sid = seen_text(v, w);
    return sid && strcmp(sid, "S-1-0-0") != 0 && sid[0] == 'S' ? sid : NULL;
}

static void take_names(correlator *c, process_fact *f, const seen *v)
{
    const char *image = seen_text(v, WANT_NAME);
    if (!image)
        return;
    const char *name = path_name(image);
    if (*name)
        f->name = text_set_add(&c->texts, name, strlen(name));
    if (name != image)
        f->path = image;
}

void process_see(correlator *c, const sighting *s, const seen *v, topic t, u32 source)
{
    process_book *b = &c->processes;
    process_fact f = {.time = s->time, .source = source, .kind = kind_of(s->cls, t)};
    u64 number = 0;
    if (!seen_u32(v, WANT_PROCESS, &f.process_id))
        return;
    if (b->fact_count >= LIMIT_PROCESS_FACTS) {
        b->refused++;
        return;
    }
    f.by = t != TOPIC_PROCESS ? WITNESS_AUDIT : s->cls->classic ? WITNESS_KERNEL : WITNESS_PROVIDER;
    take_names(c, &f, v);
    f.command = seen_text(v, WANT_COMMAND);
    f.package = seen_text(v, WANT_PACKAGE);
    f.application = seen_text(v, WANT_APPLICATION);
    f.sid = sid_of(v, WANT_SID);
    // Who asked for the process is whom it runs as, unless the audit names somebody else.
    if (!f.sid && t == TOPIC_AUDIT_START)
        f.sid = sid_of(v, WANT_SUBJECT);
    f.created = filetime_of(v, WANT_CREATED);
    f.exited = filetime_of(v, WANT_EXITED);
    f.has_parent = seen_u32(v, WANT_PARENT, &f.parent);
    f.has_session = seen_u32(v, WANT_SESSION, &f.session);
    f.has_exit = (f.kind == PROCESS_END || f.kind == PROCESS_DEFUNCT) && seen_u32(v, WANT_EXIT, &f.exit);
    if (s->cls->classic && s->cls->descriptor.version >= 2 && seen_number(v, WANT_KEY, &number))
        f.key = number;
    SPILL_GROW(b->fact_block, b->facts, b->fact_count, b->fact_cap);
    b->facts[b->fact_count++] = f;
}

void thread_see(correlator *c, const sighting *s, const seen *v, u32 source)
{
    u32 thread, number;
    if (!seen_u32(v, WANT_THREAD, &thread) || !seen_u32(v, WANT_PROCESS, &number))
        return;
    u32 n = s->cls->classic ? s->cls->descriptor.opcode : s->cls->descriptor.id;
    bool start = s->cls->classic ? n == OPCODE_START : n == PROVIDER_THREAD_START;
    bool end = s->cls->classic ? n == OPCODE_END : n == PROVIDER_THREAD_STOP;
    fact f = {thread, s->time, NULL, number, source, start ? FACT_START : end ? FACT_END : FACT_EXISTS};
    history_tell(&c->processes.threads, &f);
}

// ---------------------------------------------------------------------------------------------- order

static int compare_texts(const char *a, const char *b)
{
    if (a == b)
        return 0;
    return !a ? -1 : !b ? 1 : strcmp(a, b);
}

static int compare_numbers(u64 a, u64 b)
{
    return a < b ? -1 : a > b;
}

static int by_id_and_time(const void *a, const void *b)
{
    const process_fact *x = a, *y = b;
    int order = compare_numbers(x->process_id, y->process_id);
    if (!order)
        order = compare_numbers(x->source, y->source);
    if (!order && x->time != y->time)
        order = x->time < y->time ? -1 : 1;
    if (!order)
        order = compare_numbers(x->kind, y->kind);
    if (!order)
        order = compare_numbers(x->by, y->by);
    if (!order)
        order = compare_numbers(x->key, y->key);
    if (!order)
        order = compare_texts(x->name, y->name);
    if (!order)
        order = compare_texts(x->command, y->command);
    if (!order)
        order = compare_texts(x->path, y->path);
    if (!order)
        order = compare_numbers(x->parent, y->parent);
    return order ? order : compare_numbers(x->exit, y->exit);
}

// ---------------------------------------------------------------------------------------------- folding

static bool names_agree(const char *a, const char *b)
{
    if (!a || !b)
        return true;
    size_t la = strlen(a), lb = strlen(b), shorter = la < lb ? la : lb;
    return strncasecmp(a, b, shorter) == 0 && (la == lb || shorter >= NAME_KEPT);
}

static bool agree(const draft *d, const process_fact *f)
{
    if (!names_agree(d->facts.name, f->name) || (d->key && f->key && d->key != f->key))
        return false;
    i64 apart = d->created && f->created ? time_apart(d->created, f->created) : 0;
    return apart < WITNESS_APART && apart > -WITNESS_APART;
}

// Whether a start belongs to the life that is already open.
static bool starts_again(const draft *d, const process_fact *f)
{
    if (d->ended || !agree(d, f))
        return false;
    i64 born = f->created ? f->created : f->time;
    if (d->started_by[f->by])
        return f->time == d->started_at[f->by]; // the same event in two files
    if (d->facts.start_known != MOMENT_RECORDED)
        return born <= d->first_seen;
    i64 apart = time_apart(born, d->facts.start);
    return apart < WITNESS_APART && apart > -WITNESS_APART;
}

static void keep_text(const char **place, const char *text)
{
    if (!*place)
        *place = text;
}

static void enrich(draft *d, const process_fact *f)
{
    process_life *p = &d->facts;
    // A longer name is the one that was not cut.
    if (f->name && (!p->name || (names_agree(p->name, f->name) && strlen(f->name) > strlen(p->name))))
        p->name = f->name;
    keep_text(&p->image_path, f->path);
    keep_text(&p->command_line, f->command);
    keep_text(&p->user_sid, f->sid);
    keep_text(&p->package, f->package);
    keep_text(&p->application, f->application);
    if (f->has_parent && !p->has_parent) {
        p->has_parent = true;
        p->parent_id = f->parent;
    }
    if (f->has_session && !p->has_session) {
        p->has_session = true;
        p->session_id = f->session;
    }
    if (f->has_exit && !p->has_exit_status) {
        p->has_exit_status = true;
        p->exit_status = f->exit;
    }
    if (f->key)
        d->key = f->key;
    if (f->created && !d->created) {
        d->created = f->created;
        p->start_known = MOMENT_RECORDED;
        p->start = f->created;
    }
}

// When a life may have begun of which only that it was there at `later` is known: what comes sooner after the end of
// the one before is that one's, still in flight.
static i64 earliest_after(const draft *before, i64 later)
{
    bool is_long_ago = before->ended && time_apart(later, before->ended_at) > LIMIT_ENDED_GRACE;
    return is_long_ago ? before->ended_at + LIMIT_ENDED_GRACE + 1 : later;
}

static void begin(draft *d, const process_fact *f, const draft *before)
{
    *d = (draft){.first_seen = f->time, .from = f->time};
    process_life *p = &d->facts;
    p->process_id = f->process_id;
    p->machine = f->source;
    p->end_known = MOMENT_OUTSIDE;
    bool start = f->kind == PROCESS_START;
    p->start_known = start || f->created ? MOMENT_RECORDED : before ? MOMENT_UNSEEN : MOMENT_OUTSIDE;
    p->start = f->created ? f->created : start ? f->time : 0;
    if (!start && !f->created)
        d->from = before ? earliest_after(before, f->time) : INT64_MIN;
    else if (f->created && f->created < d->from)
        d->from = f->created;
    if (before && d->from <= before->from)
        d->from = before->from < INT64_MAX ? before->from + 1 : INT64_MAX;
}

static void finish(draft *d, const process_fact *f)
{
    process_life *p = &d->facts;
    i64 end = f->exited ? f->exited : f->kind == PROCESS_END ? f->time : 0;
    if (end && (p->end_known != MOMENT_RECORDED || (f->exited && f->kind == PROCESS_END))) {
        p->end_known = MOMENT_RECORDED;
        p->end = end;
    } else if (!end && p->end_known != MOMENT_RECORDED) {
        p->end_known = MOMENT_UNSEEN;
    }
    if (!d->ended)
        d->ended_at = f->time;
    d->ended = true;
}

// Whether a fact that is no start speaks of the life that was last.
static bool goes_on(const draft *d, const process_fact *f)
{
    if (!agree(d, f))
        return false;
    if (!d->ended)
        return true;
    if (f->kind == PROCESS_DEFUNCT || (f->kind == PROCESS_EXISTS && f->key && f->key == d->key && f->created == 0))
        return f->kind == PROCESS_DEFUNCT || time_apart(f->time, d->ended_at) < WITNESS_APART;
    return f->kind == PROCESS_END && time_apart(f->time, d->ended_at) < WITNESS_APART;
}

// As history_span answers.
static void bound(process_book *b, const draft *d)
{
    process_life *p = &b->list[b->count], *before = b->count ? p - 1 : NULL;
    p->since = d->from;
    p->until =
        d->ended && d->ended_at < INT64_MAX - LIMIT_ENDED_GRACE ? d->ended_at + LIMIT_ENDED_GRACE + 1 : INT64_MAX;
    if (before && before->machine == p->machine && before->process_id == p->process_id && before->until > p->since)
        before->until = p->since;
}

static void put(correlator *c, const draft *d)
{
    process_book *b = &c->processes;
    SPILL_GROW(b->list_block, b->list, b->count, b->cap);
    b->list[b->count] = d->facts;
    bound(b, d);
    life_doubts doubts = {d->facts.start_known != MOMENT_RECORDED, d->facts.end_known == MOMENT_UNSEEN};
    i64 until = d->ended ? d->ended_at : INT64_MAX;
    b->list[b->count].across_gap = count_life(c, &b->counts, d->facts.machine, d->from, until, doubts);
    life l = {d->from, until, NULL, b->count};
    b->count++;
    history_add_life(&b->ids, d->facts.machine, d->facts.process_id, &l);
}

// All facts of one id, in order.
static void fold(correlator *c, const process_fact *facts, u32 count)
{
    draft now = {0}, before;
    bool any = false;
    for (u32 i = 0; i < count; i++) {
        const process_fact *f = &facts[i];
        bool same = any && (f->kind == PROCESS_START ? starts_again(&now, f) : goes_on(&now, f));
        if (!same) {
            before = now;
            if (any) {
                if (before.facts.end_known == MOMENT_OUTSIDE)
                    before.facts.end_known = MOMENT_UNSEEN;
                put(c, &before);
            }
            begin(&now, f, any ? &before : NULL);
            any = true;
        }
        if (f->kind == PROCESS_START) {
            now.started_by[f->by] = true;
            now.started_at[f->by] = f->time;
            if (now.facts.start_known != MOMENT_RECORDED) {
                now.facts.start_known = MOMENT_RECORDED;
                now.facts.start = f->created ? f->created : f->time;
            }
        }
        enrich(&now, f);
        if (f->kind == PROCESS_END || f->kind == PROCESS_DEFUNCT)
            finish(&now, f);
    }
    if (any)
        put(c, &now);
}

// ---------------------------------------------------------------------------------------------- the list

// What the list is ordered by, so that the lives themselves are not gone through in disorder.
typedef struct start_key {
    bool is_known; // inside the recording
    i64 start;
    u32 process_id, machine, place;
} start_key;

static int by_start(const void *a, const void *b)
{
    const start_key *x = a, *y = b;
    if (x->is_known != y->is_known)
        return x->is_known ? 1 : -1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    int order = compare_numbers(x->process_id, y->process_id);
    if (!order)
        order = compare_numbers(x->machine, y->machine);
    return order ? order : compare_numbers(x->place, y->place);
}

static void put_in_order(process_book *b)
{
    spill *block = NULL;
    u64 passed = 0;
    start_key *keys = spill_reserve(&block, b->count, sizeof(*keys));
    for (u32 i = 0; i < b->count; i++) {
        const process_life *p = &b->list[i];
        i64 start = p->start_known == MOMENT_RECORDED ? p->start : p->since;
        keys[i] = (start_key){p->start_known != MOMENT_OUTSIDE, start, p->process_id, p->machine, i};
        spill_pass(&passed, sizeof(*p), SPILL_ITEMS);
    }
    keys = spill_sort(&block, b->count, sizeof(*keys), by_start);
    b->sorted = spill_reserve(&b->sorted_block, b->count, sizeof(*b->sorted));
    for (u32 i = 0; i < b->count; i++) {
        b->sorted[i] = &b->list[keys[i].place];
        b->list[keys[i].place].index = i;
        spill_pass(&passed, sizeof(*b->list), SPILL_ITEMS);
    }
    spill_free(&block);
    spill_seal(b->sorted_block);
}

const process_life *process_at(const correlator *c, u32 machine, u32 process_id, i64 time)
{
    const life *l = history_at(&c->processes.ids, machine, process_id, time);
    return l ? &c->processes.list[l->number] : NULL;
}

// With all drives known.
static void name_path(correlator *c, process_life *p)
{
    if (!p->image_path)
        return;
    c->scratch.len = 0;
    (void)drive_put_path(c, p->machine, text_span(p->image_path), &c->scratch);
    p->dos_path = text_set_add(&c->texts, (const char *)c->scratch.bytes, c->scratch.len);
}

static void complete(correlator *c, process_life *p)
{
    i64 from = p->start_known == MOMENT_RECORDED ? p->start : INT64_MIN;
    i64 until = p->end_known == MOMENT_RECORDED ? p->end : INT64_MAX;
    if (p->name) {
        named_image image = image_named(c, p->machine, p->process_id, p->name, from, until);
        p->version = image.version;
        p->image_path = p->image_path ? p->image_path : image.path;
    }
    if (p->image_path)
        p->image_path = file_dos_path(c, p->machine, p->image_path);
    drive_note(c, p->machine, p->image_path);
    // An id outlives nobody while it is a parent's: at the start it names the parent, before the recording only
    // perhaps.
    const process_life *parent = p->has_parent ? process_at(c, p->machine, p->parent_id, from) : NULL;
    if (parent == p || (parent && parent->start_known == MOMENT_RECORDED && p->start_known == MOMENT_RECORDED &&
                        parent->start > p->start))
        parent = NULL;
    p->parent = parent;
    p->parent_sure = parent && p->start_known == MOMENT_RECORDED;
}

// Of each id, its facts in order.
static void fold_all(correlator *c)
{
    process_book *b = &c->processes;
    u64 passed = 0;
    for (u32 i = 0; i < b->fact_count; i++) {
        b->facts[i].source = c->machines[b->facts[i].source];
        spill_pass(&passed, sizeof(*b->facts), SPILL_ITEMS);
    }
    b->facts = spill_sort(&b->fact_block, b->fact_count, sizeof(*b->facts), by_id_and_time);
    for (u32 i = 0, next; i < b->fact_count; i = next) {
        for (next = i + 1; next < b->fact_count; next++)
            if (b->facts[next].process_id != b->facts[i].process_id || b->facts[next].source != b->facts[i].source)
                break;
        fold(c, &b->facts[i], next - i);
        spill_pass(&passed, (next - i) * sizeof(*b->facts), SPILL_ITEMS);
    }
    spill_free(&b->fact_block);
    b->facts = NULL;
    b->fact_count = b->fact_cap = 0;
    spill_seal(b->list_block);
    history_index(&b->ids);
}

// Created with its process, by clocks that drift apart: by less than a second in a recording.
static bool may_be_first(const process_life *p, const life *l)
{
    i64 apart = time_apart(l->from, p->start);
    return p->start_known == MOMENT_RECORDED && apart > -WITNESS_APART / 2 && apart < WITNESS_APART / 2 &&
           l->from < p->thread_time;
}

// Which thread was each process's first.
static void find_first_threads(correlator *c)
{
    const history *h = &c->processes.threads;
    process_life *list = c->processes.list;
    u64 passed = 0, looked_up = 0;
    for (u32 i = 0; i < c->processes.count; i++) {
        list[i].thread_time = INT64_MAX;
        spill_pass(&passed, sizeof(*list), SPILL_ITEMS);
    }
    for (u32 i = 0; i < h->slot_count; i++) {
        const life_slot *of = &h->slots[i];
        for (u32 k = of->first; k < of->first + of->count; k++) {
            const life *l = &h->lives[k];
            spill_pass(&looked_up, SPILL_LOOKUP, SPILL_LOOKUPS);
            const process_life *p = l->from == INT64_MIN ? NULL : process_at(c, of->machine, l->number, l->from);
            if (!p || !may_be_first(p, l))
                continue;
            list[p - list].thread_time = l->from;
            list[p - list].first_thread = (u32)of->id;
        }
        spill_pass(&passed, sizeof(*of), SPILL_ITEMS);
    }
}

void process_fold(correlator *c)
{
    process_book *b = &c->processes;
    fold_all(c);
    stack_tell_threads(c, &b->threads);
    history_close(&b->threads, c);
    find_first_threads(c);
}

void process_close(correlator *c)
{
    process_book *b = &c->processes;
    u64 passed = 0;
    for (u32 i = 0; i < b->count; i++) {
        complete(c, &b->list[i]);
        spill_pass(&passed, SPILL_LOOKUP, SPILL_LOOKUPS);
    }
    for (u32 i = 0; i < b->count; i++) {
        name_path(c, &b->list[i]);
        spill_pass(&passed, sizeof(*b->list), SPILL_ITEMS);
    }
    put_in_order(b);
}

void process_free(process_book *b)
{
    spill_free(&b->fact_block);
    spill_free(&b->list_block);
    spill_free(&b->sorted_block);
    history_free(&b->ids);
    history_free(&b->threads);
}

const process_life *const *correlator_processes(const correlator *c, u32 *count)
{
    *count = c->processes.count;
    return c->processes.sorted;
}
