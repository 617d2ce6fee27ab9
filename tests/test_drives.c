// Letters of volumes from the registry that lies with a trace: in images with partition tables of both kinds, in an
// image of one file system, in a folder. What the registry says, what the order of partitions lets guess, and where
// nothing is said. The tables are made by sfdisk, the registries by libhivex, the file systems by libntfs-3g.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "etl_text.h"
#include "hive_build.h"
#include "ntfs_build.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

// Partitions of the disk: 1 has no letter, 2 has Windows, 3 is a drive of its own.
#define MIB(n) ((u64)(n) << 20)
enum { FIRST_MIB = 1, WINDOWS_MIB = 4, DATA_MIB = 16, DISK_MIB = 24 };
#define WINDOWS_VOLUME "Volume{aaaaaaaa-1111-2222-3333-444444444444}"
#define DATA_VOLUME "Volume{bbbbbbbb-1111-2222-3333-444444444444}"
#define WINDOWS_ID "11223344-5566-7788-99AA-BBCCDDEEFF00"
#define DATA_ID "21223344-5566-7788-99AA-BBCCDDEEFF00"

// As MountedDevices has them: signature and offset; "DMIO:ID:" and the GUID, its first three parts little-endian.
static const char MBR_WINDOWS[] = "hex:78563412"
                                  "0000400000000000",
                  MBR_DATA[] = "hex:78563412"
                               "0000000100000000";
static const char GPT_WINDOWS[] = "hex:444d494f3a49443a"
                                  "443322116655887799aabbccddeeff00",
                  GPT_DATA[] = "hex:444d494f3a49443a"
                               "443322216655887799aabbccddeeff00";
static const char USB[] = "hex:5f003f003f005f00"; // a device by its name: of another disk

#define VALUES(windows, data)                                                                                          \
    {                                                                                                                  \
        {"MountedDevices", "\\DosDevices\\W:", windows, 0}, {"MountedDevices", "\\DosDevices\\X:", data, 0},           \
            {"MountedDevices", "\\DosDevices\\Y:", USB, 0}, {"MountedDevices", "\\??\\" WINDOWS_VOLUME, windows, 0},   \
            {"MountedDevices", "\\??\\" DATA_VOLUME, data, 0},                                                         \
            {"MountedDevices", "\\??\\Volume{cccccccc-1111-2222-3333-444444444444}", "hex:7856341200001000", 0},       \
            {"MountedDevices", "\\DosDevices\\", "hex:00", 0}, {"MountedDevices", "\\DosDevices\\1:", "hex:00", 0},    \
        {                                                                                                              \
            "MountedDevices", "\\DosDevices\\Z:", "hex:", 0                                                            \
        }                                                                                                              \
    }
enum { VALUE_COUNT = 9 };
static const hive_value BY_PLACE[] = VALUES(MBR_WINDOWS, MBR_DATA);
static const hive_value BY_ID[] = VALUES(GPT_WINDOWS, GPT_DATA);
static const hive_value SOFTWARE[] = {{"Microsoft\\Windows NT\\CurrentVersion", "SystemRoot", "W:\\WINNT", 0}};

// A trace of a machine that loaded ntdll.dll from `device`, and opened files by all kinds of paths.
static const char *const OPENED[] = {
    "\\\\Device\\\\HarddiskVolume1\\\\x.txt",
    "\\\\Device\\\\HarddiskVolume2\\\\x.txt",
    "\\\\Device\\\\HarddiskVolume3\\\\x.txt",
    "\\\\Device\\\\HarddiskVolume33\\\\x.txt",
    "\\\\Device\\\\HarddiskVolume3",
    "\\\\SystemRoot\\\\x.txt",
    "\\\\Users\\\\x.txt",
    "\\\\??\\\\" WINDOWS_VOLUME "\\\\x.txt",
    "\\\\\\\\?\\\\" DATA_VOLUME "\\\\x.txt",
    "\\\\??\\\\Volume{cccccccc-1111-2222-3333-444444444444}\\\\x.txt",
};

