// Entities in the SQLite output: hosts, processes, connections, images and DNS queries, with integer keys that join.
//
// They come from the correlator and so from the whole of the inputs; but DNS queries, and which records show a process,
// are read from the stored records. A column is one line in sqlite_entities.c, and so is an event that shows either.
#ifndef ETWKIT_SQLITE_ENTITIES_H
#define ETWKIT_SQLITE_ENTITIES_H

#include <sqlite3.h>

#include "base/outbuf.h"

struct session;

// Appends the CREATE TABLE statements.
void sqlite_entity_tables(outbuf *sql);
extern const char sqlite_entity_indexes[]; // for after the load, before sqlite_entities_finish

// Codes are those of SQLite.
int sqlite_entities_store(sqlite3 *db, const struct session *s);
int sqlite_entities_finish(sqlite3 *db); // with all records and indexes in the file

#endif
