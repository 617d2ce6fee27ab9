// One tree of evidence, and all that may lie in it: traces, archives of every kind, a registry with the DLL it names,
// damage, a lock, an empty file, copies, names of any bytes. From one command come exactly the records that were put
// in, and a row for every input; and the same from the tree as a folder, as archives and as an EnCase image.
//
// What must come out is counted where the traces are made: each event carries the number of its trace and its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <cjson/cJSON.h>
#include <locale.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "etl_text.h"
#include "hive_build.h"
#include "ntfs_build.h"
#include "program.h"
#include "wevt_blob.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

// ---------------------------------------------------------------------------------------------- what there is

enum { MOST_FILES = 64, MOST_ROWS = 80, MOST_TRACES = 64, BUFFER = 4096, PER_BUFFER = 20 };

typedef struct file {
    char name[128];
    outbuf bytes;
} file;

// What must be said of an input: how its name ends, and what became of it.
typedef struct row {
    char name[160];
    const char *status, *reason; // reason NULL: none
} row;

typedef struct tree {
    file files[MOST_FILES];
    u32 file_count;
    row rows[MOST_ROWS];
    u32 row_count;
    u32 traces;
    u32 events[MOST_TRACES]; // of each trace: how many of its own numbered events must come out
    bool lost[MOST_TRACES];  // its second buffer must not
} tree;

static void put(tree *t, const char *name, const void *bytes, size_t len)
{
    assert_true(t->file_count < MOST_FILES);
    file *f = &t->files[t->file_count++];
    snprintf(f->name, sizeof(f->name), "%s", name);
    outbuf_add(&f->bytes, bytes, len);
}

static void expect(tree *t, const char *name, const char *status, const char *reason)
{
    assert_true(t->row_count < MOST_ROWS);
    row *r = &t->rows[t->row_count++];
    snprintf(r->name, sizeof(r->name), "%s", name);
    r->status = status;
    r->reason = reason;
}

// ---------------------------------------------------------------------------------------------- traces

// Of three buffers behind the header's, PER_BUFFER numbered events in each, then one of a provider that only the DLL in
// the tree describes. No two traces have a time in common.
static outbuf make_trace(tree *t)
{
    outbuf words = {0}, made = {0};
    char line[400];
    error e = {0};
    u32 id = t->traces++;
    assert_true(id < MOST_TRACES);
    snprintf(line, sizeof(line), "trace session=s%u start=2024-05-01T10:%02u:00Z boot=2024-05-01T08:00:00Z\n", id, id);
    outbuf_text(&words, line);
    for (u32 i = 0; i < 3 * PER_BUFFER; i++) {
        if (i % PER_BUFFER == 0)
            outbuf_text(&words, "buffer\n");
        snprintf(line, sizeof(line),
                 "tracelogging provider={9d1c2b3a-4e5f-4061-8273-8495a6b7c8d9} traits=\"Tree\" name=Step "
                 "fields={ u32 Trace; u32 Number } payload u32:%u u32:%u\n",
                 id, i);
        outbuf_text(&words, line);
    }
    outbuf_text(&words, "event provider={6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394} id=8 level=4 opcode=1 task=4\n");
    if (!etl_text_build((const char *)words.bytes, words.len, &made, &e))
        fail_msg("%s", e.message);
    outbuf_free(&words);
    t->events[id] = 3 * PER_BUFFER;
    return made;
}

static void put_trace(tree *t, const char *name)
{
    outbuf trace = make_trace(t);
    put(t, name, trace.bytes, trace.len);
    expect(t, name, "ok", NULL);
    outbuf_free(&trace);
}

static void put_damaged(tree *t, const char *name)
{
    outbuf trace = make_trace(t);
    assert_true(trace.len >= 4 * BUFFER);
    memset(trace.bytes + 2 * BUFFER, 0xee, BUFFER);
    put(t, name, trace.bytes, trace.len);
    expect(t, name, "damaged", NULL);
    t->events[t->traces - 1] -= PER_BUFFER;
    t->lost[t->traces - 1] = true;
    outbuf_free(&trace);
}

// ---------------------------------------------------------------------------------------------- archives

static void check(struct archive *a, int code)
{
    if (code < ARCHIVE_WARN)
        fail_msg("libarchive: %s", archive_error_string(a));
}

