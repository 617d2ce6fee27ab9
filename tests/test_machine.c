// What a machine's own drive says of its traces: providers that the registry lists, classes of MOF files, the
// computer's name; from a folder, archives and disk images alike.
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
#include "ntfs_build.h"
#include "program.h"
#include "schema/machine/publishers.h"
#include "wevt_blob.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})
#define PUBLISHERS "Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers\\"
#define SHOP PUBLISHERS "{6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394}"

static const hive_value SOFTWARE[] = {
    {SHOP, "", "The Corner Shop", 0},
    {SHOP, "ResourceFileName", "%SystemRoot%\\System32\\Shop.DLL", 0},
    {SHOP, "MessageFileName", "C:\\Program Files\\Shop\\Words.dll", 0},
    {PUBLISHERS "{00000000-0000-0000-0000-0000000000ff}", "ResourceFileName", "%SystemRoot%\\gone.dll", 0},
    {PUBLISHERS "no guid", "ResourceFileName", "x.dll", 0},
};
static const hive_value SYSTEM[] = {
    {"Select", "Current", NULL, 2},
    {"ControlSet001\\Control\\ComputerName\\ComputerName", "ComputerName", "OLD", 0},
    {"ControlSet002\\Control\\ComputerName\\ComputerName", "ComputerName", "SHOP-1", 0},
    {"ControlSet002\\Control\\MUI\\UILanguages\\de-DE", "Type", NULL, 273},
};
static const char MOF[] = "[Guid(\"{0a1b2c3d-4e5f-4061-8273-8495a6b7c8d9}\")] class Weather : EventTrace {};\n"
                          "[EventType(1), EventTypeName(\"Rain\")] class Weather_Rain : Weather "
                          "{ [WmiDataId(1)] uint32 Drops; };\n";
static const char TRACE[] = "trace\nbuffer\n"
                            "event provider={6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394} id=8 level=4 opcode=1 task=4\n"
                            "full guid={0a1b2c3d-4e5f-4061-8273-8495a6b7c8d9} opcode=1 payload u32:7\n";

// The files of the drive, in the test's folder below "drive".
typedef struct drive_file {
    const char *path;
    outbuf bytes;
} drive_file;

enum { TRACE_FILE, DLL, WORDS, MOF_FILE, SOFTWARE_HIVE, SYSTEM_HIVE, FILES };

