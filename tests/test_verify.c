// `etwkit verify`: what is as recorded passes, each thing that is not is named, and nothing is ever written. The
// readers that count records are tried on texts of their own.
#define _XOPEN_SOURCE 700 // realpath
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "etl_text.h"
#include "program.h"
#include "verify/verify.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

// Exit code, and what the line about something says: its words in this order.
static void finds(const program *p, int code, const char *state, const char *text)
{
    const char *out = (const char *)p->out.bytes, *err = (const char *)p->err.bytes;
    if (p->code != code || !strstr(out, state) || (!strstr(out, text) && !strstr(err, text)))
        fail_msg("ended with %d (expected %d), and said:\n%s%s(expected: %s … %s)", p->code, code, out, err, state,
                 text);
}

static void copy(program *p, const char *from, const char *name)
{
    outbuf bytes = {0};
    char path[512];
    bytes_load(from, &bytes);
    bytes_save(program_path(p, name, path), bytes.bytes, bytes.len);
    outbuf_free(&bytes);
}

// One byte more or less: at `at`, or at the end.
static void spoil(program *p, const char *name, long at)
{
    outbuf bytes = {0};
    char path[512];
    bytes_load(program_path(p, name, path), &bytes);
    if (at >= 0)
        bytes.bytes[at] ^= 1;
    else
        bytes.len--;
    bytes_save(path, bytes.bytes, bytes.len);
    outbuf_free(&bytes);
}

static void replace(program *p, const char *name, const char *old, const char *new)
{
    outbuf bytes = {0}, made = {0};
    char path[512];
    bytes_load(program_path(p, name, path), &bytes);
    const char *text = (const char *)bytes.bytes, *at = strstr(text, old);
    assert_non_null(at);
    outbuf_add(&made, text, (size_t)(at - text));
    outbuf_text(&made, new);
    outbuf_text(&made, at + strlen(old));
    bytes_save(path, made.bytes, made.len);
    outbuf_free(&bytes);
    outbuf_free(&made);
}

// A conversion of two traces with a schema file from a folder.
static void make(program *p, const char *out)
{
    char path[512], arg[64];
    copy(p, "samples/dns.etl", "dns.etl");
    copy(p, "samples/service.etl", "service.etl");
    mkdir(program_path(p, "schemas", path), 0700);
    copy(p, "samples/schemas/example-service.man", "schemas/s.man");
    snprintf(arg, sizeof(arg), "{}/%s", out);
    if (RUN(p, "convert", "{}/dns.etl", "{}/service.etl", "-o", arg, "--schemas", "{}/schemas", "--provenance",
            "--force") != 0)
        fail_msg("%s", (const char *)p->err.bytes);
}

static const char PROVENANCE[] = "{}/out.csv.provenance.json";

// ---------------------------------------------------------------------------------------------- as recorded

static void every_format(void **state)
{
    static const char *const OUTS[] = {"out.csv",     "out.json",   "out.jsonl",    "out.db",
                                       "out.csv.zst", "out.csv.gz", "out.jsonl.zst"};
    static const char *const FORMATS[] = {"timesketch", "l2tcsv", "text", "otel", "ecs", "parquet", "etl"};
    program *p = *state;
    char arg[96];
    for (size_t i = 0; i < COUNT_OF(OUTS); i++) {
        make(p, OUTS[i]);
        snprintf(arg, sizeof(arg), "{}/%s.provenance.json", OUTS[i]);
        RUN(p, "verify", arg);
        finds(p, 0, "same", "everything is as recorded");
        assert_null(strstr((const char *)p->out.bytes, "again"));
        assert_non_null(strstr((const char *)p->out.bytes, "schemas/s.man"));
        RUN(p, "verify", arg, "--again");
        finds(p, 0, "same       again", "everything is as recorded");
    }
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        assert_int_equal(RUN(p, "convert", "{}/dns.etl", "-f", FORMATS[i], "-o", "{}/out", "--provenance", "--force"),
                         0);
        RUN(p, "verify", "{}/out.provenance.json", "--again");
        finds(p, 0, "same       again", "everything is as recorded");
    }
    assert_int_equal(program_files(p, "part"), 0);
    assert_int_equal(RUN(p, "verify", "{}/out.db.provenance.json", "-q"), 0);
    assert_int_equal(p->out.len + p->err.len, 0);
}

