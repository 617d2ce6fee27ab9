// HTML around texts, and the members of the model that it is made of.
#ifndef ETWKIT_REPORT_HTML_H
#define ETWKIT_REPORT_HTML_H

#include "report/report.h"

// Text from traces becomes HTML here only: no character that markup needs is left in it.
void html_text(outbuf *out, const char *text);
void html_element(outbuf *out, const char *name, const char *text);
// A row of a name and a value, where there is a value.
void html_fact(outbuf *out, const char *name, const char *value);
// Values that are longer are cut: numbers and words of our own only.
void html_format_fact(outbuf *out, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
void html_begin_facts(outbuf *out);
void html_end_facts(outbuf *out);

const cJSON *member(const cJSON *object, const char *name);
const char *member_text(const cJSON *object, const char *name); // NULL: it is not there, or no text
u64 member_number(const cJSON *object, const char *name);
bool input_was_read(const cJSON *info);
u64 input_damage(const cJSON *info); // places

// Of one input, or of all.
typedef struct sums {
    unsigned long long traces, unread, events, decoded, partial, raw, other_version, events_lost, buffers_lost, gaps,
        places, bytes;
    const char *first, *last; // times of events; UTC, so that texts compare as times do
} sums;

void sums_add(sums *s, const cJSON *info);
void html_counts(outbuf *out, const sums *s); // as facts

void html_summary(outbuf *out, const cJSON *model); // report_summary.c

#endif
