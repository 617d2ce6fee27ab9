// The message of a schema as pieces of text and inserts, for one plan.
#ifndef ETWKIT_PLAN_MESSAGE_H
#define ETWKIT_PLAN_MESSAGE_H

#include "decode/plan.h"

// Fills message and message_count; the plan has its schema and fields already.
void plan_add_message(arena *a, plan *out);

u32 plan_message_repeats(const plan *p); // how often it inserts the field it inserts most often
u64 plan_message_bound(const plan *p);   // bytes of its texts, and of one value for each insert

// A copy with TEXT_PADDING readable bytes after it; plan.c has it.
plan_text plan_padded(arena *a, const u8 *text, size_t len);

#endif
