// `etwkit carve IMAGE -o FOLDER`: what carve.h found, as FOLDER/session-N.etl and FOLDER/carve.json.
//
// Buffers are written as they were found. The only bytes that are made up are a header buffer where none survives, fill
// where a buffer is cut and, where its claims would make the file balloon, its BufferSize and Offset; carve.json names
// all three.
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/text.h"
#include "command.h"
#include "etwkit_engine.h"
#include "evidence.h"
#include "guard.h"
#include "outfile.h"
#include "output.h"
#include "print.h"

enum { HEADER_BYTES = 1024, COPY_BYTES = 1 << 20 };

// A file of the folder. All appear together, carve.json last.
typedef struct carve_file {
    outfile out;
    output to;
    char *path;
} carve_file;

typedef struct carve_job {
    const options *o;
    carve carve;
    u32 *order; // buffers by session
    carve_file *files;
    u32 file_count;
    cJSON *json;
    u8 *copy;
    u64 padded; // bytes of fill written in place of what is missing
    bool bar;
} carve_job;

// ---------------------------------------------------------------------------------------------- a header made up

static void store(u8 *at, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++)
        at[i] = (u8)(value >> 8 * i);
}

static size_t store_utf16(u8 *at, const char *ascii)
{
    size_t len = strlen(ascii);
    for (size_t i = 0; i <= len; i++)
        store(at + 2 * i, (u8)ascii[i], 2);
    return 2 * (len + 1);
}

static bool is_filetime(i64 time)
{
    return time > 0x01bf53eb256d4000 && time < 0x02300cbf5a7b4000; // the years 2000 to 2100
}

typedef struct guessed_clock {
    clock_type type;
    i64 start, tick; // FILETIME, ticks
    const char *by;
} guessed_clock;

// What ties the times of a session without a header to UTC: the events' own times, or the times buffers were flushed.
static guessed_clock guess_clock(const carve *c, u32 index)
{
    const carve_session *s = &c->sessions[index];
    if (is_filetime(s->first_time))
        return (guessed_clock){CLOCK_SYSTEM, s->first_time, s->first_time, "the events' times are UTC"};
    guessed_clock g = {CLOCK_QPC, 0, 0, "nothing: times count from 1601 by a clock of 10 MHz"};
    i64 nearest = INT64_MAX;
    for (u32 i = 0; i < c->count; i++) {
        const carve_buffer *b = &c->buffers[i];
        if (b->session != index || !b->events || !is_filetime(b->time_stamp) || b->last_time < 0 ||
            b->time_stamp - b->last_time >= nearest)
            continue;
        nearest = b->time_stamp - b->last_time;
        g = (guessed_clock){CLOCK_QPC, b->time_stamp, b->last_time,
                            "the times buffers were flushed, by a clock of 10 MHz: late by up to a flush interval"};
    }
    return g;
}

