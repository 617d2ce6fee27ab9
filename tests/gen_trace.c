// gen_trace SIZE_MIB [--xpress] OUT.etl: a big trace for measuring, the same bytes for the same size.
//
// SIZE_MIB counts buffers before compression. Eight processors, some busier than others, write what a busy machine
// writes: samples, context switches and page faults with the stacks after them, threads, images, files, disk and
// registry, processes that come and go, events of a manifest provider whose schemas stand at the end of the file, and
// TraceLogging events. Rundowns of processes and of files come first. As in recorded traces the buffers of the
// processors overlap in time, and a flush every second leaves some of them partly filled. A plain trace has buffers of
// 256 KiB, a compressed one of 64 KiB as trace merging makes them.

#include <stdio.h>
#include <stdlib.h>

#include "etl_build.h"
#include "etl_fields.h"

enum {
    PROCESSORS = 8,
    PROCESSES = 24,
    PATHS = 1024,
    FRAMES = 4096,  // different return addresses
    STACKS = 32768, // different stacks: code that runs again and again has the same ones
    FLUSH_TICKS = 10000000,
};

typedef struct generator {
    FILE *file;
    etl_trace trace;
    etl_buffer processor[PROCESSORS];
    u64 newest[PROCESSORS];
    u64 random, now, next_flush, sequence, bytes;
    u32 buffer_bytes, buffers, serial, short_lived;
    bool compress, failed;
    outbuf out;
    etl_event event; // reused
    outbuf request_schema, request_traits, metric_schema;
    outbuf paths[PATHS]; // UTF-16 with terminators
    arena memory;
} generator;

static const guid manifest_provider =
    GUID_OF(0x4f1d7c20, 0x5b1e, 0x4c57, 0x9a, 0x41, 0x70, 0x0e, 0x2f, 0x6d, 0x88, 0x13);
static const guid own_provider = GUID_OF(0x7a3e5d11, 0x0c2b, 0x4d8f, 0xb1, 0x62, 0x95, 0x4a, 0xe0, 0x37, 0xcc, 0x21);
static const guid event_metadata = GUID_OF(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);

// xorshift64*
static u32 next(generator *g)
{
    g->random ^= g->random >> 12;
    g->random ^= g->random << 25;
    g->random ^= g->random >> 27;
    return (u32)(g->random * 0x2545f4914f6cdd1du >> 32);
}

static u32 below(generator *g, u32 limit)
{
    return (u32)((u64)next(g) * limit >> 32);
}

static void buffer_flush(generator *g, u32 cpu)
{
    etl_buffer *buffer = &g->processor[cpu];
    buffer->cpu = cpu;
    buffer->sequence = ++g->sequence;
    buffer->compress = g->compress;
    buffer->time = g->compress ? (u64)ticks_to_filetime(&g->trace, g->newest[cpu]) : g->newest[cpu];
    g->out.len = 0;
    etl_buffer_put(&g->out, buffer);
    g->failed |= fwrite(g->out.bytes, 1, g->out.len, g->file) != g->out.len;
    buffer->records.len = 0;
    g->bytes += g->buffer_bytes;
    g->buffers++;
}

// Writes g->event on a processor.
static void event_out(generator *g, u32 cpu)
{
    // Headers of all kinds have at most 80 bytes.
    size_t most = 80 + g->event.extended.len + g->event.payload.len + 8;
    if (g->processor[cpu].records.len + most > g->buffer_bytes - ETL_BUFFER_HEADER)
        buffer_flush(g, cpu);
    g->failed |= !etl_event_put(&g->processor[cpu].records, &g->event, NULL);
    g->newest[cpu] = g->event.time;
}

static etl_event *event_new(generator *g, etl_kind kind)
{
    outbuf extended = g->event.extended, payload = g->event.payload;
    extended.len = payload.len = 0;
    u32 process = below(g, PROCESSES);
    g->event = (etl_event){.kind = kind, .bits = 64, .extended = extended, .payload = payload, .time = g->now};
    g->event.pid = 400 + 36 * process;
    g->event.tid = g->event.pid + 4 + 4 * below(g, 8);
    return &g->event;
}

