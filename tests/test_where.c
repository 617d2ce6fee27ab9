// Filter expressions over hand-made records: every operator, null, wide numbers, errors with their caret.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "decode/decode.h"
#include "query/query.h"

// u64 Big, u32 Flags (hex), wstr Name, u16[2] Ports
static const property PROPERTIES[] = {
    {.name = "Big", .in_type = IN_UINT64, .count = 1},
    {.name = "Flags", .in_type = IN_UINT32, .out_type = OUT_HEX_INT32, .count = 1},
    {.name = "Signed", .in_type = IN_INT32, .count = 1},
    {.name = "Ports", .in_type = IN_UINT16, .count = 2},
    {.name = "Name", .in_type = IN_UNICODE_STRING, .count = 1},
};

static const u8 PAYLOAD[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x12, 0, 0,   0, 0xfb, 0xff, 0xff, 0xff,
                             80,   0,    187,  1,    'W',  0,    'w',  0,    'w',  0, '.', 0, 'x',  0,    0,    0};

static const char *const KEYWORDS[] = {"Net", "Slow"};

typedef struct fixture {
    arena arena;
    provider_schema provider;
    event_schema schema;
    event event;
    event_class cls;
    decoder decoder;
    record rec;
} fixture;

static fixture *make(void)
{
    fixture *f = mem_zeroed(1, sizeof(*f));
    f->schema = (event_schema){.provider = &f->provider,
                               .properties = PROPERTIES,
                               .property_count = COUNT_OF(PROPERTIES),
                               .top_count = COUNT_OF(PROPERTIES)};
    f->provider.name = "Example-Net";
    const plan *p = plan_compile(&f->arena, &f->schema, true, NULL);
    assert_non_null(p);
    span payload = {PAYLOAD, sizeof(PAYLOAD)};
    decoded d;
    assert_int_equal(decode_run(&f->decoder, p, payload, &d), FIT_EXACT);
    f->event.descriptor.id = 3006;
    f->event.descriptor.level = 4;
    f->event.descriptor.keyword = 0x8000000000000010u;
    f->cls.descriptor = f->event.descriptor;
    f->cls.provider = "Example-Net";
    f->cls.keyword_names = KEYWORDS;
    f->cls.keyword_count = COUNT_OF(KEYWORDS);
    f->cls.plans[0] = p;
    f->cls.plan_count = 1;
    f->rec = (record){.time = 132223104000000000,
                      .event = &f->event,
                      .cls = &f->cls,
                      .plan = p,
                      .slots = d.slots,
                      .slot_count = d.slot_count,
                      .top_done = d.top_done,
                      .payload = payload,
                      .has_process = true,
                      .process_id = 1234,
                      .process_name = "powershell.exe",
                      .source = "a.etl"};
    return f;
}

static void drop(fixture *f)
{
    decoder_free(&f->decoder);
    arena_free(&f->arena);
    mem_free(f);
}

static bool holds(fixture *f, const expression *x)
{
    query_set *q = query_new(&x, 1);
    const event_class *classes[] = {&f->cls};
    query_scratch scratch = {0};
    query_bind(q, classes, 1);
    bool any = query_any(q, &f->rec, &scratch);
    query_scratch_free(&scratch);
    query_free(q);
    return any;
}

static void check(fixture *f, const char *text, bool want)
{
    error e = {0};
    expression *x = where_parse(text, &e);
    if (!x)
        fail_msg("%s: %s", text, e.message);
    if (holds(f, x) != want)
        fail_msg("%s is %s", text, want ? "false" : "true");
    // What the class says of all its events is so for this one.
    for (int planned = 0; planned < 2; planned++)
        if (where_for_class(x, &f->cls, planned) == (want ? WHERE_NEVER : WHERE_ALWAYS))
            fail_msg("%s is %s, but not for the class", text, want ? "true" : "false");
    where_free(x);
}

static void check_class(fixture *f, const char *text, where_truth before, where_truth planned)
{
    error e = {0};
    expression *x = where_parse(text, &e);
    assert_non_null(x);
    assert_int_equal(where_for_class(x, &f->cls, false), before);
    assert_int_equal(where_for_class(x, &f->cls, true), planned);
    assert_int_equal(where_asks_class(x), before != WHERE_SOMETIMES);
    where_free(x);
}

