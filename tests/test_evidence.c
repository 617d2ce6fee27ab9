// What a run reads keeps every byte, whatever the command line calls its outputs; what others own is not replaced
// without --force; outputs that belong together appear together.
#define _XOPEN_SOURCE 700 // realpath
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outfile.h"
#include "program.h"

static const char DNS[] = "samples/dns.etl";

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static void says(const program *p, int code, const char *text)
{
    if (p->code != code || !strstr((const char *)p->err.bytes, text))
        fail_msg("ended with %d (expected %d) and said: %s (expected: %s)", p->code, code, (const char *)p->err.bytes,
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

static void text_file(program *p, const char *name, const char *text)
{
    char path[512];
    bytes_save(program_path(p, name, path), text, strlen(text));
}

static void folder(program *p, const char *name)
{
    char path[512];
    assert_int_equal(mkdir(program_path(p, name, path), 0700), 0);
}

static void link_to(program *p, const char *old, const char *name)
{
    char from[512], to[512];
    assert_int_equal(link(program_path(p, old, from), program_path(p, name, to)), 0);
}

static void symlink_to(program *p, const char *old, const char *name)
{
    char from[512], to[512];
    assert_int_equal(symlink(program_path(p, old, from), program_path(p, name, to)), 0);
}

static mode_t mode_of(program *p, const char *name)
{
    char path[512];
    struct stat st;
    assert_int_equal(stat(program_path(p, name, path), &st), 0);
    return st.st_mode & 07777;
}

// ---------------------------------------------------------------------------------------------- the evidence

// A file that must stay as it is: its bytes, and the very file under its name.
typedef struct witness {
    const char *name;
    outbuf bytes;
    struct stat st;
} witness;

static witness watch(program *p, const char *name)
{
    witness w = {.name = name};
    char path[512];
    bytes_load(program_path(p, name, path), &w.bytes);
    assert_int_equal(stat(path, &w.st), 0);
    return w;
}

static void unchanged(program *p, witness *w)
{
    outbuf now = {0};
    char path[512];
    struct stat st;
    assert_int_equal(stat(program_path(p, w->name, path), &st), 0);
    bytes_load(path, &now);
    if (st.st_ino != w->st.st_ino || now.len != w->bytes.len || memcmp(now.bytes, w->bytes.bytes, now.len) != 0)
        fail_msg("%s is not what it was", w->name);
    assert_true(st.st_mtim.tv_sec == w->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == w->st.st_mtim.tv_nsec);
    outbuf_free(&now);
    outbuf_free(&w->bytes);
}

enum { WITNESSES = 9 };

// Traces, schema files in a folder and alone, a cache (also as the user's default), each also by a link and a hard
// link.
static u32 make_world(program *p, witness w[WITNESSES])
{
    copy(p, DNS, "a.etl");
    copy(p, "samples/processes.etl", "image");
    copy(p, "samples/schemas/example-service.man", "ev.man");
    folder(p, "schemas");
    folder(p, "schemas/deep");
    copy(p, "samples/schemas/example-service.man", "schemas/deep/b.man");
    copy(p, DNS, "prov.csv.provenance.json");
    copy(p, DNS, "old.csv.manifest.json");
    assert_int_equal(RUN(p, "schemas", "add", "samples/schemas", "--cache", "{}/cache.db", "-q"), 0);
    folder(p, "etwkit");
    assert_int_equal(RUN(p, "schemas", "add", "samples/schemas", "-q"), 0);
    symlink_to(p, "a.etl", "soft.csv.provenance.json");
    link_to(p, "a.etl", "hard.csv.provenance.json");
    link_to(p, "schemas/deep/b.man", "hard.man");
    symlink_to(p, "cache.db", "soft.db");
    folder(p, "found");
    symlink_to(p, "image", "found/session-1.etl");
    folder(p, "hard");
    link_to(p, "image", "hard/carve.json");
    program_shell(p, "mkdir -p drive/Windows/System32/config && cp a.etl drive && "
                     "echo 'no hive' >drive/Windows/System32/config/SYSTEM");
    static const char *const NAMES[] = {"a.etl",
                                        "image",
                                        "ev.man",
                                        "schemas/deep/b.man",
                                        "prov.csv.provenance.json",
                                        "cache.db",
                                        "old.csv.manifest.json",
                                        "etwkit/schemas.db",
                                        "drive/Windows/System32/config/SYSTEM"};
    for (u32 i = 0; i < COUNT_OF(NAMES); i++)
        w[i] = watch(p, NAMES[i]);
    return COUNT_OF(NAMES);
}

static const char *const ATTEMPTS[][14] = {
    {"convert", "{}/a.etl", "-f", "csv", "-o", "{}/a.etl"},
    {"report", "{}/a.etl", "-o", "{}/a.etl"},
    {"report", "{}/a.etl", "{}/image", "-o", "{}/image"},
    {"convert", "{}/prov.csv.provenance.json", "-o", "{}/prov.csv", "--provenance"},
    {"convert", "{}/old.csv.manifest.json", "-o", "{}/old.csv", "--manifest"},
    {"convert", "{}/a.etl", "-o", "{}/soft.csv", "--provenance"},
    {"convert", "{}/a.etl", "-o", "{}/hard.csv", "--provenance"},
    {"convert", "{}/a.etl", "--schemas", "{}/ev.man", "-f", "csv", "-o", "{}/ev.man"},
    {"report", "{}/a.etl", "--schemas", "{}/ev.man", "-o", "{}/ev.man"},
    {"convert", "{}/a.etl", "--schemas", "{}/schemas", "-f", "csv", "-o", "{}/schemas/deep/b.man"},
    {"report", "{}/a.etl", "--schemas", "{}/schemas", "-o", "{}/hard.man"},
    {"convert", "{}/a.etl", "--cache", "{}/cache.db", "-f", "csv", "-o", "{}/cache.db"},
    {"convert", "{}/a.etl", "--cache", "{}/cache.db", "-o", "{}/soft.db"},
    {"report", "{}/a.etl", "-o", "{}/etwkit/schemas.db"},
    {"convert", "{}/drive", "-f", "csv", "-o", "{}/drive/Windows/System32/config/SYSTEM"},
    {"carve", "{}/image", "-o", "{}/found"},
    {"carve", "{}/image", "-o", "{}/hard"},
    {"schemas", "export", "Example-Backup", "--cache", "{}/cache.db", "-o", "{}/soft.db"},
    {"schemas", "add", "{}/ev.man", "--cache", "{}/ev.man"},
};

// Each with and without --force: nothing makes evidence replaceable.
static void nothing_read_is_written(void **state)
{
    program *p = *state;
    witness w[WITNESSES];
    u32 count = make_world(p, w);
    u32 files = program_files(p, "");
    for (size_t i = 0; i < COUNT_OF(ATTEMPTS) * 2; i++) {
        const char *args[15] = {0};
        u32 n = 0;
        for (; ATTEMPTS[i / 2][n]; n++)
            args[n] = ATTEMPTS[i / 2][n];
        if (i % 2 && strcmp(args[1], "add") != 0)
            args[n++] = "--force";
        program_run(p, args);
        if (p->code == 0 || p->code == 3)
            fail_msg("attempt %zu ended with %d", i / 2, p->code);
        if (i % 2 && strcmp(args[1], "add") != 0)
            says(p, 2, "evidence is never written to");
        assert_int_equal(program_files(p, ""), files);
        assert_int_equal(program_files(p, "part"), 0);
    }
    for (u32 i = 0; i < count; i++)
        unchanged(p, &w[i]);
}

// Provenance of more inputs than fit into what the C library buffers; of `image` it is another one.
static void make_long_verification(program *p)
{
    outbuf names = {0};
    char path[512];
    for (u32 i = 0; i < 60; i++)
        outbuf_text(&names, "one-of-many-inputs-that-are-not-there-any-more.etl\n");
    outbuf_text(&names, DNS);
    bytes_save(program_path(p, "many", path), names.bytes, names.len);
    outbuf_free(&names);
    assert_int_equal(RUN(p, "convert", "--files-from", "{}/many", "-o", "{}/o.csv", "--provenance"), 4);
    assert_int_equal(RUN(p, "convert", "{}/image", "-o", "{}/i.csv", "--provenance"), 0);
}

// Standard output and error are outputs like others.
static void streams_are_outputs(void **state)
{
    static const char *const SCRIPTS[] = {
        "\"$E\" convert a.etl >>a.etl 2>err",
        "\"$E\" info a.etl >>a.etl 2>err",
        "\"$E\" info image a.etl --json 1<>a.etl 2>err",
        "\"$E\" report a.etl -o - >>hard.link 2>err",
        "\"$E\" convert a.etl -o out.csv 2>>a.etl",
        "\"$E\" convert - <a.etl >>a.etl 2>err",
        "\"$E\" convert - <a.etl --force -f csv -o hard.link 2>err",
        "\"$E\" convert a.etl -o out.csv --schemas schemas >>schemas/b.man",
        "\"$E\" schemas add a.etl --cache c.db >>a.etl",
        "\"$E\" carve a.etl -o carved 2>>a.etl",
        // Something is said before the file is found to be read, or nothing is read at all.
        "\"$E\" info none.etl a.etl 2>>a.etl",
        "\"$E\" info --files-from list 2>>a.etl",
        "\"$E\" detect --rules rules a.etl 2>>rules/z.yml",
        "\"$E\" info --frob a.etl 2>>a.etl",
        "\"$E\" detect --rules=schemas/b.man 2>>schemas/b.man",
        "\"$E\" verify o.csv.provenance.json i.csv.provenance.json >>image",
    };
    program *p = *state;
    char program_name[4096];
    const char *named = getenv("ETWKIT");
    assert_non_null(realpath(named ? named : "build/etwkit", program_name));
    copy(p, DNS, "a.etl");
    copy(p, "samples/processes.etl", "image");
    folder(p, "schemas");
    copy(p, "samples/schemas/example-service.man", "schemas/b.man");
    link_to(p, "a.etl", "hard.link");
    text_file(p, "list", "none.etl\na.etl\n");
    folder(p, "rules");
    text_file(p, "rules/a.yml", "no rule");
    text_file(p, "rules/z.yml", "no rule");
    make_long_verification(p);
    for (size_t i = 0; i < COUNT_OF(SCRIPTS); i++) {
        witness a = watch(p, "a.etl"), b = watch(p, "schemas/b.man"), z = watch(p, "rules/z.yml"),
                image = watch(p, "image");
        char script[5200];
        snprintf(script, sizeof(script), "cd '%s' && export HOME=. E='%s' && %s", p->folder, program_name, SCRIPTS[i]);
        int status = system(script);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
            fail_msg("%s: ended with status %x", SCRIPTS[i], (unsigned)status);
        unchanged(p, &a);
        unchanged(p, &b);
        unchanged(p, &z);
        unchanged(p, &image);
    }
    assert_int_equal(program_files(p, "out"), 0);
    assert_int_equal(program_files(p, "carved"), 0);
    assert_int_equal(program_files(p, "part"), 0);
}

// Where standard streams are closed, no file takes their place.
static void closed_streams(void **state)
{
    static const char *const CLOSED[] = {">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"};
    program *p = *state;
    char program_name[4096], script[5200];
    const char *named = getenv("ETWKIT");
    assert_non_null(realpath(named ? named : "build/etwkit", program_name));
    copy(p, DNS, "a.etl");
    assert_int_equal(RUN(p, "convert", "{}/none.etl", "{}/a.etl", "-o", "{}/usual.csv"), 4);
    for (size_t i = 0; i < COUNT_OF(CLOSED); i++) {
        snprintf(script, sizeof(script),
                 "cd '%s' && '%s' convert none.etl a.etl -o out.csv --provenance 2>err %s; test $? = 4 && "
                 "cmp out.csv usual.csv && rm out.csv out.csv.provenance.json",
                 p->folder, program_name, CLOSED[i]);
        if (system(script) != 0)
            fail_msg("%s", CLOSED[i]);
    }
    snprintf(script, sizeof(script), "cd '%s' && '%s' info a.etl >&- 2>err", p->folder, program_name);
    assert_int_equal(WEXITSTATUS(system(script)), 1);
    assert_int_equal(program_files(p, "out"), 0);
}

// The name an unfinished output used to have, as a link to something else.
static void nothing_follows_links(void **state)
{
    program *p = *state;
    char program_name[4096], script[5200];
    const char *named = getenv("ETWKIT");
    assert_non_null(realpath(named ? named : "build/etwkit", program_name));
    copy(p, DNS, "a.etl");
    copy(p, "samples/processes.etl", "other.etl");
    witness a = watch(p, "a.etl"), other = watch(p, "other.etl");
    static const char *const LINKS[] = {"ln -s other.etl out.csv.part-$$", "ln other.etl out.csv.part-$$",
                                        "ln -s a.etl out.csv.part-$$"};
    for (size_t i = 0; i < COUNT_OF(LINKS); i++) {
        snprintf(script, sizeof(script),
                 "cd '%s' && rm -f out.csv* && sh -c '%s; exec \"%s\" convert a.etl -o out.csv -q'", p->folder,
                 LINKS[i], program_name);
        assert_int_equal(system(script), 0);
        char path[512];
        struct stat st;
        assert_int_equal(lstat(program_path(p, "out.csv", path), &st), 0);
        assert_true(S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size > 1000);
    }
    unchanged(p, &a);
    unchanged(p, &other);
}

// Names in a folder that are the program's own lead nowhere else, forced or not.
static void names_made_up_follow_no_links(void **state)
{
    static const char *const COMMANDS[][9] = {
        {"carve", "{}/a.etl", "-o", "{}/made"},
        {"convert", "{}/a.etl", "-f", "csv", "-o", "{}/made/"},
        {"convert", "{}/a.etl", "-f", "csv", "-o", "{}/made/", "--by-class"},
    };
    static const char *const NAMES[] = {"made/session-1.etl", "made/carve.json", "made/a.etl.csv",
                                        "made/Microsoft-Windows-DNS-Client/3008.csv"};
    program *p = *state;
    copy(p, DNS, "a.etl");
    assert_int_equal(RUN(p, "convert", "samples/processes.etl", "-o", "{}/other.csv", "-q"), 0);
    folder(p, "made");
    folder(p, "made/Microsoft-Windows-DNS-Client");
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        symlink_to(p, "other.csv", NAMES[i]);
    witness other = watch(p, "other.csv");
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++) {
        const char *args[10] = {0};
        u32 n = 0;
        for (; COMMANDS[i][n]; n++)
            args[n] = COMMANDS[i][n];
        assert_int_not_equal(program_run(p, args), 0);
        args[n] = "--force";
        assert_int_equal(program_run(p, args), 0);
    }
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        char path[512];
        struct stat st;
        assert_int_equal(lstat(program_path(p, NAMES[i], path), &st), 0);
        assert_true(S_ISREG(st.st_mode));
    }
    unchanged(p, &other);
}

