// Many expressions over records of several classes: which hold, which are left out for a class, fields inside structs
// and arrays; each answer is also that of the expression alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "query/query.h"

// u32 Id (named), struct Place { u16 Port; struct[2] Hops { u8 Kind } }, u16[2] Ports, wstr Name, bool On, double Real
static const map_entry NAMES[] = {{7, "seven"}, {8, "eight"}};
static const value_map NAME_MAP = {.name = "Names", .entries = NAMES, .count = 2};
static const property PROPERTIES[] = {
    {.name = "Id", .in_type = IN_UINT32, .count = 1, .map = &NAME_MAP},
    {.name = "Place", .flags = PROP_STRUCT, .count = 1, .struct_start = 6, .struct_members = 2},
    {.name = "Ports", .flags = PROP_FIXED_COUNT, .in_type = IN_UINT16, .count = 2},
    {.name = "Name", .in_type = IN_UNICODE_STRING, .count = 1},
    {.name = "On", .in_type = IN_BOOLEAN, .out_type = OUT_BOOLEAN, .count = 1},
    {.name = "Real", .in_type = IN_DOUBLE, .count = 1},
    {.name = "Port", .in_type = IN_UINT16, .count = 1},
    {.name = "Hops", .flags = PROP_STRUCT | PROP_FIXED_COUNT, .count = 2, .struct_start = 8, .struct_members = 1},
    {.name = "Kind", .in_type = IN_UINT8, .count = 1},
};
static const u8 PAYLOAD[] = {7,   0, 0,   0, 80, 0, 1, 2, 80, 0, 187, 1, 'a', 0, '.', 0, 'E',  0,
                             'x', 0, 'E', 0, 0,  0, 1, 0, 0,  0, 0,   0, 0,   0, 0,   0, 0xf8, 0x3f};

// { u32 Id } of another class.
static const property OTHER[] = {{.name = "Id", .in_type = IN_UINT32, .count = 1}};
static const u8 OTHER_PAYLOAD[] = {7, 0, 0, 0};

typedef struct world {
    arena arena;
    provider_schema provider;
    event_schema schemas[2];
    event event;
    event_class classes[2];
    const event_class *list[2];
    decoder decoders[2];
    record records[2];
} world;

static void make_class(world *w, u32 i, const property *properties, u16 count, u16 top, span payload)
{
    w->schemas[i] =
        (event_schema){.provider = &w->provider, .properties = properties, .property_count = count, .top_count = top};
    error e = {0};
    const plan *p = plan_compile(&w->arena, &w->schemas[i], true, &e);
    if (!p)
        fail_msg("%s", e.message);
    decoded d;
    assert_int_equal(decode_run(&w->decoders[i], p, payload, &d), FIT_EXACT);
    w->classes[i] = (event_class){.index = i, .descriptor = {.id = (u16)(100 + i)}, .plans = {p}, .plan_count = 1};
    w->list[i] = &w->classes[i];
    w->records[i] = (record){.event = &w->event,
                             .cls = &w->classes[i],
                             .plan = p,
                             .slots = d.slots,
                             .slot_count = d.slot_count,
                             .top_done = d.top_done,
                             .payload = payload,
                             .has_process = true,
                             .process_id = 4,
                             .process_name = "cmd.exe"};
}

static world *make(void)
{
    world *w = mem_zeroed(1, sizeof(*w));
    make_class(w, 0, PROPERTIES, COUNT_OF(PROPERTIES), 6, (span){PAYLOAD, sizeof(PAYLOAD)});
    make_class(w, 1, OTHER, COUNT_OF(OTHER), 1, (span){OTHER_PAYLOAD, sizeof(OTHER_PAYLOAD)});
    return w;
}

static void drop(world *w)
{
    decoder_free(&w->decoders[0]);
    decoder_free(&w->decoders[1]);
    arena_free(&w->arena);
    mem_free(w);
}

// An expression and whether it holds for the record of each class.
typedef struct line {
    const char *text;
    bool holds[2];
} line;

static const line LINES[] = {
    {"event_id = 100", {true, false}},
    {"event_id = 101", {false, true}},
    {"data.Id = 7", {true, true}},
    {"data.Id = 'seven'", {true, false}},
    {"data.Id = 'SEVEN' and data.Id >= 7 and data.Id & 4", {true, false}},
    {"data.Place.Port = 80", {true, false}},
    {"data.Place.Port = data.Ports", {false, false}}, // an array on the right is no single value
    {"data.Ports = data.Place.Port", {true, false}},
    {"data.Place.Hops.Kind = 2", {true, false}},
    {"data.Place.Hops.Kind = 3", {false, false}},
    {"data.Place.Hops.Kind in (3, 2) and event_id = 100", {true, false}},
    {"data.Place.Hops.Other is null", {true, true}},
    {"data.Place is null", {true, true}},
    {"data.Place.Port is null", {false, true}},
    {"data.Name like '%.exe' and process_name = 'cmd.exe'", {true, false}},
    {"process_name = 'cmd.exe'", {true, true}},
    {"not (process_name = 'cmd.exe') or data.Name = 'A.EXE'", {true, false}},
    {"data.On", {true, false}},
    {"data.On = 'true' and data.On = 1", {true, false}},
    {"data.Real = 1.5", {true, false}},
    {"data.Real > 1.5 or data.Real < 1", {false, false}},
    {"event_id = 100 or event_id = 101", {true, true}},
    {"event_id = 99 and data.Id = 7", {false, false}},
};
enum { LINE_COUNT = COUNT_OF(LINES) };

