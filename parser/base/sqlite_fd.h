// SQLite over a descriptor its owner has opened: nothing is opened by name, so that no link and no rename can put
// another file in its place. Pages are read and written at once, without locks, journals or files next to it: for
// databases nobody else writes to. What SQLite sorts on disk goes to its own unnamed temporary files.
#ifndef ETWKIT_SQLITE_FD_H
#define ETWKIT_SQLITE_FD_H

#include <sqlite3.h>

#include "base/base.h"

// The descriptor must stay open until *db is closed, and stays its owner's. Returns SQLite's code; *db may be set where
// it failed, as sqlite3_open_v2 does.
MUST_USE int sqlite_fd_open(int fd, bool writable, sqlite3 **db);

// For databases that may be anybody's: each statement ends with SQLITE_INTERRUPT after so many steps, since pages can
// name each other in circles.
void sqlite_fd_bound(sqlite3 *db, u64 steps);

// What went wrong last, in the system's words where it was the system. `code` is what the call returned, which says it
// where later calls went well. NULL is allowed: a handle there was no memory for.
const char *sqlite_fd_error(sqlite3 *db, int code);

#endif
