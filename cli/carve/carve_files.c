// The files of a carving (carve_job.h).
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "carve/carve_job.h"
#include "command.h"
#include "evidence.h"
#include "guard.h"

enum { HEADER_BYTES = 1024, COPY_BYTES = 1 << 20 };

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

// The events' own times, or the times buffers were flushed. Where it is not known whose buffers they are, nothing.
static guessed_clock guess_clock(const carve *c, u32 index)
{
    const carve_session *s = &c->sessions[index];
    if (is_filetime(s->first_time))
        return (guessed_clock){{s->first_time, s->first_time, 10000000, 0}, CLOCK_SYSTEM, "the events' times are UTC"};
    guessed_clock g = {{0, 0, 10000000, 0}, CLOCK_QPC, "nothing: times count from 1601 by a clock of 10 MHz"};
    i64 nearest = INT64_MAX;
    for (u32 i = 0; i < c->count && !s->is_ambiguous; i++) {
        const carve_buffer *b = &c->buffers[i];
        if (b->session != index || !b->events || !is_filetime(b->time_stamp) || b->last_time < 0 ||
            b->time_stamp - b->last_time >= nearest)
            continue;
        nearest = b->time_stamp - b->last_time;
        g = (guessed_clock){{b->last_time, b->time_stamp, 10000000, 0},
                            CLOCK_QPC,
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
    store(first + 16, (u64)g->clock.base_time, 8);
    store(h, s->buffer_size ? s->buffer_size : 65536, 4);
    h[6] = packed ? 2 : 1;
    h[7] = packed ? 0 : 5;
    store(h + 0x0c, 1, 4);
    store(h + 0x20, packed ? LOG_FILE_MODE_COMPRESSED : 0, 4);
    store(h + 0x28, 1, 4);
    store(h + 0x2c, 8, 4);
    store(h + 0x100, 10000000, 8);
    store(h + 0x108, (u64)g->clock.base_filetime, 8);
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

// Whether so much fill may be written. Claims would else make the files larger than anything found.
static bool may_pad(const carve_job *job, u64 fill)
{
    return job->padded + fill <= job->carve.image->bytes + LIMIT_CARVED_FILL;
}

// BufferSize, SavedOffset and Offset.
static void store_claims(u8 *header, u32 size, u32 used)
{
    store(header, size, 4);
    store(header + 0x04, used, 4);
    store(header + 0x30, used, 4);
}

// As it was found, but for what is missing at its end.
static bool put_intact(carve_job *job, output *to, const carve_buffer *b, carve_written *w, error *e)
{
    w->bytes = may_pad(job, b->size - b->here) ? b->size : b->here & ~7u;
    u32 done = 0, there = b->here < w->bytes ? b->here : w->bytes;
    while (done < there) {
        bool failed = false;
        size_t want = there - done < COPY_BYTES ? there - done : COPY_BYTES;
        size_t got = input_read(job->carve.image, b->offset + done, job->copy, want, &failed);
        if (done == 0 && got >= BUFFER_HEADER_BYTES && w->bytes != b->size)
            store_claims(job->copy, w->bytes, b->used < w->bytes ? b->used : w->bytes);
        if (!put(to, job->copy, got, e))
            return false;
        done += (u32)got;
        if (got < want)
            break;
    }
    w->fill = w->bytes - done;
    return put_fill(job, to, w->fill, e);
}

// What is proven of it, where it was: after a broken chain there may be another file's bytes.
static bool put_damaged(carve_job *job, output *to, const carve_buffer *b, carve_written *w, error *e)
{
    carve_proven(&job->carve, b, &job->proven);
    w->is_inflated = b->form != COMPRESSION_NONE;
    u32 proven = (u32)job->proven.len, whole = w->is_inflated ? (b->used + 7u) & ~7u : b->size;
    bool is_whole = may_pad(job, whole - proven);
    w->bytes = is_whole ? whole : (proven + 7u) & ~7u;
    if (w->bytes != b->size)
        store_claims(job->proven.bytes, w->bytes, is_whole ? b->used : proven);
    if (w->is_inflated)
        job->proven.bytes[0x34] &= (u8)~BUFFER_FLAG_COMPRESSED;
    w->fill = w->bytes - proven;
    return put(to, job->proven.bytes, proven, e) && put_fill(job, to, w->fill, e);
}

// Buffers of the session: [from, to) of the order.
typedef struct session_file {
    u32 index, from, to;
    u64 at;      // bytes written so far
    u64 made_up; // of them
    u32 written; // buffers
    output *out;
} session_file;

static bool put_made_up_header(carve_job *job, session_file *f, const guessed_clock *g, error *e)
{
    u8 header[HEADER_BYTES];
    u64 found = 0;
    for (u32 i = f->from; i < f->to; i++)
        found += job->carve.buffers[job->order[i]].here;
    f->at = make_header(job, f->index, found, g, header);
    size_t made = f->at < HEADER_BYTES ? (size_t)f->at : HEADER_BYTES;
    f->made_up = f->at;
    return put(f->out, header, made, e) && put_fill(job, f->out, f->at - made, e);
}

static bool put_one(carve_job *job, session_file *f, u32 index, error *e)
{
    const carve_buffer *b = &job->carve.buffers[index];
    if (b->reason == CARVE_DUPLICATE)
        return true;
    carve_written w = {.at = f->at};
    if (!(b->intact ? put_intact : put_damaged)(job, f->out, b, &w, e))
        return false;
    job->padded += w.fill;
    f->at += w.bytes;
    return carve_json_buffer(job, f->written++, b, &w, e);
}

static bool tell_copies(const carve_job *job, const session_file *f, error *e)
{
    u32 told = 0;
    for (u32 i = f->from; i < f->to; i++) {
        const carve_buffer *b = &job->carve.buffers[job->order[i]];
        if (b->reason == CARVE_DUPLICATE && !carve_json_copy(job, told++, b, e))
            return false;
    }
    return true;
}

// The header buffer first, the others as they lie in the image.
static bool put_session(carve_job *job, session_file *f, error *e)
{
    const carve_session *s = &job->carve.sessions[f->index];
    guessed_clock g = {0};
    if (s->header == CARVE_NONE)
        g = guess_clock(&job->carve, f->index);
    bool ok = carve_json_session(job, f->index, &g, e) &&
              (s->header == CARVE_NONE ? put_made_up_header(job, f, &g, e) : put_one(job, f, s->header, e));
    for (u32 i = f->from; ok && i < f->to; i++)
        ok = job->order[i] == s->header || put_one(job, f, job->order[i], e);
    return ok && tell_copies(job, f, e);
}

static bool begin_file(carve_job *job, const char *name, error *e)
{
    carve_file *file = &job->files[job->file_count++];
    size_t capacity = strlen(job->o->out) + strlen(name) + 2;
    file->path = mem_alloc(capacity);
    snprintf(file->path, capacity, "%s/%s", job->o->out, name);
    const outfile_request request = {
        .path = file->path, .what = "a file", .force = job->o->force, .made_up = true, .needs_file = true};
    if (!outfile_begin(&file->out, &request, e))
        return false;
    output_open(&file->to, &(export_target){.fd = file->out.fd, .name = file->path});
    return true;
}

static bool end_file(carve_file *file, bool ok, error *e)
{
    return output_close(&file->to, ok ? e : NULL) && ok;
}

static bool tell_end(const carve_job *job, carve_file *file, const session_file *f, error *e)
{
    char hash[SHA256_TEXT];
    u64 bytes;
    bool hashed = !job->o->no_hash;
    return (!hashed || outfile_sha256(&file->out, hash, &bytes, e)) &&
           carve_json_session_end(job, f->made_up, hashed ? hash : NULL, e);
}

static bool write_session(carve_job *job, u32 index, const u32 *starts, error *e)
{
    char name[40];
    session_file f = {.index = index, .from = starts[index], .to = starts[index + 1]};
    snprintf(name, sizeof(name), "session-%u.etl", index + 1);
    if (!begin_file(job, name, e))
        return false;
    carve_file *file = &job->files[job->file_count - 1];
    f.out = &file->to;
    bool ok = put_session(job, &f, e);
    return end_file(file, ok, e) && tell_end(job, file, &f, e) && outfile_seal(&file->out, e);
}

static bool commit(carve_job *job, error *e)
{
    outfile **list = mem_zeroed(job->file_count, sizeof(*list));
    for (u32 i = 0; i < job->file_count; i++)
        list[i] = &job->files[(i + 1) % job->file_count].out; // carve.json, which was begun first, last
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

static bool write_sessions(carve_job *job, error *e)
{
    u32 *starts = session_starts(job);
    bool ok = true;
    for (u32 i = 0; ok && i < job->carve.session_count; i++) {
        ok = write_session(job, i, starts, e);
        if (ok && run_stop)
            ok = error_set(e, "interrupted");
    }
    mem_free(starts);
    return ok;
}

bool carve_write(carve_job *job, error *e)
{
    const carve *c = &job->carve;
    if (!guard_make_folder(job->o->out, e))
        return false;
    job->copy = mem_alloc(COPY_BYTES);
    job->files = mem_zeroed(c->session_count + 1, sizeof(*job->files));
    if (!begin_file(job, "carve.json", e))
        return false;
    carve_file *json = &job->files[0];
    job->json = &json->to;
    bool ok = carve_json_begin(job, e) && write_sessions(job, e) && carve_json_end(job, e);
    return end_file(json, ok, e) && outfile_seal(&json->out, e) && commit(job, e);
}
