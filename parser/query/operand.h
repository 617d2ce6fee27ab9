// What expressions compare: numbers, texts, or nothing; made of typed values.
#ifndef ETWKIT_OPERAND_H
#define ETWKIT_OPERAND_H

#include "decode/columns.h"

typedef enum compare_op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE } compare_op;

typedef enum operand_kind { OPERAND_NULL, OPERAND_WHOLE, OPERAND_FRACTION, OPERAND_TEXT } operand_kind;

typedef struct operand {
    operand_kind kind;
    bool negative;
    bool has_number; // of text: it stands for the whole number below, which has a name
    u64 whole;       // its magnitude where negative
    double fraction;
    const char *text;
    size_t len;
} operand;

// Decimal or 0x…, with a sign: all of the text.
MUST_USE bool operand_whole_number(const char *text, size_t len, operand *out);

// A single value of a payload; structs and arrays give OPERAND_NULL. Text that must be written goes to the end of
// `texts`, where the operand points until the buffer is written to again.
operand operand_of_value(const typed_value *v, outbuf *texts);
// A column likewise; `scratch` is for what is written on the way.
operand operand_of_column(column_id column, const record *rec, outbuf *texts, outbuf *scratch);

bool operand_compare(compare_op op, const operand *a, const operand *b); // false where one of them is OPERAND_NULL
bool operand_like(const operand *text, const operand *pattern);
bool operand_has_bits(const operand *a, const operand *mask);
bool operand_is_true(const operand *v);

#endif
