// Entities in the SQLite output: hosts, processes, connections and images, with integer keys that join.
//
// They come from the correlator and so from the whole of the inputs. A column is one line in sqlite_entities.c.
#ifndef ETWKIT_SQLITE_ENTITIES_H
#define ETWKIT_SQLITE_ENTITIES_H

#include <sqlite3.h>

#include "base/outbuf.h"

struct session;

// Appends the CREATE TABLE statements.
void sqlite_entity_tables(outbuf *sql);
extern const char sqlite_entity_indexes[]; // for after the load

// Codes are those of SQLite.
int sqlite_entities_store(sqlite3 *db, const struct session *s);

#endif
