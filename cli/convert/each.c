// convert -o FOLDER/: each input by itself, into a file at its path relative to what was given.
//
// With --skip-done an input is left out whose output is complete and was made from the same bytes in the same way. What
// says so is a stamp for each output, in FOLDER/.etwkit/.
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/os.h"
#include "batch.h"
#include "convert/conversion.h"
#include "convert/stamp.h"
#include "print.h"

typedef struct each {
    run *run;
    const output_format *format;
    const char *folder;
    arena arena;
    const char **places; // by row: the path of its output; NULL: it gets none
    stamps stamps;
    atomic_bool failed; // some output could not be written
} each;

// ---------------------------------------------------------------------------------------------- places

// One part of a path, as it can be a name in a folder.
static void add_part(outbuf *to, const char *part, size_t len)
{
    if (!len || (len == 1 && part[0] == '.'))
        return;
    outbuf_text(to, "/");
    if (len == 2 && memcmp(part, "..", 2) == 0)
        outbuf_text(to, "__");
    else
        outbuf_add(to, part, len);
}

// What was inside an archive lies in a folder of its name. Nothing leads out of OUT.
static const char *place_of(each *all, const input_row *row)
{
    outbuf to = {0};
    size_t len = strlen(all->folder);
    while (len > 1 && all->folder[len - 1] == '/')
        len--;
    outbuf_add(&to, all->folder, len);
    for (const char *at = row->relative; *at;) {
        size_t part = strcspn(at, "/"), name = part;
        name -= at[part] && part && at[part - 1] == '!';
        add_part(&to, at, name);
        at += part + (at[part] != 0);
    }
    outbuf_text(&to, ".");
    outbuf_text(&to, all->format->exporter->name);
    if (all->format->packing)
        outbuf_text(&to, packing_suffix(all->format->packing));
    const char *place = arena_text_len(&all->arena, (const char *)to.bytes, to.len);
    outbuf_free(&to);
    return place;
}

static bool same_place(const void *items, u32 index, const void *key)
{
    return strcmp(((const char *const *)items)[index], key) == 0;
}

static bool find_places(each *all, error *e)
{
    const inputs *list = &all->run->inputs;
    map taken = {0};
    bool ok = true;
    all->places = arena_array(&all->arena, const char *, list->count);
    for (u32 i = 0; i < list->count && ok; i++) {
        if (!list->rows[i].in)
            continue;
        const char *place = all->places[i] = place_of(all, &list->rows[i]);
        u64 hash = hash_bytes(place, strlen(place));
        u32 other = map_find(&taken, hash, same_place, all->places, place);
        if (other == MAP_NONE)
            map_add(&taken, hash, i);
        else
            ok = error_set(e, "%s and %s would both become %s", list->rows[other].path, list->rows[i].path, place);
    }
    map_free(&taken);
    return ok;
}

static bool make_folders(const char *path, error *e)
{
    arena a = {0};
    char *folder = arena_text(&a, path);
    bool ok = true;
    for (char *slash = strchr(folder + 1, '/'); slash && ok; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            ok = error_errno_set(e, errno, "%s", folder);
        *slash = '/';
    }
    arena_free(&a);
    return ok;
}

// ---------------------------------------------------------------------------------------------- one input

static bool convert_row(const each *all, conversion *c, u32 index, bool threads, error *e)
{
    evidence ev;
    evidence_wish wish = conversion_wish(c, index, 1);
    wish.alone = threads;
    bool ok = evidence_open(&ev, all->run, &wish) == EXIT_DONE;
    if (ok) {
        ok = make_folders(c->path, e) && conversion_begin(c, e) && conversion_run(c, &ev, e) &&
             conversion_finish(c, &ev, e);
        if (!ok)
            print_say("%s", e->message);
        else if (!c->options->quiet)
            evidence_tell_damage(&ev);
    }
    evidence_close(&ev);
    return ok;
}

static void convert_one(void *context, u32 index, bool threads, outbuf *out)
{
    (void)out;
    each *all = context;
    input_row *row = &all->run->inputs.rows[index];
    conversion c = {.options = all->run->options, .format = *all->format, .path = all->places[index]};
    error e = {0};
    if (!c.path)
        return;
    if (!c.options->no_hash)
        input_hash(row);
    if (c.options->skip_done && stamp_holds(&all->stamps, c.path, row)) {
        row->status = INPUT_SKIPPED;
        row->output = inputs_keep_text(&all->run->inputs, c.path);
        return;
    }
    bool ok = convert_row(all, &c, index, threads, &e);
    if (ok) {
        row->output = inputs_keep_text(&all->run->inputs, c.path);
        stamp_put(&all->stamps, c.path, row);
    } else if (row->status == INPUT_OK || row->status == INPUT_DAMAGED) {
        row->status = run_stop ? INPUT_NOT_REACHED : INPUT_UNWRITTEN;
        row->code = e.code;
        row->error = e.message[0] ? inputs_keep_text(&all->run->inputs, e.message) : NULL;
        all->failed = true;
    }
    conversion_end(&c);
}

int convert_each(run *r, const output_format *format)
{
    each all = {.run = r, .format = format, .folder = r->options->out};
    error e = {0};
    int code = EXIT_USAGE;
    if (find_places(&all, &e)) {
        stamps_begin(&all.stamps, r, format, all.folder);
        bool done = batch_run(&(batch_job){r, convert_one, &all});
        inputs_sum sum = inputs_count(&r->inputs);
        code = !done || all.failed || !(sum.read + sum.skipped) ? EXIT_FAILED : run_code(r);
        if (!r->options->quiet || code == EXIT_FAILED)
            run_sum_up(r);
        stamps_end(&all.stamps);
    } else {
        print_say("%s", e.message);
    }
    arena_free(&all.arena);
    return code;
}
