// Instrumentation manifests, further parts: names that are built in, declared or made up by tools, channels, cultures,
// classic events, badly quoted files, what is wrong and what that costs; the real ones at hand against a count made
// with another XML reader.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/outbuf.h"
#include "schema/model/schema.h"

extern const schema_source schema_source_manifest;

#define ID "a0b1c2d3-0011-2233-4455-66778899aabb"
#define OPEN "<instrumentationManifest><instrumentation><events>"
#define PROVIDER "<provider name='P' guid='{" ID "}'>"
#define DUMP "<provider name='P' guid='{" ID "}' source='Xml'>"
#define CLOSE "</provider></events></instrumentation></instrumentationManifest>"

typedef struct loaded {
    schema_set *set;
    schema_load load;
    error e;
    bool ok;
} loaded;

static loaded load_bytes(const void *bytes, size_t len, const char *path)
{
    loaded l = {.set = schema_set_new()};
    l.ok = schema_source_manifest.load(l.set, (span){bytes, len}, path, RANK_USER, &l.load, &l.e);
    return l;
}

static loaded load_text(const char *text)
{
    return load_bytes(text, strlen(text), "case.man");
}

static void done(loaded *l)
{
    schema_load_free(&l->load);
    schema_set_free(l->set);
}

static const provider_schema *provider(const loaded *l)
{
    guid id;
    assert_true(guid_from_text(ID, strlen(ID), &id));
    const provider_schema *p = schema_providers(l->set, &id);
    assert_non_null(p);
    return p;
}

static const event_schema *event(const loaded *l, u16 id)
{
    const provider_schema *p = provider(l);
    for (u32 i = 0; i < p->event_count; i++)
        if (p->events[i]->descriptor.id == id)
            return p->events[i];
    fail_msg("no event %u", id);
    return NULL;
}

static void built_in_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        u8 value;
        const char *shown;
    } LEVELS[] = {{"win:LogAlways", 0, "Log Always"}, {"win:Always", 0, "Log Always"},
                  {"win:Critical", 1, "Critical"},    {"win:Error", 2, "Error"},
                  {"win:Warning", 3, "Warning"},      {"win:Informational", 4, "Information"},
                  {"win:Verbose", 5, "Verbose"}},
      OPCODES[] = {{"win:Info", 0, "Info"},        {"win:Start", 1, "Start"},      {"win:Stop", 2, "Stop"},
                   {"win:DC_Start", 3, "DCStart"}, {"win:DC_Stop", 4, "DCStop"},   {"win:Extension", 5, "Extension"},
                   {"win:Reply", 6, "Reply"},      {"win:Resume", 7, "Resume"},    {"win:Suspend", 8, "Suspend"},
                   {"win:Send", 9, "Send"},        {"win:Receive", 240, "Receive"}};
    for (size_t i = 0; i < COUNT_OF(LEVELS); i++) {
        for (size_t k = 0; k < COUNT_OF(OPCODES); k++) {
            char text[1024];
            snprintf(text, sizeof(text),
                     OPEN PROVIDER "<events><event value='1' level='%s' opcode='%s' task='win:None'/></events>" CLOSE,
                     LEVELS[i].name, OPCODES[k].name);
            loaded l = load_text(text);
            assert_int_equal(l.load.refused, 0);
            assert_int_equal(event(&l, 1)->descriptor.level, LEVELS[i].value);
            assert_string_equal(event(&l, 1)->level_name, LEVELS[i].shown);
            assert_int_equal(event(&l, 1)->descriptor.opcode, OPCODES[k].value);
            assert_string_equal(event(&l, 1)->opcode_name, OPCODES[k].shown);
            assert_null(event(&l, 1)->task_name);
            assert_non_null(schema_find_name(&provider(&l)->levels, LEVELS[i].value));
            done(&l);
        }
    }
}

