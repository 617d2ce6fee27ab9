// Hits as text.
#ifndef ETWKIT_DETECT_FORMAT_H
#define ETWKIT_DETECT_FORMAT_H

#include "detect/detection.h"

void detection_put_table(const detection *d, bool colour, outbuf *out);
void detection_put_json(const detection *d, outbuf *out); // a line
void detection_put_csv(const detection *d, outbuf *out);
void detection_put_timesketch(const detection *d, outbuf *out);

extern const char DETECTION_CSV_HEADER[];

// Parts of them, for other outputs.
void detection_put_matched(const detection *d, outbuf *out); // a JSON object
void detection_put_records(const detection *d, outbuf *out); // a JSON array
void detection_put_matched_text(const detection *d, outbuf *out);
void detection_put_tags(const sigma_rule *r, outbuf *out); // separated by blanks

#endif
