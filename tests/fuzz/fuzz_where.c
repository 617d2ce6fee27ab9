// Filter expressions, over the records of one small trace: a TraceLogging event with numbers, text and an array. What
// an expression says of the event's class must agree.
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "session/merge.h"
#include "query/query.h"

// The trace is read once and stays.
typedef struct sample {
    session *session;
    loaded_buffer buffer;
} sample;

static void sample_open(sample *s)
{
    // Event "Event": u32 Number, utf16 Name, u16[] List; then the values 7, "fuzz", {1, 2}.
    static const char META[] = "\x21\x00\x00"
                               "Event\0"
                               "Number\0\x08"
                               "Name\0\x01"
                               "List\0\x46";
    static const char VALUES[] = "\x07\x00\x00\x00"
                                 "f\0u\0z\0z\0\0\0"
                                 "\x02\x00\x01\x00\x02\x00";
    static const guid PROVIDER = {{1, 2, 3, 4}};
    outbuf records = {0}, file = {0};
    error e;
    char meta[sizeof(META)];
    memcpy(meta, META, sizeof(META));
    meta[0] = (char)(sizeof(META) - 1);
    fuzz_put_event(&records, &PROVIDER, 1, 11, (span){(const u8 *)meta, sizeof(META) - 1},
                   (span){(const u8 *)VALUES, sizeof(VALUES) - 1});
    fuzz_wrap(&file, (span){records.bytes, records.len});
    s->session = session_new();
    buffer_reader reader = {0};
    if (!session_open(s->session, fuzz_file((span){file.bytes, file.len}), &e) ||
        !session_survey(s->session, NULL, NULL) || s->session->traces[0]->file.count != 2)
        abort();
    buffer_load_bytes(&s->session->traces[0]->file, 1, &s->buffer, &reader, NULL);
    buffer_walk_again(s->session->classes, &s->buffer, &reader);
    buffer_reader_free(&reader);
    outbuf_free(&records);
    outbuf_free(&file);
    if (s->buffer.count != 1)
        abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static sample s;
    if (!s.session)
        sample_open(&s);
    char *text = mem_alloc(size + 1);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    error e = {0};
    expression *x = where_parse(text, &e);
    if (x) {
        record_scratch joined = {0};
        record rec;
        query_scratch scratch = {0};
        const expression *list[] = {x};
        query_set *q = query_new(list, 1);
        query_bind(q, class_list(s.session->classes), class_count(s.session->classes));
        session_record(s.session, &s.buffer, &s.buffer.refs[0], &joined, &rec);
        bool holds = query_any(q, &rec, &scratch);
        for (int planned = 0; planned < 2; planned++)
            if (where_for_class(x, rec.cls, planned) == (holds ? WHERE_NEVER : WHERE_ALWAYS))
                abort(); // what is so for the class is so for each of its events
        query_scratch_free(&scratch);
        query_free(q);
        record_scratch_free(&joined);
    } else if (!e.message[0]) {
        abort();
    }
    where_free(x);
    mem_free(text);
    return 0;
}
