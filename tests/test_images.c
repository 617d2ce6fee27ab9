// Disk images: the same traces give the same records from a folder and from raw, split and EnCase images, NTFS and FAT,
// with and without a partition table; what was deleted, hidden in a stream, damaged or missing. The images are made by
// libntfs-3g, mkfs.fat, mtools, sfdisk and ewfacquire; a test whose tools are not installed is skipped and says so.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ntfs_build.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static const char DNS[] = "samples/dns.etl", PROCESSES[] = "samples/processes.etl";
enum { DNS_RECORDS = 27, PROCESS_RECORDS = 75, RECORDS = DNS_RECORDS + PROCESS_RECORDS };

static void ends(const program *p, int code, int wanted)
{
    if (code != wanted)
        fail_msg("exit %d, not %d:\n%s", code, wanted, (const char *)p->err.bytes);
}

static void says(const program *p, const char *text)
{
    if (!strstr((const char *)p->err.bytes, text))
        fail_msg("stderr lacks \"%s\":\n%s", text, (const char *)p->err.bytes);
}

static void prints(const program *p, const char *text)
{
    if (!strstr((const char *)p->out.bytes, text))
        fail_msg("stdout lacks \"%s\":\n%s", text, (const char *)p->out.bytes);
}

static void needs(const char *tool)
{
    if (!program_has_tool(tool)) {
        print_message("skipped: %s is not installed\n", tool);
        skip();
    }
}

static void needs_ntfs(void)
{
    if (!ntfs_can_build()) {
        print_message("skipped: mkntfs or libntfs-3g is not installed\n");
        skip();
    }
}

static outbuf load(const char *path)
{
    outbuf bytes = {0};
    bytes_load(path, &bytes);
    return bytes;
}

// ---------------------------------------------------------------------------------------------- the tree

// Two traces (one named like none, in a folder whose name is not ASCII), a text, a trace that is empty.
static void put_tree(ntfs_image *n)
{
    outbuf dns = load(DNS), processes = load(PROCESSES);
    ntfs_put(n, "dns.etl", dns.bytes, dns.len);
    ntfs_put(n, "deep/er/\xc3\xb6/processes.bin", processes.bytes, processes.len);
    ntfs_put(n, "readme.txt", "nothing of interest", 19);
    ntfs_put(n, "deep/empty.etl", "", 0);
    outbuf_free(&dns);
    outbuf_free(&processes);
}

static void make_ntfs(program *p, const char *name)
{
    char path[512];
    ntfs_image *n = ntfs_begin(program_path(p, name, path), 8);
    put_tree(n);
    ntfs_end(n);
}

// The records without the numbers and names that depend on where they come from.
static void records_of(program *p, outbuf *out)
{
    out->len = 0;
    char *line = (char *)p->out.bytes, *end;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        const char *source = strstr(line, ",\"source\":\"");
        assert_non_null(source);
        outbuf_add(out, line, (size_t)(source - line));
        outbuf_text(out, "\n");
    }
    outbuf_add(out, "", 1);
}

static void tree_gives(program *p, const char *what)
{
    outbuf found = {0}, wanted = {0};
    ends(p, RUN(p, "convert", DNS, PROCESSES), 0);
    records_of(p, &wanted);
    ends(p, RUN(p, "convert", what), 4);
    says(p, "3 given, 2 read, 1 not");
    assert_int_equal(program_lines(&p->out), RECORDS);
    records_of(p, &found);
    assert_string_equal((const char *)found.bytes, (const char *)wanted.bytes);
    outbuf_free(&found);
    outbuf_free(&wanted);
}

static void raw_image(void **state)
{
    needs_ntfs();
    make_ntfs(*state, "disk.raw");
    tree_gives(*state, "{}/disk.raw");
    ends(*state, RUN(*state, "info", "--json", "{}/disk.raw"), 4);
    prints(*state, "\"source\":\"disk.raw!/dns.etl\",\"status\":\"ok\"");
    prints(*state, "\"source\":\"disk.raw!/deep/er/\xc3\xb6/processes.bin\",\"status\":\"ok\"");
    prints(*state, "\"source\":\"disk.raw!/deep/empty.etl\",\"status\":\"empty\"");
}

// Found in a folder, in an archive, through a pipe.
static void image_in_other_things(void **state)
{
    program *p = *state;
    needs_ntfs();
    make_ntfs(p, "disk.raw");
    program_shell(p, "mkdir folder && mv disk.raw folder/ && tar czf disk.tgz folder");
    tree_gives(p, "{}/folder");
    tree_gives(p, "{}/disk.tgz");
    char path[512];
    p->stdin_path = program_path(p, "disk.tgz", path);
    ends(p, RUN(p, "convert", "-"), 4);
    assert_int_equal(program_lines(&p->out), RECORDS);
}