static void keywords(void **state)
{
    (void)state;
    loaded l =
        load_text(OPEN PROVIDER "<keywords><keyword name='A' mask='0x1'/><keyword name='B' mask='0x4'/></keywords>"
                                "<events><event value='1' keywords='A  win:AuditSuccess B&#10;win:ResponseTime'/>"
                                "</events>" CLOSE);
    assert_int_equal(l.load.refused, 0);
    assert_true(event(&l, 1)->descriptor.keyword == 0x0021000000000005u);
    const schema_name *audit = schema_find_name(&provider(&l)->keywords, 0x0020000000000000u);
    assert_non_null(audit);
    assert_string_equal(audit->message, "Audit Success");
    done(&l);
}

// A task's own opcodes go before those of the provider; mc.exe lets both have the same name.
static void opcodes_of_a_task(void **state)
{
    (void)state;
    loaded l = load_text(
        OPEN PROVIDER
        "<tasks><task name='T' value='3' eventGUID='{" ID "}'><opcodes><opcode name='Go' value='11'/></opcodes>"
        "</task><task name='U' value='4'/></tasks><opcodes><opcode name='Go' value='12'/></opcodes>"
        "<events><event value='1' task='T' opcode='Go'/><event value='2' task='U' opcode='Go'/></events>" CLOSE);
    assert_int_equal(event(&l, 1)->descriptor.opcode, 11);
    assert_int_equal(event(&l, 2)->descriptor.opcode, 12);
    assert_int_equal(event(&l, 1)->key, KEY_MANIFEST);
    char id[GUID_TEXT];
    assert_string_equal(guid_to_text(&event(&l, 1)->event_guid, id), ID);
    assert_string_equal(schema_find_name(&provider(&l)->opcodes, 11 | 3 << 16)->name, "Go");
    assert_string_equal(schema_find_name(&provider(&l)->opcodes, 12)->name, "Go");
    done(&l);
}

// Own channels count from 16, imported ones are known by name; each has a keyword bit from 63 down.
static void channels(void **state)
{
    (void)state;
    loaded l = load_text(OPEN PROVIDER
                         "<channels><importChannel chid='SYS' name='System'/><channel chid='A' name='P/Admin'/>"
                         "<channel chid='B' name='P/Debug' value='40'/><channel chid='C' name='P/Op'/></channels>"
                         "<events><event value='1' channel='SYS'/><event value='2' channel='A'/>"
                         "<event value='3' channel='P/Debug'/><event value='4' channel='C'/></events>" CLOSE);
    static const u8 CHANNEL[] = {8, 16, 40, 17};
    static const char *const NAME[] = {"System", "P/Admin", "P/Debug", "P/Op"};
    assert_int_equal(l.load.refused, 0);
    for (u16 i = 0; i < 4; i++) {
        assert_int_equal(event(&l, i + 1)->descriptor.channel, CHANNEL[i]);
        assert_string_equal(event(&l, i + 1)->channel_name, NAME[i]);
        assert_true(event(&l, i + 1)->descriptor.keyword == 1ull << (63 - i));
    }
    done(&l);
}

// An event's own name is its symbol only where neither task nor opcode says anything.
static void symbols(void **state)
{
    (void)state;
    loaded l = load_text(OPEN PROVIDER "<tasks><task name='T' value='3'/></tasks><events>"
                                       "<event value='1' symbol='S1'/><event value='2' symbol='S2' task='T'/>"
                                       "<event value='3' symbol='S3' opcode='win:Start'/>"
                                       "<event value='4' symbol='S4' opcode='win:Info'/></events>" CLOSE);
    assert_string_equal(event(&l, 1)->event_name, "S1");
    assert_null(event(&l, 2)->event_name);
    assert_null(event(&l, 3)->event_name);
    assert_string_equal(event(&l, 4)->event_name, "S4");
    done(&l);
}

#define STRINGS(culture, value)                                                                                        \
    "<resources culture='" culture "'><stringTable><string id='m' value='" value "'/></stringTable></resources>"
#define LOCALIZED(tables)                                                                                              \
    OPEN PROVIDER "<events><event value='1' message='$(string.m)'/></events></provider></events></instrumentation>"    \
                  "<localization>" tables "</localization></instrumentationManifest>"

