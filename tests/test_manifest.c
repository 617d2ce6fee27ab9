// Instrumentation manifests: what each element of a small manifest becomes, what a hostile one comes to, and the real
// ones at hand counted a second way.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/outbuf.h"
#include "schema/model/schema.h"

extern const schema_source schema_source_manifest;

static const char MANIFEST[] =
    "<instrumentationManifest xmlns='http://schemas.microsoft.com/win/2004/08/events'><instrumentation><events>"
    "<provider name='Example-Net' guid='{a0b1c2d3-0011-2233-4455-66778899aabb}' symbol='NET' resourceFileName='x.dll'>"
    "<channels><channel name='Example-Net/Operational' chid='C1' type='Operational' value='16'/></channels>"
    "<levels><level name='my:Loud' value='17' message='$(string.loud)'/></levels>"
    "<keywords><keyword name='Dns' mask='0x10' message='$(string.dns)'/><keyword name='Tcp' mask='0x20'/></keywords>"
    "<tasks><task name='Lookup' value='7' message='$(string.lookup)'>"
    "<opcodes><opcode name='Ask' value='20'/></opcodes></task></tasks>"
    "<opcodes><opcode name='Tell' value='21'/></opcodes>"
    "<maps><valueMap name='Kind'><map value='1' message='$(string.one)'/><map value='0x2' message='$(string.two)'/></valueMap>"
    "<bitMap name='Flags'><map value='0x1' message='$(string.one)'/></bitMap></maps>"
    "<templates><template tid='T1'>"
    "<data name='Name' inType='win:UnicodeString'/>"
    "<data name='Size' inType='win:UInt32' outType='win:HexInt32'/>"
    "<data name='Bytes' inType='win:Binary' length='Size'/>"
    "<data name='Kind' inType='win:UInt8' map='Kind'/>"
    "<data name='Four' inType='win:UInt16' count='4' outType='win:Port'/>"
    "<data name='Count' inType='win:UInt16'/>"
    "<struct name='Item' count='Count'><data name='Len' inType='win:UInt8'/>"
    "<data name='Text' inType='win:AnsiString' length='Len'/></struct>"
    "</template></templates>"
    "<events><event symbol='LookupAsked' value='3006' version='2' level='win:Informational' task='Lookup' opcode='Ask'"
    " keywords='Dns Tcp' channel='C1' template='T1' message='$(string.asked)'/>"
    "<event symbol='Bare' value='9' level='my:Loud'/></events>"
    "</provider></events></instrumentation><localization>"
    "<resources culture='de-DE'><stringTable><string id='asked' value='gefragt %1'/><string id='one' value='eins'/>"
    "</stringTable></resources>"
    "<resources culture='en-US'><stringTable><string id='asked' value='asked %1 (%2!s!)%n'/>"
    "<string id='one' value='One'/><string id='two' value='Two'/><string id='dns' value='Names'/>"
    "<string id='lookup' value='Look-up'/><string id='loud' value='Loud'/></stringTable></resources>"
    "</localization></instrumentationManifest>";

typedef struct loaded {
    schema_set *set;
    schema_load load;
    error e;
    bool ok;
} loaded;

static loaded load_bytes(const void *bytes, size_t len)
{
    loaded l = {.set = schema_set_new()};
    l.ok = schema_source_manifest.load(l.set, (span){bytes, len}, "case.man", RANK_USER, &l.load, &l.e);
    return l;
}

static loaded load_text(const char *text)
{
    return load_bytes(text, strlen(text));
}

static void done(loaded *l)
{
    schema_load_free(&l->load);
    schema_set_free(l->set);
}

static const event_schema *find(const loaded *l, u16 id, u8 version)
{
    guid provider;
    assert_true(guid_from_text("a0b1c2d3-0011-2233-4455-66778899aabb", 36, &provider));
    schema_find_result found[4];
    event_descriptor d = {.id = id, .version = version};
    u32 count = schema_find(l->set, KEY_MANIFEST, &provider, &d, 0, found, 4);
    return count ? found[0].event : NULL;
}