static void encase_image(void **state)
{
    program *p = *state;
    needs_ntfs();
    needs("ewfacquire");
    make_ntfs(p, "disk.raw");
    outbuf noise = {0}; // that no compression makes small, so that there are several parts
    u32 seed = 1;
    for (u32 i = 0; i < 4 << 20; i++)
        *outbuf_reserve(&noise, 1) = (u8)((seed = seed * 1664525u + 1013904223u) >> 24), noise.len++;
    char path[512];
    ntfs_image *n = ntfs_begin(program_path(p, "disk.raw", path), 8);
    put_tree(n);
    ntfs_put(n, "noise", noise.bytes, noise.len);
    ntfs_end(n);
    outbuf_free(&noise);
    program_shell(p,
                  "ewfacquire -u -q -t disk -S 1MiB -b 64 disk.raw && test -f disk.E04 && rm disk.raw && mkdir folder");
    tree_gives(p, "{}/disk.E01");
    program_shell(p, "mv disk.E* folder");
    tree_gives(p, "{}/folder"); // once, however many parts it has
    program_shell(p, "mv folder/disk.E03 x && mv folder/disk.E04 y");
    ends(p, RUN(p, "info", "{}/folder/disk.E01"), 4);
    says(p, "parts of the image that come after disk.E02 are missing");
    program_shell(p, "mv x folder/disk.E03 && mv y folder/disk.E04");
    ends(p, RUN(p, "info", "{}/folder/disk.E02"), 1);
    says(p, "give its first part");
}

// Unallocated space as well: the disk in the image is carved, not the image's own bytes, which are compressed.
static void encase_image_carved(void **state)
{
    program *p = *state;
    char path[512];
    outbuf disk = {0}, trace = load("samples/dns.etl");
    needs("ewfacquire");
    memset(outbuf_reserve(&disk, 1 << 20), 0, 1 << 20);
    memcpy(disk.bytes + 20480, trace.bytes, trace.len);
    bytes_save(program_path(p, "disk.raw", path), disk.bytes, 1 << 20);
    outbuf_free(&disk);
    outbuf_free(&trace);
    program_shell(p, "ewfacquire -u -q -t disk -b 64 disk.raw");
    ends(p, RUN(p, "carve", "{}/disk.raw", "-o", "{}/raw"), 0);
    ends(p, RUN(p, "carve", "{}/disk.E01", "-o", "{}/encase"), 0);
    program_shell(p,
                  "cmp raw/session-1.etl encase/session-1.etl && cmp raw/session-1.etl \"$OLDPWD\"/samples/dns.etl && "
                  "sed s/disk.raw/disk.E01/ raw/carve.json | cmp - encase/carve.json");
    program_shell(p, "ewfacquire -u -q -t parts -c none -S 1048576 disk.raw && test -f parts.E02");
    ends(p, RUN(p, "carve", "{}/parts.E01", "-o", "{}/parts"), 0);
    program_shell(p, "cmp raw/session-1.etl parts/session-1.etl");
    ends(p, RUN(p, "carve", "{}/disk.E01", "-o", "{}", "--force"), 0); // beside it
    ends(p, RUN(p, "carve", "{}/disk.E01", "-o", "{}/encase"), 2);
}

static void encase_image_in_archive(void **state)
{
    program *p = *state;
    needs_ntfs();
    needs("ewfacquire");
    make_ntfs(p, "disk.raw");
    program_shell(p, "ewfacquire -u -q -t disk -b 64 disk.raw && tar cf disk.tar disk.E01");
    tree_gives(p, "{}/disk.tar");
}

static void split_image(void **state)
{
    program *p = *state;
    needs_ntfs();
    make_ntfs(p, "disk.raw");
    program_shell(p, "split -b 3000000 -d -a 3 --numeric-suffixes=1 disk.raw disk. && rm disk.raw && mkdir folder");
    tree_gives(p, "{}/disk.001");
    program_shell(p, "mv disk.0* folder");
    tree_gives(p, "{}/folder");
}

// ---------------------------------------------------------------------------------------------- partitions

static void make_fat(program *p)
{
    char command[1200];
    snprintf(
        command, sizeof(command),
        "truncate -s 4M fat.raw && mkfs.fat fat.raw && S=%s/samples && "
        "mmd -i fat.raw ::deep && mcopy -i fat.raw $S/dns.etl ::dns.etl && "
        "mcopy -i fat.raw $S/processes.etl ::deep/processes.bin && : >empty.etl && mcopy -i fat.raw empty.etl ::deep",
        getenv("PWD"));
    program_shell(p, command);
}