static void old_name_and_json(void **state)
{
    program *p = *state;
    copy(p, "samples/dns.etl", "a.etl");
    assert_int_equal(RUN(p, "convert", "{}/a.etl", "-o", "{}/a.csv", "--manifest"), 0);
    assert_int_equal(RUN(p, "verify", "{}/a.csv.manifest.json", "--json", "--again"), 0);
    cJSON *root = cJSON_Parse((const char *)p->out.bytes);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(root, "result")), "same");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "checks")), 3);
    cJSON_Delete(root);
}

// What a compressed file holds counts, not how it is compressed.
static void compressed_inputs(void **state)
{
    static const char *const TOOLS[] = {"gzip", "xz", "bzip2"};
    program *p = *state;
    char script[600];
    for (size_t i = 0; i < COUNT_OF(TOOLS); i++) {
        snprintf(script, sizeof(script), "command -v %s >/dev/null", TOOLS[i]);
        if (system(script) != 0) {
            print_message("skipped: %s is not installed\n", TOOLS[i]);
            skip();
        }
        copy(p, "samples/dns.etl", "dns.etl");
        snprintf(script, sizeof(script), "cd '%s' && %s -1 -c dns.etl >packed.etl.x", p->folder, TOOLS[i]);
        assert_int_equal(system(script), 0);
        assert_int_equal(RUN(p, "convert", "{}/packed.etl.x", "-o", "{}/out.csv", "--provenance", "--force"), 0);
        RUN(p, "verify", PROVENANCE, "--again");
        finds(p, 0, "same       input", "everything is as recorded");
        snprintf(script, sizeof(script), "cd '%s' && %s -9 -c dns.etl >packed.etl.x", p->folder, TOOLS[i]);
        assert_int_equal(system(script), 0);
        RUN(p, "verify", PROVENANCE);
        finds(p, 0, "same       input", "everything is as recorded");
        spoil(p, "dns.etl", 20000);
        assert_int_equal(system(script), 0);
        RUN(p, "verify", PROVENANCE);
        finds(p, 1, "differs    input", "its SHA-256 is");
    }
}

// Everything in another folder, as a second examiner gets it.
static void moved(void **state)
{
    program *p = *state;
    char path[512], script[1300];
    make(p, "out.csv");
    mkdir(program_path(p, "case", path), 0700);
    snprintf(script, sizeof(script), "cd '%s' && mv dns.etl service.etl schemas/s.man out.csv out.csv.* case/",
             p->folder);
    assert_int_equal(system(script), 0);
    RUN(p, "verify", "{}/case/out.csv.provenance.json");
    finds(p, 0, "same", "everything is as recorded");
}

// From the folder the run was in, by names relative to it; verified from elsewhere.
static void relative_names(void **state)
{
    program *p = *state;
    char program_name[4096], script[9000];
    const char *named = getenv("ETWKIT");
    assert_non_null(realpath(named ? named : "build/etwkit", program_name));
    copy(p, "samples/dns.etl", "dns.etl");
    snprintf(
        script, sizeof(script),
        "cd '%s' && HOME=. '%s' convert dns.etl -q -o out.db --provenance && cd / && HOME=. '%s' verify -q --again "
        "'%s/out.db.provenance.json'",
        p->folder, program_name, program_name, p->folder);
    assert_int_equal(system(script), 0);
}

// The folder of the run under another name, and all it was given by relative names.
static void moved_run(void **state)
{
    program *p = *state;
    char program_name[4096], script[9000];
    const char *named = getenv("ETWKIT");
    assert_non_null(realpath(named ? named : "build/etwkit", program_name));
    copy(p, "samples/dns.etl", "dns.etl");
    copy(p, "samples/rules/dns-tunnel.yml", "rule.yml");
    snprintf(
        script, sizeof(script),
        "cd '%s' && mkdir a sym && mv dns.etl rule.yml sym a && cd a && echo dns.etl >list && export HOME=. E='%s' && "
        "\"$E\" convert --files-from list -q -o l.csv --provenance && "
        "\"$E\" convert dns.etl -q --rules rule.yml -o r.db --provenance --log json && "
        "\"$E\" convert dns.etl -q --symbols sym -f csv -o out/deep/ --provenance && cd / && mv '%s/a' '%s/b' && "
        "\"$E\" verify -q --again '%s'/b/*.provenance.json '%s'/b/out/deep/*.provenance.json",
        p->folder, program_name, p->folder, p->folder, p->folder, p->folder);
    assert_int_equal(system(script), 0);
}

