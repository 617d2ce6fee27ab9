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

// The members from `provider` to `state`, each with its comma in front.
void json_fields_facts(const json_fields *f, const record *rec, outbuf *out);
// `message` as a member with its comma; nothing where the class has none.
void json_fields_message(const record *rec, outbuf *out);
// The members from `data` to `offset`, likewise.
void json_fields_payload(const json_fields *f, const record *rec, outbuf *out);

#endif