static struct archive *pack_begin(const char *path, const char *format, const char *filter, const char *options)
{
    struct archive *a = archive_write_new();
    check(a, archive_write_set_format_by_name(a, format));
    if (filter)
        check(a, archive_write_add_filter_by_name(a, filter));
    if (options) {
        check(a, archive_write_set_options(a, options));
        check(a, archive_write_set_passphrase(a, "secret"));
    }
    check(a, archive_write_open_filename(a, path));
    return a;
}

static void pack(struct archive *a, const char *name, span bytes)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)bytes.len);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    check(a, archive_write_header(a, entry));
    if (bytes.len)
        assert_int_equal(archive_write_data(a, bytes.at, bytes.len), bytes.len);
    archive_entry_free(entry);
}

static void pack_end(struct archive *a)
{
    check(a, archive_write_close(a));
    archive_write_free(a);
}

static span span_of(const outbuf *b)
{
    return (span){b->bytes, b->len};
}

static outbuf packed(program *p, const char *format, const char *filter, const char *options, const char *member,
                     span bytes)
{
    char path[512];
    outbuf made = {0};
    struct archive *a = pack_begin(program_path(p, "packed", path), format, filter, options);
    pack(a, member, bytes);
    pack_end(a);
    bytes_load(path, &made);
    assert_int_equal(remove(path), 0);
    return made;
}

// A trace in an archive; in a compressed file, with format "raw".
static void put_packed(program *p, tree *t, const char *name, const char *format, const char *filter)
{
    char inside[160];
    outbuf trace = make_trace(t), made = packed(p, format, filter, NULL, "in/t.etl", span_of(&trace));
    put(t, name, made.bytes, made.len);
    snprintf(inside, sizeof(inside), "%s%s", name, strcmp(format, "raw") == 0 ? "" : "!/in/t.etl");
    expect(t, inside, "ok", NULL);
    outbuf_free(&trace);
    outbuf_free(&made);
}

// [MS-CAB]: one folder, stored, without checksums.
static void put_cabinet(tree *t, const char *name)
{
    static const char MEMBER[] = "in\\t.etl";
    enum { HEADER = 36, FOLDER = 8, FILE_ENTRY = 16, BLOCK = 8, FIRST = HEADER + FOLDER };
    outbuf trace = make_trace(t);
    u32 data = FIRST + FILE_ENTRY + sizeof(MEMBER), total = data + BLOCK + (u32)trace.len;
    char inside[160], words[900];
    assert_true(trace.len < 32768);
    snprintf(words, sizeof(words),
             "ascii:MSCF u32:0 u32:%u u32:0 u32:%u u32:0 u8:3 u8:1 u16:1 u16:1 u16:0 u16:7 u16:0 "
             "u32:%u u16:1 u16:0 u32:%zu u32:0 u16:0 u16:0x58a1 u16:0 u16:0x20 cstr:%s u32:0 u16:%zu u16:%zu",
             total, (u32)FIRST, data, trace.len, MEMBER, trace.len, trace.len);
    outbuf made = blob_from(words);
    assert_int_equal(made.len, data + BLOCK);
    outbuf_add(&made, trace.bytes, trace.len);
    put(t, name, made.bytes, made.len);
    snprintf(inside, sizeof(inside), "%s!/in/t.etl", name);
    expect(t, inside, "ok", NULL);
    outbuf_free(&trace);
    outbuf_free(&made);
}

static void put_nested(program *p, tree *t)
{
    outbuf trace = make_trace(t), inner = packed(p, "ustar", "gzip", NULL, "t.etl", span_of(&trace)),
           outer = packed(p, "zip", NULL, NULL, "deep/inner.tgz", span_of(&inner));
    put(t, "archives/outer.zip", outer.bytes, outer.len);
    expect(t, "archives/outer.zip!/deep/inner.tgz!/t.etl", "ok", NULL);
    outbuf_free(&trace);
    outbuf_free(&inner);
    outbuf_free(&outer);
}

static void put_locked(program *p, tree *t)
{
    outbuf trace = {0};
    bytes_load("samples/dns.etl", &trace);
    outbuf made = packed(p, "zip", NULL, "zip:encryption=traditional", "t.etl", span_of(&trace));
    put(t, "archives/locked.zip", made.bytes, made.len);
    expect(t, "archives/locked.zip!/t.etl", "unreadable", "encrypted");
    outbuf_free(&trace);
    outbuf_free(&made);
}

