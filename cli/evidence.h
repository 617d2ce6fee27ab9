// What every reading command does around a session: opens inputs and schemas, hashes, shows progress, sums up damage.
#ifndef ETWKIT_EVIDENCE_H
#define ETWKIT_EVIDENCE_H

#include "hash.h"
#include "options.h"
#include "schema_files.h"
#include "session/session.h"

typedef struct evidence {
    const options *options;
    session *session;
    size_t memory;               // that will be wanted
    hash_job **hashes;           // one for each trace, NULL where not asked for
    char (*sha256)[SHA256_TEXT]; // "" where not computed
    schema_load user_schemas;    // from --schemas
    schema_files schema_files;   // each file of them, where provenance is written
    u32 unread;                  // inputs that could not be opened
    u32 unhashed;                // inputs whose hash could not be made
    struct schema_cache *cache;  // NULL: none
    bool bar;                    // a progress bar is shown
    double told;
} evidence;

// Opens and surveys; what events tell about each other is only followed where `records` will be asked for. Returns
// EXIT_DONE or the exit code to end with (everything said); evidence_close in any case.
int evidence_open(evidence *ev, const options *o, bool records);
void evidence_close(evidence *ev);

// Waits for the hashes. Failures are said, noted as an empty hash, and count as damage.
void evidence_hash(evidence *ev);

// Any byte of any trace damaged, any hash wanting (evidence_hash), or any input unread.
bool evidence_damaged(const evidence *ev);
// Lists damage on stderr, the first lines of each trace.
void evidence_tell_damage(const evidence *ev);

// Limits (limits.h) that were reached, each with how often; NULL: none at that index. The text lives in `room`.
const char *evidence_limit(const evidence *ev, u32 index, char room[160]);

// For pipeline_job and session_survey.
void evidence_progress(void *context, u64 done, u64 total);
void evidence_clear_bar(evidence *ev);

// Set by SIGINT and SIGTERM.
extern volatile bool evidence_stop;

#endif