// ---------------------------------------------------------------------------------------------- what others own

static const char *const FORMATS[] = {"csv",  "json", "jsonl",   "sqlite", "timesketch", "l2tcsv",  "text",
                                      "otel", "ecs",  "parquet", "pcapng", "speedscope", "perfetto"};

static void foreign_files_stay(void **state)
{
    program *p = *state;
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        text_file(p, "out", "somebody's work\n");
        witness w = watch(p, "out");
        RUN(p, "convert", DNS, "-f", FORMATS[i], "-o", "{}/out");
        says(p, 2, "--force replaces it");
        unchanged(p, &w);
        assert_int_equal(RUN(p, "convert", DNS, "-f", FORMATS[i], "-o", "{}/out", "--force"), 0);
        // Its own output it replaces, that of another format it does not.
        assert_int_equal(RUN(p, "convert", DNS, "-f", FORMATS[i], "-o", "{}/out"), 0);
        w = watch(p, "out");
        RUN(p, "convert", DNS, "-f", FORMATS[(i + 1) % COUNT_OF(FORMATS)], "-o", "{}/out");
        says(p, 2, "--force replaces it");
        RUN(p, "report", DNS, "-o", "{}/out");
        says(p, 2, "does not begin as a report of this program does");
        unchanged(p, &w);
    }
    // Files of others that begin as these do.
    static const char *const ALIKE[][3] = {
        {"x.parquet", "PAR1 and what others wrote PAR1"}, {"x.csv", "record,timestamp\n"}, {"x.json", "[\n"}};
    for (size_t i = 0; i < COUNT_OF(ALIKE); i++) {
        char out[32];
        text_file(p, ALIKE[i][0], ALIKE[i][1]);
        snprintf(out, sizeof(out), "{}/%s", ALIKE[i][0]);
        RUN(p, "convert", DNS, "-o", out);
        says(p, 2, "--force replaces it");
    }
    text_file(p, "empty.csv", "");
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/empty.csv"), 0);
}

