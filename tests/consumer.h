// A consumer of opentrace.h and tdh.h for tests: opens a trace, is given its events, and puts what TDH says of them
// into a list.
#ifndef ETWKIT_TESTS_CONSUMER_H
#define ETWKIT_TESTS_CONSUMER_H

#include "base/outbuf.h"
#include "opentrace.h"
#include "tdh.h"

// One answer of a function: its status, a sum over what it gave, and the number of the event it is about.
enum { ABOUT_OPEN = 0, ABOUT_PROCESS = 0x7ffffffe, ABOUT_CLOSE = 0x7fffffff };
typedef struct answer {
    ULONG status;
    u32 sum, event; // 1, 2, … as delivered, or one of the above
} answer;

enum { MOST_ANSWERS = 1 << 16 };
typedef struct answers { // large: to be static
    answer list[MOST_ANSWERS];
    u32 count, event;
} answers;

// Everything TDH says of a record: its description, size and bytes of each top-level property, and each as text.
void consumer_ask(answers *to, EVENT_RECORD *record);

// Opens the file, reads it to its end asking about every event, and closes it. `to` gets what OpenTraceW and
// ProcessTrace say too.
void consumer_read(answers *to, const char *path);

void consumer_wide(const char *text, WCHAR *wide); // room for strlen(text) + 1

#endif
