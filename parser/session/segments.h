// Files of one session that goes on in new files (EVENT_TRACE_FILE_MODE_NEWFILE). The trace header of each repeats when
// the session began, and counts what was lost since then: what one file lost is what its header counts more than that
// of the file before, where that one is at hand.
#ifndef ETWKIT_SEGMENTS_H
#define ETWKIT_SEGMENTS_H

#include "container/losses.h"

typedef struct segment {
    bool is_segment;    // of such a session; else all below is empty
    bool is_loss_known; // of this file alone:
    u32 events_lost, buffers_lost;
    bool has_before; // the file in front of it is there
    u64 missing;     // sequence numbers between both that neither has
    u64 in_both;     // that this one and the file in front of it by its first number have: then it is not that file
} segment;

// All such files that are at hand, also those that are not read together. All zero is a valid empty list.
typedef struct segment_list {
    arena arena;
    struct segment_file *files;
    u32 count, cap;
    struct map *by_input; // base/map.h: once in order
} segment_list;

void segments_free(segment_list *list);
// Adds a file, where it is of such a session.
void segments_add(segment_list *list, const etl_file *f, const losses *counted);
// The same for one that is not opened yet: of other files only the beginning is read.
void segments_look(segment_list *list, const input *in);
void segments_order(segment_list *list); // after the last of them
segment segment_of(const segment_list *list, const etl_file *f);

#endif