// Folders that are read hold outputs of earlier runs: those were looked at, not read.
static void outputs_in_folders_that_are_read(void **state)
{
    program *p = *state;
    folder(p, "f");
    copy(p, "samples/schemas/example-service.man", "f/s.man");
    for (u32 i = 0; i < 2; i++) {
        assert_int_equal(RUN(p, "convert", DNS, "--schemas", "{}/f", "-o", "{}/f/out.csv", "--provenance"), 0);
        assert_int_equal(RUN(p, "report", DNS, "--schemas", "{}/f", "-o", "{}/f/out.html"), 0);
        assert_int_equal(RUN(p, "schemas", "add", "{}/f", "--cache", "{}/f/c.db"), 0);
        copy(p, "samples/schemas/6e0f4a1c-2b3d-4e5f-8a9b-0c1d2e3f4a5b.tmf",
             "f/6e0f4a1c-2b3d-4e5f-8a9b-0c1d2e3f4a5b.tmf");
    }
}

static void foreign_reports_and_others(void **state)
{
    program *p = *state;
    static const char *const COMMANDS[][8] = {
        {"report", DNS, "-o", "{}/out"},
        {"schemas", "export", "Example-Backup", "--cache", "{}/c.db", "-o", "{}/out"},
    };
    assert_int_equal(RUN(p, "schemas", "add", "samples/schemas", "--cache", "{}/c.db", "-q"), 0);
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++) {
        const char *args[10] = {0};
        memcpy(args, COMMANDS[i], sizeof(COMMANDS[i]));
        u32 n = 0;
        while (args[n])
            n++;
        text_file(p, "out", "<!DOCTYPE html>\n<html><title>somebody's page</title>");
        witness w = watch(p, "out");
        program_run(p, args);
        says(p, 2, "--force replaces it");
        unchanged(p, &w);
        args[n] = "--force";
        assert_int_equal(program_run(p, args), 0);
        args[n] = NULL;
        assert_int_equal(program_run(p, args), 0);
    }
    text_file(p, "x.csv.provenance.json", "{\"name\": 1}");
    witness w = watch(p, "x.csv.provenance.json");
    RUN(p, "convert", DNS, "-o", "{}/x.csv", "--provenance");
    says(p, 2, "a provenance file of this program");
    unchanged(p, &w);
    assert_int_equal(program_files(p, "x.csv"), 1);
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/x.csv", "--provenance", "--force"), 0);
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/x.csv", "--provenance"), 0);
}

