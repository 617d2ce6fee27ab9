// What Sigma rules hit, as a table of the report.
#ifndef ETWKIT_REPORT_DETECTIONS_H
#define ETWKIT_REPORT_DETECTIONS_H

#include <cjson/cJSON.h>

#include "detect/detect.h"

// Puts the table before all others of the model, in a pass of its own. False: interrupted.
MUST_USE bool report_add_detections(cJSON *root, const evidence *ev, const rule_book *book, error *e);

#endif