static void names_of_any_bytes(void **state)
{
    program *p = *state;
    copy(p, "samples/dns.etl", "a\xff\xfe.etl");
    assert_int_equal(RUN(p, "convert", "{}/a\xff\xfe.etl", "-o", "{}/o\xff.csv", "--provenance"), 0);
    RUN(p, "verify", "{}/o\xff.csv.provenance.json", "--again", "--json");
    assert_int_equal(p->code, 0);
    cJSON *root = cJSON_Parse((const char *)p->out.bytes), *check;
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(root, "result")), "same");
    check = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "checks"), 0);
    const char *bytes = cJSON_GetStringValue(cJSON_GetObjectItem(check, "name_bytes"));
    assert_non_null(bytes);
    assert_string_equal(bytes + strlen(bytes) - 14, "61FFFE2E65746C");
    cJSON_Delete(root);
}

// ---------------------------------------------------------------------------------------------- not as recorded

static void output_differs(void **state)
{
    program *p = *state;
    make(p, "out.csv");
    spoil(p, "out.csv", 3000);
    RUN(p, "verify", PROVENANCE);
    finds(p, 1, "differs    output", "its SHA-256 is");
    make(p, "out.csv");
    spoil(p, "out.csv", -1);
    RUN(p, "verify", PROVENANCE);
    finds(p, 1, "differs    output", "bytes, ");
    make(p, "out.csv");
    char path[512];
    unlink(program_path(p, "out.csv", path));
    RUN(p, "verify", PROVENANCE);
    finds(p, 4, "unread     output", "No such file");
}

static void inputs_differ(void **state)
{
    program *p = *state;
    char path[512];
    make(p, "out.csv");
    spoil(p, "service.etl", 700);
    RUN(p, "verify", PROVENANCE);
    finds(p, 1, "differs    input", "its SHA-256 is");
    unlink(program_path(p, "service.etl", path));
    RUN(p, "verify", PROVENANCE);
    finds(p, 4, "unread     input", "No such file");
    make(p, "out.csv");
    spoil(p, "schemas/s.man", 100);
    RUN(p, "verify", PROVENANCE);
    finds(p, 1, "differs    schema", "its SHA-256 is");
    // What differs wins over what cannot be read.
    unlink(program_path(p, "dns.etl", path));
    RUN(p, "verify", PROVENANCE);
    finds(p, 1, "unread     input", "1 differ, 1 could not be read");
}

// Another number of records than the output has, told by the reader of each format.
static void records_differ(void **state)
{
    static const char *const OUTS[] = {"out.csv",     "out.json",   "out.jsonl",    "out.db",
                                       "out.csv.zst", "out.csv.gz", "out.jsonl.zst"};
    program *p = *state;
    char arg[96], name[64];
    for (size_t i = 0; i < COUNT_OF(OUTS); i++) {
        make(p, OUTS[i]);
        snprintf(name, sizeof(name), "%s.provenance.json", OUTS[i]);
        snprintf(arg, sizeof(arg), "{}/%s", name);
        replace(p, name, "\"records\":\t", "\"records\":\t1");
        RUN(p, "verify", arg);
        finds(p, 1, "differs    output", "were recorded");
    }
}

