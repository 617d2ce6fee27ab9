// See export_samples.h. GUIDs, SIDs and payloads are invented; names are as hostile as a trace can make them.
#include "export_samples.h"

#include <stdio.h>
#include <stdlib.h>

const char *const column_names[COLUMN_COUNT] = {
    "record",         "timestamp",
    "provider",       "provider_id",
    "event_name",     "event_id",
    "version",        "channel",
    "level",          "opcode",
    "task",           "opcode_name",
    "task_name",      "level_name",
    "keyword_names",  "keywords",
    "process_id",     "thread_id",
    "processor",      "process_name",
    "activity_id",    "related_activity_id",
    "user_sid",       "schema",
    "state",          "message",
    "data",           "raw",
    "stack",          "extended",
    "source",         "offset",
    "raw_text",       "host",
    "schema_version", "kernel_time",
    "user_time",
};

#define DNS "1c95126e-7eea-49a9-a3fe-a378b03ddb4d"
#define HEX16 "\"0xFFFFF80012345678\""

static const char *const expected[SAMPLE_COUNT][COLUMN_COUNT] = {
    {"1",
     "2023-03-14T07:46:50.7012345Z",
     "Microsoft-Windows-DNS-Client",
     DNS,
     NULL,
     "3006",
     "0",
     "16",
     "4",
     "0",
     "7",
     "win:Info",
     "Query, sent",
     "Information",
     "ut:Normal|a,b",
     "0x8000000000000010",
     "4321",
     "77",
     "3",
     "chrome.exe",
     "00112233-4455-6677-8899-aabbccddeeff",
     "ffeeddcc-bbaa-9988-7766-554433221100",
     "S-1-5-18",
     "manifest",
     "decoded",
     "example.com, type 28",
     "{\"QueryName\":\"example.com\",\"QueryType\":28,\"QueryOptions\":18446744073709551615}",
     NULL,
     "[" HEX16 ",\"0x1\"]",
     "{\"session_id\":2}",
     "first.etl",
     "104",
     NULL,
     "DESKTOP-1",
     NULL,
     "4294967295",
     "6"},
    {"2",
     "2023-03-14T07:46:50.7012346Z",
     "Microsoft-Windows-DNS-Client",
     DNS,
     NULL,
     "3006",
     "1",
     "16",
     "4",
     "0",
     "7",
     NULL,
     NULL,
     NULL,
     NULL,
     "0x0",
     "4294967294",
     "0",
     "0",
     "=1+2",
     NULL,
     NULL,
     NULL,
     "wevt",
     "partial",
     " -x",
     "{\"QueryName\":\"\xc3\xa9\xf0\x9f\x98\x80\",\"QueryType\":1,\"QueryOptions\":9223372036854775807,"
     "\"Status\":-9223372036854775808}",
     "E9003DD800DE000001000000FFFFFFFFFFFFFF7F0000000000000080AA",
     NULL,
     NULL,
     "first.etl",
     "1099511627776",
     NULL,
     "DESKTOP-1",
     "0",
     NULL,
     NULL},
    {"3",
     "2023-03-14T07:46:50.7012346Z",
     "Evil\"Pro'v, [x]",
     "03020100-0504-0706-0809-0a0b0c0d0e0f",
     "=cmd|\"x\"\n",
     "0",
     "0",
     "11",
     "5",
     "0",
     "0",
     NULL,
     NULL,
     NULL,
     "-1+a",
     "0x1",
     NULL,
     NULL,
     "65535",
     NULL,
     NULL,
     NULL,
     NULL,
     "tracelogging",
     "decoded",
     NULL,
     "{\"q\\\"uote\":1,\"dot.ted[0]\":2,\"back\\\\slash\":\"va\\\"l,ue\\n\",\"record\":3,\"Timestamp\":4,\"\":5,"
     "\"nul\":\"a\xe2\x90\x80"
     "b\",\"dup\":6,\"DUP\":7,\"state\":8}",
     NULL,
     NULL,
     NULL,
     " sp,ace.etl",
     "0",
     NULL,
     "=other, \"pc\"",
     NULL,
     NULL,
     NULL},
    {"4",           "1969-12-31T23:59:59.9999999Z",
     NULL,          "00000000-0000-0000-0000-000000000000",
     NULL,          "65535",
     "255",         "255",
     "255",         "255",
     "65535",       NULL,
     NULL,          NULL,
     NULL,          "0xffffffffffffffff",
     "0",           NULL,
     "1",           "",
     NULL,          NULL,
     NULL,          "none",
     "raw",         NULL,
     NULL,          "3D20313B0D0A",
     NULL,          NULL,
     " sp,ace.etl", "8",
     "= 1;\r\n"},
    {"5",
     "-5",
     "MSNT_SystemTrace",
     "3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c",
     "Process/Start",
     "0",
     "3",
     "0",
     "0",
     "1",
     "0",
     "Start",
     "Process",
     NULL,
     NULL,
     "0x0",
     "8",
     "12",
     "0",
     "a\r\nb",
     NULL,
     NULL,
     NULL,
     "kernel",
     "decoded",
     NULL,
     "{}",
     NULL,
     NULL,
     NULL,
     "first.etl",
     "16",
     NULL,
     "DESKTOP-1",
     NULL,
     NULL,
     NULL},
    {"6",
     "9999-12-31T23:59:59.9999999Z",
     "msnt_SYSTEMtrace",
     "3d6fa8d1-fe05-11d0-9dda-00c04fd7ba7c",
     "process/start",
     "0",
     "3",
     "0",
     "0",
     "1",
     "0",
     NULL,
     NULL,
     NULL,
     NULL,
     "0x0",
     "8",
     "12",
     "0",
     "-5",
     NULL,
     NULL,
     NULL,
     "kernel",
     "decoded",
     "+1e5",
     "{\"Struct\":{\"A\":[1,2]},\"Real\":1.500000}",
     NULL,
     NULL,
     NULL,
     "first.etl",
     "24",
     NULL,
     "DESKTOP-1",
     NULL,
     NULL,
     NULL},
};

