// Damage in every place: the samples cut at every length, with every byte of every header changed, with random bytes
// changed. Whatever is done to them, nothing crashes or hangs, the bytes add up, what is lost is said to be, and the
// events before and after the damage come out. ETWKIT_SHARED names a folder whose corpus/*.etl are swept as well;
// ETWKIT_SWEEP=full does that at length (some hours under a sanitizer).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/os.h"
#include "container/trace_header.h"
#include "sweep.h"

static const char *const SAMPLES[] = {"driver", "service", "tracelogging", "dns", "merged", "processes"};
static const u8 PATTERNS[] = {0x01, 0x80, 0xff};

enum { HEADER_EVENT_BYTES = 400 }; // fixed header, TRACE_LOGFILE_HEADER and the beginning of its two names

static void open_sample(sweep *s, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "samples/%s.etl", name);
    sweep_open(s, path);
    assert_int_equal(s->damage_ranges, 0);
}

// xorshift64*, so that a failure can be had again.
static u64 chance(u64 *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

// The buffer a place lies in, as it stands in the good file.
static void buffer_of(const sweep *s, u64 at, u64 *from, u64 *to)
{
    *from = 0;
    *to = s->good.len;
    for (u32 i = 0; i < s->header_count; i++) {
        if (s->headers[i] <= at)
            *from = s->headers[i];
        else if (s->headers[i] < *to)
            *to = s->headers[i];
    }
}

// ---------------------------------------------------------------------------------------------- cuts

static void every_length(void **state)
{
    (void)state;
    for (u32 i = 0; i < COUNT_OF(SAMPLES); i++) {
        sweep s;
        open_sample(&s, SAMPLES[i]);
        for (u64 len = s.good.len; len-- > 0;) {
            sweep_cut(&s, len);
            if (len % 509 == 0)
                sweep_convert(&s, "cut", len);
            else
                sweep_read(&s, "cut", len);
            if (s.unknown)
                fail_msg("%s, cut at %llu: %u events that were never there", s.name, (unsigned long long)len,
                         s.unknown);
            if (s.opened && sweep_missing(&s, len, s.good.len))
                fail_msg("%s, cut at %llu: %u events before the cut are missing", s.name, (unsigned long long)len,
                         sweep_missing(&s, len, s.good.len));
            if (!s.opened && len > BUFFER_HEADER_BYTES)
                fail_msg("%s, cut at %llu: no trace any more", s.name, (unsigned long long)len);
        }
        sweep_close(&s);
    }
}

// ---------------------------------------------------------------------------------------------- one byte

// A record's size and type stand in its first 8 bytes: changed, it may reach over others so that nothing looks wrong.
// In a compressed buffer any byte can come to that.
static bool hides(const sweep *s, u64 at)
{
    for (u32 i = 0; i < s->count; i++) {
        const sweep_event *ev = &s->events[i];
        bool packed = s->good.bytes[ev->offset + 3] < 0x80; // a buffer header stands there, no record
        if (at >= ev->offset && at < ev->offset + (packed ? ev->bytes : 8))
            return true;
    }
    return false;
}

// Changes one byte and reads.
static void flip(sweep *s, u64 at, u8 pattern, bool whole)
{
    u8 changed = s->good.bytes[at] ^ pattern;
    s->may_hide = hides(s, at);
    sweep_put(s, at, &changed, 1);
    if (whole)
        sweep_convert(s, "flip", at);
    else
        sweep_read(s, "flip", at);
    sweep_restore(s, at, 1);
    s->may_hide = false;
}

// A byte of a buffer header: no event holds it, so none may be missing. Only what is compressed may need the byte.
static void every_byte_of_buffer_headers(void **state)
{
    (void)state;
    for (u32 i = 0; i < COUNT_OF(SAMPLES); i++) {
        sweep s;
        open_sample(&s, SAMPLES[i]);
        for (u32 h = 0; h < s.header_count; h++) {
            for (u64 at = s.headers[h]; at < s.headers[h] + BUFFER_HEADER_BYTES; at++) {
                for (u32 p = 0; p < COUNT_OF(PATTERNS); p++) {
                    flip(&s, at, PATTERNS[p], p == 2);
                    if (!s.opened || sweep_missing(&s, 0, 0) || s.unknown)
                        fail_msg("%s, header byte 0x%llx of the buffer at %llu ^ %02x: %u events missing, %u new",
                                 s.name, (unsigned long long)(at - s.headers[h]), (unsigned long long)s.headers[h],
                                 PATTERNS[p], sweep_missing(&s, 0, 0), s.unknown);
                }
            }
        }
        sweep_close(&s);
    }
}

static void every_byte_of_header_events(void **state)
{
    (void)state;
    for (u32 i = 0; i < COUNT_OF(SAMPLES); i++) {
        sweep s;
        open_sample(&s, SAMPLES[i]);
        u64 from, to;
        buffer_of(&s, 0, &from, &to);
        for (u64 at = BUFFER_HEADER_BYTES; at < BUFFER_HEADER_BYTES + HEADER_EVENT_BYTES && at < to; at++) {
            for (u32 p = 0; p < COUNT_OF(PATTERNS); p++) {
                flip(&s, at, PATTERNS[p], p == at % 3);
                if (!s.opened || sweep_missing(&s, 0, to))
                    fail_msg("%s, header event byte 0x%llx ^ %02x: %u events of other buffers are missing", s.name,
                             (unsigned long long)(at - BUFFER_HEADER_BYTES), PATTERNS[p], sweep_missing(&s, 0, to));
            }
        }
        sweep_close(&s);
    }
}

// Any byte: events of other buffers are all there, and so are those before it in its own.
static void flip_and_check(sweep *s, u64 at, u8 pattern, bool whole)
{
    u64 from, to;
    buffer_of(s, at, &from, &to);
    flip(s, at, pattern, whole);
    bool packed = s->good.bytes[from + 0x34] & BUFFER_FLAG_COMPRESSED;
    // A header event that moves the clock or the size of buffers touches nothing else either.
    if (!s->opened || sweep_missing(s, from, to))
        fail_msg("%s, byte %llu ^ %02x: %u events of other buffers are missing", s->name, (unsigned long long)at,
                 pattern, sweep_missing(s, from, to));
    u32 before = 0;
    for (u32 i = 0; i < s->count && !packed; i++)
        before += s->events[i].offset >= from && s->events[i].offset + s->events[i].bytes <= at && !s->events[i].seen;
    if (before)
        fail_msg("%s, byte %llu ^ %02x: %u events before it are missing", s->name, (unsigned long long)at, pattern,
                 before);
}

static void random_bytes(void **state)
{
    (void)state;
    u64 random = 0x9e3779b97f4a7c15u;
    for (u32 i = 0; i < COUNT_OF(SAMPLES); i++) {
        sweep s;
        open_sample(&s, SAMPLES[i]);
        for (u32 n = 0; n < 2000; n++) {
            u64 at = chance(&random) % s.good.len;
            flip_and_check(&s, at, (u8)(chance(&random) % 255 + 1), n % 16 == 0);
        }
        sweep_close(&s);
    }
}

// A byte of an event's own header changes that event and, where it is its size, what that hides: nothing else.
static void every_byte_of_event_headers(void **state)
{
    (void)state;
    for (u32 i = 0; i < 4; i++) {
        sweep s;
        open_sample(&s, SAMPLES[i]);
        for (u32 k = 0; k < s.count; k++) {
            const sweep_event *ev = &s.events[k];
            for (u64 at = ev->offset; at < ev->offset + 48 && !ev->is_header && ev->bytes < 4096; at++) {
                flip(&s, at, 0xff, false);
                u64 in = at - ev->offset;
                bool size = in < 8; // size, type and flags; SYSTEM, COMPACT and PERFINFO records have it at 4
                u32 missing = sweep_missing(&s, ev->offset, ev->offset + ev->bytes);
                if (!size && missing)
                    fail_msg("%s, byte %llu of the event at %llu: %u others are missing", s.name,
                             (unsigned long long)in, (unsigned long long)ev->offset, missing);
            }
        }
        sweep_close(&s);
    }
}

// ---------------------------------------------------------------------------------------------- ranges

// Runs of zeros, ones and noise over sectors, as failing disks and wipers leave them.
static void sectors(void **state)
{
    (void)state;
    static const char *const KINDS[] = {"zeros", "ones", "noise"};
    u64 random = 7;
    u8 noise[4096];
    for (u32 i = 0; i < COUNT_OF(SAMPLES); i++) {
        sweep s;
        open_sample(&s, SAMPLES[i]);
        for (u64 at = 0; at + 512 <= s.good.len; at += 512) {
            for (u32 kind = 0; kind < 3; kind++) {
                size_t len = at + sizeof(noise) <= s.good.len && kind == 2 ? sizeof(noise) : 512;
                for (size_t b = 0; b < len; b++)
                    noise[b] = (u8)(kind == 0 ? 0 : kind == 1 ? 0xff : chance(&random));
                u64 from, to, last, end;
                buffer_of(&s, at, &from, &to);
                buffer_of(&s, at + len - 1, &last, &end);
                sweep_put(&s, at, noise, len);
                sweep_read(&s, "sector", at);
                sweep_restore(&s, at, len);
                // Compressed bytes depend on each other; other records stand for themselves.
                bool packed = (s.good.bytes[from + 0x34] | s.good.bytes[last + 0x34]) & BUFFER_FLAG_COMPRESSED;
                u32 missing = sweep_missing(&s, packed ? from : at, packed ? end : at + len);
                if (!s.opened || missing)
                    fail_msg("%s, %zu bytes of %s at %llu: %u events beside them are missing", s.name, len, KINDS[kind],
                             (unsigned long long)at, missing);
            }
        }
        sweep_close(&s);
    }
}

// ---------------------------------------------------------------------------------------------- recorded traces

typedef struct corpus_job {
    u32 cuts, flips, files;
    u64 largest;
} corpus_job;

static bool sweep_corpus_file(void *context, const char *path)
{
    corpus_job *job = context;
    size_t len = strlen(path);
    os_file f;
    if (len < 4 || strcmp(path + len - 4, ".etl") != 0 || !os_open(&f, path, NULL))
        return true;
    bool fits = f.bytes <= job->largest;
    os_close(&f);
    if (!fits)
        return true;
    sweep s;
    u64 random = 0x853c49e6748fea9bu;
    sweep_open(&s, path);
    u32 rare = s.good.len > 4 << 20 ? 8 : 1; // whole conversions of large traces
    for (u32 n = 0; n < job->flips; n++)
        flip_and_check(&s, chance(&random) % s.good.len, (u8)(chance(&random) % 255 + 1), n % (8 * rare) == 0);
    for (u32 n = 0; n < job->cuts; n++) {
        u64 cut = s.good.len - s.good.len / job->cuts * n - chance(&random) % (s.good.len / job->cuts + 1);
        sweep_cut(&s, cut);
        if (n % rare == 0)
            sweep_convert(&s, "cut", cut);
        else
            sweep_read(&s, "cut", cut);
        if (cut > BUFFER_HEADER_BYTES && (!s.opened || s.unknown || sweep_missing(&s, cut, s.good.len)))
            fail_msg("%s, cut at %llu: %u events before the cut are missing", s.name, (unsigned long long)cut,
                     sweep_missing(&s, cut, s.good.len));
        sweep_cut(&s, 0);
        sweep_restore(&s, 0, s.good.len);
    }
    sweep_close(&s);
    job->files++;
    return true;
}

static void recorded_traces(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED") ? getenv("ETWKIT_SHARED") : "../shared";
    const char *full = getenv("ETWKIT_SWEEP");
    char folder[512];
    error e;
    snprintf(folder, sizeof(folder), "%s/corpus", shared);
    if (!os_is_folder(folder)) {
        print_message("skipped: no %s\n", folder);
        skip();
    }
    corpus_job job = {.cuts = 10, .flips = 40, .largest = 300000};
    if (full && strcmp(full, "full") == 0)
        job = (corpus_job){.cuts = 200, .flips = 2000, .largest = (u64)1 << 30};
    assert_true(os_list_folder(folder, sweep_corpus_file, &job, &e));
    assert_true(job.files > 0);
}

static int memory_is_bounded(void **state)
{
    (void)state;
    struct rusage use;
    enum { MOST_KILOBYTES = 1 << 20 };
    return getrusage(RUSAGE_SELF, &use) == 0 && use.ru_maxrss < MOST_KILOBYTES ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length),
        cmocka_unit_test(every_byte_of_buffer_headers),
        cmocka_unit_test(every_byte_of_header_events),
        cmocka_unit_test(every_byte_of_event_headers),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(sectors),
        cmocka_unit_test(recorded_traces),
    };
    return cmocka_run_group_tests(tests, NULL, memory_is_bounded);
}