static void cultures(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {LOCALIZED(STRINGS("de-DE", "de") STRINGS("en-GB", "gb") STRINGS("en-US", "us")), "us"},
        {LOCALIZED(STRINGS("de-DE", "de") STRINGS("en-GB", "gb")), "gb"},
        {LOCALIZED(STRINGS("fr-FR", "fr") STRINGS("de-DE", "de")), "fr"},
        {LOCALIZED(STRINGS("en-US", "%1 of %2!s!%n%%3 ")), "%1 of %2!s!%n%%3"},
        {OPEN PROVIDER "<events><event value='1' message='plain'/></events>" CLOSE, "plain"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        loaded l = load_text(CASES[i].text);
        assert_string_equal(event(&l, 1)->message, CASES[i].message);
        assert_int_equal(l.load.refused, 0);
        done(&l);
    }
    loaded l = load_text(OPEN PROVIDER "<events><event value='1' message='$(string.none)'/></events>" CLOSE);
    assert_null(event(&l, 1)->message);
    assert_int_equal(l.load.refused, 1);
    done(&l);
}

// ---------------------------------------------------------------------------------------------- what tools write

static void names_a_tool_made_up(void **state)
{
    (void)state;
    loaded l = load_text(OPEN DUMP
                         "<tasks><task name='task_0' value='0'/><task name='Real' value='2'><opcodes>"
                         "<opcode name='opcode_64' value='64'/><opcode name='Ask' value='9'/></opcodes></task></tasks>"
                         "<events><event value='1' task='task_0' symbol='task_0'/>"
                         "<event value='2' task='Real' opcode='opcode_64'/><event value='3' task='task_7'/>"
                         "<event value='4' task='task_0' opcode='Ask'/></events>" CLOSE);
    assert_int_equal(l.load.refused, 0);
    assert_null(event(&l, 1)->task_name);
    assert_null(event(&l, 1)->event_name);
    assert_string_equal(event(&l, 2)->task_name, "Real");
    assert_null(event(&l, 2)->opcode_name);
    assert_int_equal(event(&l, 2)->descriptor.opcode, 64);
    assert_int_equal(event(&l, 3)->descriptor.task, 7);
    assert_int_equal(event(&l, 4)->descriptor.opcode, 9); // listed under another task
    done(&l);
}

// Message text with quotes and angle brackets, as tools write it.
static void quotes_that_are_missing(void **state)
{
    (void)state;
    loaded l = load_text(
        OPEN DUMP
        "<maps><valueMap name='M'><map value='0x0' message='one'/>\n"
        "<map value=\"0x1\" message=\"$(string.M\"No loop\")\"/><map value=\"0x2\" message=\"$(string.M<Two>)\"/>\n"
        "<map value=\"0x3\" message=\"a & b\"/></valueMap></maps><events><event value='1'/></events></provider>"
        "</events></instrumentation><!-- <string id=\"x\" --><localization><resources culture=\"en-US\"><stringTable>"
        "<string id=\"M\"No loop\"\" value=\"\"No loop\"\"/><string id=\"M<Two>\" value=\"<Two> & &lt;3&gt;\"/>"
        "</stringTable></resources></localization></instrumentationManifest>");
    assert_true(l.ok);
    assert_int_equal(l.load.refused, 1); // told, with the line
    assert_non_null(strstr(l.load.notes[0], "line 2"));
    const value_map *map = schema_find_map(provider(&l), "M");
    assert_non_null(map);
    assert_string_equal(map->entries[0].text, "one");
    assert_string_equal(map->entries[1].text, "\"No loop\"");
    assert_string_equal(map->entries[2].text, "<Two> & <3>");
    assert_string_equal(map->entries[3].text, "a & b");
    done(&l);
}

