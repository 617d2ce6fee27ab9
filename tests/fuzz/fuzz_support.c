// The reading side of the fuzz targets (fuzz.h).
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "session/merge.h"
#include "exporter.h"
#include "info.h"

span fuzz_take(span *data, size_t len)
{
    span taken = {data->at, len < data->len ? len : data->len};
    *data = span_from(*data, taken.len);
    return taken;
}

u32 fuzz_take_u8(span *data)
{
    span one = fuzz_take(data, 1);
    return one.len ? one.at[0] : 0;
}

// The one file of this process, removed when it ends.
static char file_name[64];

static void file_remove(void)
{
    unlink(file_name);
}

const char *fuzz_file(span bytes)
{
    if (!file_name[0]) {
        const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(file_name, sizeof(file_name), "%s/etwkit-fuzz-%ld", folder, (long)getpid());
        atexit(file_remove);
    }
    FILE *f = fopen(file_name, "wb");
    if (!f || fwrite(bytes.at, 1, bytes.len, f) != bytes.len || fclose(f) != 0) {
        fprintf(stderr, "%s cannot be written\n", file_name);
        abort();
    }
    return file_name;
}

// ---------------------------------------------------------------------------------------------- whole traces

typedef struct reading {
    session *session;
    buffer_reader reader;
    record_scratch scratch;
    outbuf out;
    merge *merge;
} reading;

static merge_buffer *get(void *context, u32 order)
{
    reading *r = context;
    return merge_load(r->merge, order, NULL, &r->reader);
}

static void put_back(void *context, merge_buffer *b)
{
    (void)context;
    loaded_buffer_free(&b->own);
    mem_free(b);
}

static u64 render_all(reading *r, const exporter *form)
{
    static const merge_filter ALL = {NULL, INT64_MIN, INT64_MAX};
    const export_trace facts = {.file = "fuzz.etl", .info_json = "{}"};
    export_target target = {.fd = open("/dev/null", O_WRONLY),
                            .name = "/dev/null",
                            .classes = class_list(r->session->classes),
                            .class_count = class_count(r->session->classes),
                            .traces = &facts,
                            .trace_count = 1,
                            .hosts = r->session->hosts.list,
                            .host_count = r->session->hosts.count,
                            .csv_guard = true};
    sink *to;
    error e;
    if (!form->open(&to, &target, &e))
        abort();
    u64 records = 0;
    slice s = {0};
    r->merge = merge_new(r->session, &ALL);
    merge_on_release(r->merge, put_back, NULL);
    while (merge_next(r->merge, 512, &s, get, r)) {
        r->out.len = 0;
        for (u32 i = 0; i < s.count; i++) {
            record rec;
            const loaded_buffer *b = &s.items[i].buffer->loaded;
            session_record(r->session, b, &b->refs[s.items[i].ref], &r->scratch, &rec);
            rec.number = ++records;
            form->render(to, &rec, &r->out);
        }
        if (!form->commit(to, (span){r->out.bytes, r->out.len}, s.count, &e))
            abort();
        slice_release(r->merge, &s);
    }
    mem_free(s.items);
    mem_free(s.buffers);
    merge_free(r->merge);
    if (!form->close(to, &e) || close(target.fd) != 0)
        abort();
    return records;
}

static void check(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz: %s\n", what);
        abort();
    }
}

void fuzz_trace(span bytes)
{
    error e;
    session *s = session_new();
    if (session_open(s, fuzz_file(bytes), &e) && session_survey(s, NULL, NULL)) {
        const trace *t = s->traces[0];
        reading r = {.session = s};
        check(session_account_sum(t) == bytes.len, "the parts do not add up to the file");
        check(render_all(&r, exporter_by_name("jsonl")) == t->events,
              "records were lost between survey and conversion");
        check(render_all(&r, exporter_by_name("csv")) == t->events, "records were lost in CSV");
        options o = {.inputs = NULL};
        filter_init(&o.filter);
        u32 row = 0;
        run all = {.options = &o};
        evidence ev = {.run = &all, .session = s, .rows = &row, .count = 1};
        input_row one = {.path = t->file.input->path, .source = t->file.input->name};
        all.inputs.rows = &one;
        all.inputs.count = 1;
        mem_free(info_json(&ev, 0, true));
        record_scratch_free(&r.scratch);
        buffer_reader_free(&r.reader);
        outbuf_free(&r.out);
    }
    session_free(s);
}

// ---------------------------------------------------------------------------------------------- schemas

void fuzz_source(const schema_source *source, const char *path, span data)
{
    schema_set *set = schema_set_new();
    schema_load load = {0};
    error e = {0};
    span head = {data.at, data.len < 4096 ? data.len : 4096};
    (void)source->recognise(head, path);
    bool ok = source->load(set, data, path, RANK_USER, &load, &e);
    check(ok || e.message[0], "refused without a reason");
    u32 at = 0;
    for (provider_schema *p; (p = schema_each(set, &at)) != NULL;)
        for (u32 i = 0; i < p->event_count; i++)
            check(schema_event_valid(p->events[i], &e), "an event that does not hold was added");
    schema_load_free(&load);
    schema_set_free(set);
}
