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
    check(f, "thread_id is null", true);
    check(f, "thread_id = 0 or thread_id != 0", false);
    check(f, "level > 4", false);
    check(f, "not (level > 4)", true);
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
        cmocka_unit_test(payload_fields),
        cmocka_unit_test(classes_settle),
        cmocka_unit_test(errors_point_at_their_place),
        cmocka_unit_test(nesting_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
