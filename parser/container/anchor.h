// What ties a session's clock to UTC where the header buffer that says so is gone.
//
// Called by etl_open once the buffers are known. Of the ways there are the best is taken, and noted as damage of kind
// "header" with what is uncertain: reference clocks of real-time backup buffers, event times that are FILETIMEs
// themselves, flush times that are FILETIMEs (relogged traces) beside events that are not.
#ifndef ETWKIT_ANCHOR_H
#define ETWKIT_ANCHOR_H

#include "container/etl_file.h"

// Fills the clock of f->trace_headers[0], which tells of no header, and of the trace_headers that stand for one buffer
// of it.
void anchor_guess(etl_file *f);

bool anchor_is_filetime(i64 time); // a date from 1990 to 2100

#endif