static void fat_image(void **state)
{
    needs("mkfs.fat");
    needs("mcopy");
    make_fat(*state);
    tree_gives(*state, "{}/fat.raw");
    program_shell(*state, "mdel -i fat.raw ::deep/processes.bin");
    ends(*state, RUN(*state, "info", "--json", "{}/fat.raw"), 4);
    prints(*state, "\"source\":\"fat.raw!/deep/processes.bin (deleted)\",\"status\":\"ok\"");
}

// A FAT partition and an NTFS one, by what numbers them.
static void partitioned(program *p, const char *label, const char *script, const char *fat, const char *ntfs)
{
    char command[1200], wanted[200];
    outbuf dns = load(DNS), processes = load(PROCESSES);
    needs_ntfs();
    needs("sfdisk");
    needs("mkfs.fat");
    needs("mcopy");
    char path[512];
    ntfs_image *n = ntfs_begin(program_path(p, "ntfs.raw", path), 8);
    ntfs_put(n, "Windows/p.etl", processes.bytes, processes.len);
    ntfs_end(n);
    snprintf(
        command, sizeof(command),
        "truncate -s 4M fat.raw && mkfs.fat fat.raw && mcopy -i fat.raw %s/samples/dns.etl ::d.etl && "
        "truncate -s 40M disk.raw && printf 'label: %s\\n%s' | sfdisk disk.raw && "
        "dd if=fat.raw of=disk.raw bs=1M seek=4 conv=notrunc && dd if=ntfs.raw of=disk.raw bs=1M seek=16 conv=notrunc",
        getenv("PWD"), label, script);
    program_shell(p, command);
    ends(p, RUN(p, "info", "--json", "{}/disk.raw"), 0);
    assert_int_equal(program_lines(&p->out), 2);
    snprintf(wanted, sizeof(wanted), "\"source\":\"disk.raw!/%s/d.etl\"", fat);
    prints(p, wanted);
    snprintf(wanted, sizeof(wanted), "\"source\":\"disk.raw!/%s/Windows/p.etl\"", ntfs);
    prints(p, wanted);
    outbuf_free(&dns);
    outbuf_free(&processes);
}

static void mbr(void **state)
{
    partitioned(*state, "dos", "start=8192,size=8192,type=c\\nstart=32768,size=16384,type=7\\n", "p1", "p2");
}

static void mbr_logical(void **state)
{
    partitioned(*state, "dos",
                "start=2048,size=2048,type=7\\nstart=6144,size=70000,type=5\\n"
                "start=8192,size=8192,type=c\\nstart=32768,size=16384,type=7\\n",
                "p5", "p6");
}

// Partition 2 is not there: numbers are places in the table.
static void gpt(void **state)
{
    partitioned(*state, "gpt",
                "1: start=8192,size=8192,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\\n"
                "3: start=32768,size=16384,type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\\n",
                "p1", "p3");
}

// ---------------------------------------------------------------------------------------------- what is not plain

static void deleted_hidden_and_compressed(void **state)
{
    program *p = *state;
    char path[512];
    outbuf dns = load(DNS), processes = load(PROCESSES), junk = {0};
    needs_ntfs();
    for (u32 i = 0; i < 20000; i++)
        outbuf_text(&junk, "junk");
    ntfs_image *n = ntfs_begin(program_path(p, "disk.raw", path), 8);
    ntfs_put(n, "d/gone.etl", dns.bytes, dns.len);
    ntfs_put(n, "d/gone too.etl", junk.bytes, junk.len);
    ntfs_put(n, "d/notes.txt", "text", 4);
    dns.bytes[dns.len - 1] ^= 1;
    ntfs_put_stream(n, "d/notes.txt", "hidden", dns.bytes, dns.len);
    ntfs_put_stream(n, "d", "of a folder", processes.bytes, processes.len);
    processes.bytes[processes.len - 1] ^= 1;
    ntfs_put_compressed(n, "small.etl", processes.bytes, processes.len);
    ntfs_remove(n, "d/gone.etl");
    ntfs_remove(n, "d/gone too.etl"); // what has a name only is none
    ntfs_end(n);
    ends(p, RUN(p, "info", "--json", "{}/disk.raw"), 0);
    prints(p, "\"source\":\"disk.raw!/d/gone.etl (deleted)\",\"status\":\"ok\"");
    prints(p, "\"source\":\"disk.raw!/d/notes.txt:hidden\",\"status\":\"ok\"");
    prints(p, "\"source\":\"disk.raw!/d:of a folder\",\"status\":\"ok\"");
    prints(p, "\"source\":\"disk.raw!/small.etl\",\"status\":\"ok\"");
    assert_int_equal(program_lines(&p->out), 4);
    ends(p, RUN(p, "convert", "{}/disk.raw"), 0);
    assert_int_equal(program_lines(&p->out), 2 * RECORDS);
    outbuf_free(&dns);
    outbuf_free(&processes);
    outbuf_free(&junk);
}

