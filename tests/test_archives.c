// Folders, lists and archives: the same traces give the same records from wherever they lie; what is broken, encrypted
// or hostile is one sentence and one row, and the rest goes on. Archives are written by libarchive.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <cjson/cJSON.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sanitizer.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static const char DNS[] = "samples/dns.etl", PROCESSES[] = "samples/processes.etl";

// What is in the tree: two traces (one named like none, one in a folder with a name that is not ASCII), a text, a trace
// that is empty.
static const struct {
    const char *name, *from; // from NULL: a text
} FILES[] = {
    {"dns.etl", DNS},
    {"deep/er/\xc3\xb6/processes.bin", PROCESSES},
    {"readme.txt", NULL},
    {"deep/empty.etl", "/dev/null"},
};
enum { RECORDS = 27 + 75 };

static void says(const program *p, const char *text)
{
    if (!strstr((const char *)p->err.bytes, text))
        fail_msg("stderr lacks \"%s\":\n%s", text, (const char *)p->err.bytes);
}

static void file_bytes(u32 i, outbuf *bytes)
{
    bytes->len = 0;
    if (FILES[i].from)
        bytes_load(FILES[i].from, bytes);
    else
        outbuf_text(bytes, "nothing of interest");
}

// ---------------------------------------------------------------------------------------------- writing archives

typedef struct packing {
    struct archive *to;
} packing;

static void check(struct archive *a, int code)
{
    if (code < ARCHIVE_WARN)
        fail_msg("libarchive: %s", archive_error_string(a));
}

static packing pack_begin(program *p, const char *name, const char *format, const char *filter, const char *options)
{
    char path[512];
    packing k = {archive_write_new()};
    check(k.to, archive_write_set_format_by_name(k.to, format));
    if (filter)
        check(k.to, archive_write_add_filter_by_name(k.to, filter));
    if (options)
        check(k.to, archive_write_set_options(k.to, options));
    if (options && strstr(options, "encryption"))
        check(k.to, archive_write_set_passphrase(k.to, "secret"));
    check(k.to, archive_write_open_filename(k.to, program_path(p, name, path)));
    return k;
}

static void pack(packing *k, const char *name, const void *bytes, size_t len)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname_utf8(entry, name);
    archive_entry_set_size(entry, (la_int64_t)len);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    check(k->to, archive_write_header(k->to, entry));
    assert_int_equal(archive_write_data(k->to, bytes, len), len);
    archive_entry_free(entry);
}

static void pack_link(packing *k, const char *name, const char *target, bool hard)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname_utf8(entry, name);
    if (hard) {
        archive_entry_set_hardlink_utf8(entry, target);
    } else {
        archive_entry_set_filetype(entry, AE_IFLNK);
        archive_entry_set_symlink_utf8(entry, target);
    }
    check(k->to, archive_write_header(k->to, entry));
    archive_entry_free(entry);
}

static void pack_end(packing *k)
{
    check(k->to, archive_write_close(k->to));
    archive_write_free(k->to);
}

static void pack_tree(program *p, const char *name, const char *format, const char *filter)
{
    outbuf bytes = {0};
    packing k = pack_begin(p, name, format, filter, NULL);
    for (u32 i = 0; i < COUNT_OF(FILES); i++) {
        file_bytes(i, &bytes);
        pack(&k, FILES[i].name, bytes.bytes, bytes.len);
    }
    pack_end(&k);
    outbuf_free(&bytes);
}

