// Texts that many events have: the path and the command line of a process stand in each event the process acts in, the
// path of a library in each load of it. What is made of such a text, and what needles find in it, is found once.
#ifndef ETWKIT_KNOWN_TEXT_H
#define ETWKIT_KNOWN_TEXT_H

#include "base/memory.h"
#include "base/span.h"

// An answer that was found.
typedef struct known_answer {
    u32 test;
    u8 answer;
} known_answer;

typedef struct known_text {
    u64 hash;    // of what it is made of; 0: there is none
    u32 made_of; // bytes
    u32 len;
    u8 *bytes; // the text, then the text without case
    known_answer *answers;
    u32 count, capacity;
    u64 used;    // known_texts.now when it was asked for last
    bool passed; // the needles were looked for
    bool has_any;
} known_text;
static_assert(sizeof(known_text) <= 64, "a line of the processor's cache");

// Of one thread; all zero is a valid empty one.
typedef struct known_texts {
    known_text *list;
    u64 now;
} known_texts;

// From here on what was given out before may be forgotten.
static inline void known_texts_begin(known_texts *k)
{
    k->now++;
}

// What a text is made of: bytes of a payload, or where it is kept; and what else decides what becomes of them. Hashes
// of 64 bits stand for it, which are seeded anew in each run: that two are the same by chance is out of the question.
typedef struct known_key {
    const void *of; // a value of which field
    span bytes;
    u64 with;
} known_key;

// The text that was made of it before; NULL: it is to be made, or made and remembered.
known_text *known_text_find(known_texts *k, const known_key *key);
// Remembers it in the place of another one. NULL: it is too long, or the place is in use.
known_text *known_text_add(known_texts *k, const known_key *key, span text);
void known_texts_free(known_texts *k);

static inline span known_text_plain(const known_text *t)
{
    return (span){t->bytes, t->len};
}

static inline span known_text_folded(const known_text *t)
{
    return (span){t->bytes + t->len, t->len};
}

#endif