// A trace that is whole, and behind it the archive breaks off.
static void put_broken(program *p, tree *t)
{
    char path[512];
    outbuf trace = make_trace(t), noise = {0}, made = {0};
    u32 seed = 1;
    for (u32 i = 0; i < 300000; i++)
        *outbuf_reserve(&noise, 1) = (u8)((seed = seed * 1664525u + 1013904223u) >> 24), noise.len++;
    struct archive *a = pack_begin(program_path(p, "packed", path), "ustar", "gzip", NULL);
    pack(a, "t.etl", span_of(&trace));
    pack(a, "noise.bin", span_of(&noise));
    pack_end(a);
    bytes_load(path, &made);
    put(t, "archives/broken.tar.gz", made.bytes, made.len / 2);
    expect(t, "archives/broken.tar.gz!/t.etl", "ok", NULL);
    expect(t, "archives/broken.tar.gz", "unreadable", "broken");
    outbuf_free(&trace);
    outbuf_free(&noise);
    outbuf_free(&made);
}

// ---------------------------------------------------------------------------------------------- the tree

static const hive_value SOFTWARE[] = {
    {"Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers\\{6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394}", "",
     "The Corner Shop", 0},
    {"Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers\\{6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394}",
     "ResourceFileName", "%SystemRoot%\\System32\\Shop.DLL", 0},
};
static const hive_value SYSTEM[] = {
    {"Select", "Current", NULL, 1},
    {"ControlSet001\\Control\\ComputerName\\ComputerName", "ComputerName", "SHOP-1", 0},
};

static void put_hive(program *p, tree *t, const char *name, const hive_value *values, u32 count)
{
    char path[512];
    outbuf bytes = {0};
    hive_make(program_path(p, "hive", path), values, count);
    bytes_load(path, &bytes);
    put(t, name, bytes.bytes, bytes.len);
    assert_int_equal(remove(path), 0);
    outbuf_free(&bytes);
}

static void put_machine(program *p, tree *t)
{
    outbuf crim = blob_from(version_5()), dll = pe_around(blob_span(&crim), (span){0});
    put(t, "Windows/System32/shop.dll", dll.bytes, dll.len);
    put_hive(p, t, "Windows/System32/config/SOFTWARE", SOFTWARE, COUNT_OF(SOFTWARE));
    put_hive(p, t, "Windows/System32/config/SYSTEM", SYSTEM, COUNT_OF(SYSTEM));
    outbuf_free(&crim);
    outbuf_free(&dll);
}

// Which of two files with the same bytes is the copy depends on the order in which they are met.
static void put_copies(tree *t)
{
    put_trace(t, "copies/one.etl");
    file *first = &t->files[t->file_count - 1];
    t->rows[--t->row_count].status = "?";
    put(t, "copies/two.etl", first->bytes.bytes, first->bytes.len);
}

static void make_tree(program *p, tree *t)
{
    static const struct {
        const char *name, *format, *filter;
    } ARCHIVES[] = {
        {"archives/a.zip", "zip", NULL},         {"archives/a.7z", "7zip", NULL},
        {"archives/a.tar", "ustar", NULL},       {"archives/pax.tar", "pax", NULL},
        {"archives/gnu.tar", "gnutar", NULL},    {"archives/a.tar.gz", "ustar", "gzip"},
        {"archives/a.tar.xz", "ustar", "xz"},    {"archives/a.tar.zst", "ustar", "zstd"},
        {"archives/a.tar.bz2", "pax", "bzip2"},  {"archives/a.tar.lz4", "gnutar", "lz4"},
        {"archives/a.tar.Z", "pax", "compress"}, {"archives/a.tar.lz", "pax", "lzip"},
        {"archives/a.tar.lzma", "pax", "lzma"},  {"archives/a.cpio", "newc", NULL},
        {"archives/a.iso", "iso9660", NULL},     {"archives/a.xar", "xar", NULL},
        {"archives/no suffix", "zip", NULL},     {"lone/t.etl.gz", "raw", "gzip"},
        {"lone/t.etl.xz", "raw", "xz"},          {"lone/t.etl.zst", "raw", "zstd"},
        {"lone/t.etl.bz2", "raw", "bzip2"},      {"lone/t.etl.lz4", "raw", "lz4"},
        {"lone/t.etl.lzma", "raw", "lzma"},
    };
    put_machine(p, t);
    put_trace(t, "Logs/boot.etl");
    put_trace(t, "Logs/deep/er/named like none.bin");
    put_damaged(t, "Logs/damaged.etl");
    put_copies(t);
    put(t, "Logs/empty.etl", "", 0);
    expect(t, "Logs/empty.etl", "empty", "broken");
    put(t, "Logs/notes.etl", "no trace, although named so", 27);
    expect(t, "Logs/notes.etl", "not_a_trace", "broken");
    put(t, "readme.txt", "nothing of interest", 19);
    for (u32 i = 0; i < COUNT_OF(ARCHIVES); i++)
        put_packed(p, t, ARCHIVES[i].name, ARCHIVES[i].format, ARCHIVES[i].filter);
    put_cabinet(t, "archives/a.cab");
    put_nested(p, t);
    put_locked(p, t);
    put_broken(p, t);
    put_trace(t, "names/t\xc3\xa9l\xc3\xa9 \xe2\x82\xac.etl");
}

