#include "remarks.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { TIME_TEXT = 40 };

static const char *time_text(char text[TIME_TEXT], i64 filetime)
{
    *text_time((u8 *)text, filetime) = 0;
    return text;
}

// Every record of the file comes out, also those of a copy: that they are there twice is the file's.
static bool repeated_buffers(const trace *t, char *text)
{
    const losses *l = &t->losses;
    if (!l->repeated)
        return false;
    int len =
        snprintf(text, REMARK_TEXT, "%llu buffer%s with the sequence number of another one, the first at 0x%llx: ",
                 (unsigned long long)l->repeated, text_s(l->repeated), (unsigned long long)l->repeated_at);
    snprintf(text + len, REMARK_TEXT - (size_t)len,
             l->copies == l->repeated ? "copies, whose events are there twice"
             : l->copies              ? "copies among them: %llu, whose events are there twice; the others differ"
                                      : "none is a copy",
             (unsigned long long)l->copies);
    return true;
}

static bool clock_set_back(const trace *t, char *text)
{
    const clock_step *first = t->clock_steps.first;
    char from[TIME_TEXT], to[TIME_TEXT];
    if (first)
        snprintf(text, REMARK_TEXT,
                 "the clock was set back %llu time%s, first at 0x%llx on processor %u, from %s to %s: names are not "
                 "joined across it",
                 (unsigned long long)t->clock_steps.told, text_s(t->clock_steps.told),
                 (unsigned long long)first->offset, first->processor, time_text(from, first->from),
                 time_text(to, first->to));
    if (first && t->clock_steps.is_full)
        strncat(text, " (LIMIT_CLOCK_STEPS: nothing is, behind)", REMARK_TEXT - strlen(text) - 1);
    return first;
}

static bool far_times(const trace *t, char *text)
{
    const far_events *far = &t->far;
    char time[TIME_TEXT], date[TIME_TEXT + 64] = "";
    if (far->first_date) {
        int len = snprintf(date, sizeof(date), "; taken as a date its time stamp is ");
        time_text(date + len, far->first_date);
    }
    if (far->events)
        snprintf(text, REMARK_TEXT, "%llu event%s dated more than a day outside the session, the first at 0x%llx: %s%s",
                 (unsigned long long)far->events, text_s(far->events), (unsigned long long)far->first_offset,
                 time_text(time, far->first_time), date);
    return far->events;
}

// The header of each file is the session's: where it begins, and what it lost so far.
static bool segment_of_session(const trace *t, char *text)
{
    const segment *s = &t->segment;
    const trace_facts *f = &t->file.trace_headers[0];
    if (!s->is_segment || (s->is_loss_known && !s->has_before)) // the first one's header is its own
        return false;
    int len =
        snprintf(text, REMARK_TEXT,
                 "a later file of a session that goes on in new files: the header's start is the session's, and so "
                 "are the %u events and %u buffers it counts as lost; ",
                 f->events_lost, f->buffers_lost);
    char *rest = text + len;
    size_t left = REMARK_TEXT - (size_t)len;
    if (s->is_loss_known)
        snprintf(rest, left, "%u and %u of them since the file before", s->events_lost, s->buffers_lost);
    else if (s->has_before)
        snprintf(rest, left, "%llu buffers between the file before and this one are in neither",
                 (unsigned long long)s->missing);
    else if (s->in_both)
        snprintf(rest, left, "%llu sequence number%s of another file of the session too",
                 (unsigned long long)s->in_both, s->in_both == 1 ? " is that" : "s are those");
    else
        snprintf(rest, left, "the file before would tell how many are of this one");
    return true;
}

static bool doubtful_header(const trace *t, char *text)
{
    if (t->header_doubt)
        snprintf(text, REMARK_TEXT, "%s", t->header_doubt);
    return t->header_doubt;
}

// Each writes its sentence, where it has one.
static bool (*const REMARKS[])(const trace *t, char *text) = {doubtful_header, segment_of_session, repeated_buffers,
                                                              clock_set_back, far_times};

const char *remark_at(const trace *t, u32 index, char text[REMARK_TEXT])
{
    for (size_t i = 0; i < COUNT_OF(REMARKS); i++)
        if (REMARKS[i](t, text) && !index--)
            return text;
    return NULL;
}