// WMI_BUFFER_HEADER, SYSTEM64 record, TRACE_LOGFILE_HEADER (FORMAT.md, sections 1.1, 1.5, 2.2). Strings say what it is.
// As long as the session's buffers, unless that is more than all that was `found` of it.
static u32 make_header(const carve_job *job, u32 index, u64 found, const guessed_clock *g, u8 *out)
{
    const carve_session *s = &job->carve.sessions[index];
    bool packed = s->form != COMPRESSION_NONE;
    u32 size = packed || s->buffer_size > found ? HEADER_BYTES : s->buffer_size;
    u8 *first = out + BUFFER_HEADER_BYTES, *h = first + 32;
    memset(out, 0, HEADER_BYTES);
    size_t strings = store_utf16(h + 0x118, "carved: no trace header survived");
    strings += store_utf16(h + 0x118 + strings, "etwkit carve");
    u32 first_bytes = (u32)(32 + 0x118 + strings), used = (BUFFER_HEADER_BYTES + first_bytes + 7u) & ~7u;
    if (size < used)
        size = HEADER_BYTES;
    store(out, size, 4);
    store(out + 0x04, used, 4);
    store(out + 0x08, used, 4);
    store(out + 0x2a, s->logger_id, 2);
    store(out + 0x2c, s->form, 4);
    store(out + 0x30, used, 4);
    store(out + 0x34, BUFFER_FLAG_FLUSH | BUFFER_FLAG_PROCESSOR_INDEX, 2);
    store(out + 0x36, BUFFER_TYPE_HEADER, 2);
    store(first, 0xc0020002, 4);
    store(first + 4, first_bytes, 2);
    store(first + 16, (u64)g->tick, 8);
    store(h, s->buffer_size ? s->buffer_size : 65536, 4);
    h[6] = packed ? 2 : 1;
    h[7] = packed ? 0 : 5;
    store(h + 0x0c, 1, 4);
    store(h + 0x20, packed ? LOG_FILE_MODE_COMPRESSED : 0, 4);
    store(h + 0x28, 1, 4);
    store(h + 0x2c, 8, 4);
    store(h + 0x100, 10000000, 8);
    store(h + 0x108, (u64)g->start, 8);
    store(h + 0x110, g->type, 4);
    memset(out + used, 0xff, HEADER_BYTES - used);
    return size;
}

// ---------------------------------------------------------------------------------------------- files

static bool put(output *to, const void *bytes, size_t len, error *e)
{
    return output_write(to, (span){bytes, len}, e);
}

static bool put_fill(carve_job *job, output *to, u64 len, error *e)
{
    memset(job->copy, 0xff, COPY_BYTES);
    bool ok = true;
    for (; ok && len; len -= len < COPY_BYTES ? len : COPY_BYTES)
        ok = put(to, job->copy, len < COPY_BYTES ? (size_t)len : COPY_BYTES, e);
    return ok;
}

// What the buffer is given in the file: its size with fill for what is missing, or (where claims would make the file
// larger than anything found) only what is there, and BufferSize and Offset say so.
static u32 size_given(carve_job *job, const carve_buffer *b)
{
    u64 missing = b->size - b->here;
    if (job->padded + missing <= job->carve.image->bytes + LIMIT_CARVED_FILL)
        return b->size;
    return b->here & ~7u;
}

static bool put_buffer(carve_job *job, output *to, const carve_buffer *b, u32 given, error *e)
{
    u32 done = 0, there = b->here < given ? b->here : given;
    while (done < there) {
        bool failed = false;
        size_t want = there - done < COPY_BYTES ? there - done : COPY_BYTES;
        size_t got = input_read(job->carve.image, b->offset + done, job->copy, want, &failed);
        if (done == 0 && got >= BUFFER_HEADER_BYTES && given != b->size) {
            u32 used = b->used < given ? b->used : given;
            store(job->copy, given, 4);
            store(job->copy + 0x04, used, 4);
            store(job->copy + 0x30, used, 4);
        }
        if (!put(to, job->copy, got, e))
            return false;
        done += (u32)got;
        if (got < want)
            break;
    }
    job->padded += given - done;
    return put_fill(job, to, given - done, e);
}

static void add_buffer(cJSON *list, const carve_buffer *b, u64 at, u32 given)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddNumberToObject(entry, "image_offset", (double)b->offset);
    cJSON_AddNumberToObject(entry, "bytes", given);
    if (given != b->size)
        cJSON_AddNumberToObject(entry, "claimed_bytes", b->size);
    cJSON_AddNumberToObject(entry, "file_offset", (double)at);
    cJSON_AddNumberToObject(entry, "sequence", (double)b->sequence);
    cJSON_AddNumberToObject(entry, "processor", b->processor);
    cJSON_AddNumberToObject(entry, "events", b->events);
    cJSON_AddBoolToObject(entry, "intact", b->intact);
    if (b->here < given)
        cJSON_AddNumberToObject(entry, "fill_bytes", given - b->here);
    cJSON_AddStringToObject(entry, "why", carve_reason_text(b->reason));
    cJSON_AddItemToArray(list, entry);
}

