// Every line of the built-in core compiles; its events agree with the manifests of Windows where those are at hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "schema/tables/schema_builtin.h"

extern const schema_source schema_source_manifest;

typedef struct provider_line {
    const char *tag, *name;
    guid id;
} provider_line;

static const provider_line PROVIDER_LINES[] = {
#define PROVIDER(tag, name, ...) {#tag, name, GUID_OF(__VA_ARGS__)},
#include "schema/tables/builtin_events.def"
};

static const struct {
    const char *tag, *events;
} EVENT_LINES[] = {
#define EVENTS(tag, events, layout) {#tag, events},
#include "schema/tables/builtin_events.def"
};

static const struct {
    const char *tag, *name;
} MAP_LINES[] = {
#define MAP(tag, kind, name, list) {#tag, name},
#include "schema/tables/builtin_events.def"
};

static u32 blanks_in(const char *text)
{
    u32 blanks = 0;
    for (; *text; text++)
        blanks += *text == ' ';
    return blanks;
}

static void fetch(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_builtin_fetch(set, id);
}

static schema_set *set_new(void)
{
    schema_set *set = schema_set_new();
    schema_set_fetch(set, fetch, NULL);
    return set;
}

static provider_schema *provider_named(schema_set *set, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(PROVIDER_LINES); i++)
        if (strcmp(PROVIDER_LINES[i].name, name) == 0)
            return schema_providers(set, &PROVIDER_LINES[i].id);
    fail_msg("no provider %s", name);
    return NULL;
}

// No line may be lost: a provider has as many events as its lines list.
static void test_lines_compile(void **state)
{
    (void)state;
    schema_set *set = set_new();
    for (size_t i = 0; i < COUNT_OF(PROVIDER_LINES); i++) {
        const provider_line *line = &PROVIDER_LINES[i];
        const provider_schema *p = schema_providers(set, &line->id);
        assert_non_null(p);
        assert_null(p->next);
        assert_string_equal(p->name, line->name);
        assert_int_equal(p->origin, ORIGIN_BUILTIN);
        assert_int_equal(p->rank, RANK_BUILTIN);
        u32 events = 0, maps = 0;
        for (size_t e = 0; e < COUNT_OF(EVENT_LINES); e++)
            if (strcmp(EVENT_LINES[e].tag, line->tag) == 0)
                events += blanks_in(EVENT_LINES[e].events) + 1;
        for (size_t m = 0; m < COUNT_OF(MAP_LINES); m++)
            if (strcmp(MAP_LINES[m].tag, line->tag) == 0) {
                maps++;
                const value_map *map = schema_find_map(p, MAP_LINES[m].name);
                assert_non_null(map);
                assert_true(map->count > 0 && map->count < 512);
            }
        if (p->event_count != events)
            fail_msg("%s: %u events in its lines, %u compiled", line->name, events, p->event_count);
        assert_int_equal(p->map_count, maps);
        for (size_t j = 0; j < i; j++)
            assert_false(guid_equal(&line->id, &PROVIDER_LINES[j].id));
    }
    schema_set_free(set);
}

static bool same_properties(const event_schema *a, const event_schema *b, bool names)
{
    if (a->property_count != b->property_count || a->top_count != b->top_count)
        return false;
    for (u32 i = 0; i < a->property_count; i++) {
        const property *p = &a->properties[i], *q = &b->properties[i];
        if (p->in_type != q->in_type || p->count != q->count || p->length != q->length)
            return false;
        if (names && strcmp(p->name, q->name) != 0)
            return false;
    }
    return true;
}

// The same id and version twice is only there where the layouts differ.
static void test_no_line_twice(void **state)
{
    (void)state;
    schema_set *set = set_new();
    for (size_t i = 0; i < COUNT_OF(PROVIDER_LINES); i++) {
        const provider_schema *p = schema_providers(set, &PROVIDER_LINES[i].id);
        for (u32 a = 0; a < p->event_count; a++) {
            for (u32 b = 0; b < a; b++) {
                const event_descriptor *x = &p->events[a]->descriptor, *y = &p->events[b]->descriptor;
                if (x->id == y->id && x->version == y->version && same_properties(p->events[a], p->events[b], true))
                    fail_msg("%s event %u version %u is there twice", p->name, x->id, x->version);
            }
        }
    }
    schema_set_free(set);
}

static void test_dns_query(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        u16 in;
    } FIELDS[] = {
        {"QueryName", IN_UNICODE_STRING},    {"QueryType", IN_UINT32},
        {"QueryOptions", IN_UINT64},         {"QueryStatus", IN_UINT32},
        {"QueryResults", IN_UNICODE_STRING},
    };
    schema_set *set = set_new();
    const provider_schema *p = provider_named(set, "Microsoft-Windows-DNS-Client");
    event_descriptor d = {.id = 3008};
    schema_find_result found[8];
    assert_int_equal(schema_find(set, KEY_MANIFEST, &p->id, &d, 0, found, 8), 1);
    assert_true(found[0].exact);
    const event_schema *event = found[0].event;
    assert_int_equal(event->descriptor.level, 4);
    assert_int_equal(event->property_count, COUNT_OF(FIELDS));
    for (size_t i = 0; i < COUNT_OF(FIELDS); i++) {
        assert_string_equal(event->properties[i].name, FIELDS[i].name);
        assert_int_equal(event->properties[i].in_type, FIELDS[i].in);
    }
    schema_set_free(set);
}