static void free_tree(tree *t)
{
    for (u32 i = 0; i < t->file_count; i++)
        outbuf_free(&t->files[i].bytes);
}

// ---------------------------------------------------------------------------------------------- where it lies

static void make_folder(program *p, const tree *t)
{
    char path[512], name[256];
    for (u32 i = 0; i < t->file_count; i++) {
        snprintf(name, sizeof(name), "tree/%s", t->files[i].name);
        program_path(p, name, path);
        for (char *slash = strchr(path + strlen(p->folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
            *slash = 0;
            (void)mkdir(path, 0700);
            *slash = '/';
        }
        bytes_save(path, t->files[i].bytes.bytes, t->files[i].bytes.len);
    }
}

static void make_archive(program *p, const tree *t, const char *name, const char *format)
{
    char path[512];
    struct archive *a = pack_begin(program_path(p, name, path), format, NULL, NULL);
    for (u32 i = 0; i < t->file_count; i++)
        pack(a, t->files[i].name, span_of(&t->files[i].bytes));
    pack_end(a);
}

static bool make_image(program *p, const tree *t)
{
    char path[512], command[900];
    if (!ntfs_can_build() || system("command -v ewfacquire >/dev/null") != 0)
        return false;
    ntfs_image *n = ntfs_begin(program_path(p, "disk.raw", path), 12);
    for (u32 i = 0; i < t->file_count; i++)
        ntfs_put(n, t->files[i].name, t->files[i].bytes.bytes, t->files[i].bytes.len);
    ntfs_end(n);
    snprintf(command, sizeof(command),
             "cd '%s' && ewfacquire -u -q -t tree -b 64 disk.raw >/dev/null 2>&1 && rm disk.raw", p->folder);
    assert_int_equal(system(command), 0);
    return true;
}

// ---------------------------------------------------------------------------------------------- what comes out

// The records without the names that depend on where the tree lies.
static void records_of(const program *p, outbuf *out)
{
    const char *line = (const char *)p->out.bytes, *end;
    out->len = 0;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const char *source = strstr(line, ",\"source\":\""), *after = source ? strchr(source + 11, '"') : NULL;
        assert_true(after && after < end);
        outbuf_add(out, line, (size_t)(source - line));
        outbuf_add(out, after + 1, (size_t)(end + 1 - after - 1));
    }
    outbuf_add(out, "", 1);
}

static u32 number_in(const cJSON *data, const char *name)
{
    const cJSON *number = cJSON_GetObjectItem(data, name);
    assert_true(cJSON_IsNumber(number));
    return (u32)number->valuedouble;
}

typedef struct seen {
    u8 numbers[MOST_TRACES][3 * PER_BUFFER];
    u32 headers, shop;
} seen;

static void see_record(seen *s, const tree *t, const cJSON *record)
{
    const char *provider = cJSON_GetStringValue(cJSON_GetObjectItem(record, "provider"));
    const cJSON *data = cJSON_GetObjectItem(record, "data");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(record, "state")), "decoded");
    if (strcmp(provider, "Tree") == 0) {
        u32 trace = number_in(data, "Trace"), number = number_in(data, "Number");
        assert_true(trace < t->traces && number < 3 * PER_BUFFER);
        s->numbers[trace][number]++;
    } else if (strcmp(provider, "The Corner Shop") == 0) {
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(record, "event_name")), "Stock/Start");
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(record, "host")), "SHOP-1");
        s->shop++;
    } else {
        assert_string_equal(provider, "MSNT_SystemTrace");
        s->headers++;
    }
}