const char *sample_expected(size_t index, size_t column)
{
    return expected[index][column];
}

// ------------------------------------------------------------------------------------- schemas

#define SCALAR(name, in, out)                                                                                          \
    {                                                                                                                  \
        name, 0, IN_##in, OUT_##out, 1, 0, 0, 0, NULL, 0                                                               \
    }

static const property dns_properties[] = {
    SCALAR("QueryName", UNICODE_STRING, STRING),
    SCALAR("QueryType", UINT32, UNSIGNED_INT),
    SCALAR("QueryOptions", UINT64, UNSIGNED_LONG),
    SCALAR("Status", INT64, LONG),
};

static const property evil_properties[] = {
    SCALAR("q\"uote", UINT32, UNSIGNED_INT),    SCALAR("dot.ted[0]", UINT32, UNSIGNED_INT),
    SCALAR("back\\slash", ANSI_STRING, STRING), SCALAR("record", UINT32, UNSIGNED_INT),
    SCALAR("Timestamp", UINT32, UNSIGNED_INT),  SCALAR("", UINT32, UNSIGNED_INT),
    SCALAR("nul", COUNTED_ANSI_STRING, STRING), SCALAR("dup", UINT32, UNSIGNED_INT),
    SCALAR("DUP", UINT32, UNSIGNED_INT),        SCALAR("state", UINT32, UNSIGNED_INT),
};

static const property struct_properties[] = {
    {"Struct", PROP_STRUCT, 0, 0, 1, 0, 2, 1, NULL, 0},
    SCALAR("Real", DOUBLE, DOUBLE),
    {"A", PROP_FIXED_COUNT, IN_UINT8, OUT_UNSIGNED_BYTE, 2, 0, 0, 0, NULL, 0},
};

static const plan *make_plan(arena *a, const property *properties, u16 count, u16 top, const char *message,
                             provider_schema *provider)
{
    event_schema *schema = arena_new(a, event_schema);
    *schema = (event_schema){
        .provider = provider, .message = message, .properties = properties, .property_count = count, .top_count = top};
    error e;
    const plan *made = plan_compile(a, schema, true, &e);
    if (!made) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
    return made;
}

// ------------------------------------------------------------------------------------- classes

static const char *const dns_keywords[] = {"ut:Normal", "a,b"};
static const char *const evil_keywords[] = {"-1+a"};