static void add_text_time(cJSON *to, const char *name, const session_clock *clock, i64 ticks)
{
    char text[40];
    i64 time = clock_filetime(clock, ticks);
    if (time <= 0)
        return;
    *text_time((u8 *)text, time) = 0;
    cJSON_AddStringToObject(to, name, text);
}

static cJSON *session_json(const carve_job *job, u32 index, const char *file, const guessed_clock *g)
{
    const carve *c = &job->carve;
    const carve_session *s = &c->sessions[index];
    const trace_facts *f = s->header == CARVE_NONE ? NULL : &c->facts[c->buffers[s->header].facts];
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "file", file);
    cJSON_AddStringToObject(root, "header", f ? "found" : "made up");
    cJSON_AddStringToObject(root, "clock", f ? "the header's" : g->by);
    if (f)
        cJSON_AddStringToObject(root, "session", f->session);
    cJSON_AddNumberToObject(root, "logger_id", s->logger_id);
    cJSON_AddNumberToObject(root, "buffer_size", s->buffer_size);
    cJSON_AddBoolToObject(root, "compressed",
                          s->form != COMPRESSION_NONE || (f && (f->log_file_mode & LOG_FILE_MODE_COMPRESSED)));
    session_clock guessed = {g->tick, g->start, 10000000};
    add_text_time(root, "first_event", f ? &f->clock : &guessed, s->first_time);
    add_text_time(root, "last_event", f ? &f->clock : &guessed, s->last_time);
    cJSON_AddNumberToObject(root, "events", (double)s->events);
    if (f && f->buffers_written)
        cJSON_AddNumberToObject(root, "buffers_written", f->buffers_written);
    return root;
}

static bool put_session(carve_job *job, u32 index, u32 from, u32 to, output *out, const char *name, error *e)
{
    const carve *c = &job->carve;
    const carve_session *s = &c->sessions[index];
    guessed_clock g = {CLOCK_QPC, 0, 0, ""};
    u64 at = 0;
    bool ok = true;
    if (s->header == CARVE_NONE) {
        u8 header[HEADER_BYTES];
        g = guess_clock(c, index);
        u64 found = 0;
        for (u32 i = from; i < to; i++)
            found += c->buffers[job->order[i]].here;
        at = make_header(job, index, found, &g, header);
        size_t made = at < HEADER_BYTES ? (size_t)at : HEADER_BYTES;
        ok = put(out, header, made, e) && put_fill(job, out, at - made, e);
    }
    cJSON *root = session_json(job, index, name, &g);
    if (at)
        cJSON_AddNumberToObject(root, "made_up_bytes", (double)at);
    cJSON *list = cJSON_AddArrayToObject(root, "buffers"), *copies = cJSON_CreateArray();
    for (u32 pass = 0; pass < 2; pass++)
        for (u32 i = from; i < to && ok; i++) {
            const carve_buffer *b = &c->buffers[job->order[i]];
            bool header = job->order[i] == s->header;
            if (b->reason == CARVE_DUPLICATE || header != (pass == 0))
                continue;
            u32 given = size_given(job, b);
            ok = put_buffer(job, out, b, given, e);
            add_buffer(list, b, at, given);
            at += given;
        }
    for (u32 i = from; i < to; i++) {
        const carve_buffer *b = &c->buffers[job->order[i]];
        if (b->reason != CARVE_DUPLICATE)
            continue;
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "image_offset", (double)b->offset);
        cJSON_AddNumberToObject(entry, "bytes", b->size);
        cJSON_AddNumberToObject(entry, "same_as_image_offset", (double)c->buffers[b->duplicate_of].offset);
        cJSON_AddItemToArray(copies, entry);
    }
    if (cJSON_GetArraySize(copies))
        cJSON_AddItemToObject(root, "duplicates", copies);
    else
        cJSON_Delete(copies);
    cJSON_AddItemToArray(cJSON_GetObjectItem(job->json, "sessions"), root);
    return ok;
}

