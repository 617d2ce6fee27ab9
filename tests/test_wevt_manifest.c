// Compiled manifests (PE resources) against the texts they were compiled from: the same events, templates, maps and
// messages, compared field by field over the DLLs at hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "schema/model/schema.h"

extern const schema_source schema_source_manifest, schema_source_wevt;

static schema_set *load(const schema_source *source, const char *path)
{
    u8 *bytes;
    size_t len;
    error e = {0};
    if (!os_read_whole(path, 16 << 20, &bytes, &len, &e))
        return NULL;
    schema_set *set = schema_set_new();
    schema_load notes = {0};
    if (!source->load(set, (span){bytes, len}, path, RANK_USER, &notes, &e))
        fail_msg("%s: %s", path, e.message);
    schema_load_free(&notes);
    mem_free(bytes);
    return set;
}

static const char *trimmed(const char *text, char scratch[512])
{
    snprintf(scratch, 512, "%s", text ? text : "");
    size_t len = strlen(scratch);
    while (len && strchr(" \r\n", scratch[len - 1]))
        scratch[--len] = 0;
    return scratch;
}

static void same_map(const char *where, const value_map *a, const value_map *b)
{
    if (!a != !b)
        fail_msg("%s: a map on one side only", where);
    if (!a)
        return;
    assert_int_equal(a->is_bitmap, b->is_bitmap);
    assert_int_equal(a->count, b->count);
    for (u32 i = 0; i < a->count; i++) {
        char x[512], y[512];
        assert_int_equal(a->entries[i].value, b->entries[i].value);
        assert_string_equal(trimmed(a->entries[i].text, x), trimmed(b->entries[i].text, y));
    }
}

static u16 effective_out(const property *p)
{
    const in_type_facts *facts = in_type_find(p->in_type);
    return p->out_type ? p->out_type : facts ? facts->default_out : 0;
}

static void same_property(const char *where, const property *a, const property *b)
{
    assert_string_equal(a->name, b->name);
    u32 shape = PROP_STRUCT | PROP_PARAM_LENGTH | PROP_PARAM_COUNT;
    if ((a->flags & shape) != (b->flags & shape))
        fail_msg("%s.%s: flags %x and %x", where, a->name, a->flags, b->flags);
    if (a->flags & PROP_STRUCT) {
        assert_int_equal(a->struct_start, b->struct_start);
        assert_int_equal(a->struct_members, b->struct_members);
        return;
    }
    assert_int_equal(a->in_type, b->in_type);
    assert_int_equal(effective_out(a), effective_out(b));
    assert_int_equal(a->count, b->count);
    const in_type_facts *facts = in_type_find(a->in_type);
    // The compiler fills in the length of types that have one anyway.
    if (facts->bytes == 0 || (a->flags & PROP_PARAM_LENGTH))
        assert_int_equal(a->length, b->length);
    same_map(where, a->map, b->map);
}

static void same_event(const event_schema *a, const event_schema *b)
{
    char where[64], x[512], y[512];
    snprintf(where, sizeof(where), "event %u v%u", a->descriptor.id, a->descriptor.version);
    assert_int_equal(a->descriptor.level, b->descriptor.level);
    assert_int_equal(a->descriptor.opcode, b->descriptor.opcode);
    assert_int_equal(a->descriptor.task, b->descriptor.task);
    assert_int_equal(a->descriptor.channel, b->descriptor.channel);
    if (a->top_count != b->top_count || a->property_count != b->property_count)
        fail_msg("%s: %u and %u properties", where, a->property_count, b->property_count);
    for (u32 i = 0; i < a->property_count; i++)
        same_property(where, &a->properties[i], &b->properties[i]);
    assert_string_equal(trimmed(a->message, x), trimmed(b->message, y));
}

static u32 compare_provider(const schema_set *dll, const provider_schema *text)
{
    u32 compared = 0;
    for (u32 i = 0; i < text->event_count; i++) {
        schema_find_result found;
        const event_schema *want = text->events[i];
        if (!schema_find(dll, KEY_MANIFEST, &text->id, &want->descriptor, 0, &found, 1) || !found.exact)
            fail_msg("event %u v%u is not in the resource", want->descriptor.id, want->descriptor.version);
        same_event(want, found.event);
        compared++;
    }
    return compared;
}

static void compare(const char *dll_name, const char *text_name, u32 at_least)
{
    const char *shared = getenv("ETWKIT_SHARED");
    char dll_path[512], text_path[512];
    snprintf(dll_path, sizeof(dll_path), "%s/schemas/pe-wevt_template/%s", shared ? shared : "../shared", dll_name);
    snprintf(text_path, sizeof(text_path), "%s/schemas/%s", shared ? shared : "../shared", text_name);
    if (!os_exists(dll_path)) {
        print_message("skipped: no %s\n", dll_path);
        skip();
    }
    schema_set *dll = load(&schema_source_wevt, dll_path), *text = load(&schema_source_manifest, text_path);
    u32 at = 0, compared = 0;
    for (provider_schema *p; (p = schema_each(text, &at)) != NULL;)
        compared += compare_provider(dll, p);
    assert_true(compared >= at_least);
    schema_set_free(dll);
    schema_set_free(text);
}

// The manifests named like the DLLs are of another day: their event 120 lacks the field "Sample count", which the DLLs
// have. This one has it.
#define SOURCE "uiforetw/ETWProviders.source.man"

static void etw_providers_32(void **state)
{
    (void)state;
    compare("ETWProviders.dll", SOURCE, 20);
}

static void etw_providers_64(void **state)
{
    (void)state;
    compare("ETWProviders64.dll", SOURCE, 20);
}

static void etw_providers_arm64(void **state)
{
    (void)state;
    compare("ETWProvidersARM64.dll", SOURCE, 20);
}

static void dummy_chrome(void **state)
{
    (void)state;
    compare("DummyChrome.dll", "pe-wevt_template/chrome_events_win-at-112142e.man", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(etw_providers_32),
        cmocka_unit_test(etw_providers_64),
        cmocka_unit_test(etw_providers_arm64),
        cmocka_unit_test(dummy_chrome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