// Manifests made of MOF classes: ids are invented, a trace knows the task's GUID, opcode and version.
static void classic_events(void **state)
{
    (void)state;
    loaded l =
        load_text(OPEN PROVIDER
                  "<tasks><task name='Heap' value='0' eventGUID='{b0b1c2d3-0011-2233-4455-66778899aabb}'/></tasks>"
                  "<templates><template tid='T'><data name='Size' inType='trace:SizeT'/>"
                  "<data name='Port' inType='trace:Port'/><data name='Text' inType='trace:UnicodeChar' count='16'/>"
                  "<data name='Who' inType='trace:WBEMSid'/><data name='When' inType='trace:WmiTime'/>"
                  "<data name='From' inType='trace:IPAddrV6'/></template></templates>"
                  "<events><event value='100000' version='2' opcode='33' task='Heap' template='T' symbol='HeapAlloc'/>"
                  "</events>" CLOSE);
    guid id;
    assert_true(guid_from_text("b0b1c2d3-0011-2233-4455-66778899aabb", 36, &id));
    event_descriptor d = {.opcode = 33, .version = 2};
    schema_find_result found;
    assert_int_equal(schema_find(l.set, KEY_CLASSIC, &id, &d, 0, &found, 1), 1);
    assert_string_equal(found.event->opcode_name, "Alloc");
    const property *p = found.event->properties;
    assert_int_equal(p[0].in_type, IN_SIZE_T);
    assert_int_equal(p[1].out_type, OUT_PORT);
    assert_int_equal(p[2].in_type, IN_UNICODE_STRING);
    assert_int_equal(p[2].length, 16);
    assert_int_equal(p[3].in_type, IN_WBEM_SID);
    assert_int_equal(p[4].out_type, OUT_ETW_TIME);
    assert_int_equal(p[5].length, 16);
    done(&l);
}

static void windows_build_of_a_path(void **state)
{
    (void)state;
    static const char TEXT[] = OPEN PROVIDER "<events><event value='1'/></events>" CLOSE;
    loaded l = load_bytes(TEXT, strlen(TEXT), "dumps/Manifests-Win10-18990/P.xml");
    assert_int_equal(provider(&l)->os_build, 18990);
    done(&l);
}

// ---------------------------------------------------------------------------------------------- what is wrong

// Each costs one note and only itself: event 9 is always there.
static void each_wrong_part(void **state)
{
    (void)state;
    static const char *const PARTS[] = {
        "<events><event value='1'/><event value='1'/></events>",
        "<events><event value='x'/></events>",
        "<events><event value='1' version='256'/></events>",
        "<events><event value='65536'/></events>",
        "<events><event value='1' level='Nowhere'/></events>",
        "<events><event value='1' task='Nowhere'/></events>",
        "<events><event value='1' opcode='Nowhere'/></events>",
        "<events><event value='1' keywords='Nowhere'/></events>",
        "<events><event value='1' channel='Nowhere'/></events>",
        "<events><event value='1' template='Nowhere'/></events>",
        "<tasks><task name='T' value='65536'/></tasks>",
        "<tasks><task name='T' value='1'/><task name='T' value='2'/></tasks>",
        "<tasks><task name='T' value='1' eventGUID='{zz}'/></tasks>",
        "<opcodes><opcode name='O' value='256'/></opcodes>",
        "<levels><level value='20'/></levels>",
        "<keywords><keyword name='K' mask='0x1ffffffffffffffff'/></keywords>",
        "<channels><importChannel chid='X' name='Unheard-Of'/></channels>",
        "<maps><valueMap name='M'><map value='0x10000000000000000' message='x'/></valueMap></maps>",
        "<maps><valueMap name='M'/><bitMap name='M'/></maps>",
        "<templates><template tid='T'/><template tid='T'/></templates>",
        "<templates><template tid='T'><data name='A' inType='win:Nonsense'/></template></templates>",
        "<templates><template tid='T'><data name='A'/></template></templates>",
        "<templates><template tid='T'><data name='A' inType='win:UInt8' "
        "outType='win:Nonsense'/></template></templates>",
        "<templates><template tid='T'><data name='A' inType='win:UInt8' map='Nowhere'/></template></templates>",
        "<templates><template tid='T'><data name='A' inType='win:Binary' length='Nowhere'/></template></templates>",
        "<templates><template tid='T'><data name='A' inType='win:Binary' length='B'/><data name='B' "
        "inType='win:UInt8'/>"
        "</template></templates>",
        "<templates><template tid='T'><data name='B' inType='win:GUID'/><data name='A' inType='win:UInt8' count='B'/>"
        "</template></templates>",
        "<templates><template tid='T'><data name='A' inType='win:UInt8' count='65536'/></template></templates>",
        "<templates><template tid='T'><struct name='S'><data name='A' "
        "inType='win:Nonsense'/></struct></template></templates>",
        "</provider><provider name='Q' guid='{12}'>",
    };
    for (size_t i = 0; i < COUNT_OF(PARTS); i++) {
        outbuf b = {0};
        outbuf_text(&b, OPEN PROVIDER "<events><event value='9'/></events>");
        outbuf_text(&b, PARTS[i]);
        outbuf_text(&b, CLOSE);
        loaded l = load_bytes(b.bytes, b.len, "case.man");
        assert_true(l.ok);
        if (l.load.refused != 1)
            fail_msg("%u notes for %s", l.load.refused, PARTS[i]);
        assert_non_null(event(&l, 9));
        done(&l);
        outbuf_free(&b);
    }
}

