// The words of a trace description: a line's verb, its key=value words and what follows `payload`, and how single
// words become numbers, texts, GUIDs, times and SIDs. What the words mean is etl_text.c's business.
#ifndef ETWKIT_TESTS_ETL_WORDS_H
#define ETWKIT_TESTS_ETL_WORDS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/guid.h"
#include "base/outbuf.h"
#include "etl_build.h"

enum { WORDS_MOST = 512 };

// key=value, or a bare word (key NULL). Values keep their quotes and braces; word_text takes them off.
typedef struct word {
    const char *key, *value;
    bool used;
} word;

typedef struct words {
    const char *verb;
    size_t line; // where it begins, from 1
    word keys[WORDS_MOST];
    size_t key_count;
    const char *atoms[WORDS_MOST]; // "u32:1", …: what stands after the word `payload`
    size_t atom_count;
    const char *block; // lines of a `text` block, verbatim
    arena *memory;
} words;

// Where a description is being read. Lines that begin with blanks continue the one before; # starts a comment line;
// a `text NAME` line takes everything up to a line `end` as it stands. A line that begins with --- ends everything.
typedef struct words_reader {
    const char *at, *end;
    size_t line;
} words_reader;

// The next line's words; false at the end of the description and on an error (then the error's message is not empty).
bool words_next(words_reader *reader, words *out, arena *memory, error *e);

const char *words_get(words *w, const char *key); // marks it as used; NULL: not there
bool words_all_used(const words *w, error *e);    // names the first key nobody asked for

// All of these take a whole word and say what was wrong with it.
bool word_number(const char *text, u64 *value, error *e); // decimal, 0x, or negative
bool word_guid(const char *text, guid *value, error *e);
bool word_time(const char *text, i64 *filetime, error *e);
bool word_hex(const char *text, outbuf *to, error *e);
bool word_sid(const char *text, outbuf *to, error *e);
// Takes quotes and escapes (\n \t \r \\ \" \0 \xHH) off; bare words as they are. *len counts zero bytes inside.
bool word_text(arena *memory, const char *text, const char **value, size_t *len, error *e);
bool word_bool(const char *text, bool *value, error *e); // yes, no, true, false, 1, 0

// The same by key, for keys that may be absent (then *value stays).
bool words_number(words *w, const char *key, u64 *value, error *e);
bool words_u32(words *w, const char *key, u32 *value, error *e);
bool words_u16(words *w, const char *key, u16 *value, error *e);
bool words_u8(words *w, const char *key, u8 *value, error *e);
bool words_guid(words *w, const char *key, guid *value, error *e);
bool words_time(words *w, const char *key, i64 *value, error *e);
bool words_text(words *w, const char *key, const char **value, error *e);
bool words_bool(words *w, const char *key, bool *value, error *e);

// +100us -3ms +1s +250ns (from the trace's first tick), +7 (ticks from there) or 12345 (ticks of the session clock).
bool word_ticks(const char *text, const etl_trace *trace, u64 *ticks, error *e);
i64 ticks_to_filetime(const etl_trace *trace, u64 ticks);

#endif