static void every_part_of_an_event(void **state)
{
    (void)state;
    loaded l = load_text(MANIFEST);
    assert_true(l.ok);
    assert_int_equal(l.load.refused, 0);
    const event_schema *ev = find(&l, 3006, 2);
    assert_non_null(ev);
    assert_string_equal(ev->provider->name, "Example-Net");
    assert_int_equal(ev->descriptor.level, 4);
    assert_int_equal(ev->descriptor.task, 7);
    assert_int_equal(ev->descriptor.opcode, 20);
    assert_int_equal(ev->descriptor.channel, 16);
    assert_true((ev->descriptor.keyword & 0x30) == 0x30);
    assert_string_equal(ev->message, "asked %1 (%2!s!)%n");
    assert_non_null(ev->task_name);
    assert_non_null(ev->opcode_name);
    assert_int_equal(ev->top_count, 7);
    assert_int_equal(ev->property_count, 9);
    const event_schema *bare = find(&l, 9, 0);
    assert_non_null(bare);
    assert_int_equal(bare->descriptor.level, 17);
    assert_int_equal(bare->property_count, 0);
    done(&l);
}

static void every_kind_of_property(void **state)
{
    (void)state;
    loaded l = load_text(MANIFEST);
    const property *p = find(&l, 3006, 2)->properties;
    assert_string_equal(p[0].name, "Name");
    assert_int_equal(p[0].in_type, IN_UNICODE_STRING);
    assert_int_equal(p[1].out_type, OUT_HEX_INT32);
    assert_int_equal(p[2].flags & PROP_PARAM_LENGTH, PROP_PARAM_LENGTH);
    assert_int_equal(p[2].length, 1);
    assert_non_null(p[3].map);
    assert_int_equal(p[3].map->count, 2);
    assert_int_equal(p[3].map->entries[1].value, 2);
    assert_string_equal(p[3].map->entries[0].text, "One");
    assert_int_equal(p[4].count, 4);
    assert_int_equal(p[4].out_type, OUT_PORT);
    assert_int_equal(p[6].flags & (PROP_STRUCT | PROP_PARAM_COUNT), PROP_STRUCT | PROP_PARAM_COUNT);
    assert_int_equal(p[6].count, 5);
    assert_int_equal(p[6].struct_start, 7);
    assert_int_equal(p[6].struct_members, 2);
    // Inside a struct a length names a member of the same struct.
    assert_int_equal(p[8].flags & PROP_PARAM_LENGTH, PROP_PARAM_LENGTH);
    assert_int_equal(p[8].length, 7);
    done(&l);
}

static void sixteen_bit_text(void **state)
{
    (void)state;
    size_t len = strlen(MANIFEST);
    u8 *wide = mem_alloc(len * 2 + 2);
    wide[0] = 0xff;
    wide[1] = 0xfe;
    for (size_t i = 0; i < len; i++) {
        wide[2 + i * 2] = (u8)MANIFEST[i];
        wide[3 + i * 2] = 0;
    }
    loaded l = load_bytes(wide, len * 2 + 2);
    assert_true(l.ok);
    assert_non_null(find(&l, 3006, 2));
    done(&l);
    mem_free(wide);
}

// A broken part costs itself and one note; the rest of the manifest is kept.
static void broken_parts_are_told(void **state)
{
    (void)state;
    loaded l = load_text(
        "<instrumentationManifest><instrumentation><events><provider name='P' "
        "guid='{a0b1c2d3-0011-2233-4455-66778899aabb}'><templates>"
        "<template tid='T'><data name='A' inType='win:UInt32'/><data name='B' inType='win:Nonsense'/></template>"
        "<template tid='U'><data name='A' inType='win:Binary' length='Missing'/></template></templates>"
        "<events><event value='1' template='T'/><event value='2' template='U'/><event value='3' template='Nowhere'/>"
        "<event value='70000'/><event value='4'/></events></provider></events></instrumentation></instrumentationManifest>");
    assert_true(l.ok);
    assert_true(l.load.refused >= 4);
    assert_non_null(find(&l, 4, 0));
    const event_schema *one = find(&l, 1, 0);
    assert_non_null(one);
    assert_int_equal(one->top_count, 1);
    done(&l);
}

static void refused_with_a_sentence(const char *text, size_t len)
{
    double start = os_seconds();
    loaded l = load_bytes(text, len);
    assert_false(l.ok);
    assert_true(strlen(l.e.message) > 10);
    assert_true(os_seconds() - start < 5);
    done(&l);
}