static query_set *parse_all(const expression **list)
{
    error e = {0};
    for (u32 i = 0; i < LINE_COUNT; i++)
        if (!(list[i] = where_parse(LINES[i].text, &e)))
            fail_msg("%s", e.message);
    return query_new(list, LINE_COUNT);
}

static void free_all(const expression **list, query_set *q)
{
    query_free(q);
    for (u32 i = 0; i < LINE_COUNT; i++)
        where_free((expression *)(uintptr_t)list[i]);
}

static void check_hits(const query_set *q, const record *rec, query_scratch *s, u32 cls)
{
    u32 hits[LINE_COUNT], count = query_run(q, rec, s, hits), at = 0;
    for (u32 i = 0; i < LINE_COUNT; i++) {
        bool hit = at < count && hits[at] == i;
        at += hit;
        if (hit != LINES[i].holds[cls])
            fail_msg("class %u: %s: %s", cls, LINES[i].text, hit ? "holds" : "does not hold");
    }
    assert_int_equal(at, count);
}

// Records of the two classes in turn with one scratch: nothing of a record stays for the next.
static void those_that_hold_are_listed(void **state)
{
    (void)state;
    world *w = make();
    const expression *list[LINE_COUNT];
    query_scratch s = {0};
    query_set *q = parse_all(list);
    query_bind(q, w->list, 2);
    for (u32 i = 0; i < 4; i++)
        check_hits(q, &w->records[i % 2], &s, i % 2);
    w->records[0].process_name = "other.exe";
    u32 hits[LINE_COUNT], count = query_run(q, &w->records[0], &s, hits);
    for (u32 i = 0; i < count; i++)
        assert_false(strcmp(LINES[hits[i]].text, "process_name = 'cmd.exe'") == 0);
    query_scratch_free(&s);
    free_all(list, q);
    drop(w);
}

static void all_agree_with_the_expression_alone(void **state)
{
    (void)state;
    world *w = make();
    for (u32 i = 0; i < LINE_COUNT; i++) {
        error e = {0};
        expression *x = where_parse(LINES[i].text, &e);
        const expression *list[] = {x};
        query_set *q = query_new(list, 1);
        query_scratch s = {0};
        query_bind(q, w->list, 2);
        for (u32 c = 0; c < 2; c++) {
            assert_int_equal(query_any(q, &w->records[c], &s), LINES[i].holds[c]);
            where_truth truth = query_class(q, c);
            assert_int_equal(truth, where_for_class(x, &w->classes[c], true));
            assert_true(truth != (LINES[i].holds[c] ? WHERE_NEVER : WHERE_ALWAYS));
        }
        query_scratch_free(&s);
        query_free(q);
        where_free(x);
    }
    drop(w);
}

static void candidates_are_by_class(void **state)
{
    (void)state;
    world *w = make();
    static const char *const TEXTS[] = {"event_id = 100 and process_name = 'x'", "event_id = 101", "data.Name = 'x'",
                                        "event_id = 5 or data.Nothing = 1", "process_id = 4"};
    static const u32 WANT[2][3] = {{0, 2, 4}, {1, 4}};
    const expression *list[COUNT_OF(TEXTS)];
    error e = {0};
    for (u32 i = 0; i < COUNT_OF(TEXTS); i++)
        list[i] = where_parse(TEXTS[i], &e);
    query_set *q = query_new(list, COUNT_OF(TEXTS));
    query_bind(q, w->list, 2);
    for (u32 c = 0; c < 2; c++) {
        u32 count;
        const u32 *candidates = query_candidates(q, c, &count);
        assert_int_equal(count, c ? 2 : 3);
        assert_memory_equal(candidates, WANT[c], count * sizeof(u32));
    }
    assert_int_equal(query_class(q, 0), WHERE_SOMETIMES);
    assert_int_equal(query_class(q, 1), WHERE_ALWAYS);
    query_free(q);
    for (u32 i = 0; i < COUNT_OF(TEXTS); i++)
        where_free((expression *)(uintptr_t)list[i]);
    drop(w);
}

// Bound anew after classes got other plans; without expressions; records whose payload ended early.
static void edges(void **state)
{
    (void)state;
    world *w = make();
    const expression *list[LINE_COUNT];
    query_scratch s = {0};
    query_set *q = parse_all(list), *none = query_new(NULL, 0);
    query_bind(q, w->list, 1);
    query_bind(q, w->list, 2);
    check_hits(q, &w->records[1], &s, 1);
    query_scratch_free(&s);

    query_bind(none, w->list, 2);
    assert_int_equal(query_class(none, 0), WHERE_NEVER);
    assert_false(query_any(none, &w->records[0], &s));
    query_scratch_free(&s);

    error e = {0};
    const expression *null = where_parse("data.Name is null and data.Place.Hops.Kind is null", &e);
    query_set *ended = query_new(&null, 1);
    query_bind(ended, w->list, 2);
    assert_false(query_any(ended, &w->records[0], &s));
    w->records[0].top_done = 1;
    assert_true(query_any(ended, &w->records[0], &s));
    w->records[0].plan = NULL;
    assert_true(query_any(ended, &w->records[0], &s));
    query_scratch_free(&s);
    query_free(ended);
    query_free(none);
    where_free((expression *)(uintptr_t)null);
    free_all(list, q);
    drop(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_hold_are_listed),
        cmocka_unit_test(all_agree_with_the_expression_alone),
        cmocka_unit_test(candidates_are_by_class),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