static void carve_wants_a_folder_of_its_own(void **state)
{
    program *p = *state;
    folder(p, "found");
    assert_int_equal(RUN(p, "carve", "samples/processes.etl", "-o", "{}/found"), 0);
    copy(p, DNS, "found/session-1.etl");
    witness w = watch(p, "found/session-1.etl");
    RUN(p, "carve", "samples/processes.etl", "-o", "{}/found");
    says(p, 2, "the folder is not empty");
    unchanged(p, &w);
    assert_int_equal(RUN(p, "carve", "samples/processes.etl", "-o", "{}/found", "--force"), 0);
    assert_int_equal(RUN(p, "carve", "samples/processes.etl", "-o", "{}/new"), 0);
    assert_int_equal(mode_of(p, "new"), 0700);
    assert_int_equal(mode_of(p, "new/session-1.etl"), 0600);
    assert_int_equal(mode_of(p, "new/carve.json"), 0600);
}

// ---------------------------------------------------------------------------------------------- modes

static void evidence_is_private(void **state)
{
    program *p = *state;
    char path[512];
    mode_t before = umask(022);
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/a.csv", "--provenance"), 0);
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/a.db"), 0);
    assert_int_equal(RUN(p, "report", DNS, "-o", "{}/a.html"), 0);
    assert_int_equal(RUN(p, "schemas", "add", "samples/schemas", "--cache", "{}/c.db"), 0);
    assert_int_equal(mode_of(p, "a.csv"), 0600);
    assert_int_equal(mode_of(p, "a.csv.provenance.json"), 0600);
    assert_int_equal(mode_of(p, "a.db"), 0600);
    assert_int_equal(mode_of(p, "a.html"), 0600);
    assert_int_equal(mode_of(p, "c.db"), 0644);
    umask(0277);
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/b.csv"), 0);
    assert_int_equal(mode_of(p, "b.csv"), 0400);
    umask(022);
    assert_int_equal(chmod(program_path(p, "a.csv", path), 0640), 0);
    assert_int_equal(chmod(program_path(p, "c.db", path), 0664), 0);
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/a.csv"), 0);
    assert_int_equal(RUN(p, "schemas", "add", DNS, "--cache", "{}/c.db"), 0);
    assert_int_equal(mode_of(p, "a.csv"), 0640);
    assert_int_equal(mode_of(p, "c.db"), 0664);
    umask(before);
}

