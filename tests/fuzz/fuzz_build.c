// Records and traces around the bytes a fuzz target was given. Knows the writer (etl_build.h), not the reader.
#include "fuzz.h"

#include "etl_build.h"

static const guid METADATA = {
    {0xc1, 0xf6, 0xcc, 0xbb, 0xd1, 0x6c, 0xc4, 0x48, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71}};

static void put(outbuf *to, etl_event *event)
{
    error e;
    if (!etl_event_put(to, event, &e))
        put_fill(to, 0xff, 8);
    etl_event_free(event);
}

void fuzz_put_event(outbuf *to, const guid *provider, u16 id, u16 type, span extended, span payload)
{
    etl_event event = {
        .kind = ETL_EVENT, .bits = 64, .time = 1000000100, .pid = 4, .tid = 8, .id = *provider, .event_id = id};
    if (type)
        etl_event_extend(&event, type, extended.at, extended.len);
    outbuf_add(&event.payload, payload.at, payload.len);
    put(to, &event);
}

void fuzz_put_metadata(outbuf *to, u8 opcode, span payload)
{
    etl_event event = {
        .kind = ETL_FULL, .bits = 64, .time = 1000000050, .pid = 4, .tid = 8, .id = METADATA, .opcode = opcode};
    outbuf_add(&event.payload, payload.at, payload.len);
    put(to, &event);
}

void fuzz_wrap(outbuf *file, span records)
{
    etl_trace trace = etl_trace_default();
    trace.session = "fuzz";
    trace.file = "fuzz.etl";
    trace.buffer_size = 1 << 17;
    etl_buffer head = etl_buffer_default();
    head.size = 1 << 10;
    head.type = ETL_TYPE_HEADER;
    etl_trace_put(&head.records, &trace);
    etl_buffer_put(file, &head);
    etl_buffer body = etl_buffer_default();
    body.size = (u32)((ETL_BUFFER_HEADER + records.len + 7) & ~(size_t)7);
    body.sequence = 1;
    outbuf_add(&body.records, records.at, records.len);
    etl_buffer_put(file, &body);
    outbuf_free(&head.records);
    outbuf_free(&body.records);
}

void fuzz_records(span records)
{
    outbuf file = {0};
    fuzz_wrap(&file, records);
    fuzz_trace((span){file.bytes, file.len});
    outbuf_free(&file);
}