// Every event that was put in, and none more.
static void has_all_records(program *p, const tree *t)
{
    static seen s;
    memset(&s, 0, sizeof(s));
    for (char *line = (char *)p->out.bytes, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        cJSON *record = cJSON_ParseWithLength(line, (size_t)(end - line));
        assert_non_null(record);
        see_record(&s, t, record);
        cJSON_Delete(record);
    }
    for (u32 i = 0; i < t->traces; i++)
        for (u32 n = 0; n < 3 * PER_BUFFER; n++)
            if (s.numbers[i][n] != !(t->lost[i] && n / PER_BUFFER == 1))
                fail_msg("event %u of trace %u came out %u times", n, i, s.numbers[i][n]);
    assert_int_equal(s.headers, t->traces);
    assert_int_equal(s.shop, t->traces);
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), want = strlen(end);
    return len > want && text[len - want - 1] == '/' && strcmp(text + len - want, end) == 0;
}

static const char *text_in(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

static void is_as_expected(const cJSON *line, const row *wanted)
{
    const char *reason = text_in(line, "reason"), *status = text_in(line, "status");
    if (strcmp(status, wanted->status) != 0 ||
        (reason ? !wanted->reason || strcmp(reason, wanted->reason) != 0 : wanted->reason != NULL))
        fail_msg("%s: %s (%s), not %s (%s)", wanted->name, status, reason ? reason : "", wanted->status,
                 wanted->reason ? wanted->reason : "");
}

// One line for each input in `text`, and for nothing else.
static void has_all_rows(const char *text, const tree *t)
{
    bool found[MOST_ROWS] = {false};
    u32 lines = 0, copies = 0, originals = 0;
    for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
        cJSON *object = cJSON_ParseWithLength(line, (size_t)(end - line));
        assert_non_null(object);
        const char *name = text_in(object, "file");
        bool known = false;
        for (u32 i = 0; i < t->row_count && !known; i++)
            if (!found[i] && ends_in(name, t->rows[i].name)) {
                is_as_expected(object, &t->rows[i]);
                found[i] = known = true;
            }
        if (!known && (ends_in(name, "copies/one.etl") || ends_in(name, "copies/two.etl"))) {
            copies += strcmp(text_in(object, "status"), "duplicate") == 0;
            originals += strcmp(text_in(object, "status"), "ok") == 0;
            known = true;
        }
        if (!known)
            fail_msg("a row for %s", name);
        cJSON_Delete(object);
    }
    for (u32 i = 0; i < t->row_count; i++)
        if (!found[i])
            fail_msg("no row for %s", t->rows[i].name);
    assert_int_equal(copies, 1);
    assert_int_equal(originals, 1);
    assert_int_equal(lines, t->row_count + 2);
}

static void check_run(program *p, int code)
{
    if (code != 4)
        fail_msg("exit %d, not 4:\n%s", code, (const char *)p->err.bytes);
}

static void gives_all(program *p, const tree *t, const char *given, outbuf *records)
{
    check_run(p, RUN(p, "convert", "--cache", "none", given));
    has_all_records(p, t);
    records_of(p, records);
    check_run(p, RUN(p, "info", "--json", "--cache", "none", given));
    has_all_rows((const char *)p->out.bytes, t);
}

// ---------------------------------------------------------------------------------------------- tests

static void needs_hivex(void)
{
    if (!hive_can_build()) {
        print_message("skipped: libhivex is not installed\n");
        skip();
    }
}

static void the_same_from_everywhere(void **state)
{
    static const struct {
        const char *name, *format;
    } ARCHIVES[] = {{"tree.zip", "zip"}, {"tree.7z", "7zip"}, {"tree.tar", "pax"}};
    static tree t;
    program *p = *state;
    outbuf wanted = {0}, found = {0};
    needs_hivex();
    make_tree(p, &t);
    make_folder(p, &t);
    gives_all(p, &t, "{}/tree", &wanted);
    for (u32 i = 0; i < COUNT_OF(ARCHIVES); i++) {
        char given[32];
        make_archive(p, &t, ARCHIVES[i].name, ARCHIVES[i].format);
        snprintf(given, sizeof(given), "{}/%s", ARCHIVES[i].name);
        gives_all(p, &t, given, &found);
        assert_string_equal((const char *)found.bytes, (const char *)wanted.bytes);
    }
    if (make_image(p, &t)) {
        gives_all(p, &t, "{}/tree.E01", &found);
        assert_string_equal((const char *)found.bytes, (const char *)wanted.bytes);
    } else {
        print_message("skipped in part: mkntfs, libntfs-3g or ewfacquire is not installed\n");
    }
    outbuf_free(&wanted);
    outbuf_free(&found);
    free_tree(&t);
}