static void save(const program *p, const char *path, span bytes)
{
    char name[512], full[700];
    snprintf(name, sizeof(name), "drive/%s", path);
    snprintf(full, sizeof(full), "%s/%s", p->folder, name);
    for (char *slash = strchr(full + strlen(p->folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    bytes_save(full, bytes.at, bytes.len);
}

static outbuf hive_bytes(program *p, const hive_value *values, u32 count)
{
    char path[512];
    outbuf bytes = {0};
    hive_make(program_path(p, "hive", path), values, count);
    bytes_load(path, &bytes);
    assert_int_equal(remove(path), 0);
    return bytes;
}

static void make_files(program *p, drive_file files[FILES])
{
    error e = {0};
    outbuf crim = blob_from(version_5()), table = blob_from(messages()), trace = {0};
    assert_true(etl_text_build(TRACE, sizeof(TRACE) - 1, &trace, &e));
    files[TRACE_FILE] = (drive_file){"Logs/boot.etl", trace};
    files[DLL] = (drive_file){"Windows/System32/shop.dll", pe_around(blob_span(&crim), (span){0})};
    files[WORDS] = (drive_file){"Program Files/Shop/words.dll", pe_around((span){0}, blob_span(&table))};
    files[MOF_FILE] = (drive_file){"WINDOWS/system32/wbem/AutoRecover/0123.mof", {0}};
    outbuf_text(&files[MOF_FILE].bytes, MOF);
    files[SOFTWARE_HIVE] =
        (drive_file){"Windows/System32/config/SOFTWARE", hive_bytes(p, SOFTWARE, COUNT_OF(SOFTWARE))};
    files[SYSTEM_HIVE] = (drive_file){"Windows/System32/config/SYSTEM", hive_bytes(p, SYSTEM, COUNT_OF(SYSTEM))};
    outbuf_free(&crim);
    outbuf_free(&table);
}

static void free_files(drive_file files[FILES])
{
    for (u32 i = 0; i < FILES; i++)
        outbuf_free(&files[i].bytes);
}

static void make_folder(program *p)
{
    drive_file files[FILES];
    make_files(p, files);
    for (u32 i = 0; i < FILES; i++)
        save(p, files[i].path, (span){files[i].bytes.bytes, files[i].bytes.len});
    free_files(files);
}

static void needs_hivex(void)
{
    if (!hive_can_build()) {
        print_message("skipped: libhivex is not installed\n");
        skip();
    }
}

static void prints(const program *p, const char *text)
{
    if (!strstr((const char *)p->out.bytes, text))
        fail_msg("stdout lacks \"%s\":\n%s%s", text, (const char *)p->out.bytes, (const char *)p->err.bytes);
}

// The records of the trace say what the drive knows.
static void is_taught(program *p, const char *given)
{
    assert_int_equal(RUN(p, "convert", "--cache", "none", given), 0);
    prints(p, "\"provider\":\"The Corner Shop\"");
    prints(p, "\"event_name\":\"Stock/Start\"");
    prints(p, "\"level_name\":\"Information\""); // a message; its symbol is win:Informational
    prints(p, "\"schema\":\"wevt\",\"state\":\"decoded\"");
    prints(p, "\"data\":{\"Drops\":7}");
    prints(p, "\"schema\":\"mof\"");
    assert_int_equal(RUN(p, "info", "--json", "--cache", "none", given), 0);
    prints(p, "\"computer\":\"SHOP-1\"");
}

static void drive_in_a_folder(void **state)
{
    needs_hivex();
    make_folder(*state);
    is_taught(*state, "{}/drive");
    is_taught(*state, "{}");
}

static void drive_in_archives(void **state)
{
    program *p = *state;
    needs_hivex();
    make_folder(p);
    program_shell(p, "cd drive && tar cf ../first.tar Windows/System32/config Windows WINDOWS Logs Program*");
    program_shell(
        p, "cd drive && tar czf ../last.tgz Logs Program* WINDOWS Windows/System32/shop.dll Windows/System32/config");
    program_shell(p, "mkdir C && mv drive C/HOST && tar cf kape.tar C && tar cf outer.tar kape.tar");
    is_taught(p, "{}/first.tar");
    is_taught(p, "{}/last.tgz");
    is_taught(p, "{}/kape.tar");
    is_taught(p, "{}/outer.tar");
}

static void drive_in_an_image(void **state)
{
    program *p = *state;
    drive_file files[FILES];
    char path[512];
    needs_hivex();
    if (!ntfs_can_build()) {
        print_message("skipped: mkntfs or libntfs-3g is not installed\n");
        skip();
    }
    make_files(p, files);
    ntfs_image *n = ntfs_begin(program_path(p, "disk.raw", path), 8);
    for (u32 i = 0; i < FILES; i++)
        ntfs_put(n, i == MOF_FILE ? "Windows/System32/wbem/x.mof" : files[i].path, files[i].bytes.bytes,
                 files[i].bytes.len);
    ntfs_end(n);
    free_files(files);
    is_taught(p, "{}/disk.raw");
    program_shell(p, "tar czf disk.tgz disk.raw");
    is_taught(p, "{}/disk.tgz");
}

// A Windows in another language than English has its texts in a folder of that language.
static void texts_in_another_language(void **state)
{
    program *p = *state;
    needs_hivex();
    make_folder(p);
    program_shell(p, "cd drive/Program*/Shop && mkdir de-DE && mv words.dll de-DE/Words.dll.mui");
    is_taught(p, "{}/drive");
    program_shell(p, "cd drive && tar cf ../drive.tar Windows WINDOWS Logs Program*");
    is_taught(p, "{}/drive.tar");
}

// `schemas add` puts the same into a cache, for traces that lie elsewhere.
static void into_the_cache(void **state)
{
    program *p = *state;
    needs_hivex();
    make_folder(p);
    program_shell(p, "cd drive && tar cf ../drive.tar . && mv Logs/boot.etl .. && cd .. && rm -r drive");
    assert_int_equal(RUN(p, "schemas", "add", "--cache", "{}/c", "{}/drive.tar"), 0);
    prints(p, "learnt from 2 files: 2 providers, 3 events");
    assert_int_equal(RUN(p, "convert", "--cache", "{}/c", "{}/boot.etl"), 0);
    prints(p, "\"event_name\":\"Stock/Start\"");
    prints(p, "\"level_name\":\"Information\"");
    prints(p, "\"data\":{\"Drops\":7}");
}

// What was read out of an archive is found in it again.
static void verified(void **state)
{
    program *p = *state;
    needs_hivex();
    make_folder(p);
    program_shell(p, "cd drive && tar cf ../drive.tar . && cp -r . ../other");
    assert_int_equal(RUN(p, "convert", "--cache", "none", "--provenance", "{}/drive.tar", "-o", "{}/o.jsonl"), 0);
    assert_int_equal(RUN(p, "verify", "{}/o.jsonl.provenance.json"), 0);
    prints(p, "same       input ");
    prints(p, "same       schema");
    program_shell(p, "cd other && echo x >>Windows/System32/shop.dll && rm Logs/boot.etl && tar cf ../drive.tar .");
    assert_int_equal(RUN(p, "verify", "{}/o.jsonl.provenance.json"), 1);
    prints(p, "unread     input ");
    prints(p, "differs    schema");
}

// Without a registry, or with a broken one, the rest goes on.
static void no_registry_no_harm(void **state)
{
    program *p = *state;
    needs_hivex();
    make_folder(p);
    program_shell(
        p, "head -c 5000 drive/Windows/System32/config/SOFTWARE >x && mv x drive/Windows/System32/config/SOFTWARE");
    program_shell(p, "printf regf >drive/Windows/System32/config/SYSTEM");
    assert_int_equal(RUN(p, "convert", "--cache", "none", "{}/drive"), 0);
    prints(p, "\"data\":{\"Drops\":7}");
    assert_null(strstr((const char *)p->out.bytes, "Corner Shop"));
    assert_non_null(strstr((const char *)p->err.bytes, "config/SYSTEM: the registry hive cannot be read"));
    program_shell(p, "rm drive/Windows/System32/config/*");
    assert_int_equal(RUN(p, "convert", "--cache", "none", "{}/drive"), 0);
    assert_int_equal(program_lines(&p->out), 3);
}

// ---------------------------------------------------------------------------------------------- paths

static void paths_of_the_registry(void **state)
{
    (void)state;
    static const struct {
        const char *value, *path;
    } PATHS[] = {
        {"%SystemRoot%\\system32\\ADVAPI32.dll", "windows/system32/advapi32.dll"},
        {"C:\\Windows\\x.dll", "windows/x.dll"},
        {"\"%ProgramFiles%\\A B\\c.exe\"", "program files/a b/c.exe"},
        {"%windir%/y.sys", "windows/y.sys"},
        {"\\SystemRoot\\system32\\drivers\\z.sys", "windows/system32/drivers/z.sys"},
        {"\\??\\D:\\q\\z.sys", "q/z.sys"},
        {"bare.dll", "windows/system32/bare.dll"},
        {"%SystemDrive%\\e.dll", "e.dll"},
        {"a\\b.dll;c.dll", "a/b.dll"},
        {"\\\\server\\share\\x.dll", NULL},
        {"%NoSuch%\\x.dll", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    arena a = {0};
    for (u32 i = 0; i < COUNT_OF(PATHS); i++) {
        const char *path = publisher_path(PATHS[i].value, &a);
        if (PATHS[i].path)
            assert_string_equal(path, PATHS[i].path);
        else
            assert_null(path);
    }
    arena_free(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    setenv("LSAN_OPTIONS", "suppressions=tests/leaks.supp:print_suppressions=0", 0);
    const struct CMUnitTest tests[] = {
        TEST(drive_in_a_folder),   TEST(drive_in_archives),
        TEST(drive_in_an_image),   TEST(texts_in_another_language),
        TEST(into_the_cache),      TEST(verified),
        TEST(no_registry_no_harm), cmocka_unit_test(paths_of_the_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
