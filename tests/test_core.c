// The core is whole and in order, every line of it is read, and what it says agrees with the manifests of Windows where
// those are at hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/sha256.h"
#include "schema/core/core_pack.h"
#include "schema/core/schema_core.h"

extern const schema_source schema_source_manifest;

static void fetch(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_core_fetch(set, id);
}

static schema_set *set_new(void)
{
    schema_set *set = schema_set_new();
    schema_set_fetch(set, fetch, NULL);
    return set;
}

static provider_schema *provider_named(schema_set *set, const char *name)
{
    guid id;
    if (!core_provider_id(name, &id))
        fail_msg("no provider %s", name);
    return schema_providers(set, &id);
}

static char *text_of(const core_provider *p)
{
    char *text = malloc(p->text_bytes + 1);
    assert_non_null(text);
    if (!core_text(p, text))
        fail_msg("%s: its block is damaged", p->name);
    return text;
}

// ---------------------------------------------------------------------------------------------- the packed file

static void test_pack_is_whole(void **state)
{
    (void)state;
    sha256 *hash = sha256_begin();
    u8 sum[SHA256_BYTES];
    assert_true(core_count() > 1200);
    for (u32 i = 0; i < core_count(); i++) {
        core_provider p = core_at(i), found;
        char *text = text_of(&p), id[GUID_TEXT];
        assert_int_equal(strlen(text), p.text_bytes);
        sha256_add(hash, (span){(const u8 *)text, p.text_bytes});
        assert_true(core_find(&p.id, &found));
        assert_ptr_equal(found.name, p.name);
        assert_true(strncasecmp(text + strlen("provider\t"), guid_to_text(&p.id, id), 36) == 0);
        free(text);
    }
    sha256_end(hash, sum);
    assert_memory_equal(sum, core_sha256(), sizeof(sum));
}

static void test_provider_names(void **state)
{
    (void)state;
    static const struct {
        const char *id, *name;
    } KNOWN[] = {
        {"1c95126e-7eea-49a9-a3fe-a378b03ddb4d", "Microsoft-Windows-DNS-Client"},
        {"22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716", "Microsoft-Windows-Kernel-Process"},
        {"54849625-5478-4994-a5ba-3e3b0328c30d", "Microsoft-Windows-Security-Auditing"},
        {"a0c1853b-5c40-4b15-8766-3cf1c58f985a", "Microsoft-Windows-PowerShell"},
        {"e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", "Microsoft-Windows-DotNETRuntime"},
        {"5770385f-c22a-43e0-bf4c-06f5698ffbd9", "Microsoft-Windows-Sysmon"},
        {"222962ab-6180-4b88-a825-346b75f2a24a", "Heap Trace Provider"},
        {"c861d0e2-a2c1-4d36-9f9c-970bab943a12", "Thread Pool"},
    };
    guid id, of_name;
    for (u32 i = 0; i < COUNT_OF(KNOWN); i++) {
        assert_true(guid_from_text(KNOWN[i].id, strlen(KNOWN[i].id), &id));
        assert_string_equal(core_provider_name(&id), KNOWN[i].name);
        assert_true(core_provider_id(KNOWN[i].name, &of_name));
        assert_true(guid_equal(&id, &of_name));
    }
    assert_null(core_provider_name(&(guid){{7}}));
    assert_false(core_provider_id("No-Such-Provider", &id));
}

// ---------------------------------------------------------------------------------------------- its text

static u32 lines_of(const char *text, const char *word)
{
    u32 count = 0;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        count += strncmp(at, word, strlen(word)) == 0;
    return count;
}

static u32 event_lines(const char *text)
{
    u32 count = 0;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        count += *at >= '0' && *at <= '9';
    return count;
}