// Outputs that have something else than records, each told by a reader of its own; whatever becomes of them, it is
// told.
static void other_things_are_counted(void **state)
{
    static const char TEXT[] =
        "trace\nbuffer\n"
        "event provider={4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac} id=160 keyword=0x10 time=+1us payload u64:1 "
        "u16:1,2,3,1,5,6,1 u32:0,0 u16:14,14 hex:0a0b0c0d0e0f0102030405068899\n"
        "event provider={4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac} id=160 keyword=0x10 time=+2us payload u64:2 "
        "u16:1,2,3,1,5,6,1 u32:0,0 u16:14,14 hex:0a0b0c0d0e0f0102030405068899\n"
        "perfinfo hook=0x0f2e version=2 time=+3us payload ptr:0x1234 u32:8 u16:1 u8:0 u8:0\n"
        "perfinfo hook=0x0f2e version=2 time=+4us payload ptr:0x1234 u32:8 u16:1 u8:0 u8:0\n"
        "perfinfo hook=0x0f2e version=2 time=+5us payload ptr:0x1234 u32:8 u16:1 u8:0 u8:0\n"
        "perfinfo hook=0x0f22 version=0 time=+6us payload astr:\"here\"\n";
    static const struct {
        const char *format, *what, *count;
    } FORMATS[] = {{"pcapng", "packets", "2 packets"},
                   {"folded", "samples", "3 samples"},
                   {"speedscope", "samples", "3 samples"},
                   {"perfetto", "events", "4 events"}};
    program *p = *state;
    char path[512], member[32], more[64];
    error e = {0};
    outbuf made = {0};
    assert_true(etl_text_build(TEXT, strlen(TEXT), &made, &e));
    bytes_save(program_path(p, "in.etl", path), made.bytes, made.len);
    outbuf_free(&made);
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        outbuf whole = {0};
        assert_int_equal(
            RUN(p, "convert", "{}/in.etl", "-f", FORMATS[i].format, "-o", "{}/out", "--force", "--provenance"), 0);
        RUN(p, "verify", "{}/out.provenance.json");
        finds(p, 0, FORMATS[i].count, "everything is as recorded");
        bytes_load(program_path(p, "out", path), &whole);
        for (size_t len = 0; len < whole.len; len += 1 + len / 16) {
            bytes_save(path, whole.bytes, len);
            RUN(p, "verify", "{}/out.provenance.json");
            assert_int_equal(p->code, 1);
            bytes_save(path, whole.bytes, whole.len);
            spoil(p, "out", (long)len);
            RUN(p, "verify", "{}/out.provenance.json");
            assert_int_equal(p->code, 1);
        }
        bytes_save(path, whole.bytes, whole.len);
        outbuf_free(&whole);
        snprintf(member, sizeof(member), "\"%s\":\t", FORMATS[i].what);
        snprintf(more, sizeof(more), "%s1", member);
        replace(p, "out.provenance.json", member, more);
        RUN(p, "verify", "{}/out.provenance.json");
        finds(p, 1, "differs    output", "were recorded");
    }
}

static void not_repeated_the_same(void **state)
{
    program *p = *state;
    make(p, "out.csv");
    replace(p, "out.csv.provenance.json", "\"convert\", ", "\"convert\", \"--event-id\", \"3006\", ");
    RUN(p, "verify", PROVENANCE);
    assert_int_equal(p->code, 0);
    RUN(p, "verify", PROVENANCE, "--again");
    finds(p, 1, "differs    again", "which differ from byte");
    make(p, "out.csv");
    replace(p, "out.csv.provenance.json", "\"convert\", ", "\"frobnicate\", ");
    RUN(p, "verify", PROVENANCE, "--again");
    finds(p, 4, "unread     again", "not that of a conversion");
}

// What a provenance file claims is hostile: it makes nobody write, nor speak in another way.
static void nothing_is_written_again(void **state)
{
    program *p = *state;
    static const char *const CLAIMS[] = {"\"--by-class\", ", "\"--partition-by\", \"day\", "};
    for (size_t i = 0; i < COUNT_OF(CLAIMS); i++) {
        char given[200], claim[400];
        make(p, "out.csv");
        snprintf(given, sizeof(given), "\"-o\", \"%s/out.csv\"", p->folder);
        snprintf(claim, sizeof(claim), "%s\"--log\", \"json\", \"--force\", \"-f\", \"csv\", \"-o\", \"%s/evil/\"",
                 CLAIMS[i], p->folder);
        replace(p, "out.csv.provenance.json", given, claim);
        replace(p, "out.csv.provenance.json", ", \"--provenance\"", "");
        RUN(p, "verify", PROVENANCE, "--again", "--no-sandbox");
        finds(p, 4, "unread     again", "etwkit: a conversion into many files has no one output");
        assert_int_equal(program_files(p, "evil"), 0);
    }
    // Of formats whose records cannot be counted, too.
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "-o", "{}/out.etl", "--provenance"), 0);
    replace(p, "out.etl.provenance.json", "\"records\":\t", "\"records\":\t1");
    RUN(p, "verify", "{}/out.etl.provenance.json", "--again");
    finds(p, 1, "differs    again", "records, 1");
}

