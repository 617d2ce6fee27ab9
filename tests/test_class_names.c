// Name, task, opcode, keywords, message and data of a record come from one and the same description: for each pair of
// kinds of source, the one that is trusted more does not fit the payload, and the other one does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "decode/classes.h"
#include "decode/render.h"
#include "query/filter.h"

static const guid PROVIDER = GUID_OF(0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);

typedef struct source_kind {
    schema_origin origin;
    schema_rank rank;
} source_kind;

// In the order of trust.
static const source_kind MANIFESTS[] = {
    {ORIGIN_EMBEDDED, RANK_TRACE}, {ORIGIN_EVENTSOURCE, RANK_TRACE}, {ORIGIN_MANIFEST, RANK_USER},
    {ORIGIN_WEVT, RANK_USER},      {ORIGIN_EMBEDDED, RANK_CACHE},    {ORIGIN_EVENTSOURCE, RANK_CACHE},
    {ORIGIN_MANIFEST, RANK_CACHE}, {ORIGIN_WEVT, RANK_CACHE},        {ORIGIN_BUILTIN, RANK_BUILTIN},
};
static const source_kind CLASSICS[] = {
    {ORIGIN_EMBEDDED, RANK_TRACE}, {ORIGIN_KERNEL, RANK_TRACE}, {ORIGIN_MANIFEST, RANK_USER},
    {ORIGIN_MOF, RANK_USER},       {ORIGIN_MOF, RANK_CACHE},    {ORIGIN_BUILTIN, RANK_BUILTIN},
};
static const source_kind MESSAGES[] = {{ORIGIN_WPP, RANK_USER}, {ORIGIN_WPP, RANK_CACHE}};

// What an event of one of the two descriptions must say.
typedef struct side {
    const char *provider, *name, *task, *opcode, *level, *keyword, *message;
    property field;
} side;

static const side OLD = {.provider = "Old-Provider",
                         .name = "OldEvent",
                         .task = "OldTask",
                         .opcode = "OldOpcode",
                         .level = "OldLevel",
                         .keyword = "KOld",
                         .message = "old %1",
                         .field = {.name = "OldField", .in_type = IN_UINT64, .count = 1}};
static const side NEW = {.provider = "New-Provider",
                         .name = "NewEvent",
                         .task = "NewTask",
                         .opcode = "NewOpcode",
                         .level = "NewLevel",
                         .keyword = "KNew",
                         .message = "new %1",
                         .field = {.name = "NewField", .in_type = IN_UINT32, .count = 1}};

static const event_descriptor DESCRIPTOR = {.id = 7, .version = 1, .level = 3, .opcode = 11, .task = 5, .keyword = 1};

static void describe(schema_set *set, schema_key key, const source_kind *kind, const side *s)
{
    provider_schema *p = schema_add_provider(set, &PROVIDER, s->provider, kind->origin, kind->rank, NULL);
    schema_add_name(p, &p->keywords, 1, s->keyword, NULL);
    event_schema *described = arena_new(schema_arena(set), event_schema);
    *described = (event_schema){.key = key,
                                .event_guid = PROVIDER,
                                .descriptor = DESCRIPTOR,
                                .event_name = s->name,
                                .task_name = s->task,
                                .opcode_name = s->opcode,
                                .level_name = s->level,
                                .message = s->message,
                                .properties = &s->field,
                                .property_count = 1,
                                .top_count = 1};
    assert_true(schema_add_event(p, described));
}

static void assert_side(const class_decode *got, const side *want, const source_kind *kind, span payload)
{
    const event_class *c = got->cls;
    assert_int_equal(got->state, RECORD_DECODED);
    assert_string_equal(c->provider, want->provider);
    assert_string_equal(c->event_name, want->name);
    assert_string_equal(c->task_name, want->task);
    assert_string_equal(c->opcode_name, want->opcode);
    assert_string_equal(c->level_name, want->level);
    assert_int_equal(c->keyword_count, 1);
    assert_string_equal(c->keyword_names[0], want->keyword);
    assert_int_equal(c->origin, kind->origin);
    assert_string_equal(got->plan->fields[0].name, want->field.name);
    event ev = {.descriptor = DESCRIPTOR};
    record rec = {
        .event = &ev, .cls = c, .plan = got->plan, .slots = got->values.slots, .top_done = 1, .payload = payload};
    outbuf text = {0};
    assert_true(render_message(&text, &rec));
    assert_int_equal(text.len, 5);
    assert_memory_equal(text.bytes, strcmp(want->provider, "Old-Provider") == 0 ? "old 9" : "new 9", 5);
    outbuf_free(&text);
}