// No line may be lost: a provider has as many events, maps and names as its text has lines.
static void test_lines_are_read(void **state)
{
    (void)state;
    u32 events = 0;
    schema_set *set = set_new();
    for (u32 i = 0; i < core_count(); i++) {
        core_provider of = core_at(i);
        char *text = text_of(&of);
        const provider_schema *p = schema_providers(set, &of.id);
        assert_int_equal(event_lines(text), of.events);
        assert_int_equal(p != NULL, of.events != 0);
        if (p) {
            assert_null(p->next);
            assert_string_equal(p->name, of.name);
            assert_int_equal(p->origin, ORIGIN_BUILTIN);
            assert_int_equal(p->rank, RANK_BUILTIN);
            if (p->event_count != of.events)
                fail_msg("%s: %u events in its lines, %u compiled", of.name, of.events, p->event_count);
            assert_int_equal(p->map_count, lines_of(text, "map\t") + lines_of(text, "bits\t"));
            assert_int_equal(p->keywords.count, lines_of(text, "keyword\t"));
            assert_int_equal(p->tasks.count, lines_of(text, "task\t"));
            assert_int_equal(p->opcodes.count, lines_of(text, "opcode\t"));
            events += p->event_count;
        }
        free(text);
    }
    assert_true(events > 70000);
    schema_set_free(set);
}

static bool same_properties(const event_schema *a, const event_schema *b)
{
    if (a->property_count != b->property_count || a->top_count != b->top_count)
        return false;
    for (u32 i = 0; i < a->property_count; i++) {
        const property *p = &a->properties[i], *q = &b->properties[i];
        if (p->in_type != q->in_type || p->out_type != q->out_type || p->count != q->count || p->length != q->length ||
            p->map != q->map || strcmp(p->name, q->name) != 0)
            return false;
    }
    return true;
}

// The same id and version twice is only there where the layouts differ.
static void test_no_line_twice(void **state)
{
    (void)state;
    schema_set *set = set_new();
    for (u32 i = 0; i < core_count(); i++) {
        core_provider of = core_at(i);
        provider_schema *p = schema_providers(set, &of.id);
        if (!p)
            continue;
        schema_sort(p);
        for (u32 a = 1; a < p->event_count; a++) {
            for (u32 b = a; b-- > 0;) {
                const event_descriptor *x = &p->events[a]->descriptor, *y = &p->events[b]->descriptor;
                if (x->id != y->id || x->version != y->version)
                    break;
                if (same_properties(p->events[a], p->events[b]))
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
    assert_false(schema_core_fetch(set, &unknown));
    schema_set_free(set);
}

// Event 5156 got two fields in its middle with Windows 11, and kept its version.
static void test_builds(void **state)
{
    (void)state;
    static const struct {
        u32 build;
        const char *after_protocol;
    } CASES[] = {{9600, "FilterRTID"},      {19045, "FilterRTID"},     {22000, "InterfaceIndex"},
                 {26100, "InterfaceIndex"}, {29000, "InterfaceIndex"}, {0, "InterfaceIndex"}};
    schema_set *set = set_new();
    const provider_schema *p = provider_named(set, "Microsoft-Windows-Security-Auditing");
    for (u32 i = 0; i < COUNT_OF(CASES); i++) {
        event_descriptor d = {.id = 5156, .version = 1};
        schema_find_result found[8];
        assert_true(schema_find(set, KEY_MANIFEST, &p->id, &d, CASES[i].build, found, 8) >= 2);
        assert_true(found[0].exact && found[1].exact);
        assert_string_equal(found[0].event->properties[7].name, "Protocol");
        assert_string_equal(found[0].event->properties[8].name, CASES[i].after_protocol);
    }
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
        print_message("skipped: no manifests to compare with (ETWKIT_SHARED)\n");
        skip();
    }
    assert_true(compared > 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_is_whole),  cmocka_unit_test(test_provider_names),
        cmocka_unit_test(test_lines_are_read), cmocka_unit_test(test_no_line_twice),
        cmocka_unit_test(test_dns_query),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_builds),         cmocka_unit_test(test_against_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
