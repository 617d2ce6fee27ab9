// Finds the connection an activity belongs to, by its ends.
#ifndef ETWKIT_SQLITE_CONNECTIONS_H
#define ETWKIT_SQLITE_CONNECTIONS_H

#include "base/map.h"
#include "etwkit_engine.h"

typedef struct connection_index {
    const connection *list;
    map by_ends;
} connection_index;

void connection_index_make(connection_index *x, const correlator *c);
void connection_index_free(connection_index *x);
// Its number in correlator_connections; -1: it has none. Any thread may ask.
i64 connection_index_find(const connection_index *x, u32 host, const activity *seen, const record *rec);

#endif