// ---------------------------------------------------------------------------------------------- together or not at all

static bool any(span head, int fd)
{
    (void)head, (void)fd;
    return true;
}

static void begin(outfile *f, const char *path, const char *text)
{
    const outfile_request request = {.path = path, .what = "a test", .is_own = any};
    error e = {0};
    if (!outfile_begin(f, &request, &e) || !outfile_text(f, text, &e))
        fail_msg("%s", e.message);
}

static void holds(const char *path, const char *text)
{
    outbuf now = {0};
    bytes_load(path, &now);
    assert_string_equal((const char *)now.bytes, text);
    outbuf_free(&now);
}

// The second cannot be renamed: the first is what it was, or is not there.
static void all_or_none(void **state)
{
    program *p = *state;
    char first[512], second[512];
    error e = {0};
    outfile a, b, *const both[] = {&a, &b};
    program_path(p, "first", first);
    program_path(p, "second", second);
    for (int existed = 0; existed < 2; existed++) {
        if (existed)
            text_file(p, "first", "old");
        begin(&a, first, "new");
        begin(&b, second, "new");
        assert_int_equal(mkdir(second, 0700), 0);
        assert_false(outfile_commit(both, 2, &e));
        assert_non_null(strstr(e.message, "second: "));
        if (existed)
            holds(first, "old");
        assert_int_equal(program_files(p, ""), 1u + (u32)existed);
        assert_int_equal(rmdir(second), 0);
    }
    begin(&a, first, "new");
    begin(&b, second, "new");
    assert_true(outfile_commit(both, 2, &e));
    holds(first, "new");
    holds(second, "new");
    assert_int_equal(program_files(p, ""), 2);
}