// --provider and --where decide by the names of the record, not by those of the class it was looked up by.
static void assert_filter(const class_table *t, const filter *f, const class_decode *got, bool want)
{
    event ev = {.provider = PROVIDER, .descriptor = DESCRIPTOR};
    record rec = {.event = &ev, .cls = got->cls};
    record_filter bound;
    query_scratch scratch = {0};
    filter_bind(&bound, f, class_list(t), class_count(t));
    assert_int_equal(filter_record(&bound, &rec, &scratch), want);
    query_scratch_free(&scratch);
    filter_unbind(&bound);
}

static void assert_filters(const class_table *t, const event_class *base, const class_decode *got)
{
    bool is_new = strcmp(got->cls->provider, "New-Provider") == 0;
    filter f;
    filter_init(&f);
    filter_add_provider(&f, "New-Provider");
    assert_int_equal(filter_class(&f, base), WHERE_SOMETIMES);
    assert_filter(t, &f, got, is_new);
    filter_free(&f);

    error e = {0};
    expression *x = where_parse("provider = 'new-provider'", &e);
    const expression *list[] = {x};
    query_set *q = query_new(list, 1);
    f.where = x;
    query_bind(q, class_list(t), class_count(t));
    assert_int_equal(query_class(q, base->index), WHERE_SOMETIMES);
    assert_int_equal(filter_class(&f, base), WHERE_SOMETIMES);
    assert_filter(t, &f, got, is_new);
    query_free(q);
    where_free(x);
}

static void check_pair(schema_key key, const source_kind *trusted, const source_kind *other)
{
    static const u8 NINE[8] = {9};
    schema_set *set = schema_set_new();
    describe(set, key, trusted, &OLD);
    describe(set, key, other, &NEW);
    class_table *t = class_table_new(LIMIT_CLASS_BYTES);
    event ev = {.kind = key == KEY_WPP       ? HEADER_MESSAGE
                        : key == KEY_CLASSIC ? HEADER_FULL64
                                             : HEADER_EVENT64,
                .provider = PROVIDER,
                .descriptor = DESCRIPTOR,
                .classic = key == KEY_CLASSIC,
                .is_64_bit = true};
    u32 index = class_add(t, &ev);
    class_table_plan(t, set, 0);
    decoder d = {0};
    class_decode got;
    span narrow = {NINE, 4}, whole = {NINE, 8};
    class_decode_payload(class_at(t, index), &d, narrow, &got);
    assert_side(&got, &NEW, other, narrow);
    assert_filters(t, class_at(t, index), &got);
    class_decode_payload(class_at(t, index), &d, whole, &got);
    assert_side(&got, &OLD, trusted, whole);
    assert_filters(t, class_at(t, index), &got);
    // The class for the other names is looked up by no event.
    assert_int_equal(class_find(t, &ev), index);
    assert_int_equal(class_count(t), 2);
    decoder_free(&d);
    class_table_free(t);
    schema_set_free(set);
}

static void check_all(schema_key key, const source_kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            check_pair(key, &kinds[i], &kinds[j]);
}

static void test_manifests(void **state)
{
    (void)state;
    check_all(KEY_MANIFEST, MANIFESTS, COUNT_OF(MANIFESTS));
}

static void test_classic(void **state)
{
    (void)state;
    check_all(KEY_CLASSIC, CLASSICS, COUNT_OF(CLASSICS));
}

static void test_messages(void **state)
{
    (void)state;
    check_all(KEY_WPP, MESSAGES, COUNT_OF(MESSAGES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
