// Parameter messages: %%1833 and its like in values are the texts of a message DLL where a record's message inserts
// them; the data keep the numbers. From files, from the cache, and from a machine's own drive.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "etl_text.h"
#include "hive_build.h"
#include "program.h"
#include "wevt_blob.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})
#define AUDITING "54849625-5478-4994-a5ba-3e3b0328c30d"
#define OTHER "6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394"

static const char TRACE[] = "trace\nbuffer\n"
                            "event provider={" AUDITING "} id=60000 payload wstr:\"%%1833\" "
                            "wstr:\"%%1842, %%1842 or %%18420; 100%%\" wstr:\"%%7\"\n"
                            "event provider={" OTHER "} id=60000 payload wstr:\"%%1833\" wstr:\"\" wstr:\"\"\n";

#define DESCRIBED(guid)                                                                                                       \
    "<provider name=\"P-" guid "\" guid=\"{" guid                                                                             \
    "}\" symbol=\"P\" resourceFileName=\"x\" messageFileName=\"x\"><events>"                                                  \
    "<event value=\"60000\" symbol=\"E\" template=\"T\" message=\"At %1; %2; %3.\"/></events><templates><template tid=\"T\">" \
    "<data name=\"A\" inType=\"win:UnicodeString\"/><data name=\"B\" inType=\"win:UnicodeString\"/>"                          \
    "<data name=\"C\" inType=\"win:UnicodeString\"/></template></templates></provider>"
static const char MANIFEST[] =
    "<instrumentationManifest xmlns=\"http://schemas.microsoft.com/win/2004/08/events\"><instrumentation><events>" DESCRIBED(
        AUDITING) DESCRIBED(OTHER) "</events></instrumentation></instrumentationManifest>";

static const char TABLE[] = "u32:2 u32:1833 u32:1833 u32:@a u32:1842 u32:1842 u32:@b\n"
                            "here:a u16:34 u16:1 utf16:Impersonation u16:13 u16:10\n"
                            "here:b u16:8 u16:0 cstr:Yes";

static void save(program *p, const char *name, span bytes)
{
    char path[512];
    bytes_save(program_path(p, name, path), bytes.at, bytes.len);
}

static void save_dll(program *p, const char *name)
{
    outbuf table = blob_from(TABLE), file = pe_around((span){0}, blob_span(&table));
    save(p, name, blob_span(&file));
    outbuf_free(&table);
    outbuf_free(&file);
}

static void make_files(program *p)
{
    error e = {0};
    outbuf trace = {0};
    char path[512];
    assert_true(etl_text_build(TRACE, sizeof(TRACE) - 1, &trace, &e));
    save(p, "t.etl", blob_span(&trace));
    outbuf_free(&trace);
    assert_int_equal(mkdir(program_path(p, "schemas", path), 0700), 0);
    save(p, "schemas/x.man", (span){(const u8 *)MANIFEST, sizeof(MANIFEST) - 1});
}

static void says(const program *p, const char *text, bool wanted)
{
    if (!strstr((const char *)p->out.bytes, text) == wanted)
        fail_msg("stdout %s \"%s\":\n%s%s", wanted ? "lacks" : "has", text, (const char *)p->out.bytes,
                 (const char *)p->err.bytes);
}

static void are_put_in(const program *p)
{
    says(p, "\"message\":\"At Impersonation; Yes, Yes or %%18420; 100%%; %%7.\"", true);
    says(p, "\"data\":{\"A\":\"%%1833\",\"B\":\"%%1842, %%1842 or %%18420; 100%%\",\"C\":\"%%7\"}", true);
    says(p, "\"message\":\"At %%1833; ; .\"", true); // of another provider
}

static void from_a_file(void **state)
{
    program *p = *state;
    make_files(p);
    save_dll(p, "schemas/msobjs.txt"); // by its name alone nobody knows whose they are
    assert_int_equal(RUN(p, "convert", "--cache", "none", "--schemas", "{}/schemas", "{}/t.etl"), 0);
    says(p, "\"message\":\"At %%1833; ", true);
    save_dll(p, "schemas/MsObjs.dll");
    assert_int_equal(RUN(p, "convert", "--cache", "none", "--schemas", "{}/schemas", "{}/t.etl"), 0);
    are_put_in(p);
    assert_int_equal(RUN(p, "convert", "--cache", "none", "--where", "message = 'At %%1833; ; .'", "--schemas",
                         "{}/schemas/MsObjs.dll", "--schemas", "{}/schemas/x.man", "{}/t.etl"),
                     0);
    says(p, "Impersonation", false);
}

static void from_the_cache(void **state)
{
    program *p = *state;
    make_files(p);
    save_dll(p, "schemas/msobjs.dll.mui");
    assert_int_equal(RUN(p, "schemas", "add", "--cache", "{}/cache.db", "{}/schemas"), 0);
    assert_int_equal(RUN(p, "convert", "--cache", "{}/cache.db", "{}/t.etl"), 0);
    are_put_in(p);
}

static void from_a_drive(void **state)
{
    static const hive_value SOFTWARE[] = {
        {"Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers\\{" AUDITING "}", "ResourceFileName", "a.dll", 0},
        {"Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers\\{" AUDITING "}", "ParameterFileName",
         "%SystemRoot%\\System32\\Words.dll", 0},
    };
    static const char *const FOLDERS[] = {"drive", "drive/Windows", "drive/Windows/System32",
                                          "drive/Windows/System32/config"};
    program *p = *state;
    char path[512];
    if (!hive_can_build()) {
        print_message("skipped: libhivex is not installed\n");
        skip();
    }
    make_files(p);
    for (u32 i = 0; i < COUNT_OF(FOLDERS); i++)
        assert_int_equal(mkdir(program_path(p, FOLDERS[i], path), 0700), 0);
    hive_make(program_path(p, "drive/Windows/System32/config/SOFTWARE", path), SOFTWARE, COUNT_OF(SOFTWARE));
    save_dll(p, "drive/Windows/System32/words.dll");
    char from[512];
    assert_int_equal(rename(program_path(p, "t.etl", from), program_path(p, "drive/t.etl", path)), 0);
    assert_int_equal(RUN(p, "convert", "--cache", "none", "--schemas", "{}/schemas", "{}/drive"), 0);
    are_put_in(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_a_file, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(from_the_cache, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(from_a_drive, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