// Structs in structs; a bad field cuts the top-level field that holds it and what follows, not what stands before.
static void structs(void **state)
{
    (void)state;
    loaded l = load_text(
        OPEN PROVIDER
        "<templates><template tid='T'><data name='N' inType='win:UInt8'/><struct name='A' count='N'>"
        "<data name='L' inType='win:UInt16'/><struct name='B' count='2'><data name='X' inType='win:Binary' length='L'/>"
        "<data name='Y' inType='win:Binary' length='N'/></struct></struct><data name='Z' "
        "inType='win:UInt8'/></template>"
        "<template tid='U'><data name='A' inType='win:UInt8'/><struct name='G'><data name='M' "
        "inType='win:UInt8'/></struct>"
        "<struct name='S'><data name='B' inType='win:UInt8'/><data name='C' inType='win:What'/></struct>"
        "<data name='D' inType='win:UInt8'/></template></templates>"
        "<events><event value='1' template='T'/><event value='2' template='U'/></events>" CLOSE);
    const event_schema *nested = event(&l, 1);
    assert_int_equal(nested->top_count, 3);
    assert_int_equal(nested->property_count, 7);
    assert_int_equal(nested->properties[1].struct_start, 3); // L and B
    assert_int_equal(nested->properties[1].struct_members, 2);
    assert_int_equal(nested->properties[4].struct_start, 5); // X and Y
    assert_int_equal(nested->properties[5].length, 3);
    assert_int_equal(nested->properties[6].length, 0);
    const event_schema *cut = event(&l, 2);
    assert_int_equal(cut->top_count, 2);
    assert_int_equal(cut->property_count, 3);
    assert_int_equal(l.load.refused, 1);
    done(&l);
}

// Repeats a piece between a beginning and an end, to some megabytes: an answer in bounded time and memory.
static void large(const char *head, const char *piece, const char *tail)
{
    outbuf b = {0};
    outbuf_text(&b, head);
    for (size_t i = 0; i < (3u << 20) / strlen(piece); i++)
        outbuf_text(&b, piece);
    outbuf_text(&b, tail);
    double start = os_seconds();
    loaded l = load_bytes(b.bytes, b.len, "case.man");
    assert_true(os_seconds() - start < 20);
    assert_true(schema_arena(l.set)->taken < 256u << 20);
    done(&l);
    outbuf_free(&b);
}