static etl_event *hook_new(generator *g, etl_kind kind, u16 hook, u16 version)
{
    etl_event *event = event_new(g, kind);
    event->hook = hook;
    event->version = version;
    return event;
}

static u64 file_object(u32 path)
{
    return 0xffffe00000000000 + ((u64)path << 6);
}

// Some paths are named far more often than others.
static u32 path_any(generator *g)
{
    return below(g, 1 + below(g, PATHS));
}

static void path_put(generator *g, u32 path)
{
    outbuf_add(&g->event.payload, g->paths[path].bytes, g->paths[path].len);
}

static u64 frame_any(generator *g, bool kernel)
{
    return (kernel ? 0xfffff80012000000 : 0x7ff612000000) + 0x53ull * below(g, 1 + below(g, FRAMES));
}

// ---------------------------------------------------------------------------------------------- kernel events

static void sample_put(generator *g)
{
    etl_event *event = hook_new(g, ETL_PERFINFO, 0x0f2e, 2);
    put_u64(&event->payload, frame_any(g, next(g) & 1));
    put_u32(&event->payload, event->tid);
    put_u16(&event->payload, 1);
    put_u16(&event->payload, 0);
}

static void switch_put(generator *g)
{
    etl_event *event = hook_new(g, ETL_PERFINFO, 0x0524, 4);
    put_u32(&event->payload, event->tid);
    put_u32(&event->payload, next(g) & 3 ? 0 : event->tid + 4);
    put_u64(&event->payload, 0x0002010f00020908);
    put_u32(&event->payload, below(g, 1000));
    put_u32(&event->payload, 0);
}

static void thread_put(generator *g)
{
    etl_event *event = hook_new(g, ETL_SYSTEM, next(g) & 1 ? 0x0501 : 0x0502, 3);
    outbuf *p = &event->payload;
    put_u32(p, event->pid);
    put_u32(p, event->tid);
    for (u32 i = 0; i < 2; i++)
        put_u64(p, 0xffffb88c2b4d7000 - 0x6000 * (u64)i);
    for (u32 i = 0; i < 2; i++)
        put_u64(p, 0x2f40000000 - 0x10000 * (u64)i);
    put_u64(p, 0xf);
    put_u64(p, 0x7ff6c1231000);
    put_u64(p, 0x2f3fe5c000);
    put_u32(p, 0);
    put_u32(p, 0x00020508);
    put_utf16_text(p, "");
}

static void image_put(generator *g)
{
    etl_event *event = hook_new(g, ETL_SYSTEM, 0x140a, 3);
    outbuf *p = &event->payload;
    u64 base = 0x7ff600000000 + ((u64)below(g, 4096) << 16);
    put_u64(p, base);
    put_u64(p, 0x1a000);
    put_u32(p, event->pid);
    put_u32(p, next(g) & 0xfffff);
    put_u32(p, 0x5f1d7c2a);
    put_u32(p, 0x0000010c);
    put_u64(p, base);
    put_fill(p, 0, 16);
    path_put(g, path_any(g));
}

static void disk_put(generator *g)
{
    etl_event *event = hook_new(g, ETL_SYSTEM, next(g) & 1 ? 0x010a : 0x010b, 3);
    outbuf *p = &event->payload;
    put_u32(p, 0);
    put_u32(p, 0x43);
    put_u32(p, 4096u << below(g, 5));
    put_u32(p, 0);
    put_u64(p, (u64)next(g) << 12);
    put_u64(p, file_object(path_any(g)));
    put_u64(p, 0xffffe00100000000 + ((u64)below(g, 4096) << 6));
    put_u64(p, below(g, 100000));
    put_u32(p, event->tid);
}

static void fault_put(generator *g)
{
    etl_event *event = hook_new(g, ETL_SYSTEM, (u16)(0x020a + below(g, 3)), 2);
    put_u64(&event->payload, 0x20000000000 + ((u64)next(g) << 4));
    put_u64(&event->payload, frame_any(g, false));
}

