#include "sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/os.h"
#include "session/merge.h"
#include "exporter.h"

enum { SECONDS_A_READING = 5 };

static u64 hash_of(span bytes)
{
    u64 h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes.len; i++)
        h = (h ^ bytes.at[i]) * 0x100000001b3u;
    return h;
}

// ---------------------------------------------------------------------------------------------- one reading

typedef struct reading {
    sweep *sweep;
    const etl_buffer *desc;
    const loaded_buffer *loaded;
    bool first; // of the good file
} reading;

static int by_hash(const void *a, const void *b)
{
    const sweep_event *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void note_event(reading *r, const event *ev)
{
    sweep *s = r->sweep;
    bool packed = r->desc->flags & BUFFER_FLAG_COMPRESSED;
    u32 at = (u32)(ev->record.at - r->loaded->bytes.at);
    GROW(s->events, s->count, s->cap);
    s->events[s->count++] = (sweep_event){.hash = hash_of(ev->record),
                                          .offset = r->desc->offset + (packed ? 0 : at),
                                          .bytes = packed ? r->desc->size : ev->record.len,
                                          .at = at,
                                          .is_header = ev->kind <= HEADER_SYSTEM64 && ev->hook == 0};
}

// Records with the same bytes stand side by side: of those the one that stood at this place, else one not seen yet.
static sweep_event *known_event(const reading *r, const event *ev)
{
    sweep *s = r->sweep;
    sweep_event key = {.hash = hash_of(ev->record)};
    sweep_event *first = s->count ? bsearch(&key, s->events, s->count, sizeof(key), by_hash) : NULL, *best;
    if (!first)
        return NULL;
    while (first > s->events && first[-1].hash == key.hash)
        first--;
    bool packed = r->desc->flags & BUFFER_FLAG_COMPRESSED;
    u32 at = (u32)(ev->record.at - r->loaded->bytes.at);
    best = first;
    for (sweep_event *e = first; e < s->events + s->count && e->hash == key.hash; e++) {
        if (e->offset == r->desc->offset + (packed ? 0 : at) && e->at == at)
            return e;
        if (best->seen)
            best = e;
    }
    return best;
}

static void see(reading *r, const event *ev)
{
    sweep *s = r->sweep;
    s->found++;
    if (r->first) {
        note_event(r, ev);
        return;
    }
    sweep_event *known = known_event(r, ev);
    if (known)
        known->seen = true;
    else
        s->unknown++;
}

static u64 account_sum(const etl_account *a)
{
    return a->headers + a->events + a->padding + a->unused + a->compressed + a->damage;
}

static void walk(reading *r, const etl_file *file, damage_log *damage)
{
    class_table *none = class_table_new(LIMIT_CLASS_BYTES);
    etl_account account = file->account;
    loaded_buffer b = {.file_index = 0};
    buffer_reader reader = {0};
    walk_report report = {.account = &account, .damage = damage};
    r->loaded = &b;
    for (u32 i = 0; i < file->count; i++) {
        r->desc = &file->buffers[i];
        buffer_load_bytes(file, i, &b, &reader, report.damage);
        buffer_walk_events(none, &b, &reader, &report);
        if (report.unordered)
            refs_sort(b.refs, b.count);
        for (u32 j = 0; j < b.count; j++) {
            event ev;
            loaded_event(&b, &b.refs[j], &ev);
            see(r, &ev);
        }
        if (r->first) {
            GROW(r->sweep->headers, r->sweep->header_count, r->sweep->header_cap);
            r->sweep->headers[r->sweep->header_count++] = r->desc->offset;
        }
    }
    loaded_buffer_free(&b);
    buffer_reader_free(&reader);
    class_table_free(none);
    if (account_sum(&account) != file->input->bytes)
        fail_msg("%s: the parts add up to %llu bytes of %llu", r->sweep->name,
                 (unsigned long long)account_sum(&account), (unsigned long long)file->input->bytes);
}

static void forget(sweep *s)
{
    s->found = s->unknown = 0;
    s->damage_ranges = 0;
    for (u32 i = 0; i < s->count; i++)
        s->events[i].seen = false;
}

static void read_once(sweep *s, bool first)
{
    etl_file file;
    error e = {0};
    damage_log damage = {0};
    reading r = {.sweep = s, .first = first};
    forget(s);
    input *in = NULL;
    s->opened = input_open(&in, s->path, &e) && etl_open(&file, in, &e);
    if (!s->opened) {
        assert_true(e.message[0]);
        input_close(in);
        return;
    }
    walk(&r, &file, &damage);
    s->damage_ranges = file.damage.ranges + damage.ranges;
    damage_free(&damage);
    etl_close(&file);
    input_close(in);
}

// Of this process: what else the machine does is not the reader's fault.
static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void judge(sweep *s, double started, const char *what, u64 where)
{
    double took = cpu_seconds() - started;
    s->slowest = took > s->slowest ? took : s->slowest;
    if (took > SECONDS_A_READING + (double)s->good.len / (1 << 20))
        fail_msg("%s, %s at %llu: took %.1f s", s->name, what, (unsigned long long)where, took);
    // A changed record counts as missing and as new; where only that happened there is nothing to say.
    if (s->opened && !s->may_hide && !s->damage_ranges && sweep_missing(s, 0, 0) > s->unknown)
        fail_msg("%s, %s at %llu: %u events are missing and nothing is said to be damaged", s->name, what,
                 (unsigned long long)where, sweep_missing(s, 0, 0));
}

void sweep_read(sweep *s, const char *what, u64 where)
{
    double started = cpu_seconds();
    read_once(s, false);
    judge(s, started, what, where);
}

u32 sweep_missing(const sweep *s, u64 from, u64 to)
{
    u32 missing = 0;
    for (u32 i = 0; i < s->count; i++) {
        const sweep_event *ev = &s->events[i];
        bool outside = ev->offset + ev->bytes <= from || ev->offset >= to;
        missing += outside && !ev->seen;
    }
    return missing;
}

// ---------------------------------------------------------------------------------------------- whole sessions

typedef struct conversion {
    session *session;
    merge *merge;
    buffer_reader reader;
    record_scratch scratch;
    outbuf out;
} conversion;

static merge_buffer *get(void *context, u32 order)
{
    conversion *c = context;
    return merge_load(c->merge, order, NULL, &c->reader);
}

static void put_back(void *context, merge_buffer *b)
{
    (void)context;
    merge_buffer_free(b);
}

static u64 render(conversion *c)
{
    static const merge_filter ALL = {NULL, INT64_MIN, INT64_MAX};
    const exporter *form = exporter_by_name("jsonl");
    const export_trace facts = {.file = "sweep.etl", .info_json = "{}"};
    export_target target = {.fd = -1, // nothing is committed
                            .classes = class_list(c->session->classes),
                            .class_count = class_count(c->session->classes),
                            .traces = &facts,
                            .trace_count = 1,
                            .hosts = c->session->hosts.list,
                            .host_count = c->session->hosts.count};
    sink *to;
    error e;
    slice s = {0};
    u64 records = 0;
    assert_true(form->open(&to, &target, &e));
    c->merge = merge_new(c->session, &ALL);
    merge_on_release(c->merge, put_back, NULL);
    while (merge_next(c->merge, 512, &s, get, c)) {
        c->out.len = 0;
        for (u32 i = 0; i < s.count; i++) {
            record rec;
            const loaded_buffer *b = &s.items[i].buffer->loaded;
            session_record(c->session, b, &b->refs[s.items[i].ref], &c->scratch, &rec);
            rec.number = ++records;
            form->render(to, &rec, &c->out);
        }
        slice_release(c->merge, &s);
    }
    mem_free(s.items);
    mem_free(s.buffers);
    merge_free(c->merge);
    assert_true(form->close(to, &e));
    return records;
}

void sweep_convert(sweep *s, const char *what, u64 where)
{
    double started = cpu_seconds();
    error e = {0};
    conversion c = {.session = session_new()};
    sweep_read(s, what, where);
    bool opened = session_open(c.session, s->path, &e);
    assert_int_equal(opened, s->opened);
    if (opened && session_survey(c.session, NULL, NULL)) {
        const trace *t = c.session->traces[0];
        if (session_account_sum(t) != t->file.input->bytes || t->events != s->found)
            fail_msg("%s, %s at %llu: the session and the container disagree", s->name, what,
                     (unsigned long long)where);
        u64 records = render(&c);
        if (records != t->events)
            fail_msg("%s, %s at %llu: %llu events, %llu records", s->name, what, (unsigned long long)where,
                     (unsigned long long)t->events, (unsigned long long)records);
    }
    record_scratch_free(&c.scratch);
    buffer_reader_free(&c.reader);
    outbuf_free(&c.out);
    session_free(c.session);
    judge(s, started, what, where);
}

// ---------------------------------------------------------------------------------------------- the file

void sweep_put(sweep *s, u64 offset, const u8 *bytes, size_t len)
{
    assert_int_equal(pwrite(s->fd, bytes, len, (off_t)offset), len);
}

void sweep_restore(sweep *s, u64 offset, size_t len)
{
    sweep_put(s, offset, s->good.bytes + offset, len);
}

void sweep_cut(sweep *s, u64 bytes)
{
    assert_int_equal(ftruncate(s->fd, (off_t)bytes), 0);
}

void sweep_open(sweep *s, const char *path)
{
    *s = (sweep){.name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path};
    u8 *bytes;
    size_t len;
    error e = {0};
    if (!os_read_whole(path, (size_t)1 << 30, &bytes, &len, &e))
        fail_msg("%s", e.message);
    outbuf_add(&s->good, bytes, len);
    mem_free(bytes);
    strcpy(s->path, access("/dev/shm", W_OK) == 0 ? "/dev/shm/etwkit-sweep-XXXXXX" : "/tmp/etwkit-sweep-XXXXXX");
    s->fd = mkstemp(s->path);
    assert_true(s->fd >= 0);
    sweep_put(s, 0, s->good.bytes, s->good.len);
    read_once(s, true);
    if (s->count)
        qsort(s->events, s->count, sizeof(*s->events), by_hash);
    assert_true(s->opened && s->count > 0);
}

void sweep_close(sweep *s)
{
    close(s->fd);
    unlink(s->path);
    outbuf_free(&s->good);
    mem_free(s->events);
    mem_free(s->headers);
}
