#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "base/text.h"
#include "carve/carve_job.h"
#include "command.h"
#include "evidence.h"
#include "guard.h"
#include "print.h"

// ---------------------------------------------------------------------------------------------- what is said

static bool progress(void *context, u64 done, u64 total)
{
    const carve_job *job = context;
    if (job->bar)
        fprintf(stderr, "\rcarving %3d %%, %u buffers", (int)(done * 100 / total), job->carve.count);
    return !run_stop;
}

static void say_count(u64 count, const char *one, const char *many)
{
    if (count)
        print_say("%llu %s", (unsigned long long)count, count == 1 ? one : many);
}

static void say_found(const carve_job *job)
{
    const carve *c = &job->carve;
    u64 events = 0;
    u32 made_up = 0, copies = 0;
    for (u32 i = 0; i < c->session_count; i++) {
        events += c->sessions[i].events;
        made_up += c->sessions[i].header == CARVE_NONE;
        copies += c->sessions[i].duplicates;
    }
    print_say("%u buffer%s with %llu event%s in %u session%s, %u of them without a header of their own",
              c->count - copies, text_s(c->count - copies), (unsigned long long)events, text_s(events),
              c->session_count, text_s(c->session_count), made_up);
    say_count(copies, "more buffer is a copy of one of these", "more buffers are copies of these");
    say_count(c->orphan_events, "more event lies outside of any buffer: carve.json says where",
              "more events lie outside of any buffer: carve.json says where");
    say_count(job->padded, "byte of a buffer is missing or no event and was written as fill",
              "bytes of buffers are missing or no events and were written as fill");
}

// What makes the exit code EXIT_DAMAGE.
static void say_doubts(const carve_job *job)
{
    const carve *c = &job->carve;
    say_count(c->ambiguous, "buffer is ambiguous: it may be of other sessions, so it is in a file apart",
              "buffers are ambiguous: they may be of other sessions, so they are in files apart");
    say_count(c->rest, "buffer beyond LIMIT_CARVED_SESSIONS is in the last file, whatever it belongs to",
              "buffers beyond LIMIT_CARVED_SESSIONS are in the last file, whatever they belong to");
    say_count(c->unreadable, "byte of the image could not be read", "bytes of the image could not be read");
    say_count(c->refused, "buffer beyond LIMIT_CARVED_BUFFERS was left out",
              "buffers beyond LIMIT_CARVED_BUFFERS were left out");
    say_count(c->not_inflated, "place was not looked into: LIMIT_CARVED_RATIO was reached",
              "places were not looked into: LIMIT_CARVED_RATIO was reached");
}

static bool has_doubts(const carve_job *job)
{
    const carve *c = &job->carve;
    return job->is_incomplete || c->ambiguous || c->rest || c->unreadable || c->refused || c->not_inflated ||
           job->image.rows->unhashed;
}

// ---------------------------------------------------------------------------------------------- the work

static bool check_unchanged(const carve_job *job, error *e)
{
    u64 bytes;
    const char *what = input_change_text(input_changed(job->carve.image, &bytes));
    return !what || error_set(e, "%s: the file %s while it was read", job->o->inputs[0], what);
}

static bool carve_image(carve_job *job, error *e)
{
    carve *c = &job->carve;
    if (!job->o->no_hash)
        inputs_hash_begin(&job->image, 1);
    bool ok = carve_scan(c, progress, job);
    if (job->bar)
        fprintf(stderr, "\r%40s\r", "");
    if (!ok)
        return error_set(e, "interrupted");
    if (!c->count)
        return error_set(e, "%s: no trace buffer was found in its %llu bytes", job->o->inputs[0],
                         (unsigned long long)c->image->bytes);
    carve_group(c);
    inputs_hash_finish(&job->image);
    return check_unchanged(job, e) && carve_write(job, e);
}

static int carve_exit_code(carve_job *job)
{
    error e = {0};
    bool ok = carve_image(job, &e), refused = false;
    for (u32 i = 0; i < job->file_count; i++) {
        outfile_abandon(&job->files[i].out);
        refused = refused || job->files[i].out.refused;
    }
    guard_end_folders(ok);
    if (!ok) {
        print_say("%s", e.message);
        return refused ? EXIT_USAGE : EXIT_FAILED;
    }
    if (!job->o->quiet) {
        say_found(job);
        say_doubts(job);
    }
    return has_doubts(job) ? EXIT_DAMAGE : EXIT_DONE;
}

// ---------------------------------------------------------------------------------------------- the command

static bool is_not_it(void *context, const char *path)
{
    (void)path;
    *(bool *)context = false;
    return false;
}

// Among other files nobody could say later which are carved.
static int check_folder(const options *o)
{
    bool empty = true;
    error e = {0};
    if (!os_exists(o->out) || o->force)
        return EXIT_DONE;
    if (!os_list_folder(o->out, is_not_it, &empty, &e)) {
        print_say("%s", e.message);
        return EXIT_FAILED;
    }
    if (empty)
        return EXIT_DONE;
    print_say("%s: the folder is not empty (--force writes into it)", o->out);
    return EXIT_USAGE;
}

// The one row of the inputs. False: it was said why.
static bool open_image(carve_job *job)
{
    error e = {0}, missing = {0};
    input *image;
    if (!input_open(&image, job->o->inputs[0], &e) || !input_unfold_disk(&image, &missing, &e)) {
        print_say("%s", e.message);
        return false;
    }
    job->is_incomplete = missing.code;
    if (missing.code)
        print_say("%s", missing.message);
    job->image.rows = mem_zeroed(1, sizeof(*job->image.rows));
    job->image.rows[0] = (input_row){
        .path = image->path, .in = image, .bytes = image->bytes, .duplicate_of = INPUT_NONE, .trace = INPUT_NONE};
    job->image.count = job->image.capacity = 1;
    job->carve.image = image;
    return true;
}

static void end_job(carve_job *job)
{
    for (u32 i = 0; i < job->file_count; i++)
        mem_free(job->files[i].path);
    mem_free(job->files);
    mem_free(job->copy);
    outbuf_free(&job->proven);
    mem_free(job->order);
    carve_free(&job->carve);
    inputs_free(&job->image);
}

static int carve_command(const options *o)
{
    if (!o->out || strcmp(o->out, "-") == 0) {
        print_say("no output folder given: -o FOLDER (etwkit carve --help)");
        return EXIT_USAGE;
    }
    carve_job job = {.o = o, .bar = !o->quiet && os_is_terminal(2)};
    if (!open_image(&job))
        return EXIT_FAILED;
    print_release(); // all that is read is known
    int code = check_folder(o);
    if (code == EXIT_DONE)
        code = carve_exit_code(&job);
    end_job(&job);
    return code;
}

const command command_carve = {
    .name = "carve",
    .arguments = "IMAGE -o FOLDER",
    .help = "trace buffers in a disk image, unallocated space or a memory dump, as .etl files",
    .options = {OPTION_GROUP("output", OPTION_OUTPUT("FOLDER", "where to write: a new or empty folder"),
                             OPTION_FORCE("write into a folder that is not empty"),
                             {.name = "--no-hash",
                              .help = "skip the SHA-256 of the image and the files",
                              .set = option_flag,
                              .at = offsetof(options, no_hash)})},
    .least = 1,
    .most = 1,
    .run = carve_command,
};