// The cache that was used must be there and hold the same; one that was not used takes no part.
static void cache_of_the_run(void **state)
{
    program *p = *state;
    char path[512];
    copy(p, "samples/service.etl", "s.etl");
    assert_int_equal(RUN(p, "schemas", "add", "samples/schemas", "--cache", "{}/c.db"), 0);
    assert_int_equal(RUN(p, "convert", "{}/s.etl", "-o", "{}/out.csv", "--provenance", "--cache", "{}/c.db"), 0);
    RUN(p, "verify", PROVENANCE, "--again");
    finds(p, 0, "same       again", "");
    assert_int_equal(RUN(p, "schemas", "add", "samples/dns.etl", "--cache", "{}/c.db"), 0);
    RUN(p, "verify", PROVENANCE, "--again");
    finds(p, 4, "unread     again", "other descriptions by now");
    unlink(program_path(p, "c.db", path));
    RUN(p, "verify", PROVENANCE, "--again");
    finds(p, 4, "unread     again", "c.db");
    assert_int_equal(RUN(p, "convert", "{}/s.etl", "-o", "{}/out.csv", "--provenance"), 0);
    assert_int_equal(RUN(p, "schemas", "add", "samples/schemas", "-q"), 0); // the user's own, since then
    RUN(p, "verify", PROVENANCE, "--again");
    finds(p, 0, "same       again", "");
}

static void unchecked(void **state)
{
    program *p = *state;
    copy(p, "samples/dns.etl", "dns.etl");
    assert_int_equal(RUN(p, "convert", "{}/dns.etl", "-o", "{}/out.csv", "--provenance", "--no-hash"), 0);
    RUN(p, "verify", PROVENANCE);
    finds(p, 3, "unchecked  input", "no SHA-256 was recorded");
    spoil(p, "dns.etl", -1); // its size is known
    RUN(p, "verify", PROVENANCE);
    finds(p, 1, "differs    input", "were recorded");
    p->stdin_path = "samples/dns.etl";
    assert_int_equal(RUN(p, "convert", "-", "-o", "{}/out.csv", "--provenance"), 0);
    RUN(p, "verify", PROVENANCE);
    finds(p, 3, "unchecked  input", "came through a pipe");
}

// ---------------------------------------------------------------------------------------------- provenance files

static void not_provenance(void **state)
{
    static const char *const TEXTS[] = {
        "", "{", "[]", "{\"program\": \"etwkit\"}", "null", "{\"program\": \"other\", \"output\": {}, \"inputs\": []}"};
    program *p = *state;
    char path[512];
    assert_int_equal(RUN(p, "verify"), 2);
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        bytes_save(program_path(p, "x.json", path), TEXTS[i], strlen(TEXTS[i]));
        RUN(p, "verify", "{}/x.json");
        finds(p, 1, "", "not a provenance file");
    }
    RUN(p, "verify", "{}/absent.json");
    finds(p, 1, "", "No such file");
    make(p, "out.csv");
    RUN(p, "verify", PROVENANCE, "{}/absent.json");
    finds(p, 4, "same", "No such file");
    // Members that are missing or of another kind leave things unchecked, nothing worse.
    const char *const ODD =
        "{\"program\": \"etwkit\", \"output\": {\"path\": 7, \"records\": -1}, \"inputs\": [1, null, "
        "{\"file\": []}, {\"file_bytes\": \"4g\"}], \"schemas\": 3, \"command_line\": [1]}";
    bytes_save(program_path(p, "x.json", path), ODD, strlen(ODD));
    RUN(p, "verify", "{}/x.json", "--again");
    finds(p, 3, "unchecked  input", "its name cannot be read");
}