static void test_names(void **state)
{
    (void)state;
    schema_set *set = set_new();
    const provider_schema *p = provider_named(set, "Microsoft-Windows-Kernel-Process");
    event_descriptor d = {.id = 1, .version = 1};
    schema_find_result found[8];
    assert_true(schema_find(set, KEY_MANIFEST, &p->id, &d, 0, found, 8) >= 1);
    assert_string_equal(found[0].event->task_name, "ProcessStart");
    const schema_name *keyword = schema_find_name(&p->keywords, 0x10);
    assert_non_null(keyword);
    assert_string_equal(keyword->name, "WINEVENT_KEYWORD_PROCESS");
    p = provider_named(set, "Microsoft-Windows-DotNETRuntime");
    d = (event_descriptor){.id = 1, .version = 2};
    assert_true(schema_find(set, KEY_MANIFEST, &p->id, &d, 0, found, 8) >= 1);
    assert_string_equal(found[0].event->task_name, "GC");
    const property *reason = NULL;
    for (u32 i = 0; i < found[0].event->property_count; i++)
        if (strcmp(found[0].event->properties[i].name, "Reason") == 0)
            reason = &found[0].event->properties[i];
    assert_non_null(reason);
    assert_non_null(reason->map);
    guid unknown = {{7}};
    assert_false(schema_builtin_fetch(set, &unknown));
    schema_set_free(set);
}

// ---------------------------------------------------------------------------------------------- real manifests

static const char *const COMPARED[] = {"DNS-Client", "Kernel-Process", "Kernel-File",        "Kernel-Network",
                                       "PowerShell", "HttpService",    "Kernel-EventTracing"};
static const char *const WINDOWS[] = {"Win7-7600", "Win10-18990"};

static bool load_manifest(schema_set *set, const char *windows, const char *name)
{
    const char *shared = getenv("ETWKIT_SHARED");
    char path[1024];
    snprintf(path, sizeof(path), "%s/schemas/os-manifests/%s-Microsoft-Windows-%s.xml", shared ? shared : "../shared",
             windows, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    enum { ROOM = 1 << 20 };
    u8 *bytes = malloc(ROOM);
    assert_non_null(bytes);
    size_t len = fread(bytes, 1, ROOM, f);
    fclose(f);
    schema_load load = {0};
    error e = {0};
    if (!schema_source_manifest.load(set, (span){bytes, len}, path, RANK_USER, &load, &e))
        fail_msg("%s", e.message);
    schema_load_free(&load);
    free(bytes);
    return true;
}

// In types, counts and lengths agree; names too, but for blanks the dumped manifests have lost.
static bool same_event(const event_schema *mine, const event_schema *theirs)
{
    if (mine->property_count != theirs->property_count)
        return false;
    for (u32 i = 0; i < mine->property_count; i++) {
        const property *p = &mine->properties[i], *q = &theirs->properties[i];
        u32 kinds = PROP_PARAM_LENGTH | PROP_PARAM_COUNT;
        if (p->in_type != q->in_type || (p->flags & kinds) != (q->flags & kinds))
            return false;
        if ((p->flags & PROP_PARAM_LENGTH) && p->length != q->length)
            return false;
        if ((p->flags & PROP_PARAM_COUNT) && p->count != q->count)
            return false;
        const char *a = p->name, *b = q->name;
        while (*a && *b) {
            if (*a == ' ')
                a++;
            else if (*a++ != *b++)
                return false;
        }
        if (*a || *b)
            return false;
    }
    return true;
}

static bool some_same(const provider_schema *builtin, const event_schema *theirs)
{
    for (u32 i = 0; i < builtin->event_count; i++) {
        const event_schema *mine = builtin->events[i];
        if (mine->descriptor.id == theirs->descriptor.id && mine->descriptor.version == theirs->descriptor.version &&
            same_event(mine, theirs))
            return true;
    }
    return false;
}

// Each event of those manifests is in the table with the same properties. (The table also has events of the Windows
// versions between the two.)
static void test_against_manifests(void **state)
{
    (void)state;
    u32 compared = 0;
    for (size_t w = 0; w < COUNT_OF(WINDOWS); w++) {
        for (size_t n = 0; n < COUNT_OF(COMPARED); n++) {
            schema_set *manifests = schema_set_new(), *set = set_new();
            u32 at = 0;
            if (load_manifest(manifests, WINDOWS[w], COMPARED[n])) {
                for (provider_schema *p; (p = schema_each(manifests, &at)) != NULL;) {
                    const provider_schema *builtin = schema_providers(set, &p->id);
                    assert_non_null(builtin);
                    for (u32 i = 0; i < p->event_count; i++) {
                        const event_schema *theirs = p->events[i];
                        if (!some_same(builtin, theirs))
                            fail_msg("%s %s event %u version %u differs", WINDOWS[w], p->name, theirs->descriptor.id,
                                     theirs->descriptor.version);
                        compared++;
                    }
                }
            }
            schema_set_free(manifests);
            schema_set_free(set);
        }
    }
    if (!compared) {
        print_message("no manifests at hand (ETWKIT_SHARED): not compared\n");
        skip();
    }
    assert_true(compared > 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_compile),     cmocka_unit_test(test_no_line_twice),
        cmocka_unit_test(test_dns_query),         cmocka_unit_test(test_names),
        cmocka_unit_test(test_against_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