static bool none(span head, int fd)
{
    (void)head, (void)fd;
    return false;
}

// A file that gets OUT's name while OUT is written is as much somebody's work as one that was there before.
static void foreign_files_that_appear_stay(void **state)
{
    program *p = *state;
    char path[512];
    error e = {0};
    outfile f, *const list[] = {&f};
    for (u32 i = 0; i < 3; i++) {
        const outfile_request request = {
            .path = program_path(p, "out", path), .what = "a test", .is_own = i ? any : none, .force = i == 2};
        if (i == 1)
            text_file(p, "out", "an earlier output");
        assert_true(outfile_begin(&f, &request, &e) && outfile_text(&f, "new", &e));
        text_file(p, "out", "somebody's work");
        f.request.is_own = none;
        assert_int_equal(outfile_commit(list, 1, &e), i == 2);
        holds(path, i == 2 ? "new" : "somebody's work");
        if (i == 0)
            assert_int_equal(unlink(path), 0);
        assert_int_equal(program_files(p, ""), i > 0);
    }
    assert_non_null(strstr(e.message, "--force replaces it"));
}

// The name under which it is written is given to something else: that is not what takes OUT's place.
static void parts_are_what_was_written(void **state)
{
    static const char *const SWAPS[] = {"ln -sf evidence out.part-*", "ln -f evidence out.part-*",
                                        "echo other >other && mv other out.part-*"};
    program *p = *state;
    char path[512];
    error e = {0};
    outfile f, *const list[] = {&f};
    text_file(p, "evidence", "evidence");
    witness w = watch(p, "evidence");
    for (size_t i = 0; i < COUNT_OF(SWAPS); i++) {
        begin(&f, program_path(p, "out", path), "new");
        program_shell(p, SWAPS[i]);
        assert_false(outfile_commit(list, 1, &e));
        assert_int_equal(access(path, F_OK), -1);
        program_shell(p, "rm -f out.part-*");
    }
    unchanged(p, &w);
}

