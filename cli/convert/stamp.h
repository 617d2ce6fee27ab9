// Which outputs of `convert -o FOLDER/` are complete, and what they were made from: a small file for each in
// FOLDER/.etwkit/, written when the output is in its place.
#ifndef ETWKIT_STAMP_H
#define ETWKIT_STAMP_H

#include "base/sha256.h"
#include "convert/conversion.h"

typedef struct stamps {
    char *folder;
    char way[SHA256_TEXT];  // of program, schemas and options: how outputs are made
    const char *provenance; // options.provenance
} stamps;

void stamps_begin(stamps *s, const run *r, const output_format *format, const char *folder);
void stamps_end(stamps *s);

// Whether the output at this path is there, as it was written, with its provenance where that is wanted, and was made
// from the bytes of this row in this way. Then the row has the records and the damage that were found when it was.
bool stamp_holds(const stamps *s, const char *output, input_row *row);
// Says so from now on. Where that fails the output will be made again, so it is nobody's failure.
void stamp_put(const stamps *s, const char *output, const input_row *row);

#endif