static bool begin_file(carve_job *job, const char *name, error *e)
{
    carve_file *file = &job->files[job->file_count++];
    size_t room = strlen(job->o->out) + strlen(name) + 2;
    file->path = mem_alloc(room);
    snprintf(file->path, room, "%s/%s", job->o->out, name);
    const outfile_request request = {.path = file->path, .what = "a file", .force = job->o->force};
    if (!outfile_begin(&file->out, &request, e))
        return false;
    output_open(&file->to, &(export_target){.fd = file->out.fd, .name = file->path});
    return true;
}

static bool end_file(carve_job *job, bool ok, error *e)
{
    carve_file *file = &job->files[job->file_count - 1];
    return output_close(&file->to, ok ? e : NULL) && ok && outfile_seal(&file->out, e);
}

static bool write_session(carve_job *job, u32 index, u32 from, u32 to, error *e)
{
    char name[40];
    snprintf(name, sizeof(name), "session-%u.etl", index + 1);
    if (!begin_file(job, name, e))
        return false;
    bool ok = put_session(job, index, from, to, &job->files[job->file_count - 1].to, name, e);
    return end_file(job, ok, e);
}

static bool write_json(carve_job *job, error *e)
{
    if (!begin_file(job, "carve.json", e))
        return false;
    output *to = &job->files[job->file_count - 1].to;
    char *text = cJSON_Print(job->json);
    bool ok = output_text(to, text, e) && output_text(to, "\n", e);
    cJSON_free(text);
    return end_file(job, ok, e);
}

static bool commit(carve_job *job, error *e)
{
    outfile **list = mem_zeroed(job->file_count, sizeof(*list));
    for (u32 i = 0; i < job->file_count; i++)
        list[i] = &job->files[i].out;
    bool ok = outfile_commit(list, job->file_count, e);
    mem_free(list);
    return ok;
}

// Buffers of one session together, by image offset inside: a counting sort.
static u32 *session_starts(carve_job *job)
{
    const carve *c = &job->carve;
    u32 *starts = mem_zeroed(c->session_count + 2, sizeof(*starts));
    job->order = mem_zeroed(c->count, sizeof(*job->order));
    for (u32 i = 0; i < c->count; i++)
        starts[c->buffers[i].session + 2]++;
    for (u32 i = 2; i < c->session_count + 2; i++)
        starts[i] += starts[i - 1];
    for (u32 i = 0; i < c->count; i++)
        job->order[starts[c->buffers[i].session + 1]++] = i;
    return starts;
}

static void begin_json(carve_job *job)
{
    const carve *c = &job->carve;
    job->json = cJSON_CreateObject();
    cJSON_AddStringToObject(job->json, "image", job->o->inputs[0]);
    cJSON_AddNumberToObject(job->json, "bytes", (double)c->image->bytes);
    cJSON_AddNumberToObject(job->json, "unreadable_bytes", (double)c->unreadable);
    if (c->refused)
        cJSON_AddNumberToObject(job->json, "buffers_over_the_limit", (double)c->refused);
    cJSON_AddArrayToObject(job->json, "sessions");
}

static bool write_all(carve_job *job, error *e)
{
    const carve *c = &job->carve;
    if (!guard_make_folder(job->o->out, e))
        return false;
    job->copy = mem_alloc(COPY_BYTES);
    job->files = mem_zeroed(c->session_count + 1, sizeof(*job->files));
    begin_json(job);
    u32 *starts = session_starts(job);
    bool ok = true;
    for (u32 i = 0; ok && i < c->session_count; i++) {
        ok = write_session(job, i, starts[i], starts[i + 1], e);
        if (ok && run_stop)
            ok = error_set(e, "interrupted");
    }
    mem_free(starts);
    return ok && write_json(job, e) && commit(job, e);
}

