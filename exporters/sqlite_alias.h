// Names for the views of events that need no quotes in SQL: Microsoft_Windows_DNS_Client_3008.
#ifndef ETWKIT_SQLITE_ALIAS_H
#define ETWKIT_SQLITE_ALIAS_H

#include <sqlite3.h>

#include "sqlite_layouts.h"

// Gives each layout its alias, which nothing else in the database has. Codes are those of SQLite.
int sqlite_aliases_make(arena *a, sqlite3 *db, sqlite_layouts *layouts);

#endif