static void file_put(generator *g)
{
    u32 which = below(g, 8), path = path_any(g), irp = below(g, 64) << 8;
    bool opens = which == 0, ends = which > 4;
    etl_event *event = hook_new(g, ETL_SYSTEM, opens ? 0x0440 : ends ? 0x044c : which > 2 ? 0x0444 : 0x0443, 3);
    outbuf *p = &event->payload;
    if (ends) {
        put_u64(p, 0xffffa00c00000000 + irp);
        put_u64(p, 4096);
        put_u32(p, next(g) & 15 ? 0 : 0xc0000034);
        return;
    }
    if (!opens)
        put_u64(p, (u64)below(g, 1 << 20) << 12);
    put_u64(p, 0xffffa00c00000000 + irp);
    put_u64(p, file_object(path));
    if (!opens)
        put_u64(p, file_object(path) + 0x20);
    put_u32(p, event->tid);
    put_u32(p, opens ? 0x01200060 : 4096);
    put_u32(p, opens ? 0x80 : 0x060900);
    if (opens) {
        put_u32(p, 7);
        path_put(g, path);
    }
}

static void registry_put(generator *g)
{
    etl_event *event = hook_new(g, ETL_SYSTEM, next(g) & 3 ? 0x0910 : 0x090b, 2);
    bool opens = event->hook == 0x090b;
    outbuf *p = &event->payload;
    char text[96];
    put_u64(p, event->time - below(g, 100));
    put_u32(p, next(g) & 7 ? 0 : 0xc0000034);
    put_u32(p, 0);
    put_u64(p, 0xffffb00000000000 + ((u64)below(g, 256) << 5));
    snprintf(text, sizeof text, opens ? "Software\\Example\\Component%u\\Settings" : "Value%u", below(g, 200));
    put_utf16_text(p, text);
}

static void process_put(generator *g, u16 hook, u32 pid, const char *name)
{
    etl_event *event = hook_new(g, ETL_SYSTEM, hook, 3);
    outbuf *p = &event->payload;
    char text[96];
    put_u64(p, 0xffffa00c00000000 + (u64)pid * 0x1000);
    put_u32(p, pid);
    put_u32(p, 4);
    put_u32(p, 0);
    put_u32(p, 259);
    put_u64(p, 0x1aa000);
    put_u64(p, 0xffffe10f9a5b1c60); // TOKEN_USER, then S-1-5-18
    put_u64(p, 0);
    put_u64(p, 0x0500000000000101);
    put_u32(p, 18);
    outbuf_add(p, name, strlen(name) + 1);
    snprintf(text, sizeof text, "\"C:\\Program Files\\Example\\%s\" --instance %u", name, pid);
    put_utf16_text(p, text);
    event->pid = event->tid = 4;
}

// A process that starts, and at the next turn ends.
static void short_lived_put(generator *g)
{
    u32 turn = g->short_lived++;
    process_put(g, turn & 1 ? 0x0302 : 0x0301, 4000 + turn / 2 % 5000 * 4, "helper.exe");
}

// The stack of the event just written, by its time and thread. Its number says what it is; few are seen often.
static void stack_put(generator *g)
{
    u64 time = g->event.time;
    u32 pid = g->event.pid, tid = g->event.tid;
    u64 mix = below(g, 1 + below(g, 1 + below(g, STACKS)));
    u32 kernel = (u32)(mix * 7 % 12), user = (u32)(3 + mix * 11 % 20);
    etl_event *event = hook_new(g, ETL_PERFINFO, 0x1820, 2);
    put_u64(&event->payload, time);
    put_u32(&event->payload, pid);
    put_u32(&event->payload, tid);
    for (u32 i = 0; i < kernel + user; i++) {
        mix = mix * 6364136223846793005 + 1442695040888963407;
        put_u64(&event->payload, (i < kernel ? 0xfffff80012000000 : 0x7ff612000000) + 0x53 * ((mix >> 33) % FRAMES));
    }
}

// ---------------------------------------------------------------------------------------------- other events