// A command line in a provenance file is what somebody wrote there: nothing is written because of it.
static void nothing_is_written(void **state)
{
    program *p = *state;
    outbuf before = {0}, after = {0};
    char path[512], victim[600];
    make(p, "out.csv");
    bytes_load(program_path(p, "out.csv", path), &before);
    snprintf(victim, sizeof(victim), "\"convert\", \"-o\", \"%s/victim.csv\", ", p->folder);
    replace(p, "out.csv.provenance.json", "\"convert\", ", victim);
    u32 files = program_files(p, "");
    RUN(p, "verify", PROVENANCE, "--again");
    assert_int_equal(p->code, 0);
    assert_int_equal(program_files(p, ""), files);
    assert_int_equal(program_files(p, "victim"), 0);
    bytes_load(path, &after);
    assert_int_equal(before.len, after.len);
    outbuf_free(&before);
    outbuf_free(&after);
}

// ---------------------------------------------------------------------------------------------- counting

static void counts(program *p, const char *format, const char *text, i64 expected)
{
    char path[512];
    input *in;
    u64 records = 0;
    error e = {0};
    bytes_save(program_path(p, "text", path), text, strlen(text));
    assert_true(input_open(&in, path, &e));
    bool ok = verify_count(in, format, true, &records, &e);
    input_close(in);
    if (ok != (expected >= 0) || (ok && records != (u64)expected))
        fail_msg("%s: %.60s: %d, %llu records: %s", format, text, ok, (unsigned long long)records, e.message);
}

// A footer of 9 bytes: version 1, 3 rows, a row group of `rows` (zigzag); and what is not one.
static void rows_of_parquet_are_counted(void **state)
{
    program *p = *state;
    static const struct {
        const char *bytes;
        u32 len;
        i64 rows;
    } FILES[] = {
        {"PAR1\x15\x02\x26\x06\x19\x1c\x36\x06\0\0\x0a\0\0\0PAR1", 22, 3},
        {"PAR1\x15\x02\x26\x06\x19\x1c\x36\x04\0\0\x0a\0\0\0PAR1", 22, -1},   // two in the group
        {"PAR1\x15\x02\x26\x06\x19\x1c\x36\x06\0\0\x0b\0\0\0PAR1", 22, -1},   // longer than the file
        {"PAR1\x15\x02\x26\x06\x19\xfc\xff\xff\x7f\0\x0a\0\0\0PAR1", 22, -1}, // more than there are
        {"PAR1\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x14\0\0\0PAR1", 32,
         -1}, // deep
        {"PAR1PAR1", 8, -1},
    };
    for (size_t i = 0; i < COUNT_OF(FILES); i++) {
        char path[512];
        input *in;
        u64 records = 0;
        error e = {0};
        bytes_save(program_path(p, "x.parquet", path), FILES[i].bytes, FILES[i].len);
        assert_true(input_open(&in, path, &e));
        bool ok = verify_count(in, "parquet", true, &records, &e);
        input_close(in);
        if (ok != (FILES[i].rows >= 0) || (ok && records != (u64)FILES[i].rows))
            fail_msg("file %zu: %d, %llu rows: %s", i, ok, (unsigned long long)records, e.message);
    }
}

