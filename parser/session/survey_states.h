// How far events decode, counted while the survey runs (session->count_states), which spares those who render nothing a
// second pass. Schemas may come behind the events they describe: what was counted by other plans than a class has in
// the end is to be counted again (session->recount).
#ifndef ETWKIT_SURVEY_STATES_H
#define ETWKIT_SURVEY_STATES_H

#include "session/trace.h"

// With all plans known: which of the counts stand. They are in each trace's `states` then.
void states_settle(session *s, decoder *d);

#endif
