// Descriptions that any number of sessions share, on any thread: schema files that were given, a schema cache, the
// built-in tables. Of the last two only what some trace names is read, once.
#ifndef ETWKIT_SCHEMA_STORE_H
#define ETWKIT_SCHEMA_STORE_H

#include "schema/model/schema.h"

typedef struct schema_store schema_store;

// `fetch` is a schema cache's (schema_set_fetch), or NULL; it is called by one thread at a time.
schema_store *schema_store_new(void (*fetch)(void *context, schema_set *set, const guid *id), void *context);
void schema_store_free(schema_store *store); // after the sessions; NULL is allowed

// For loading files into it, before the first session.
schema_set *schema_store_set(schema_store *store);

// Makes what the store knows of a GUID known to a session's set.
void schema_store_fetch(schema_store *store, schema_set *set, const guid *id);

#endif
