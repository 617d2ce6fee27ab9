// Buffers read, inflated and scanned ahead of the survey by a crew; the survey takes them in file order.
#ifndef ETWKIT_AHEAD_H
#define ETWKIT_AHEAD_H

#include "session/trace.h"

extern const survey_threads ahead_threads; // for session.threads, with a crew as its context

#endif