static void make_tree(program *p, const char *folder)
{
    char path[512], name[256];
    outbuf bytes = {0};
    for (u32 i = 0; i < COUNT_OF(FILES); i++) {
        snprintf(name, sizeof(name), "%s/%s", folder, FILES[i].name);
        program_path(p, name, path);
        for (char *slash = strchr(path + strlen(p->folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
            *slash = 0;
            (void)mkdir(path, 0700);
            *slash = '/';
        }
        file_bytes(i, &bytes);
        bytes_save(path, bytes.bytes, bytes.len);
    }
    outbuf_free(&bytes);
}

static int setup(void **state)
{
    (void)program_setup(state);
    program *p = *state;
    make_tree(p, "tree");
    return 0;
}

// ---------------------------------------------------------------------------------------------- the same records

// The records of an output without the numbers and names that depend on where they come from.
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

static void tree_gives(program *p, const char *what, const outbuf *wanted)
{
    outbuf found = {0};
    assert_int_equal(RUN(p, "convert", what), 4);
    says(p, "3 given, 2 read, 1 not; 1 other file\n");
    assert_int_equal(program_lines(&p->out), RECORDS);
    records_of(p, &found);
    assert_string_equal((const char *)found.bytes, (const char *)wanted->bytes);
    outbuf_free(&found);
}

static void same_records_from_everywhere(void **state)
{
    static const struct {
        const char *name, *format, *filter;
    } KINDS[] = {
        {"{}/t.zip", "zip", NULL},        {"{}/t.7z", "7zip", NULL},         {"{}/t.tar", "ustar", NULL},
        {"{}/t.tar.gz", "ustar", "gzip"}, {"{}/t.tar.xz", "pax", "xz"},      {"{}/t.tar.zst", "pax", "zstd"},
        {"{}/t.tar.bz2", "pax", "bzip2"}, {"{}/t.tar.lz4", "gnutar", "lz4"}, {"{}/odd name.kape", "zip", NULL},
        {"{}/t.cpio.gz", "cpio", "gzip"},
    };
    program *p = *state;
    outbuf wanted = {0};
    assert_int_equal(RUN(p, "convert", DNS, PROCESSES), 0);
    records_of(p, &wanted);
    tree_gives(p, "{}/tree", &wanted);
    for (u32 i = 0; i < COUNT_OF(KINDS); i++) {
        pack_tree(p, KINDS[i].name + 3, KINDS[i].format, KINDS[i].filter);
        tree_gives(p, KINDS[i].name, &wanted);
    }
    // One in another.
    outbuf inner = {0};
    char path[512];
    bytes_load(program_path(p, "t.tar.gz", path), &inner);
    packing k = pack_begin(p, "outer.zip", "zip", NULL, NULL);
    pack(&k, "in/side.tgz", inner.bytes, inner.len);
    pack_end(&k);
    tree_gives(p, "{}/outer.zip", &wanted);
    outbuf_free(&inner);
    outbuf_free(&wanted);
}

static void one_compressed_file_keeps_its_name(void **state)
{
    static const char *const FILTERS[] = {"gzip", "xz", "zstd", "bzip2", "lz4"};
    program *p = *state;
    outbuf bytes = {0};
    bytes_load(DNS, &bytes);
    for (u32 i = 0; i < COUNT_OF(FILTERS); i++) {
        packing k = pack_begin(p, "dns.etl.packed", "raw", FILTERS[i], NULL);
        pack(&k, "data", bytes.bytes, bytes.len);
        pack_end(&k);
        assert_int_equal(RUN(p, "convert", "{}/dns.etl.packed"), 0);
        assert_int_equal(program_lines(&p->out), 27);
        assert_non_null(strstr((const char *)p->out.bytes, "\"source\":\"dns.etl.packed\""));
    }
    outbuf_free(&bytes);
}

static void names_of_members(void **state)
{
    program *p = *state;
    pack_tree(p, "t.zip", "zip", NULL);
    assert_int_equal(RUN(p, "info", "--json", "{}/t.zip"), 4);
    assert_non_null(strstr((const char *)p->out.bytes, "\"source\":\"t.zip!/dns.etl\",\"status\":\"ok\""));
    assert_non_null(
        strstr((const char *)p->out.bytes, "\"source\":\"t.zip!/deep/er/\xc3\xb6/processes.bin\",\"status\":\"ok\""));
    assert_non_null(strstr((const char *)p->out.bytes, "\"source\":\"t.zip!/deep/empty.etl\",\"status\":\"empty\""));
}

static void prints(const program *p, const char *text)
{
    if (!strstr((const char *)p->out.bytes, text))
        fail_msg("no %s in %s", text, (const char *)p->out.bytes);
}

// Each member has a name of its own, by which it is found again.
static void members_of_one_name(void **state)
{
    static const u32 OF[] = {0, 1, 0}; // of FILES
    static const char *const NAMES[] = {"a.etl", "./a.etl", "a (2).etl"};
    program *p = *state;
    outbuf bytes = {0};
    packing k = pack_begin(p, "t.tar", "ustar", NULL, NULL);
    for (u32 i = 0; i < COUNT_OF(OF); i++) {
        file_bytes(OF[i], &bytes);
        pack(&k, NAMES[i], bytes.bytes, bytes.len);
    }
    pack_end(&k);
    assert_int_equal(RUN(p, "info", "--json", "--no-hash", "{}/t.tar"), 0);
    prints(p, "\"source\":\"t.tar!/a.etl\"");
    prints(p, "\"source\":\"t.tar!/a (2).etl\"");
    prints(p, "\"source\":\"t.tar!/a (2) (2).etl\"");
    assert_int_equal(RUN(p, "convert", "{}/t.tar", "-f", "csv", "-o", "{}/out/", "--no-hash"), 0);
    assert_int_equal(RUN(p, "convert", "{}/t.tar", "-o", "{}/o.csv", "--provenance"), 0);
    says(p, "t.tar!/a (2) (2).etl: the same as ");
    assert_int_equal(RUN(p, "verify", "{}/o.csv.provenance.json", "--again"), 0);
    outbuf_free(&bytes);
}

// Given twice, its members are read once, but where nothing is hashed.
static void archive_given_twice(void **state)
{
    program *p = *state;
    pack_tree(p, "t.zip", "zip", NULL);
    assert_int_equal(RUN(p, "convert", "{}/t.zip", "{}/t.zip"), 4);
    assert_int_equal(program_lines(&p->out), RECORDS);
    assert_int_equal(RUN(p, "convert", "--no-hash", "{}/t.zip", "{}/t.zip"), 4);
    assert_int_equal(program_lines(&p->out), 2 * RECORDS);
    assert_non_null(strstr((const char *)p->out.bytes, "\"source\":\"t.zip!/dns (2).etl\""));
}

// A link to a member is that member once more; what leads elsewhere is told where it is named as a trace.
static void links_in_archives(void **state)
{
    program *p = *state;
    outbuf bytes = {0};
    packing k = pack_begin(p, "t.tar", "ustar", NULL, NULL);
    file_bytes(0, &bytes);
    pack(&k, "a.etl", bytes.bytes, bytes.len);
    pack_link(&k, "b.etl", "a.etl", true);
    pack_link(&k, "c.bin", "b.etl", true);
    pack_end(&k);
    assert_int_equal(RUN(p, "info", "--json", "{}/t.tar"), 0);
    prints(p, "\"source\":\"t.tar!/b.etl\",\"status\":\"duplicate\",\"duplicate_of\":\"t.tar!/a.etl\",\"sha256\":\"8");
    prints(p, "\"source\":\"t.tar!/c.bin\",\"status\":\"duplicate\",\"duplicate_of\":\"t.tar!/a.etl\"");
    says(p, "3 given, 1 read, 2 copies, 0 not");
    assert_int_equal(RUN(p, "convert", "{}/t.tar", "-o", "{}/o.csv", "--provenance"), 0);
    assert_int_equal(RUN(p, "verify", "{}/o.csv.provenance.json"), 0);

    k = pack_begin(p, "u.tar", "ustar", NULL, NULL);
    pack(&k, "a.etl", bytes.bytes, bytes.len);
    pack_link(&k, "s.etl", "a.etl", false);
    pack_link(&k, "t.etl", "absent.etl", true);
    pack_link(&k, "u.txt", "a.etl", false);
    pack_end(&k);
    assert_int_equal(RUN(p, "info", "--json", "{}/u.tar"), 4);
    prints(p, "\"source\":\"u.tar!/s.etl\",\"status\":\"unreadable\"");
    prints(p, "\"source\":\"u.tar!/t.etl\",\"status\":\"unreadable\"");
    says(p, "3 given, 1 read, 2 not; 1 other file\n");
    outbuf_free(&bytes);
}

// One file by two names has one hash.
static void hash_of_a_hard_link(void **state)
{
    program *p = *state;
    char from[512], to[512];
    outbuf bytes = {0};
    file_bytes(0, &bytes);
    bytes_save(program_path(p, "a.etl", from), (const char *)bytes.bytes, bytes.len);
    assert_int_equal(link(from, program_path(p, "b.etl", to)), 0);
    assert_int_equal(RUN(p, "convert", "{}/a.etl", "{}/b.etl", "-o", "{}/o.csv", "--provenance"), 0);
    assert_int_equal(RUN(p, "verify", "{}/o.csv.provenance.json"), 0);
    prints(p, "  same       input   ");
    assert_null(strstr((const char *)p->out.bytes, "unchecked"));
    outbuf_free(&bytes);
}

static void archive_through_a_pipe(void **state)
{
    program *p = *state;
    char path[512];
    pack_tree(p, "t.zip", "zip", NULL);
    program_path(p, "t.zip", path);
    p->stdin_path = path;
    assert_int_equal(RUN(p, "convert", "-"), 4);
    assert_int_equal(program_lines(&p->out), RECORDS);
}

static void list_of_names(void **state)
{
    program *p = *state;
    char path[512], list[2048];
    snprintf(list, sizeof(list), "%s\n%s/tree/deep\n", DNS, p->folder);
    bytes_save(program_path(p, "list", path), list, strlen(list));
    assert_int_equal(RUN(p, "convert", "--files-from", "{}/list"), 4);
    assert_int_equal(program_lines(&p->out), RECORDS);
    p->stdin_path = path;
    assert_int_equal(RUN(p, "convert", "--files-from", "-"), 4);
    assert_int_equal(program_lines(&p->out), RECORDS);
    // With NUL, a line feed is part of a name.
    bytes_save(path, "samples/dns.etl\0no\nsuch", 23);
    assert_int_equal(RUN(p, "info", "--json", "--null", "--files-from", "{}/list"), 4);
    assert_int_equal(program_lines(&p->out), 2);
    assert_int_equal(RUN(p, "info", "--files-from", "{}/absent"), 1);
    says(p, "--files-from");
    // Lists of Windows, and one that names nothing.
    bytes_save(path, "samples/dns.etl\r\n\r\n", 19);
    assert_int_equal(RUN(p, "convert", "--files-from", "{}/list"), 0);
    assert_int_equal(program_lines(&p->out), 27);
    bytes_save(path, "\n\n", 2);
    assert_int_equal(RUN(p, "info", "--files-from", "{}/list"), 1);
    says(p, "names no trace");
}

// ---------------------------------------------------------------------------------------------- what is wrong

static void encrypted_members(void **state)
{
    program *p = *state;
    outbuf bytes = {0};
    bytes_load(DNS, &bytes);
    packing k = pack_begin(p, "locked.zip", "zip", NULL, "zip:encryption=traditional");
    pack(&k, "dns.etl", bytes.bytes, bytes.len);
    pack_end(&k);
    assert_int_equal(RUN(p, "info", "--json", "{}/locked.zip", PROCESSES), 4);
    assert_non_null(strstr((const char *)p->out.bytes, "\"status\":\"unreadable\""));
    assert_non_null(strstr((const char *)p->out.bytes, "\"reason\":\"encrypted\""));
    says(p, "2 given, 1 read, 1 not\n");
    outbuf_free(&bytes);
}

// The records before the break come out, the archive is named as broken.
static void broken_off(void **state)
{
    program *p = *state;
    char path[512];
    outbuf bytes = {0};
    u32 seed = 1;
    bytes_load(PROCESSES, &bytes);
    for (u32 i = 0; i < 1 << 20; i++) // noise the archive cannot make small, where the trace is over
        *outbuf_reserve(&bytes, 1) = (u8)((seed = seed * 1664525u + 1013904223u) >> 24), bytes.len++;
    packing k = pack_begin(p, "cut.tar.gz", "ustar", "gzip", NULL);
    pack(&k, "processes.etl", bytes.bytes, bytes.len);
    pack_end(&k);
    struct stat st;
    assert_int_equal(stat(program_path(p, "cut.tar.gz", path), &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    assert_int_equal(RUN(p, "convert", "{}/cut.tar.gz"), 4);
    assert_int_equal(program_lines(&p->out), 75);
    says(p, "breaks off");
    says(p, "2 given, 1 read, 1 not\n");
    outbuf_free(&bytes);
}

static void not_really_an_archive(void **state)
{
    program *p = *state;
    char path[512];
    bytes_save(program_path(p, "no.zip", path), "PK\x03\x04 and then nothing that makes sense", 39);
    assert_int_equal(RUN(p, "info", "--json", "{}/no.zip"), 1);
    assert_non_null(strstr((const char *)p->out.bytes, "\"reason\":\"broken\""));
    assert_int_equal(RUN(p, "info", "{}/no.zip", DNS), 4);
    // mtree, a list of files of this machine, which libarchive would read.
    static const char LIST[] = "#mtree\n./x.etl type=file size=72\n";
    packing k = pack_begin(p, "list.etl.gz", "raw", "gzip", NULL);
    pack(&k, "data", LIST, sizeof(LIST) - 1);
    pack_end(&k);
    assert_int_equal(RUN(p, "info", "--json", "{}/list.etl.gz"), 1);
    assert_non_null(strstr((const char *)p->out.bytes, "\"source\":\"list.etl.gz\",\"status\":\"not_a_trace\""));
}

static void nested_without_end(void **state)
{
    enum { LEVELS = 40 };
    program *p = *state;
    char path[512];
    outbuf inner = {0};
    bytes_load(DNS, &inner);
    for (u32 i = 0; i < LEVELS; i++) {
        packing k = pack_begin(p, "nested.zip", "zip", NULL, NULL);
        pack(&k, i ? "again.zip" : "dns.etl", inner.bytes, inner.len);
        if (i == LEVELS - 1)
            pack(&k, "good.bin", inner.bytes, 0);
        pack_end(&k);
        inner.len = 0;
        bytes_load(program_path(p, "nested.zip", path), &inner);
    }
    assert_int_equal(RUN(p, "info", "--json", "{}/nested.zip", DNS), 4);
    says(p, "nested more than");
    assert_non_null(strstr((const char *)p->out.bytes, "\"reason\":\"limit\""));
    outbuf_free(&inner);
}

static void bomb(void **state)
{
    program *p = *state;
    static u8 same[1 << 20];
    memset(same, 'x', sizeof(same));
    packing k = pack_begin(p, "bomb.etl.xz", "raw", "xz", NULL);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "data");
    archive_entry_set_filetype(entry, AE_IFREG);
    check(k.to, archive_write_header(k.to, entry));
    for (u32 i = 0; i < 600; i++)
        assert_int_equal(archive_write_data(k.to, same, sizeof(same)), sizeof(same));
    archive_entry_free(entry);
    pack_end(&k);
    assert_int_equal(RUN(p, "info", "--json", "{}/bomb.etl.xz", DNS), 4);
    says(p, "expands beyond all measure");
    assert_non_null(strstr((const char *)p->out.bytes, "\"reason\":\"limit\""));
}

static u32 crc32_of(const u8 *bytes, size_t len)
{
    u32 crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

// It says that it needs 1.5 GiB to be unpacked, where a process may have one.
static void asks_for_much_memory(void **state)
{
    enum { BLOCK = 12, LZMA2 = 0x21, SIZE_1_5_GIB = 37 }; // the first block's header; a filter, and its property
    program *p = *state;
    outbuf bytes = {0};
    char path[512];
    if (SANITIZED) {
        print_message("skipped: a sanitizer needs more memory than the limit\n");
        skip();
    }
    bytes_load(PROCESSES, &bytes);
    packing k = pack_begin(p, "much.etl.xz", "raw", "xz", NULL);
    pack(&k, "data", bytes.bytes, bytes.len);
    pack_end(&k);
    bytes.len = 0;
    bytes_load(program_path(p, "much.etl.xz", path), &bytes);
    u8 *header = bytes.bytes + BLOCK;
    size_t len = (header[0] + (size_t)1) * 4, at = 2;
    while (at < len && header[at] != LZMA2)
        at++;
    assert_true(at + 2 < len);
    header[at + 2] = SIZE_1_5_GIB;
    for (u32 i = 0, crc = crc32_of(header, len - 4); i < 4; i++)
        header[len - 4 + i] = (u8)(crc >> 8 * i);
    bytes_save(path, bytes.bytes, bytes.len);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)1 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    RUN(p, "info", "--json", "{}/much.etl.xz", DNS);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(p->code, 4);
    says(p, "takes more memory than there is");
    assert_non_null(strstr((const char *)p->out.bytes, "\"reason\":\"memory\""));
    outbuf_free(&bytes);
}

// An archive that only lies in a folder is looked into; other files there are not complained about.
static void archives_in_folders(void **state)
{
    program *p = *state;
    outbuf bytes = {0};
    bytes_load(DNS, &bytes);
    packing k = pack_begin(p, "tree/deep/more.zip", "zip", NULL, NULL);
    bytes.bytes[bytes.len - 1] ^= 1; // another trace
    pack(&k, "x/y.etl", bytes.bytes, bytes.len);
    pack_end(&k);
    assert_int_equal(RUN(p, "convert", "{}/tree"), 4);
    assert_int_equal(program_lines(&p->out), RECORDS + 27);
    says(p, "4 given, 3 read, 1 not; 1 other file\n");
    outbuf_free(&bytes);
}

static void nothing_inside(void **state)
{
    program *p = *state;
    packing k = pack_begin(p, "texts.zip", "zip", NULL, NULL);
    pack(&k, "a.txt", "text", 4);
    pack(&k, "b.txt", "text", 4);
    pack_end(&k);
    assert_int_equal(RUN(p, "info", "{}/texts.zip"), 1);
    says(p, "texts.zip: no trace in it, 2 other files\n");
    assert_int_equal(RUN(p, "info", "{}/texts.zip", DNS), 4);
    says(p, "2 given, 1 read, 1 not; 2 other files\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, program_teardown)

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8"); // for the names libarchive writes
    const struct CMUnitTest tests[] = {
        TEST(same_records_from_everywhere),
        TEST(one_compressed_file_keeps_its_name),
        TEST(names_of_members),
        TEST(members_of_one_name),
        TEST(archive_given_twice),
        TEST(links_in_archives),
        TEST(hash_of_a_hard_link),
        TEST(archive_through_a_pipe),
        TEST(list_of_names),
        TEST(encrypted_members),
        TEST(broken_off),
        TEST(not_really_an_archive),
        TEST(nested_without_end),
        TEST(bomb),
        TEST(asks_for_much_memory),
        TEST(nothing_inside),
        TEST(archives_in_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