static void records_are_counted(void **state)
{
    program *p = *state;
    counts(p, "csv", "a,b\r\n", 0);
    counts(p, "csv", "a,b\r\n1,\"2\r\n3\"\"\r\n\"\r\n4,5\r\n", 2);
    counts(p, "csv", "a\r\n1", 1);
    counts(p, "csv", "", -1);
    counts(p, "csv", "a\r\n\"1", -1);
    counts(p, "csv", "a\r\n\"1\"x\r\n", -1);
    counts(p, "jsonl", "", 0);
    counts(p, "jsonl", "{\"a\":\"}\\\"{\"}\n{\"b\":{\"c\":[{}]}}\n", 2);
    counts(p, "jsonl", "{\"a\":1}\n{\"a\":1", -1);
    counts(p, "jsonl", "{\"a\":1}\n[]\n", -1);
    counts(p, "jsonl", "{\"a\":}\n", -1);
    counts(p, "jsonl", "{\"a\":1}}\n", -1);
    counts(p, "json", "[\n\n]\n", 0);
    counts(p, "json", "[\n{\"a\":1},\n{\"a\":\"]\"}\n]\n", 2);
    counts(p, "json", "[{\"a\":1} {\"a\":2}]", -1);
    counts(p, "json", "[{\"a\":1},]", -1);
    counts(p, "json", "[{\"a\":1}", -1);
    counts(p, "json", "[] {}", -1);
    counts(p, "json", "", -1);
    counts(p, "sqlite", "SQLite format 3, or so it says", -1);
    counts(p, "folded", "", 0);
    counts(p, "folded", "a b (1);c 12\nd 3\n", 15);
    counts(p, "folded", "a;b\n", -1);
    counts(p, "folded", "a;b \n", -1);
    counts(p, "folded", "a;b 1x\n", -1);
    counts(p, "folded", "a;b 1", -1);
    counts(p, "speedscope", "{\"profiles\":[{\"weights\":[1,20],\"x\":\"\\\"weights\"},{\"weights\": [ 3 ]}]}\n", 24);
    counts(p, "speedscope", "{\"profiles\":[]}", 0);
    counts(p, "speedscope", "{\"weights\":[1,", -1);
    counts(p, "speedscope", "{\"weights\":7}", -1);
    counts(p, "speedscope", "{\"weights\":[1]", -1);
    counts(p, "speedscope", "]", -1);
    counts(p, "speedscope", "", -1);
    counts(p, "pcapng", "", -1);
    counts(p, "pcapng", "no capture at all", -1);
    counts(p, "perfetto", "", 0);
    counts(p, "perfetto", "\x0a\x03\x92\x04\x01", -1);     // longer than it says
    counts(p, "perfetto", "\x0a\x04\x92\x04\x01x", 1);     // packet { perf_sample { } }
    counts(p, "perfetto", "\x0a\x04\x5a\x02\x48\x01", 1);  // packet { track_event { type: 1 } }
    counts(p, "perfetto", "\x0a\x04\x5a\x02\x48\x02", 0);  // its end
    counts(p, "perfetto", "\x0a\x04\x0a\x02\x12\x05", -1); // an event longer than its bundle
    counts(p, "perfetto", "\x0a\x7f\x0a", -1);             // a packet longer than the file
    counts(p, "perfetto", "\x0b", -1);                     // a group
}

// A database that counts for ever, given as an output.
static void endless_database(void **state)
{
    static const char ENDLESS[] = "CREATE TABLE records(x); CREATE VIEW events AS WITH RECURSIVE c(record) AS "
                                  "(SELECT 1 UNION ALL SELECT record + 1 FROM c) SELECT record FROM c";
    program *p = *state;
    char path[512];
    sqlite3 *db = NULL;
    input *in;
    u64 records;
    error e = {0};
    assert_int_equal(sqlite3_open(program_path(p, "x.db", path), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, ENDLESS, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_true(input_open(&in, path, &e));
    assert_false(verify_count(in, "sqlite", true, &records, &e));
    assert_non_null(strstr(e.message, "interrupted"));
    input_close(in);
}

// Records that lie across the pieces a file is read in, and one longer than several.
static void long_records(void **state)
{
    program *p = *state;
    outbuf text = {0};
    enum { LINES = 3000, LONG = 1 << 20 };
    for (u32 i = 0; i < LINES; i++) {
        outbuf_text(&text, "{\"t\":\"");
        for (u32 k = 0; k < i % 700; k++)
            outbuf_text(&text, k % 2 ? "{" : "\\\\");
        outbuf_text(&text, "\"}\n");
    }
    outbuf_text(&text, "{\"t\":\"");
    memset(outbuf_reserve(&text, LONG), 'x', LONG);
    text.len += LONG;
    outbuf_text(&text, "\"}\n");
    outbuf_add(&text, "", 1);
    counts(p, "jsonl", (const char *)text.bytes, LINES + 1);
    outbuf_free(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_format),
        TEST(old_name_and_json),
        TEST(compressed_inputs),
        TEST(moved),
        TEST(relative_names),
        TEST(moved_run),
        TEST(names_of_any_bytes),
        TEST(output_differs),
        TEST(inputs_differ),
        TEST(records_differ),
        TEST(other_things_are_counted),
        TEST(not_repeated_the_same),
        TEST(nothing_is_written_again),
        TEST(cache_of_the_run),
        TEST(unchecked),
        TEST(not_provenance),
        TEST(nothing_is_written),
        TEST(records_are_counted),
        TEST(rows_of_parquet_are_counted),
        TEST(long_records),
        TEST(endless_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