// ---------------------------------------------------------------------------------------------- damage

// The image ends within a trace: the rest of the trace is damage, and the other one is whole.
static void cut_off(void **state)
{
    program *p = *state;
    char path[512];
    outbuf dns = load(DNS), processes = load(PROCESSES);
    needs_ntfs();
    ntfs_image *n = ntfs_begin(program_path(p, "disk.raw", path), 8);
    ntfs_put(n, "a.etl", dns.bytes, dns.len);
    ntfs_put(n, "b.etl", processes.bytes, processes.len);
    u64 a = ntfs_place(n, "a.etl"), b = ntfs_place(n, "b.etl");
    ntfs_end(n);
    assert_true(a && b > a);
    assert_int_equal(truncate(path, (off_t)(b + processes.len / 2)), 0);
    int code = RUN(p, "convert", "{}/disk.raw");
    assert_int_equal(code, 3);
    assert_true(program_lines(&p->out) >= DNS_RECORDS && program_lines(&p->out) < RECORDS);
    outbuf_free(&dns);
    outbuf_free(&processes);
}

// A chunk of an EnCase image that fails its checksum is not taken for zeros.
static void bad_chunk(void **state)
{
    program *p = *state;
    char path[512];
    outbuf dns = load(DNS), processes = load(PROCESSES), image = {0};
    needs_ntfs();
    needs("ewfacquire");
    ntfs_image *n = ntfs_begin(program_path(p, "disk.raw", path), 8);
    ntfs_put(n, "a.etl", dns.bytes, dns.len);
    ntfs_put(n, "between", processes.bytes, processes.len);
    ntfs_put(n, "b.etl", dns.bytes, dns.len);
    ntfs_end(n);
    program_shell(p, "ewfacquire -u -q -t disk -c none -b 64 disk.raw");
    bytes_load(program_path(p, "disk.E01", path), &image);
    size_t at = image.len - 4096; // the last copy
    while (at > 0 && memcmp(image.bytes + at, dns.bytes, 4096) != 0)
        at--;
    image.bytes[at + 100] ^= 0xff;
    bytes_save(path, image.bytes, image.len);
    ends(p, RUN(p, "convert", "--no-hash", "{}/disk.E01"), 3);
    says(p, "disk.E01!/b.etl: damage at 0x0 ");
    assert_true(program_lines(&p->out) < RECORDS + DNS_RECORDS);
    prints(p, "\"source\":\"disk.E01!/a.etl\"");
    outbuf_free(&dns);
    outbuf_free(&processes);
    outbuf_free(&image);
}

static void not_really_an_image(void **state)
{
    program *p = *state;
    char path[512];
    u8 sector[1024] = {[446 + 4] = 7, [446 + 8] = 1, [446 + 12] = 200, [510] = 0x55, [511] = 0xaa};
    program_shell(p, "mkdir folder");
    bytes_save(program_path(p, "folder/boot.bin", path), sector, sizeof(sector));
    ends(p, RUN(p, "info", "{}/folder/boot.bin"), 1);
    says(p, "boot.bin: no file system is found in it");
    program_shell(p, "cp \"$OLDPWD\"/samples/dns.etl \"$OLDPWD\"/samples/processes.etl folder/");
    ends(p, RUN(p, "info", "{}/folder"), 0);
    says(p, "1 other file");
}

static void bitlocker(void **state)
{
    program *p = *state;
    needs("sfdisk");
    program_shell(
        p, "truncate -s 8M disk.raw && printf 'label: dos\\nstart=2048,size=8192,type=7\\n' | sfdisk disk.raw && "
           "printf -- '-FVE-FS-' | dd of=disk.raw bs=1 seek=1048579 conv=notrunc");
    ends(p, RUN(p, "info", "--json", "{}/disk.raw"), 1);
    says(p, "disk.raw!/p1: it is a BitLocker volume");
    prints(p, "\"reason\":\"encrypted\"");
}

