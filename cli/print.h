// Text for people: names that came from traces and schema files do not reach the terminal as they are. Control
// characters (C0, DEL, C1) could move the cursor, retitle or reprogram it, bidirectional controls could show another
// text than there is, and bytes that are no UTF-8 may be either where a terminal reads bytes: each becomes one question
// mark, line breaks and tabs a blank.
#ifndef ETWKIT_PRINT_H
#define ETWKIT_PRINT_H

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/outbuf.h"

// Returns the columns taken, counting code points.
int print_clean(FILE *to, const char *text);
// The same with its line breaks, and one after the last line.
void print_lines(FILE *to, const char *text);
// The same at the end of a buffer.
void print_clean_into(outbuf *out, span text);
// At least `columns` wide, and a blank after it.
void print_padded(FILE *to, const char *text, int columns);
// One line to stderr after "etwkit: ".
void print_say(const char *format, ...) PRINTF_LIKE(1, 2);
void print_say_list(const char *format, va_list args);
// From now on what is said is one JSON object a line: {"time":…,"event":"message","text":…}.
void print_as_json(bool json);
bool print_is_json(void);
// An event of the run as such a line, where lines are JSON; takes the members, an object.
void print_event(const char *name, cJSON *members);

// What is printed to the stream between the two is appended to `out`.
typedef struct print_into {
    FILE *to;
    char *text;
    size_t len;
} print_into;
FILE *print_into_begin(print_into *t);
void print_into_end(print_into *t, outbuf *out);

// From now on what this thread says is appended to a text, to be put out in its turn; NULL: it goes to stderr again.
void print_hold(outbuf *text);

// From now on what is said is kept until it is released: standard error may turn out to be a file that is to be read.
void print_keep(void);
void print_release(void);

#endif