static void columns(void **state)
{
    (void)state;
    fixture *f = make();
    check(f, "event_id = 3006", true);
    check(f, "event_id in (1, 2, 3006)", true);
    check(f, "event_id not in (1, 2, 3006)", false);
    check(f, "provider = 'example-net'", true);
    check(f, "provider != 'example-net'", false);
    check(f, "process_name like 'power%'", true);
    check(f, "process_name like '%sh_ll.exe'", true);
    check(f, "process_name not like '%cmd%'", true);
    check(f, "process_id >= 1234 and process_id < 0x4d3", true);
    check(f, "timestamp > '2019-12-31' and timestamp < '2020-01-02'", true);
    check(f, "keywords & 0x10", true);
    check(f, "keywords & 0x20", false);
    check(f, "timestamp >= '2020' and timestamp < '2020-02' and timestamp = '2020-01-01T00:00'", true);
    check(f, "timestamp = '2020-01-01' and timestamp = '2020-01-01 00:00:00.0'", true);
    check(f, "event_id = '3006' and keywords = '0x8000000000000010'", true);
    check(f, "thread_id is null", true);
    check(f, "thread_id = 0 or thread_id != 0", false);
    check(f, "level > 4", false);
    check(f, "not (level > 4)", true);
    drop(f);
}

static void lists_of_texts(void **state)
{
    (void)state;
    fixture *f = make();
    check(f, "keyword_names = 'slow'", true);
    check(f, "keyword_names = 'Net|Slow'", true); // as CSV shows them
    check(f, "keyword_names = 'Net|'", false);
    check(f, "keyword_names in ('other', 'net')", true);
    check(f, "keyword_names like 'S%w'", true);
    check(f, "keyword_names not like 'S%'", true); // one of them is not
    check(f, "keyword_names is null", false);
    check(f, "not (keyword_names = 'Slow')", false);
    f->cls.keyword_count = 0;
    check(f, "keyword_names is null", true);
    check(f, "keyword_names = 'Slow'", false);
    drop(f);
}

static void letters(void **state)
{
    (void)state;
    fixture *f = make();
    f->rec.process_name = "M\xc3\xbcller.exe"; // Müller
    check(f, "process_name = 'M\xc3\x9cLLER.EXE'", true);
    check(f, "process_name like 'm_ller.exe'", true);
    check(f, "process_name like 'm__ller.exe'", false);
    check(f, "process_name like '%\xc3\x9cl%'", true);
    check(f, "process_name = 'Muller.exe'", false);
    f->rec.process_name = "a\xe2\x82\xac"; // a€
    check(f, "process_name like 'A_'", true);
    check(f, "process_name like '_'", false);
    f->rec.process_name = "\xfc"; // no UTF-8
    check(f, "process_name = '\xc3\xbc'", false);
    check(f, "process_name like '_'", true);
    drop(f);
}

