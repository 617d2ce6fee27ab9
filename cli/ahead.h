// Buffers read and inflated ahead of the survey by threads of their own: the survey itself takes them in file order.
#ifndef ETWKIT_AHEAD_H
#define ETWKIT_AHEAD_H

#include "trace.h"

extern const load_ahead ahead_threads; // for session.ahead

#endif
