// What every reading command does around a session: opens inputs and schemas, hashes, shows progress, sums up damage.
#ifndef ETWKIT_EVIDENCE_H
#define ETWKIT_EVIDENCE_H

#include "inputs.h"
#include "options.h"
#include "schema_files.h"
#include "session/session.h"

typedef struct evidence {
    const options *options;
    session *session;
    size_t memory; // that will be wanted
    inputs inputs;
    u32 *rows;                  // by trace: its row of the inputs
    schema_load user_schemas;   // from --schemas
    schema_files schema_files;  // each file of them, where provenance is written
    struct schema_cache *cache; // NULL: none
    bool bar;                   // a progress bar is shown
    double told;
} evidence;

// Opens and surveys; what events tell about each other is only followed where `records` will be asked for. Returns
// EXIT_DONE or the exit code to end with (everything said); evidence_close in any case.
int evidence_open(evidence *ev, const options *o, bool records);
void evidence_close(evidence *ev);

// Waits for the hashes. Failures are said, noted as an empty hash, and count as damage.
void evidence_hash(evidence *ev);

// The exit code of a run that has its result: whether all that was given was read, undamaged, and hashed.
int evidence_code(const evidence *ev);
// What became of an input so far.
input_status evidence_status(const evidence *ev, const input_row *row);
// The row of a trace.
const input_row *evidence_row(const evidence *ev, u32 trace);
// Lists damage on stderr, the first lines of each trace.
void evidence_tell_damage(const evidence *ev);
// The last line of a run: how many inputs were given, read and not; none for a single one that was read.
void evidence_sum_up(const evidence *ev);

// Limits (limits.h) that were reached, each with how often; NULL: none at that index. The text lives in `room`.
const char *evidence_limit(const evidence *ev, u32 index, char room[160]);

// For pipeline_job and session_survey.
void evidence_progress(void *context, u64 done, u64 total);
void evidence_clear_bar(evidence *ev);

// Set by SIGINT and SIGTERM.
extern volatile bool evidence_stop;

#endif