static void much_of_everything(void **state)
{
    (void)state;
    static const char HEAD[] = OPEN PROVIDER;
    large(OPEN PROVIDER "<events>", "<event value='1' task='5' opcode='6'/>", "</events>" CLOSE);
    large(OPEN PROVIDER "<tasks>", "<task name='T' value='5'/>",
          "</tasks><events><event value='1' task='5'/></events>" CLOSE);
    large(OPEN PROVIDER "<maps><valueMap name='M'>", "<map value='1' message='x'/>", "</valueMap></maps>" CLOSE);
    large(OPEN PROVIDER "<templates><template tid='T'>", "<data name='A' inType='win:UInt8' count='A'/>",
          "</template></templates><events><event value='1' template='T'/></events>" CLOSE);
    large(OPEN PROVIDER "<templates>", "<template tid='T'><struct name='S'/></template>", "</templates>" CLOSE);
    large(OPEN, "<provider name='P' guid='{" ID "}'/>", "</events></instrumentation></instrumentationManifest>");
    large(HEAD, "<tasks>", "");
    large("<instrumentationManifest ", "a='1' ", "/>");
    large("<instrumentationManifest a='", "\"<", "'/>");
    large("<instrumentationManifest a=", "\" ", "/>");
    large("", "<a b='&'/>", "");
    large("", "<!--", "");
}

// ---------------------------------------------------------------------------------------------- real manifests

// Counted with Python's xml.etree: providers under events, pairs of value and version (below 65,536 unless the task has
// a GUID), maps, and the fields of all these events' templates.
static const struct {
    const char *file;
    u32 providers, events, maps, fields;
} REAL[] = {
    {"misc/MsQuicEtw.man", 1, 187, 14, 494},
    {"misc/openetw-Confirm.man", 1, 8, 2, 7},
    {"misc/openetw-DemoProvider.man", 1, 29, 2, 34},
    {"os-manifests/Win10-18990-Microsoft-Windows-DNS-Client.xml", 1, 93, 1, 449},
    {"os-manifests/Win10-18990-Microsoft-Windows-HttpService.xml", 1, 107, 3, 401},
    {"os-manifests/Win10-18990-Microsoft-Windows-Immersive-Shell.xml", 1, 770, 9, 862},
    {"os-manifests/Win10-18990-Microsoft-Windows-Kernel-EventTracing.xml", 1, 35, 1, 168},
    {"os-manifests/Win10-18990-Microsoft-Windows-Kernel-File.xml", 1, 43, 0, 259},
    {"os-manifests/Win10-18990-Microsoft-Windows-Kernel-Network.xml", 1, 22, 0, 196},
    {"os-manifests/Win10-18990-Microsoft-Windows-Kernel-Process.xml", 1, 40, 1, 280},
    {"os-manifests/Win10-18990-Microsoft-Windows-NDIS-PacketCapture.xml", 1, 20, 4, 72},
    {"os-manifests/Win10-18990-Microsoft-Windows-PowerShell.xml", 1, 188, 4, 392},
    {"os-manifests/Win10-18990-Microsoft-Windows-WinRM.xml", 1, 166, 0, 228},
    {"os-manifests/Win7-7600-Microsoft-Windows-DNS-Client.xml", 1, 36, 2, 116},
    {"os-manifests/Win7-7600-Microsoft-Windows-HttpService.xml", 1, 90, 3, 309},
    {"os-manifests/Win7-7600-Microsoft-Windows-Kernel-EventTracing.xml", 1, 16, 0, 50},
    {"os-manifests/Win7-7600-Microsoft-Windows-Kernel-File.xml", 1, 21, 0, 120},
    {"os-manifests/Win7-7600-Microsoft-Windows-Kernel-Network.xml", 1, 22, 0, 196},
    {"os-manifests/Win7-7600-Microsoft-Windows-Kernel-Process.xml", 1, 13, 0, 98},
    {"os-manifests/Win7-7600-Microsoft-Windows-NDIS-PacketCapture.xml", 1, 17, 3, 47},
    {"os-manifests/Win7-7600-Microsoft-Windows-PowerShell.xml", 1, 58, 5, 145},
    {"os-manifests/Win7-7600-Microsoft-Windows-WinRM.xml", 1, 205, 0, 255},
    {"pe-wevt_template/chrome_events_win-at-112142e.man", 1, 1, 0, 8},
    {"pe-wevt_template/etwproviders-at-449c9ca.man", 4, 30, 0, 89},
    {"pe-wevt_template/etwproviders-at-6641d85.man", 4, 30, 0, 89},
    {"perfview/ASPNetTraceEventParser.man.xml", 1, 65, 0, 171},
    {"perfview/AdvancedFeatures.manifest.xml", 1, 3, 0, 6},
    {"perfview/BoolPointerTest.manifest.xml", 1, 1, 0, 3},
    {"perfview/ClrEtwAll.man", 4, 384, 38, 1409},
    {"perfview/ETWClrProfiler.man", 1, 19, 3, 56},
    {"perfview/EnumTest.manifest.xml", 1, 1, 2, 3},
    {"perfview/LeadingDigitProvider.manifest.xml", 1, 1, 0, 1},
    {"perfview/MultiType.manifest.xml", 1, 3, 0, 14},
    {"perfview/OpcodeTest.manifest.xml", 1, 2, 0, 4},
    {"perfview/SimpleTest.manifest.xml", 1, 2, 0, 2},
    {"perfview/TemplateSharingTest.manifest.xml", 1, 2, 0, 4},
    {"perfview/VersionedEvent.manifest.xml", 1, 2, 0, 5},
    {"perfview/kerneltraceeventparser.man.xml", 4, 251, 0, 1455},
    {"perfview/w3core.man.xml", 2, 207, 0, 452},
    {"tx/CSV.man", 1, 27, 0, 160},
    {"tx/HTTP_Server.man", 1, 85, 3, 284},
    {"tx/IE_Client.man", 2, 236, 1, 559},
    {"tx/Microsoft.Windows.ApplicationServer.Applications.man", 1, 481, 0, 1291},
    {"tx/SystemEvents.man", 33, 450, 9, 1475},
    {"tx/Web-Services-for-Management-Core.man", 1, 144, 0, 198},
    {"tx/asp.man", 2, 79, 0, 251},
    {"tx/eventing.man", 1, 3, 0, 27},
    {"tx/tcp.man", 1, 211, 19, 1421},
    {"uiforetw/ETWProviders.source.man", 4, 30, 0, 90},
    {"uiforetw/chrome_events_win.man", 1, 1, 0, 8},
    {"uiforetw/etwproviders.man", 4, 30, 0, 89},
};