// Two outputs of one run by one name, spelt differently.
static void one_place_one_output(void **state)
{
    program *p = *state;
    char first[512], second[512];
    error e = {0};
    outfile a, b, *const list = &a;
    folder(p, "f");
    begin(&a, program_path(p, "f/out", first), "new");
    const outfile_request request = {.path = program_path(p, "f/../f/out", second), .what = "a test"};
    assert_false(outfile_begin(&b, &request, &e));
    assert_true(b.refused);
    assert_non_null(strstr(e.message, "is an output of this run already"));
    assert_true(outfile_commit(&list, 1, &e));
    holds(first, "new");
}

// What cannot be written next to OUT leaves no OUT.
static void no_output_without_provenance(void **state)
{
    program *p = *state;
    folder(p, "out.csv.provenance.json");
    RUN(p, "convert", DNS, "-o", "{}/out.csv", "--provenance");
    says(p, 1, "is a folder");
    assert_int_equal(program_files(p, "out.csv"), 1);
    p->file_limit = 2000; // OUT alone would fit
    RUN(p, "convert", DNS, "--event-id", "0", "--provider", "68fdd900-4a3e-11d1-84f4-0000f80464e3", "-o", "{}/x.csv",
        "--provenance");
    assert_int_equal(p->code, 1);
    assert_int_equal(program_files(p, "x.csv"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_read_is_written),
        TEST(streams_are_outputs),
        TEST(closed_streams),
        TEST(nothing_follows_links),
        TEST(names_made_up_follow_no_links),
        TEST(foreign_files_stay),
        TEST(outputs_in_folders_that_are_read),
        TEST(foreign_reports_and_others),
        TEST(carve_wants_a_folder_of_its_own),
        TEST(evidence_is_private),
        TEST(all_or_none),
        TEST(one_place_one_output),
        TEST(foreign_files_that_appear_stay),
        TEST(parts_are_what_was_written),
        TEST(no_output_without_provenance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