static void guids(void **state)
{
    (void)state;
    fixture *f = make();
    const guid id = {{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};
    f->cls.provider_id = id;
    check(f, "provider_id = '00112233-4455-6677-8899-aabbccddeeff'", true);
    check(f, "provider_id = '{00112233-4455-6677-8899-AABBCCDDEEFF}'", true);
    check(f, "provider_id in ('{00112233-4455-6677-8899-AABBCCDDEEFF}')", true);
    check(f, "provider_id != '{00112233-4455-6677-8899-AABBCCDDEEFF}'", false);
    check(f, "provider_id like '0011%'", true);
    f->rec.process_name = "{00112233-4455-6677-8899-aabbccddeeff}"; // as payloads show them
    check(f, "process_name = '00112233-4455-6677-8899-aabbccddeeff'", true);
    drop(f);
}

static void payload_fields(void **state)
{
    (void)state;
    fixture *f = make();
    check(f, "data.Big = 18446744073709551615", true);
    check(f, "data.Big > 18446744073709551614", true);
    check(f, "data.Big = 18446744073709551614", false);
    check(f, "data.Flags = 18 and data.Flags = 0x12", true);
    check(f, "data.Flags & 0x10", true);
    check(f, "data.Signed < 0 and data.Signed = -5", true);
    check(f, "data.Name = 'www.x'", true);
    check(f, "data.Name like '%.X'", true);
    check(f, "data.\"Name\" = 'www.x' and data.'Ports' = 443", true);
    check(f, "data.Ports = 443", true);
    check(f, "data.Ports = 8080", false);
    check(f, "data.Nothing is null", true);
    check(f, "data.Nothing = 1", false);
    check(f, "data.Name is not null and (data.Big = 1 or data.Signed = -5)", true);
    // On the right side too: a comparison may be turned, and two fields compared.
    check(f, "18 = data.Flags", true);
    check(f, "19 > data.Flags", true);
    check(f, "18 > data.Flags", false);
    check(f, "443 = data.Ports", true);
    check(f, "process_id > data.Flags", true);
    check(f, "data.Big > data.Flags", true);
    check(f, "data.Name = data.Name", true);
    check(f, "data.Name = data.Flags", false);
    check(f, "data.Name = data.Nothing", false);
    check(f, "provider_id = data.Name", false);
    drop(f);
}

// What is known of all events of a class needs no look at each.
static void classes_settle(void **state)
{
    (void)state;
    fixture *f = make();
    check_class(f, "event_id = 3006", WHERE_ALWAYS, WHERE_ALWAYS);
    check_class(f, "event_id = 1", WHERE_NEVER, WHERE_NEVER);
    check_class(f, "event_id = 1 and process_name = 'x'", WHERE_NEVER, WHERE_NEVER);
    check_class(f, "event_id = 3006 or process_name = 'x'", WHERE_ALWAYS, WHERE_ALWAYS);
    check_class(f, "not (level > 4)", WHERE_ALWAYS, WHERE_ALWAYS);
    check_class(f, "process_id = 1234", WHERE_SOMETIMES, WHERE_SOMETIMES);
    check_class(f, "provider = 'example-net'", WHERE_SOMETIMES, WHERE_ALWAYS);
    check_class(f, "provider like 'other%'", WHERE_SOMETIMES, WHERE_NEVER);
    check_class(f, "data.Flags = 18", WHERE_SOMETIMES, WHERE_SOMETIMES);
    check_class(f, "data.Nothing = 18", WHERE_SOMETIMES, WHERE_NEVER);
    check_class(f, "data.Nothing is null", WHERE_SOMETIMES, WHERE_ALWAYS);
    check_class(f, "data.Some.Member = 18", WHERE_SOMETIMES, WHERE_NEVER);
    check_class(f, "state = 'raw'", WHERE_SOMETIMES, WHERE_SOMETIMES);
    drop(f);
}

static void refused(const char *text, const char *what, size_t caret)
{
    error e = {0};
    if (where_parse(text, &e))
        fail_msg("%s was taken", text);
    if (!strstr(e.message, what))
        fail_msg("%s: %s", text, e.message);
    const char *line = strrchr(e.message, '\n');
    assert_non_null(line);
    assert_int_equal(strlen(line) - 1, caret + 3); // two blanks in front, the caret itself
}

static void errors_point_at_their_place(void **state)
{
    (void)state;
    refused("", "missing", 0);
    refused("evnt_id = 3", "no such column", 0);
    refused("event_id = ", "missing", 11);
    refused("event_id = 3 provider = 'x'", "the end is expected", 13);
    refused("(event_id = 3", ") is expected", 13);
    refused("provider = 'x", "no end", 11);
    refused("provider like", "missing", 13);
    refused("event_id in 3", "( is expected", 12);
    refused("event_id = 3abc", "no number", 11);
    refused("evnt_id = 3", "did you mean 'event_id'", 0);
    refused("data.\"Name = 3", "no end", 5);
    refused("record = 3", "source and offset", 0);
    refused("level = 'Warning'", "level_name", 8);
    refused("'x' = event_id", "event_id is a number", 0);
    refused("event_id in (3, 'x')", "event_id is a number", 16);
    refused("provider_id = 'Example'", "no GUID", 14);
    refused("provider_id = 5", "no GUID", 14);
    refused("timestamp > 'yesterday'", "no UTC time", 12);
    refused("event_id in (level)", "texts and numbers only", 13);
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    char text[4096];
    memset(text, '(', sizeof(text));
    text[sizeof(text) - 1] = 0;
    error e = {0};
    assert_null(where_parse(text, &e));
    assert_non_null(strstr(e.message, "too deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns),
        cmocka_unit_test(lists_of_texts),
        cmocka_unit_test(letters),
        cmocka_unit_test(guids),
        cmocka_unit_test(payload_fields),
        cmocka_unit_test(classes_settle),
        cmocka_unit_test(errors_point_at_their_place),
        cmocka_unit_test(nesting_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
