// `etwkit verify`: what its parts share.
#ifndef ETWKIT_VERIFY_H
#define ETWKIT_VERIFY_H

#include <cjson/cJSON.h>

#include "etwkit_engine.h"

// ---------------------------------------------------------------------------------------------- names

// Where a provenance file lies, and where the run it tells of was. Names of the run are looked for in all of them.
typedef struct verify_place {
    const char *file;   // the provenance file
    char *folder, *run; // its folder; the working folder of the run, or NULL
    char *moved;        // what that folder is now, since the file has in it the place that it says; NULL: it has not
} verify_place;

// A name as the run was given it, its bytes where it is not UTF-8 (member "NAME_bytes"); NULL: there is no such member.
// Heap.
char *verify_text(const cJSON *object, const char *member);
// Where it is now: heap; where it is nowhere, the name as it is. `beside`: first next to the provenance file.
char *verify_find(const verify_place *place, const char *name, bool beside);

// ---------------------------------------------------------------------------------------------- records

// What of an output can be counted: "records", "packets" …; NULL: nothing.
const char *verify_counted(const char *format);
// How many an output holds (`header`: CSV has a header row), by a reader that shares nothing with the
// exporters: libcsv, cJSON, SQLite, readers of Parquet's footer, pcapng, profiles and timelines. False: it is not what
// the format says, and `e` says where.
MUST_USE bool verify_count(const input *in, const char *format, bool header, u64 *records, error *e);
MUST_USE bool verify_count_parquet(const input *in, u64 *records, error *e);
MUST_USE bool verify_count_items(const input *in, const char *format, u64 *items, error *e);

// A varint of protobuf or Thrift, byte by byte from `next`. False: it has more than 64 bits.
MUST_USE bool verify_varint(u8 (*next)(void *from), void *from, u64 *value);

// ---------------------------------------------------------------------------------------------- once more

typedef enum verify_again_result { AGAIN_SAME, AGAIN_DIFFERS, AGAIN_IMPOSSIBLE } verify_again_result;

// Repeats the recorded conversion and compares it with the output, byte for byte. `e` says what differs, or why it
// cannot be repeated.
verify_again_result verify_again(const cJSON *root, const verify_place *place, const input *output, error *e);

#endif
