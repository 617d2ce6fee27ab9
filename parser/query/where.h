// Filter expressions (--where): comparisons over record columns and payload fields, the same on all commands.
//
//     process_name = 'powershell.exe' and data.QueryName like '%.evil.example'
//     event_id in (3006, 3008) and not (level > 4) or data.Flags & 0x10
//
//     expression  = and-term { or and-term }          and-term = factor { and factor }
//     factor      = not factor | ( expression ) | test
//     test        = operand [ compare operand | [not] like text | [not] in ( literal, … ) | is [not] null | & number ]
//     compare     = = | == | != | <> | < | <= | > | >=
//     operand     = column | data.Field[.Member …] | process.fact | 'text' | "text" | number | 0xhex | true | false
//
// Parts of a field's name may stand in quotes: data."Raw Script". Text is compared without regard to case
// (base/fold.h), as Windows compares names; `like` knows % and _, which is one character. Numbers are compared exactly
// over 64 bits; hex text ("0x1A") counts as a number. Times are compared with any text that is one. A column without a
// value is null, and no comparison with null holds. Fields of an array, and columns that are lists: the test holds
// where it holds for any element. Of two fields that are compared, the right one is a single value, or null.
//
// A comparison that can never hold, of a number with a text that is none, is refused. So is the column `record`: what
// number a record has is not known before it has passed.
#ifndef ETWKIT_WHERE_H
#define ETWKIT_WHERE_H

#include "base/outbuf.h"
#include "decode/columns.h"

typedef struct expression expression;

// NULL: the text is no expression; the error says what stands there and shows it with a caret.
expression *where_parse(const char *text, error *e);
void where_free(expression *x);

// What holds for all events of a class, as far as the class alone tells. `planned`: its names and fields are known, not
// only its provider and event descriptor.
typedef enum where_truth { WHERE_NEVER, WHERE_SOMETIMES, WHERE_ALWAYS } where_truth;
where_truth where_for_class(const expression *x, const event_class *cls, bool planned);
// Whether it asks for anything a class tells before it is planned.
bool where_asks_class(const expression *x);
// Whether it asks for facts of processes, for which the session must follow CORRELATE_PROCESSES, _FILES and _IMAGES.
bool where_asks_process(const expression *x);
// The paths of the fields it asks for, "QueryName"; NULL: there are no more.
const char *where_field(const expression *x, u32 index);
// Whether any layout of any of the classes has the field.
bool classes_have_field(const event_class *const *classes, u32 count, const char *path);
bool where_asks_column(const expression *x, column_id column);

#endif
