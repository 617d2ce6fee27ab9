#include "convert/stamp.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/os.h"
#include "etwkit.h"
#include "outfile.h"
#include "provenance.h"
#include "etwkit_engine.h"
#include "version.h"

enum { STAMP_TEXT = 512 };

static void add(sha256 *sum, const char *text)
{
    sha256_add(sum, (span){(const u8 *)text, strlen(text) + 1});
}

void stamps_begin(stamps *s, const run *r, const output_format *format, const char *folder)
{
    const options *o = r->options;
    s->provenance = o->provenance;
    size_t capacity = strlen(folder) + sizeof("/.etwkit");
    s->folder = mem_alloc(capacity);
    snprintf(s->folder, capacity, "%s/.etwkit", folder);
    sha256 *sum = sha256_begin();
    u8 digest[SHA256_BYTES];
    add(sum, etwkit_version());
    add(sum, version_commit ? version_commit : "");
    add(sum, format->exporter->name);
    add(sum, format->packing ? packing_suffix(format->packing) : "");
    for (u32 i = 0; i < o->meaning.count; i++)
        add(sum, o->meaning.items[i]);
    for (u32 i = 0; i < r->schema_files.count; i++)
        add(sum, r->schema_files.list[i].sha256);
    add(sum, r->cache ? schema_cache_identity(r->cache) : "");
    sha256_end(sum, digest);
    sha256_text(digest, s->way);
}

void stamps_end(stamps *s)
{
    mem_free(s->folder);
}

static char *path_of(const stamps *s, const char *output)
{
    u8 digest[SHA256_BYTES];
    char name[SHA256_TEXT];
    size_t capacity = strlen(s->folder) + SHA256_TEXT + sizeof("/");
    sha256_of((span){(const u8 *)output, strlen(output)}, digest);
    sha256_text(digest, name);
    char *path = mem_alloc(capacity);
    snprintf(path, capacity, "%s/%.32s", s->folder, name);
    return path;
}

// What the row has of other inputs of the run, and of the machine it comes from: names, in records.
static void name_hash_of(const input_row *row, char text[SHA256_TEXT])
{
    u8 digest[SHA256_BYTES];
    sha256 *sum = sha256_begin();
    add(sum, row->source);
    add(sum, row->in->computer ? row->in->computer : "");
    sha256_end(sum, digest);
    sha256_text(digest, text);
}

// False: the file is not there.
static bool add_file(char text[STAMP_TEXT], const char *path)
{
    os_file f;
    size_t len = strlen(text);
    if (!os_describe(&f, path))
        return false;
    snprintf(text + len, STAMP_TEXT - len, "%llu %lld\n", (unsigned long long)f.bytes, (long long)f.modified);
    return true;
}

// False: the output is not there.
static bool stamp_text(const stamps *s, const char *output, const input_row *row, char text[STAMP_TEXT])
{
    char names[SHA256_TEXT];
    name_hash_of(row, names);
    snprintf(text, STAMP_TEXT, "etwkit %s\n%s\n%s\n", s->way, row->sha256, names);
    char *provenance = s->provenance ? provenance_path(output, s->provenance) : NULL;
    bool there = add_file(text, output) && (!provenance || add_file(text, provenance));
    mem_free(provenance);
    return there;
}

static void add_counts(char text[STAMP_TEXT], const input_row *row)
{
    size_t len = strlen(text);
    snprintf(text + len, STAMP_TEXT - len, "%llu %llu %llu %llu\n", (unsigned long long)row->states[RECORD_DECODED],
             (unsigned long long)row->states[RECORD_PARTIAL], (unsigned long long)row->states[RECORD_RAW],
             (unsigned long long)row->damage);
}

// False: they are not there.
static bool read_counts(const char *text, input_row *row)
{
    unsigned long long n[4];
    if (sscanf(text, "%llu %llu %llu %llu\n", &n[0], &n[1], &n[2], &n[3]) != 4)
        return false;
    row->states[RECORD_DECODED] = n[0];
    row->states[RECORD_PARTIAL] = n[1];
    row->states[RECORD_RAW] = n[2];
    row->damage = n[3];
    return true;
}

bool stamp_holds(const stamps *s, const char *output, input_row *row)
{
    char wanted[STAMP_TEXT], found[STAMP_TEXT] = "";
    char *path = path_of(s, output);
    os_file f;
    bool failed = false, opened = os_open_to_look(&f, path, NULL);
    if (opened) {
        size_t len = os_read_at(&f, 0, found, STAMP_TEXT - 1, &failed);
        found[len] = 0;
        os_close(&f);
    }
    mem_free(path);
    if (!opened || !row->sha256[0] || !stamp_text(s, output, row, wanted))
        return false;
    size_t len = strlen(wanted);
    return strncmp(wanted, found, len) == 0 && read_counts(found + len, row);
}

static bool is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "etwkit ");
}

void stamp_put(const stamps *s, const char *output, const input_row *row)
{
    char text[STAMP_TEXT];
    outfile f;
    if (!row->sha256[0] || !stamp_text(s, output, row, text))
        return;
    add_counts(text, row);
    (void)mkdir(s->folder, 0700);
    char *path = path_of(s, output);
    const outfile_request request = {
        .path = path, .what = "a stamp", .is_own = is_own, .made_up = true, .needs_file = true, .unsynced = true};
    outfile *const files[] = {&f};
    bool begun = outfile_begin(&f, &request, NULL);
    if (begun && outfile_text(&f, text, NULL))
        (void)!outfile_commit(files, 1, NULL);
    outfile_abandon(&f);
    mem_free(path);
}
