// What a trace header says that cannot be, or that the file contradicts; and what is assumed instead.
#ifndef ETWKIT_HEADER_DOUBTS_H
#define ETWKIT_HEADER_DOUBTS_H

#include "base/arena.h"
#include "container/etl_file.h"

// A sentence about the first header that is doubtful; NULL: none is. All buffers are known.
const char *header_doubts(const etl_file *f, arena *a);

#endif
