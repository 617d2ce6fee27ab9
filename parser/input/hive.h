// Registry hives, read by libhivex, which is loaded when the first one is met.
#ifndef ETWKIT_HIVE_H
#define ETWKIT_HIVE_H

#include "base/arena.h"
#include "input/input.h"

typedef struct hive hive;
typedef size_t hive_key; // 0: there is none

bool hive_library(void); // whether it is there

// NULL: it cannot be read, or libhivex is not here. It is read from a copy; the input may go.
hive *hive_open(const input *in, error *e);
void hive_close(hive *h); // NULL is allowed

hive_key hive_find(hive *h, const char *path); // from the root, names between backslashes, in any case of letters
// The keys below one, and their number, at most `most`.
u32 hive_children(hive *h, hive_key key, hive_key **children, u32 most); // mem_free
const char *hive_name(hive *h, hive_key key, arena *a);
// A value; "" names the default one. NULL: it is not there, or no text.
const char *hive_text(hive *h, hive_key key, const char *value, arena *a);
// Each value of a key, at most `most`: its name and its bytes, as long as the call lasts.
typedef void hive_visitor(void *context, const char *name, span bytes);
void hive_each_value(hive *h, hive_key key, u32 most, hive_visitor *visit, void *context);
u32 hive_number(hive *h, hive_key key, const char *value, u32 otherwise);

#endif
