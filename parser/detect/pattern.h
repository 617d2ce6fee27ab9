// What a Sigma rule asks of one value: text with wildcards, a regular expression, a network, a number's order, whether
// there is a value at all. Source: the Sigma rules specification 2, "Value Modifiers" and "Wildcards".
//
// What events of a kind do not record answers with "unknown", as SQL's NULL does: a rule's `not` does not turn it into
// a hit. A field that the event does not have, though it shows all it has, is equal to nothing, and its `not` is true.
#ifndef ETWKIT_PATTERN_H
#define ETWKIT_PATTERN_H

#include "base/arena.h"
#include "base/error.h"
#include "base/outbuf.h"

// In order: `and` is the least of its operands, `or` the greatest, `not` is ANSWER_TRUE - x.
typedef enum answer { ANSWER_FALSE, ANSWER_UNKNOWN, ANSWER_TRUE } answer;

typedef enum subject_kind {
    SUBJECT_UNKNOWN, // events of this kind do not record it, or this one did not
    SUBJECT_NULL,    // the event has such a field and this one is empty of a value, or has no field of that name
    SUBJECT_TEXT,
} subject_kind;

// A value that is asked about.
typedef struct subject {
    subject_kind kind;
    bool has_number;   // else its text may be one
    bool tail;         // the beginning is not known: the file name of a path, with the backslash before it
    span text, folded; // UTF-8; the same without case
    double number;
    struct known_text *known; // of a text that many events have; NULL: of one that is looked at anew
} subject;

typedef enum pattern_kind {
    PATTERN_TEXT,
    PATTERN_REGEX,
    PATTERN_NETWORK,
    PATTERN_ORDER,
    PATTERN_NULL,
    PATTERN_EXISTS,
    PATTERN_FIELD, // another field of the event
} pattern_kind;

typedef enum piece_kind {
    PIECE_TEXT,
    PIECE_ANY,  // *
    PIECE_ONE,  // ?
    PIECE_DASH, // of |windash: any sign that Windows programs take for a dash
} piece_kind;

typedef struct piece {
    piece_kind kind;
    span text;
} piece;

typedef enum number_order { ORDER_LT, ORDER_LE, ORDER_GT, ORDER_GE } number_order;

typedef struct sigma_pattern {
    pattern_kind kind;
    bool cased;
    bool exists;         // PATTERN_EXISTS: which answer is wanted
    bool from, to;       // PATTERN_FIELD: the other text may begin later than, or end before, this one
    number_order order;  // PATTERN_ORDER
    u8 network[16];      // PATTERN_NETWORK: an IPv4 one mapped into IPv6
    u32 network_bits;    //
    u32 field;           // PATTERN_FIELD: filled by the rule set
    const char *name;    //
    double number;       // PATTERN_ORDER
    struct regex *regex; // PATTERN_REGEX
    piece *pieces;
    u32 piece_count;
    span needle; // the longest of the texts, without case
} sigma_pattern;

// A rule's value with the modifiers after its field's name.
typedef struct pattern_source {
    const char *text;
    size_t len;
    bool is_null;                 // null without quotes
    const char *const *modifiers; // those that are about single values, in order
    u32 modifier_count;
    bool is_keyword; // looked for anywhere in the event
} pattern_source;

// A value may stand for several patterns, any of which is meant (base64offset). False: what it asks is not understood,
// and why.
enum { PATTERN_FORMS = 3 };
MUST_USE bool pattern_compile(arena *a, const pattern_source *from, sigma_pattern out[PATTERN_FORMS], u32 *count,
                              error *e);
void pattern_free(sigma_pattern *p);
// On how many values a regular expression took too long to be answered.
u64 pattern_gave_up(const sigma_pattern *p);

bool pattern_modifier_is_known(const char *name);

// The longest text without wildcards in it, folded as the pattern is; empty: there is none. Whoever has the text
// anywhere in a value must still ask pattern_answer, unless pattern_is_needle.
span pattern_needle(const sigma_pattern *p);
// Whether a value that has the needle at [at, at + len) matches; ANSWER_UNKNOWN: ask pattern_answer.
answer pattern_at_needle(const sigma_pattern *p, size_t value_len, size_t at, size_t len);

// `other` is for PATTERN_FIELD.
answer pattern_answer(const sigma_pattern *p, const subject *s, const subject *other);

#endif
