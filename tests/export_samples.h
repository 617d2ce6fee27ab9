// Six records made by hand, with what every column of them must hold. For tests and measurements of exporters.
//
// Expected texts are written out from the record contract; nothing of them is computed by an exporter.
#ifndef ETWKIT_EXPORT_SAMPLES_H
#define ETWKIT_EXPORT_SAMPLES_H

#include "exporter.h"

enum { SAMPLE_COUNT = 6, SAMPLE_CLASSES = 6, SAMPLE_TRACES = 2 };

extern const char *const column_names[COLUMN_COUNT];

typedef struct sample_set {
    arena memory;
    decoder decoders[SAMPLE_COUNT];
    event events[SAMPLE_COUNT];
    event_class classes[SAMPLE_CLASSES];
    const event_class *class_list[SAMPLE_CLASSES];
    export_trace traces[SAMPLE_TRACES];
    record records[SAMPLE_COUNT];
    export_target target; // path is the caller's
} sample_set;

void samples_make(sample_set *s);
void samples_free(sample_set *s);

// Column `column` of record `index`, as CSV shows it without quoting and guard; NULL: no value.
const char *sample_expected(size_t index, size_t column);

#endif