static outbuf make_trace(u32 device)
{
    outbuf words = {0}, file = {0};
    char line[600];
    error e = {0};
    snprintf(line, sizeof(line),
             "trace\nsystem hook=0x1403 version=3 time=+1us pid=100 payload ptr:0x7ffa10000000 ptr:0x1000 u32:100,1,1 "
             "u8:12,1 u16:0 ptr:0x7ffa10000000 u32:0,0,0,0 "
             "wstr:\"\\\\Device\\\\HarddiskVolume%u\\\\Windows\\\\System32\\\\ntdll.dll\"\n",
             device);
    outbuf_text(&words, line);
    for (size_t i = 0; i < COUNT_OF(OPENED); i++) {
        snprintf(line, sizeof(line),
                 "system hook=0x0440 version=3 time=+%zuus pid=100 payload ptr:1 ptr:2 u32:101,0x05000000,0,0 "
                 "wstr:\"%s\"\n",
                 10 + i, OPENED[i]);
        outbuf_text(&words, line);
    }
    if (!etl_text_build((const char *)words.bytes, words.len, &file, &e))
        fail_msg("%s", e.message);
    outbuf_free(&words);
    return file;
}

static void opens(program *p, const char *given, const char *const wanted[COUNT_OF(OPENED)])
{
    static const char HEAD[] = "process (100) created ";
    assert_int_equal(RUN(p, "convert", "-q", "--cache", "none", "-f", "timesketch", "--where", "opcode = 64", given),
                     0);
    char *line = (char *)p->out.bytes;
    for (size_t i = 0; i < COUNT_OF(OPENED); i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = 0;
        cJSON *o = cJSON_Parse(line);
        const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(o, "message"));
        assert_memory_equal(message, HEAD, strlen(HEAD));
        assert_string_equal(message + strlen(HEAD), wanted[i]);
        cJSON_Delete(o);
        line = end + 1;
    }
}

static const char *const ALL_KNOWN[] = {
    "\\Device\\HarddiskVolume1\\x.txt",
    "W:\\x.txt",
    "X:\\x.txt",
    "\\Device\\HarddiskVolume33\\x.txt",
    "\\Device\\HarddiskVolume3",
    "W:\\WINNT\\x.txt",
    "W:\\Users\\x.txt",
    "W:\\x.txt",
    "X:\\x.txt",
    "Volume{cccccccc-1111-2222-3333-444444444444}\\x.txt",
};

// ---------------------------------------------------------------------------------------------- drives

