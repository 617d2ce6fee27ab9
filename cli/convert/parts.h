// Outputs of many files: one for each kind of event (--by-class), or for each value of some columns (--partition-by),
// in folders below OUT.
//
// Records are rendered as for one output. Rows wait in temporary storage, sorted by part; at the end the files are
// written one after the other, so that no number of parts needs more memory or descriptors than its names.
#ifndef ETWKIT_PARTS_H
#define ETWKIT_PARTS_H

#include "convert/conversion.h"

// What --partition-by may name: columns, and these.
enum { PART_DAY = COLUMN_COUNT, PART_HOUR };

// "day,provider". False: one of them is none.
MUST_USE bool part_keys_read(part_keys *out, const char *text, error *e);

bool parts_are_wanted(const convert_options *own);

// Whether OUT may be filled: it is not there yet, or empty, or that is forced. Returns an exit code, and says why not.
int parts_check_folder(const options *o);

typedef struct parts parts;

// The target of all of them, as conversion_target_fill and the conversion made it.
MUST_USE bool parts_begin(parts **out, const conversion *c, const export_target *target, error *e);
const exporter *parts_exporter(const parts *p); // that the records go through, and
sink *parts_sink(parts *p);
// All files are written, and not yet in their places.
MUST_USE bool parts_write(parts *p, char remark[EXPORT_REMARK], error *e);
MUST_USE bool parts_commit(parts *p, error *e);
u32 parts_count(const parts *p);
void parts_end(parts *p); // in any case; what did not appear is removed

#endif
