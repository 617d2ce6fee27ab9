// The inside of etl_text.c and etl_lines.c: what a description has come to so far.
#ifndef ETWKIT_TESTS_ETL_LINES_H
#define ETWKIT_TESTS_ETL_LINES_H

#include "etl_fields.h"
#include "etl_payload.h"

typedef struct session {
    etl_trace trace;
    bool compressed, finalised, old_cpu, has_end, has_written, has_processors;
    u64 last, newest; // time of the newest line and of the newest event
    u32 cpus;
    u64 sequence;
    u8 fill;
} session;

typedef struct part {
    bool is_buffer, is_header, has_time;
    u32 session;
    u64 newest; // event in this buffer
    etl_buffer buffer;
    outbuf bytes;
} part;

typedef struct patch {
    bool truncate, in_buffer;
    u64 buffer, at;
    outbuf bytes;
} patch;

typedef struct builder {
    arena memory;
    session *sessions;
    part *parts;
    patch *patches;
    u32 session_count, session_cap, part_count, part_cap, patch_count, patch_cap;
    part *current; // buffer that takes records, NULL: none; valid until a part is added
    text_block *texts;
} builder;

session *session_now(builder *b);
part *part_add(builder *b);
part *buffer_add(builder *b, u32 cpu); // a new current buffer

// A line whose verb writes a record, raw bytes or damage. *known is false where the verb is none of these.
bool record_verb(builder *b, words *w, bool *known, error *e);

#endif