// What is left of a carving that failed is nothing. Returns whether it failed for what the command line asks.
static bool end_files(carve_job *job, bool ok)
{
    bool refused = false;
    for (u32 i = 0; i < job->file_count; i++) {
        outfile_abandon(&job->files[i].out);
        refused = refused || job->files[i].out.refused;
        mem_free(job->files[i].path);
    }
    mem_free(job->files);
    guard_end_folder(ok);
    return refused;
}

// ---------------------------------------------------------------------------------------------- the command

static bool progress(void *context, u64 done, u64 total)
{
    const carve_job *job = context;
    if (job->bar)
        fprintf(stderr, "\rcarving %3d %%, %u buffers", (int)(done * 100 / total), job->carve.count);
    return !run_stop;
}

static void tell(const carve_job *job)
{
    const carve *c = &job->carve;
    u64 events = 0;
    u32 made_up = 0;
    for (u32 i = 0; i < c->session_count; i++) {
        events += c->sessions[i].events;
        made_up += c->sessions[i].header == CARVE_NONE;
    }
    fprintf(stderr, "etwkit: %u buffers with %llu events in %u sessions, %u of them without a header of their own\n",
            c->count, (unsigned long long)events, c->session_count, made_up);
    if (job->padded)
        fprintf(stderr, "etwkit: %llu bytes of buffers are missing in the image; fill stands in their place\n",
                (unsigned long long)job->padded);
    if (c->unreadable)
        fprintf(stderr, "etwkit: %llu bytes of the image could not be read\n", (unsigned long long)c->unreadable);
    if (c->refused)
        fprintf(stderr, "etwkit: %llu buffers over the limit of the program were left out\n",
                (unsigned long long)c->refused);
}

static bool carve_image(carve_job *job, error *e)
{
    carve *c = &job->carve;
    bool ok = carve_scan(c, progress, job);
    if (job->bar)
        fprintf(stderr, "\r%40s\r", "");
    if (!ok)
        return error_set(e, "interrupted");
    if (!c->count)
        return error_set(e, "%s: no trace buffer was found in its %llu bytes", job->o->inputs[0],
                         (unsigned long long)c->image->bytes);
    carve_group(c);
    return write_all(job, e);
}

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

static int carve_command(const options *o)
{
    error e = {0};
    if (!o->out || strcmp(o->out, "-") == 0) {
        print_say("carve: no output folder given: -o FOLDER (etwkit carve --help)");
        return EXIT_USAGE;
    }
    carve_job job = {.o = o, .bar = !o->quiet && os_is_terminal(2)};
    input *image;
    if (!input_open(&image, o->inputs[0], &e)) {
        print_say("%s", e.message);
        return EXIT_FAILED;
    }
    int code = check_folder(o);
    if (code != EXIT_DONE) {
        input_close(image);
        return code;
    }
    job.carve.image = image;
    bool ok = carve_image(&job, &e);
    if (!ok)
        print_say("%s", e.message);
    else if (!o->quiet)
        tell(&job);
    bool damaged = job.carve.unreadable || job.carve.refused;
    bool refused = end_files(&job, ok);
    cJSON_Delete(job.json);
    mem_free(job.copy);
    mem_free(job.order);
    input_close(image);
    carve_free(&job.carve);
    return refused ? EXIT_USAGE : !ok ? EXIT_FAILED : damaged ? EXIT_DAMAGE : EXIT_DONE;
}

const command command_carve = {
    .name = "carve",
    .arguments = "IMAGE -o FOLDER",
    .help = "trace buffers in a disk image, unallocated space or a memory dump, as .etl files",
    .options = {OPTION_GROUP("output", OPTION_OUTPUT("FOLDER", "where to write: a new or empty folder"),
                             OPTION_FORCE("write into a folder that is not empty"))},
    .least = 1,
    .most = 1,
    .run = carve_command,
};