static const struct {
    u16 id;
    u8 opcode, level;
    const char *name, *opcode_name, *message, *fields;
} manifest_events[] = {
    {10, 10, 4, "File", "Open", "%1 is opened", "{ wstr Path; u32:hex Access; u32 Share; u64 Size; ptr Object }"},
    {11, 11, 5, "File", "Read", "%3 bytes at %2", "{ ptr Object; u64 Offset; u32 Length; u32:ntstatus Status }"},
    {20, 12, 4, "Net", "Send", "%5 bytes to %1:%2",
     "{ u32:ipv4 To; u16:port ToPort; u32:ipv4 From; u16:port FromPort; u32 Bytes; u64 Connection; guid Flow }"},
    {30, 13, 2, "Session", "Logon", "%1\\%2 logs on from %3",
     "{ wstr Domain; wstr User; wstr Station; u32 Kind; u64:hex Session }"},
};

static u16 manifest_task(u32 which)
{
    return which < 2 ? 1 : (u16)which;
}

static void manifest_put(generator *g, u32 which)
{
    etl_event *event = event_new(g, ETL_EVENT);
    outbuf *p = &event->payload;
    u32 path = path_any(g);
    char text[64];
    event->id = manifest_provider;
    event->event_id = manifest_events[which].id;
    event->opcode = manifest_events[which].opcode;
    event->level = manifest_events[which].level;
    event->task = manifest_task(which);
    event->keyword = 0x8000000000000001 << which;
    event->channel = 16;
    if (which == 0) {
        path_put(g, path);
        put_u32(p, 0x120089);
        put_u32(p, below(g, 8));
        put_u64(p, next(g));
        put_u64(p, file_object(path));
    } else if (which == 1) {
        put_u64(p, file_object(path));
        put_u64(p, (u64)next(g) << 9);
        put_u32(p, 4096);
        put_u32(p, 0);
    } else if (which == 2) {
        put_u32(p, 0x0a0200c0);
        put_u16(p, 0xbb01);
        put_u32(p, 0x0100000a | below(g, 250) << 24);
        put_u16(p, (u16)next(g));
        put_u32(p, below(g, 1460));
        put_u64(p, g->serial++);
        put_guid(p, &own_provider);
        etl_event_extend(event, 1, manifest_provider.bytes, 16);
    } else {
        put_utf16_text(p, "EXAMPLE");
        snprintf(text, sizeof text, "user%u", below(g, 300));
        put_utf16_text(p, text);
        snprintf(text, sizeof text, "STATION-%04u.corp.example", below(g, 2000));
        put_utf16_text(p, text);
        put_u32(p, 2 + below(g, 9));
        put_u64(p, g->serial++);
    }
}

static void tracelogging_put(generator *g)
{
    static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE"};
    etl_event *event = event_new(g, ETL_EVENT);
    outbuf *p = &event->payload;
    event->id = own_provider;
    event->channel = 11;
    event->level = 5;
    event->keyword = 0x2;
    etl_event_extend(event, 12, g->request_traits.bytes, g->request_traits.len);
    if (next(g) & 3) {
        etl_event_extend(event, 11, g->request_schema.bytes, g->request_schema.len);
        char text[64];
        int len = snprintf(text, sizeof text, "/api/v2/items/%u?page=%u", below(g, 1000000), below(g, 50));
        put_utf16(p, text, (size_t)len);
        put_u16(p, 0);
        const char *verb = verbs[below(g, 4)];
        outbuf_add(p, verb, strlen(verb) + 1);
        put_u32(p, below(g, 500000));
        put_u16(p, next(g) & 7 ? 200 : 404);
        put_u64(p, g->serial++);
    } else {
        etl_event_extend(event, 11, g->metric_schema.bytes, g->metric_schema.len);
        u16 count = (u16)below(g, 9);
        put_u16(p, count);
        for (u16 i = 0; i < count; i++)
            put_u32(p, next(g) & 0xffff);
        put_u64(p, 0x4050000000000000 | next(g)); // a double of some 64
    }
}

// ---------------------------------------------------------------------------------------------- the file