static void entity_bomb(void **state)
{
    (void)state;
    outbuf b = {0};
    outbuf_text(&b, "<?xml version='1.0'?><!DOCTYPE m [<!ENTITY a0 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'>");
    for (int i = 1; i < 12; i++) {
        char line[256];
        snprintf(line, sizeof(line), "<!ENTITY a%d '&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;&a%d;'>", i, i - 1, i - 1, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1);
        outbuf_text(&b, line);
    }
    outbuf_text(&b, "]><instrumentationManifest>&a11;</instrumentationManifest>");
    refused_with_a_sentence((const char *)b.bytes, b.len);
    outbuf_free(&b);
}

static void external_entity(void **state)
{
    (void)state;
    static const char TEXT[] = "<!DOCTYPE m [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><instrumentationManifest>&x;"
                               "</instrumentationManifest>";
    refused_with_a_sentence(TEXT, strlen(TEXT));
}

static void ten_megabyte_attribute(void **state)
{
    (void)state;
    outbuf b = {0};
    outbuf_text(&b, "<instrumentationManifest><instrumentation><events><provider name='");
    size_t big = 10u << 20;
    memset(outbuf_reserve(&b, big), 'a', big);
    b.len += big;
    outbuf_text(
        &b, "' guid='{a0b1c2d3-0011-2233-4455-66778899aabb}'/></events></instrumentation></instrumentationManifest>");
    refused_with_a_sentence((const char *)b.bytes, b.len);
    outbuf_free(&b);
}

static void deep_nesting(void **state)
{
    (void)state;
    outbuf b = {0};
    outbuf_text(&b, "<instrumentationManifest>");
    for (int i = 0; i < 100000; i++)
        outbuf_text(&b, "<events>");
    refused_with_a_sentence((const char *)b.bytes, b.len);
    outbuf_free(&b);
}

static void no_manifest_at_all(void **state)
{
    (void)state;
    refused_with_a_sentence("", 0);
    refused_with_a_sentence("\x89PNG\r\n\x1a\n", 8);
    refused_with_a_sentence("<html><body/></html>", 20);
}

// ---------------------------------------------------------------------------------------------- real manifests

static u32 occurrences(const char *text, const char *word)
{
    u32 count = 0;
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
        count++;
    return count;
}

static u32 checked;

static bool check_file(void *context, const char *path)
{
    (void)context;
    if (os_is_folder(path)) {
        error e;
        assert_true(os_list_folder(path, check_file, NULL, &e));
        return true;
    }
    size_t len, dot = strlen(path);
    u8 *bytes;
    error e = {0};
    bool manifest = dot > 4 && (strcmp(path + dot - 4, ".man") == 0 || strcmp(path + dot - 4, ".xml") == 0);
    if (!manifest || !os_read_whole(path, 8 << 20, &bytes, &len, &e))
        return true;
    loaded l = load_bytes(bytes, len);
    if (l.ok && bytes[0] != 0xff) {
        u32 at = 0, events = 0;
        for (provider_schema *p; (p = schema_each(l.set, &at)) != NULL;)
            events += p->event_count;
        // "<event " counts every event element that is not in a comment; those are few.
        u32 elements = occurrences((const char *)bytes, "<event ") + occurrences((const char *)bytes, "<event\n") +
                       occurrences((const char *)bytes, "<event\r") + occurrences((const char *)bytes, "<event\t");
        if (events > elements || events + l.load.refused + 10 < elements)
            fail_msg("%s: %u events loaded, %u elements stand in the text", path, events, elements);
        checked++;
    }
    done(&l);
    mem_free(bytes);
    return true;
}

static void shared_manifests(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    char path[512];
    snprintf(path, sizeof(path), "%s/schemas", shared ? shared : "../shared");
    error e;
    if (!os_is_folder(path)) {
        print_message("skipped: no folder %s\n", path);
        skip();
    }
    assert_true(os_list_folder(path, check_file, NULL, &e));
    assert_true(checked >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_an_event),
        cmocka_unit_test(every_kind_of_property),
        cmocka_unit_test(sixteen_bit_text),
        cmocka_unit_test(broken_parts_are_told),
        cmocka_unit_test(entity_bomb),
        cmocka_unit_test(external_entity),
        cmocka_unit_test(ten_megabyte_attribute),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(no_manifest_at_all),
        cmocka_unit_test(shared_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