static void shared_manifests(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    for (size_t i = 0; i < COUNT_OF(REAL); i++) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/schemas/%s", shared ? shared : "../shared", REAL[i].file);
        size_t len;
        u8 *bytes;
        error e = {0};
        if (!os_read_whole(path, 8 << 20, &bytes, &len, &e)) {
            print_message("skipped: no %s\n", path);
            skip();
        }
        assert_true(schema_source_manifest.recognise((span){bytes, len < 4096 ? len : 4096}, path));
        loaded l = load_bytes(bytes, len, path);
        u32 at = 0, fields = 0;
        for (const provider_schema *p; (p = schema_each(l.set, &at)) != NULL;)
            for (u32 k = 0; k < p->event_count; k++)
                fields += p->events[k]->property_count;
        if (l.load.providers != REAL[i].providers || l.load.events != REAL[i].events || l.load.maps != REAL[i].maps ||
            fields != REAL[i].fields)
            fail_msg("%s: %u providers, %u events, %u maps, %u fields", path, l.load.providers, l.load.events,
                     l.load.maps, fields);
        done(&l);
        mem_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_names),
        cmocka_unit_test(keywords),
        cmocka_unit_test(opcodes_of_a_task),
        cmocka_unit_test(channels),
        cmocka_unit_test(symbols),
        cmocka_unit_test(cultures),
        cmocka_unit_test(names_a_tool_made_up),
        cmocka_unit_test(quotes_that_are_missing),
        cmocka_unit_test(classic_events),
        cmocka_unit_test(windows_build_of_a_path),
        cmocka_unit_test(each_wrong_part),
        cmocka_unit_test(structs),
        cmocka_unit_test(much_of_everything),
        cmocka_unit_test(shared_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
