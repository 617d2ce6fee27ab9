// A record's columns as members of a JSON object, for the exporters that write JSON.
#ifndef ETWKIT_JSON_FIELDS_H
#define ETWKIT_JSON_FIELDS_H

#include "flat.h"
#include "prepared.h"

typedef struct json_fields {
    arena memory;
    prepared prepared; // each member with a comma before it
    u64 without;       // columns, as bits
    bool flat;         // fields of payloads are members, in the place of `data`
    flat_layout layout;
    literal *keys; // of its columns: ,"data.Name":
} json_fields;

void json_fields_open(json_fields *f, const export_target *target);
void json_fields_free(json_fields *f);

// What a record takes, arrays and structs apart; the pen of the functions below has so many bytes at least.
size_t json_fields_bound(const json_fields *f, const record *rec);

// All columns in their order, each as a member with a comma before it; none for what has no value.
u8 *json_fields_all(const json_fields *f, const pen *at, u8 *p, const record *rec);
// The same with null for what has no value.
void json_fields_whole(const json_fields *f, outbuf *out, const record *rec);
// As json_fields_all, without record, timestamp and message.
u8 *json_fields_other(const json_fields *f, const pen *at, u8 *p, const record *rec);

#endif