static bool schemas_make(generator *g, error *e)
{
    field *request, *metric;
    if (!fields_parse("{ wstr Path; struct Call { astr Verb; u32 Microseconds }; u16 Status; u64 Number }", &request,
                      &g->memory, e) ||
        !fields_parse("{ u32[] Values; f64 Mean }", &metric, &g->memory, e) ||
        !fields_to_tracelogging(&g->request_schema, "Request", 0, request, e) ||
        !fields_to_tracelogging(&g->metric_schema, "Metric", 0, metric, e))
        return false;
    traits_put(&g->request_traits, "Generated.WebServer", NULL);
    for (u32 i = 0; i < PATHS; i++) {
        static const char *const folders[] = {"Windows\\System32", "Program Files\\Example\\bin",
                                              "ProgramData\\Example",
                                              "Users\\ada\\AppData\\Local\\Example\\Cache\\entries"};
        static const char *const kinds[] = {"module%u.dll", "data%u.dat", "report-%u-of-the-day.xlsx"};
        char text[128];
        int len = snprintf(text, sizeof text, "\\Device\\HarddiskVolume3\\%s\\", folders[below(g, 4)]);
        snprintf(text + len, sizeof text - (size_t)len, kinds[below(g, 3)], i);
        put_utf16_text(&g->paths[i], text);
    }
    return true;
}

static void header_write(generator *g)
{
    etl_buffer buffer = etl_buffer_default();
    buffer.type = ETL_TYPE_HEADER;
    buffer.flags = ETL_FLAG_FLUSH_MARKER;
    etl_trace_put(&buffer.records, &g->trace);
    buffer.size = g->compress ? (u32)(ETL_BUFFER_HEADER + buffer.records.len + 0x1ff) & ~0x1ffu : g->buffer_bytes;
    g->out.len = 0;
    etl_buffer_put(&g->out, &buffer);
    g->failed |= fwrite(g->out.bytes, 1, g->out.len, g->file) != g->out.len;
    outbuf_free(&buffer.records);
}

static void rundown_put(generator *g)
{
    for (u32 i = 0; i < PROCESSES; i++) {
        char name[64];
        snprintf(name, sizeof name, "worker%02u.exe", i);
        process_put(g, 0x0303, 400 + 36 * i, name);
        event_out(g, 0);
        g->now++;
    }
    for (u32 i = 0; i < PATHS; i++) {
        etl_event *event = hook_new(g, ETL_SYSTEM, 0x0424, 2);
        put_u64(&event->payload, file_object(i));
        path_put(g, i);
        event_out(g, 0);
        g->now++;
    }
}

static bool descriptions_put(generator *g, error *e)
{
    bool good = true;
    for (size_t i = 0; i < COUNT_OF(manifest_events) && good; i++) {
        field *fields;
        etl_event *event = event_new(g, ETL_FULL);
        event->id = event_metadata;
        event->opcode = 32;
        event_info info = {.provider = manifest_provider,
                           .id = manifest_events[i].id,
                           .opcode = manifest_events[i].opcode,
                           .level = manifest_events[i].level,
                           .task = manifest_task((u32)i),
                           .channel = 16,
                           .keyword = 0x8000000000000001 << i,
                           .provider_name = "Generated-System",
                           .task_name = manifest_events[i].name,
                           .opcode_name = manifest_events[i].opcode_name,
                           .message = manifest_events[i].message,
                           .flags = 1};
        good = fields_parse(manifest_events[i].fields, &fields, &g->memory, e) &&
               fields_to_event_info(&event->payload, &info, fields, &g->memory, e);
        event_out(g, 0);
        g->now += 10;
    }
    return good;
}

// Writes g->event, of a class as often as its share of a thousand says; what is left over are manifest events. True: a
// stack comes after it.
static bool one_put(generator *g)
{
    static const struct {
        u32 share;
        void (*put)(generator *g);
        bool stack;
    } kinds[] = {
        {220, sample_put, true},     {170, switch_put, true},        {30, thread_put, false}, {20, image_put, false},
        {50, disk_put, false},       {60, fault_put, true},          {100, file_put, false},  {40, registry_put, false},
        {2, short_lived_put, false}, {128, tracelogging_put, false},
    };
    u32 dice = below(g, 1000);
    for (size_t i = 0; i < COUNT_OF(kinds); dice -= kinds[i++].share)
        if (dice < kinds[i].share) {
            kinds[i].put(g);
            return kinds[i].stack && next(g) & 1;
        }
    manifest_put(g, dice < 14 ? 3 : dice % 3);
    return false;
}

