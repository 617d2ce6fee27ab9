// `etwkit carve IMAGE -o FOLDER`: what carve.h found, as FOLDER/session-N.etl and FOLDER/carve.json.
//
// Intact buffers are written as they were found, of damaged ones what is proven, where it was. The only bytes that are
// made up are a header buffer where none survives, fill for what is missing of a buffer, and BufferSize and Offset
// where a buffer's claims would make the file balloon or a damaged one is no longer compressed; carve.json names them
// all.
#ifndef ETWKIT_CARVE_JOB_H
#define ETWKIT_CARVE_JOB_H

#include <cjson/cJSON.h>

#include "inputs.h"
#include "options.h"
#include "outfile.h"
#include "output.h"

// A file of the folder. All appear together, carve.json last.
typedef struct carve_file {
    outfile out;
    output to;
    char *path;
} carve_file;

typedef struct carve_job {
    const options *o;
    inputs image;       // one row
    bool is_incomplete; // parts of the image are missing
    carve carve;
    u32 *order; // buffers by session
    carve_file *files;
    u32 file_count;
    output *json; // carve.json's
    u8 *copy;
    outbuf proven;
    u64 padded; // bytes of fill written in place of what is missing
    bool bar;
} carve_job;

// How a buffer was written.
typedef struct carve_written {
    u64 at;           // in the file
    u32 bytes;        // its size there
    u32 fill;         // of these
    bool is_inflated; // it is damaged, and was compressed
} carve_written;

// What ties the times of a session without a header to UTC.
typedef struct guessed_clock {
    session_clock clock;
    clock_type type;
    const char *by; // a clause
} guessed_clock;

// carve_files.c: all files, in the folder that was made for them. False: nothing is left of them.
MUST_USE bool carve_write(carve_job *job, error *e);

// carve_json.c, in this order: the image; of each session what is known of it, its buffers, copies that were not
// written, and what its file became (`made_up`: bytes of its header; `hash`: NULL where none was made).
MUST_USE bool carve_json_begin(carve_job *job, error *e);
MUST_USE bool carve_json_session(const carve_job *job, u32 index, const guessed_clock *guessed, error *e);
MUST_USE bool carve_json_buffer(const carve_job *job, u32 number, const carve_buffer *b, const carve_written *w,
                                error *e);
MUST_USE bool carve_json_copy(const carve_job *job, u32 number, const carve_buffer *b, error *e);
MUST_USE bool carve_json_session_end(const carve_job *job, u64 made_up, const char *hash, error *e);
MUST_USE bool carve_json_end(const carve_job *job, error *e);

#endif