// No byte of an image is ever written.
// A VMware disk whose description names another file for its data.
static void make_vmdk(program *p, const char *name, const char *data)
{
    enum { SECTOR = 512, DESCRIPTION = 20, OVERHEAD = 220 };
    static const char TEXT[] =
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
        "createType=\"monolithicFlat\"\n\n# Extent description\nRW %lld FLAT \"%s\" 0\n\n# The Disk Data Base\n"
        "ddb.virtualHWVersion = \"4\"\nddb.geometry.cylinders = \"16\"\n"
        "ddb.geometry.heads = \"16\"\nddb.geometry.sectors = \"63\"\n"
        "ddb.adapterType = \"ide\"\n";
    static u8 bytes[OVERHEAD * SECTOR];
    char path[512];
    struct stat st;
    assert_int_equal(stat(program_path(p, data, path), &st), 0);
    u64 sectors = (u64)st.st_size / SECTOR;
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "KDMV\1\0\0\0\3", 9); // magic, version, flags
    for (u32 i = 0; i < 8; i++)
        bytes[12 + i] = (u8)(sectors >> 8 * i);
    bytes[20] = 128; // sectors of a grain
    bytes[28] = 1;   // the description: from, sectors
    bytes[36] = DESCRIPTION;
    bytes[45] = 2;  // 512 entries of a grain table
    bytes[48] = 21; // grain directories
    bytes[56] = 26;
    bytes[64] = 128; // overhead
    memcpy(bytes + 73, "\n \r\n", 4);
    snprintf((char *)bytes + SECTOR, DESCRIPTION * SECTOR, TEXT, (long long)sectors, data);
    bytes_save(program_path(p, name, path), bytes, sizeof(bytes));
}

static void an_image_is_not_an_output(void **state)
{
    program *p = *state;
    needs_ntfs();
    needs("ewfacquire");
    make_ntfs(p, "disk.raw");
    program_shell(
        p, "split -b 3000000 -d -a 3 --numeric-suffixes=1 disk.raw s. && ewfacquire -u -q -t disk -b 64 disk.raw");
    ends(p, RUN(p, "convert", "{}/disk.raw", "-o", "{}/disk.raw", "-f", "jsonl", "--force"), 2);
    ends(p, RUN(p, "convert", "{}/disk.E01", "-o", "{}/disk.E01", "-f", "jsonl", "--force"), 2);
    ends(p, RUN(p, "convert", "{}/s.001", "-o", "{}/s.002", "-f", "jsonl", "--force"), 2);
    make_vmdk(p, "v.vmdk", "disk.raw");
    ends(p, RUN(p, "convert", "{}/v.vmdk", "-o", "{}/disk.raw", "-f", "jsonl", "--force"), 2);
    tree_gives(p, "{}/v.vmdk");
    tree_gives(p, "{}/disk.E01");
    tree_gives(p, "{}/s.001");
}

// Whatever bytes of the file system's own tables are wrong, the run ends with a result or a sentence.
static void any_damage_ends_well(void **state)
{
    enum { ROUNDS = 60, TABLES = 300 << 10 };
    program *p = *state;
    char path[512];
    needs_ntfs();
    make_ntfs(p, "disk.raw");
    outbuf image = load(program_path(p, "disk.raw", path));
    u32 seed = 7;
    for (u32 round = 0; round < ROUNDS; round++) {
        outbuf broken = {0};
        outbuf_add(&broken, image.bytes, image.len);
        for (u32 i = 0; i < 40; i++) {
            seed = seed * 1664525u + 1013904223u;
            broken.bytes[(seed >> 8) % TABLES] ^= (u8)(seed >> 3) | 1;
        }
        bytes_save(path, broken.bytes, broken.len);
        int code = RUN(p, "info", "{}/disk.raw");
        if (code != 0 && code != 1 && code != 3 && code != 4)
            fail_msg("round %u: exit %d\n%s", round, code, (const char *)p->err.bytes);
        outbuf_free(&broken);
    }
    outbuf_free(&image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    setenv("LSAN_OPTIONS", "suppressions=tests/leaks.supp:print_suppressions=0", 0);
    const struct CMUnitTest tests[] = {
        TEST(raw_image),
        TEST(image_in_other_things),
        TEST(encase_image),
        TEST(encase_image_in_archive),
        TEST(split_image),
        TEST(fat_image),
        TEST(mbr),
        TEST(mbr_logical),
        TEST(gpt),
        TEST(deleted_hidden_and_compressed),
        TEST(cut_off),
        TEST(encase_image_carved),
        TEST(bad_chunk),
        TEST(not_really_an_image),
        TEST(bitlocker),
        TEST(an_image_is_not_an_output),
        TEST(any_damage_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