static void events_put(generator *g, u64 bytes)
{
    while (g->bytes + (u64)g->buffer_bytes * PROCESSORS < bytes && !g->failed) {
        g->now += 1 + below(g, 200);
        u32 cpu = below(g, 1 + below(g, PROCESSORS)); // the first ones are the busiest
        bool stack = one_put(g);
        event_out(g, cpu);
        if (stack) {
            g->now += 10;
            stack_put(g);
            event_out(g, cpu);
        }
        if (g->now < g->next_flush)
            continue;
        for (u32 i = 0; i < PROCESSORS; i++)
            buffer_flush(g, i);
        g->next_flush = g->now + FLUSH_TICKS;
    }
}

static bool trace_write(generator *g, u64 bytes, error *e)
{
    g->random = 0x9e3779b97f4a7c15;
    g->trace = etl_trace_default();
    g->buffer_bytes = g->compress ? 65536 : 262144;
    g->trace.buffer_size = g->buffer_bytes;
    g->trace.processors = PROCESSORS;
    g->trace.session = g->compress ? "Relogger" : "Generated";
    if (g->compress) {
        g->trace.mode |= ETL_MODE_COMPRESSED;
        g->trace.layout_major = 2;
        g->trace.layout_minor = 0;
        g->trace.file = "[multiple files]";
    }
    g->now = g->trace.first_tick + 10;
    g->next_flush = g->now + FLUSH_TICKS;
    for (u32 i = 0; i < PROCESSORS; i++) {
        g->processor[i] = etl_buffer_default();
        g->processor[i].size = g->buffer_bytes;
    }
    if (!schemas_make(g, e))
        return false;
    header_write(g);
    rundown_put(g);
    events_put(g, bytes);
    if (!descriptions_put(g, e))
        return false;
    for (u32 i = PROCESSORS; i-- > 0;) {
        if (i == 0)
            g->processor[i].flags |= ETL_FLAG_FLUSH_MARKER;
        buffer_flush(g, i);
    }
    // Once more, now that the number of buffers and the end are known; its size stays.
    g->trace.buffers_written = g->buffers + 1;
    g->trace.end = ticks_to_filetime(&g->trace, g->now);
    g->failed |= fseek(g->file, 0, SEEK_SET) != 0;
    header_write(g);
    return !g->failed || error_set(e, "the file cannot be written");
}

int main(int argc, char **argv)
{
    generator g = {0};
    error e = {0};
    const char *plain[2] = {0};
    int count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--xpress") == 0)
            g.compress = true;
        else if (count < 2)
            plain[count++] = argv[i];
        else
            count = 3;
    }
    unsigned long size = count == 2 ? strtoul(plain[0], NULL, 10) : 0;
    if (!size || size > 65536) {
        fputs("usage: gen_trace SIZE_MIB [--xpress] OUT.etl\n", stderr);
        return 2;
    }
    g.file = fopen(plain[1], "wb");
    bool good = g.file ? trace_write(&g, (u64)size << 20, &e) : error_set(&e, "the file cannot be created");
    if (g.file && fclose(g.file) != 0 && good)
        good = error_set(&e, "the file cannot be written");
    if (!good)
        fprintf(stderr, "gen_trace: %s: %s\n", plain[1], e.message);
    for (u32 i = 0; i < PROCESSORS; i++)
        outbuf_free(&g.processor[i].records);
    for (u32 i = 0; i < PATHS; i++)
        outbuf_free(&g.paths[i]);
    outbuf_free(&g.out);
    outbuf_free(&g.request_schema);
    outbuf_free(&g.request_traits);
    outbuf_free(&g.metric_schema);
    etl_event_free(&g.event);
    arena_free(&g.memory);
    return good ? 0 : 1;
}
