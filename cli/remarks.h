// What is to be known of a trace before its records are believed, though nothing of it is damaged: a sentence each, the
// same in info, the provenance file, the report and on standard error.
#ifndef ETWKIT_REMARKS_H
#define ETWKIT_REMARKS_H

#include "etwkit_engine.h"

enum { REMARK_TEXT = 512 };

// The remark at an index, counted from 0; NULL: there are no more.
const char *remark_at(const trace *t, u32 index, char text[REMARK_TEXT]);

#endif