static void make_classes(sample_set *s)
{
    arena *a = &s->memory;
    static provider_schema wevt = {.origin = ORIGIN_WEVT};
    static const u8 metadata[] = {4, 0, 0, 0};
    const guid dns = GUID_OF(0x1c95126e, 0x7eea, 0x49a9, 0xa3, 0xfe, 0xa3, 0x78, 0xb0, 0x3d, 0xdb, 0x4d);
    s->classes[0] = (event_class){.provider_id = dns,
                                  .descriptor = {3006, 0, 16, 4, 0, 7, 0x8000000000000010},
                                  .events = 1,
                                  .provider = "Microsoft-Windows-DNS-Client",
                                  .task_name = "Query, sent",
                                  .opcode_name = "win:Info",
                                  .level_name = "Information",
                                  .keyword_names = dns_keywords,
                                  .keyword_count = 2,
                                  .origin = ORIGIN_MANIFEST,
                                  .plans = {make_plan(a, dns_properties, 3, 3, "%1, type %2", NULL)},
                                  .plan_count = 1,
                                  .exact_version = true};
    s->classes[1] = (event_class){.provider_id = dns,
                                  .descriptor = {3006, 1, 16, 4, 0, 7, 0},
                                  .events = 1,
                                  .provider = "Microsoft-Windows-DNS-Client",
                                  .origin = ORIGIN_MANIFEST,
                                  .plans = {make_plan(a, dns_properties, 4, 4, " -x", &wevt)},
                                  .plan_count = 1,
                                  .exact_version = false};
    s->classes[2] = (event_class){
        .provider_id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
        .descriptor = {0, 0, 11, 5, 0, 0, 1},
        .metadata = {metadata, sizeof metadata},
        .events = 1,
        .provider = "Evil\"Pro'v, [x]",
        .event_name = "=cmd|\"x\"\n",
        .keyword_names = evil_keywords,
        .keyword_count = 1,
        .origin = ORIGIN_TRACELOGGING,
        .plans = {make_plan(a, evil_properties, COUNT_OF(evil_properties), COUNT_OF(evil_properties), NULL, NULL)},
        .plan_count = 1};
    s->classes[3] = (event_class){.descriptor = {65535, 255, 255, 255, 255, 65535, 0xffffffffffffffff}, .events = 1};
    s->classes[4] = (event_class){
        .provider_id = GUID_OF(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
        .descriptor = {0, 3, 0, 0, 1, 0, 0},
        .classic = true,
        .events = 1,
        .provider = "MSNT_SystemTrace",
        .event_name = "Process/Start",
        .opcode_name = "Start",
        .task_name = "Process",
        .origin = ORIGIN_KERNEL,
        .plans = {make_plan(a, NULL, 0, 0, NULL, NULL)},
        .plan_count = 1,
        .exact_version = true};
    s->classes[5] = s->classes[4];
    s->classes[5].provider_id.bytes[0] = 0xd1;
    s->classes[5].provider = "msnt_SYSTEMtrace";
    s->classes[5].event_name = "process/start";
    s->classes[5].opcode_name = s->classes[5].task_name = NULL;
    s->classes[5].plans[0] = make_plan(a, struct_properties, 3, 2, "+1e5", NULL);
    for (u32 i = 0; i < SAMPLE_CLASSES; i++) {
        s->classes[i].index = i;
        s->class_list[i] = &s->classes[i];
    }
}

// ------------------------------------------------------------------------------------- records

static const u8 activity_id[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

// Size, type, "more follows", data size; the data padded to 8 bytes.
static const u8 extended_items[] = {
    24,   0, 1,  0, 1,  0, 16, 0, 0xcc, 0xdd, 0xee, 0xff, 0xaa, 0xbb, 0x88, 0x99, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22,
    0x11, 0, 24, 0, 2,  0, 1,  0, 12,   0,    1,    1,    0,    0,    0,    0,    0,    5,    18,   0,    0,    0,
    0,    0, 0,  0, 16, 0, 3,  0, 0,    0,    4,    0,    2,    0,    0,    0,    0,    0,    0,    0,
};

static const char SAMPLE_HOST[] = "DESKTOP-1", OTHER_HOST[] = "=other, \"pc\"";
static const host_entry HOSTS[] = {{.name = NULL}, {.name = SAMPLE_HOST}, {.name = OTHER_HOST}};
static const u64 stack[] = {0xfffff80012345678, 1};

static const u8 dns0[] = {'e', 0, 'x', 0, 'a', 0, 'm', 0, 'p', 0, 'l', 0,   'e', 0,   '.', 0,   'c', 0,
                          'o', 0, 'm', 0, 0,   0, 28,  0, 0,   0, 255, 255, 255, 255, 255, 255, 255, 255};
static const u8 dns1[] = {0xe9, 0,   0x3d, 0xd8, 0x00, 0xde, 0, 0, 1, 0, 0, 0, 255,  255, 255,
                          255,  255, 255,  255,  0x7f, 0,    0, 0, 0, 0, 0, 0, 0x80, 0xaa};
static const u8 evil[] = {1, 0, 0, 0, 2, 0, 0, 0, 'v', 'a', '"', 'l', ',', 'u', 'e', '\n', 0, 3, 0, 0, 0, 4, 0,
                          0, 0, 5, 0, 0, 0, 3, 0, 'a', 0,   'b', 6,   0,   0,   0,   7,    0, 0, 0, 8, 0, 0, 0};
static const u8 unknown[] = {'=', ' ', '1', ';', '\r', '\n'};
static const u8 structure[] = {1, 2, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f};

static void make_record(sample_set *s, u32 i, i64 time, span payload, record_state state)
{
    const event_class *cls = &s->classes[i];
    record *rec = &s->records[i];
    *rec = (record){.number = i + 1,
                    .time = time,
                    .event = &s->events[i],
                    .cls = cls,
                    .state = state,
                    .payload = payload,
                    .source = "first.etl"};
    if (!cls->plan_count)
        return;
    rec->plan = cls->plans[0];
    decoded found;
    decode_run(&s->decoders[i], rec->plan, payload, &found);
    rec->slots = found.slots;
    rec->slot_count = found.slot_count;
    rec->top_done = found.top_done;
}

static void set_place(record *rec, bool process, u32 pid, bool thread, u32 tid, u32 processor)
{
    rec->has_process = process;
    rec->process_id = pid;
    rec->has_thread = thread;
    rec->thread_id = tid;
    rec->processor = processor;
}

static void set_source(record *rec, u32 index, u64 offset)
{
    rec->source = index ? " sp,ace.etl" : "first.etl";
    rec->source_index = index;
    rec->offset = offset;
}

static void make_records(sample_set *s)
{
    record *r = s->records;
    // 2023-03-14 07:46:50.7012345
    make_record(s, 0, 133232536107012345, (span){dns0, sizeof dns0}, RECORD_DECODED);
    make_record(s, 1, 133232536107012346, (span){dns1, sizeof dns1}, RECORD_PARTIAL);
    make_record(s, 2, 133232536107012346, (span){evil, sizeof evil}, RECORD_DECODED);
    make_record(s, 3, 116444735999999999, (span){unknown, sizeof unknown}, RECORD_RAW);
    make_record(s, 4, -5, (span){unknown, 0}, RECORD_DECODED);
    make_record(s, 5, 2650467743999999999, (span){structure, sizeof structure}, RECORD_DECODED);
    s->events[0].activity = activity_id;
    s->events[0].extended = (span){extended_items, sizeof extended_items};
    s->events[0].kind = HEADER_EVENT64;
    s->events[0].kernel_time = 0xffffffff;
    s->events[0].user_time = 6;
    s->events[2].kind = HEADER_EVENT64;
    s->events[2].flags = EVENT_FLAG_NO_CPUTIME;
    r[0].host_index = r[1].host_index = r[4].host_index = r[5].host_index = 1;
    r[2].host_index = 2;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        r[i].host = HOSTS[r[i].host_index].name;
    r[0].stack = stack;
    r[0].stack_count = 2;
    r[0].process_name = "chrome.exe";
    r[1].process_name = "=1+2";
    r[3].process_name = "";
    r[4].process_name = "a\r\nb";
    r[5].process_name = "-5";
    set_place(&r[0], true, 4321, true, 77, 3);
    set_place(&r[1], true, 0xfffffffe, true, 0, 0);
    set_place(&r[2], false, 0xffffffff, false, 0xffffffff, 65535);
    set_place(&r[3], true, 0, false, 0, 1);
    set_place(&r[4], true, 8, true, 12, 0);
    set_place(&r[5], true, 8, true, 12, 0);
    set_source(&r[0], 0, 104);
    set_source(&r[1], 0, (u64)1 << 40);
    set_source(&r[2], 1, 0);
    set_source(&r[3], 1, 8);
    set_source(&r[4], 0, 16);
    set_source(&r[5], 0, 24);
}

static const export_damage damage[] = {{4096, 65536, "buffer", "buffer 17: it's \"gone\""}, {1, 2, "record", ""}};

void samples_make(sample_set *s)
{
    *s = (sample_set){0};
    make_classes(s);
    make_records(s);
    s->traces[0] = (export_trace){
        "first.etl",
        "{\"file\":\"in/first.etl\",\"bytes\":1099511627776,\"sha256\":\"ab\",\"session\":\"NT \\\"K\\\"\","
        "\"processors\":4,\"clock\":\"qpc\",\"buffers\":{\"total\":7,\"lost\":1},\"events\":{\"total\":6,\"raw\":1}}",
        damage, 2, SAMPLE_HOST};
    s->traces[1] = (export_trace){" sp,ace.etl", NULL, NULL, 0, NULL};
    s->target = (export_target){.classes = s->class_list,
                                .class_count = SAMPLE_CLASSES,
                                .traces = s->traces,
                                .trace_count = SAMPLE_TRACES,
                                .hosts = HOSTS,
                                .host_count = COUNT_OF(HOSTS)};
}

void samples_free(sample_set *s)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        decoder_free(&s->decoders[i]);
    arena_free(&s->memory);
}