static u32 count_rows(program *p, const char *database)
{
    char path[512];
    sqlite3 *db;
    sqlite3_stmt *counting;
    assert_int_equal(sqlite3_open_v2(program_path(p, database, path), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM inputs", -1, &counting, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(counting), SQLITE_ROW);
    u32 count = (u32)sqlite3_column_int(counting, 0);
    sqlite3_finalize(counting);
    sqlite3_close(db);
    return count;
}

static cJSON *load_json(program *p, const char *name)
{
    char path[512];
    outbuf text = {0};
    bytes_load(program_path(p, name, path), &text);
    cJSON *root = cJSON_ParseWithLength((const char *)text.bytes, text.len);
    assert_non_null(root);
    outbuf_free(&text);
    return root;
}

// Wherever inputs are listed.
static void a_row_for_each_everywhere(void **state)
{
    static tree t;
    program *p = *state;
    char path[512];
    outbuf summary = {0};
    needs_hivex();
    make_tree(p, &t);
    make_folder(p, &t);
    check_run(
        p, RUN(p, "convert", "--cache", "none", "{}/tree", "-o", "{}/o.db", "--provenance", "--summary", "{}/s.jsonl"));
    bytes_load(program_path(p, "s.jsonl", path), &summary);
    outbuf_add(&summary, "", 1);
    has_all_rows((const char *)summary.bytes, &t);
    assert_int_equal(count_rows(p, "o.db"), t.row_count + 2);
    cJSON *provenance = load_json(p, "o.db.provenance.json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(provenance, "inputs")), t.row_count + 2);
    check_run(p, RUN(p, "report", "--json", "--cache", "none", "{}/tree", "-o", "{}/r.json"));
    // What was read is found again, in archives and compressed files too; what is locked still is.
    assert_int_equal(RUN(p, "verify", "{}/o.db.provenance.json"), 4);
    const char *out = (const char *)p->out.bytes, *unread = strstr(out, "unread ");
    assert_null(strstr(out, "differs"));
    assert_non_null(unread);
    assert_non_null(strstr(unread, "/archives/locked.zip!/t.etl: "));
    unread = strstr(unread + 1, "unread ");
    if (unread)
        fail_msg("%.300s", unread);
    cJSON_Delete(provenance);
    outbuf_free(&summary);
    free_tree(&t);
}

// Names that are no text come out as they are, beside a text that can be read.
static void names_of_any_bytes(void **state)
{
    program *p = *state;
    tree t = {0};
    needs_hivex();
    put_machine(p, &t);
    put_trace(&t, "names/\xff\xfe odd.etl");
    make_folder(p, &t);
    setlocale(LC_ALL, "C"); // else libarchive says that they are UTF-8
    make_archive(p, &t, "t.zip", "zip");
    make_archive(p, &t, "t.tar", "ustar");
    setlocale(LC_ALL, "C.UTF-8");
    static const char *const GIVEN[] = {"{}/tree", "{}/t.zip", "{}/t.tar"};
    for (u32 i = 0; i < COUNT_OF(GIVEN); i++) {
        assert_int_equal(RUN(p, "convert", "--cache", "none", GIVEN[i]), 0);
        has_all_records(p, &t);
        assert_int_equal(RUN(p, "info", "--json", "--cache", "none", GIVEN[i]), 0);
        assert_int_equal(program_lines(&p->out), 1);
        cJSON *line = cJSON_Parse((const char *)p->out.bytes);
        const char *bytes = text_in(line, "file_bytes");
        if (!bytes)
            fail_msg("%s: no bytes of the name: %s", GIVEN[i], (const char *)p->out.bytes);
        assert_non_null(strstr(bytes, "FFFE206F64642E65746C"));
        cJSON_Delete(line);
    }
    free_tree(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8"); // for the names libarchive writes
    setenv("LSAN_OPTIONS", "suppressions=tests/leaks.supp:print_suppressions=0", 0);
    const struct CMUnitTest tests[] = {
        TEST(the_same_from_everywhere),
        TEST(a_row_for_each_everywhere),
        TEST(names_of_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