static void needs_all(bool partitions)
{
    if (!hive_can_build() || (partitions && (!ntfs_can_build() || !program_has_tool("sfdisk")))) {
        print_message("skipped: libhivex, libntfs-3g, mkntfs or sfdisk is not installed\n");
        skip();
    }
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

static void put(ntfs_image *n, const char *name, outbuf bytes)
{
    ntfs_put(n, name, bytes.bytes, bytes.len);
    outbuf_free(&bytes);
}

// ntfs.raw, for the second partition.
static void make_windows(program *p, const hive_value *system, bool software, u32 device)
{
    char path[512];
    ntfs_image *n = ntfs_begin(program_path(p, "ntfs.raw", path), DATA_MIB - WINDOWS_MIB - 1);
    put(n, "Logs/boot.etl", make_trace(device));
    put(n, "Windows/System32/config/SYSTEM", hive_bytes(p, system, VALUE_COUNT));
    if (software)
        put(n, "Windows/System32/config/SOFTWARE", hive_bytes(p, SOFTWARE, COUNT_OF(SOFTWARE)));
    ntfs_end(n);
}

static void make_disk(program *p, const char *table)
{
    char command[900];
    snprintf(command, sizeof(command),
             "rm -f disk.raw && truncate -s %uM disk.raw && printf '%s' | sfdisk disk.raw && "
             "dd if=ntfs.raw of=disk.raw bs=1M seek=%u conv=notrunc",
             DISK_MIB, table, WINDOWS_MIB);
    program_shell(p, command);
}

static const char MBR[] = "label: dos\\nlabel-id: 0x12345678\\nstart=2048,size=4096,type=7\\n"
                          "start=8192,size=20000,type=7\\nstart=32768,size=8192,type=7\\n";
static const char GPT[] = "label: gpt\\nstart=2048,size=4096,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\\n"
                          "start=8192,size=20000,uuid=" WINDOWS_ID ",type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\\n"
                          "start=32768,size=8192,uuid=" DATA_ID ",type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\\n";

// ---------------------------------------------------------------------------------------------- tests

static void by_place_on_the_disk(void **state)
{
    needs_all(true);
    make_windows(*state, BY_PLACE, true, 2);
    make_disk(*state, MBR);
    opens(*state, "{}/disk.raw", ALL_KNOWN);
}

static void by_the_partitions_own_ids(void **state)
{
    needs_all(true);
    make_windows(*state, BY_ID, true, 2);
    make_disk(*state, GPT);
    opens(*state, "{}/disk.raw", ALL_KNOWN);
}

// SYSTEM alone says which letter its own partition had; in which folder Windows was it does not say.
static void without_software(void **state)
{
    const char *wanted[COUNT_OF(OPENED)];
    needs_all(true);
    memcpy(wanted, ALL_KNOWN, sizeof(wanted));
    wanted[5] = "C:\\Windows\\x.txt";
    make_windows(*state, BY_ID, false, 2);
    make_disk(*state, GPT);
    opens(*state, "{}/disk.raw", wanted);
}

// Windows counted otherwise: its own volume is known, no other.
static void another_order_of_volumes(void **state)
{
    const char *wanted[COUNT_OF(OPENED)];
    needs_all(true);
    memcpy(wanted, ALL_KNOWN, sizeof(wanted));
    wanted[1] = "\\Device\\HarddiskVolume2\\x.txt";
    wanted[2] = "W:\\x.txt";
    make_windows(*state, BY_PLACE, true, 3);
    make_disk(*state, MBR);
    opens(*state, "{}/disk.raw", wanted);
}

// The registry of another disk: none of its letters is on this one.
static void another_disk(void **state)
{
    const char *wanted[COUNT_OF(OPENED)];
    needs_all(true);
    memcpy(wanted, ALL_KNOWN, sizeof(wanted));
    wanted[2] = "\\Device\\HarddiskVolume3\\x.txt";
    make_windows(*state, BY_ID, true, 2);
    make_disk(*state, MBR);
    opens(*state, "{}/disk.raw", wanted);
}

// Without a disk around it there are no partitions: what the registry itself says remains.
static void in_a_folder(void **state)
{
    program *p = *state;
    const char *wanted[COUNT_OF(OPENED)];
    char path[512];
    outbuf trace = make_trace(2);
    needs_all(false);
    memcpy(wanted, ALL_KNOWN, sizeof(wanted));
    wanted[2] = "\\Device\\HarddiskVolume3\\x.txt";
    program_shell(p, "mkdir -p drive/Windows/System32/config");
    bytes_save(program_path(p, "drive/boot.etl", path), trace.bytes, trace.len);
    hive_make(program_path(p, "drive/Windows/System32/config/SYSTEM", path), BY_PLACE, VALUE_COUNT);
    hive_make(program_path(p, "drive/Windows/System32/config/SOFTWARE", path), SOFTWARE, COUNT_OF(SOFTWARE));
    opens(p, "{}/drive", wanted);
    program_shell(p, "tar cf drive.tar drive");
    opens(p, "{}/drive.tar", wanted);
    outbuf_free(&trace);
}

static void told_by_info(void **state)
{
    program *p = *state;
    needs_all(true);
    make_windows(p, BY_PLACE, true, 2);
    make_disk(p, MBR);
    assert_int_equal(RUN(p, "info", "--json", "{}/disk.raw"), 0);
    const char *out = (const char *)p->out.bytes;
    assert_non_null(strstr(out, "\"windows_folder\":\"W:\\\\WINNT\",\"drives\":["
                                "{\"letter\":\"W:\",\"partition\":2,\"volumes\":[\"" WINDOWS_VOLUME "\"]},"
                                "{\"letter\":\"X:\",\"partition\":3,\"volumes\":[\"" DATA_VOLUME "\"]},"
                                "{\"letter\":\"Y:\",\"volumes\":[]}]"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    setenv("LSAN_OPTIONS", "suppressions=tests/leaks.supp:print_suppressions=0", 0);
    const struct CMUnitTest tests[] = {
        TEST(by_place_on_the_disk), TEST(by_the_partitions_own_ids),
        TEST(without_software),     TEST(another_order_of_volumes),
        TEST(another_disk),         TEST(in_a_folder),
        TEST(told_by_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
