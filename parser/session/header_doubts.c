#include "session/header_doubts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/spill.h"
#include "base/text.h"

enum { SENTENCE = 500 };

// What the buffers of one header show.
typedef struct shown {
    u32 count, packed;
    u16 processor; // the highest
} shown;

typedef struct sentence {
    char text[SENTENCE];
    size_t len;
} sentence;

static void clause(sentence *s, const char *format, ...) PRINTF_LIKE(2, 3);
static void clause(sentence *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    s->len += (size_t)snprintf(s->text + s->len, SENTENCE - s->len, "%s", s->len ? "; " : "the trace header ");
    if (s->len < SENTENCE)
        s->len += (size_t)vsnprintf(s->text + s->len, SENTENCE - s->len, format, args);
    va_end(args);
    if (s->len >= SENTENCE)
        s->len = SENTENCE - 1;
}

static void doubt_clock(sentence *s, const trace_facts *f)
{
    bool is_counted = f->clock_type == CLOCK_CYCLE ? f->cpu_mhz : f->clock_type == CLOCK_SYSTEM || f->perf_frequency;
    if (f->clock_kind != (u32)f->clock_type)
        clause(s, "names a clock of kind %u: taken for QPC", f->clock_kind);
    if (!is_counted)
        clause(s, "tells no frequency of its clock: 10 MHz are assumed");
    if (f->start_time <= 0)
        clause(s, "tells no start: times count from 1601");
    else if (f->end_time && f->end_time < f->start_time)
        clause(s, "ends before it starts");
}

// Files of these modes have other buffers than were written in all.
static bool counts_buffers(const etl_file *f, const trace_facts *facts)
{
    const u32 others = LOG_FILE_MODE_CIRCULAR | LOG_FILE_MODE_APPEND | LOG_FILE_MODE_NEWFILE;
    return f->sessions == 1 && facts->end_time && facts->buffers_written && !(facts->log_file_mode & others);
}

static void doubt_buffers(sentence *s, const etl_file *f, const trace_facts *facts, const shown *of)
{
    bool is_of_others = facts->log_file_mode & (LOG_FILE_MODE_RELOG | LOG_FILE_MODE_COMPRESSED); // written elsewhere
    if (facts->pointer_size != 4 && facts->pointer_size != 8)
        clause(s, "says that pointers have %u bytes", facts->pointer_size);
    else if (!is_of_others && facts->pointer_size != (facts->is_64_bit ? 8u : 4u))
        clause(s, "is that of a %s-bit system and says that pointers have %u bytes", facts->is_64_bit ? "64" : "32",
               facts->pointer_size);
    if (of->processor >= facts->processors)
        clause(s, "counts %u processor%s, a buffer is of processor %u", facts->processors, text_s(facts->processors),
               of->processor);
    if (counts_buffers(f, facts) && of->count > facts->buffers_written)
        clause(s, "counts %u buffer%s, %u are there", facts->buffers_written, text_s(facts->buffers_written),
               of->count);
    if ((facts->log_file_mode & LOG_FILE_MODE_COMPRESSED) && of->count > 1 && !of->packed)
        clause(s, "says that buffers are compressed, none is");
}

const char *header_doubts(const etl_file *f, arena *a)
{
    shown *list = mem_zeroed(f->trace_header_count, sizeof(*list));
    sentence s = {.len = 0};
    u64 passed = 0;
    for (u32 i = 0; i < f->count; i++) {
        const etl_buffer *b = &f->buffers[i];
        shown *of = &list[b->trace_header];
        of->count++;
        of->packed += (b->flags & BUFFER_FLAG_COMPRESSED) != 0;
        if (b->processor > of->processor && !b->headless)
            of->processor = b->processor;
        spill_pass(&passed, sizeof(*b), SPILL_ITEMS);
    }
    for (u32 i = 0; i < f->trace_header_count && !s.len; i++) {
        const trace_facts *facts = &f->trace_headers[i];
        if (!facts->present)
            continue;
        doubt_clock(&s, facts);
        doubt_buffers(&s, f, facts, &list[i]);
    }
    mem_free(list);
    return s.len ? arena_text(a, s.text) : NULL;
}
