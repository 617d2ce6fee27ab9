// The different values of one column of one row group, and which of them each value is.
#ifndef ETWKIT_PARQUET_DICTIONARY_H
#define ETWKIT_PARQUET_DICTIONARY_H

#include "base/map.h"
#include "parquet_range.h"
#include "parquet_vector.h"

// A value.
typedef struct cell {
    u64 number;
    span text;
} cell;

typedef struct dictionary {
    arena texts;
    cell *cells;
    u32 count, cap;
    size_t bytes;
    map by_value, by_name;
    struct name *names; // texts that are known by where they are
    u32 name_count, name_cap;
    u32 *of_code; // of a coded column: index + 1; 0: it has no value, or was not met
    u32 looked_up;
} dictionary;

void dictionary_free(dictionary *d); // which then is empty

// Index of the value of a code, plus one; 0: it has none.
u32 dictionary_code(dictionary *d, const parquet_column *c, u32 code);

// The index of each of the vector's values, and the range of numbers and names. False: there are too many different
// ones, and those of this vector are not in the dictionary.
bool dictionary_indexes(dictionary *d, const parquet_column *c, const vector *v, u32 *index, range *out);

#endif
