// A record's columns as members of a JSON object, for the exporters that write JSON.
//
// Everything a class, a source or a state determines is escaped once, in json_fields_open.
#ifndef ETWKIT_JSON_FIELDS_H
#define ETWKIT_JSON_FIELDS_H

#include "exporter.h"
#include "literal.h"

typedef struct json_fields {
    arena memory;
    literal *classes; // ,"provider":… to ,"keywords":"0x…"
    literal *sources; // ,"source":"…","offset":
    u32 class_count, source_count;
    literal states[ORIGIN_COUNT][STATE_COUNT]; // ,"schema":"…","state":"…"
} json_fields;

void json_fields_open(json_fields *f, const export_target *target);
void json_fields_free(json_fields *f);

// What a record takes, arrays and structs apart; the pen of the functions below has this room at least.
size_t json_fields_room(const json_fields *f, const record *rec);

// The members from `provider` to `state`, each with its comma in front.
u8 *json_fields_facts(const json_fields *f, const pen *at, u8 *p, const record *rec);
// `message` as a member with its comma; nothing where the class has none.
u8 *json_fields_message(const pen *at, u8 *p, const record *rec);
// The members from `data` to `offset`, likewise.
u8 *json_fields_payload(const json_fields *f, const pen *at, u8 *p, const record *rec);

#endif
