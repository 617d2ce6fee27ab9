// Values for statements of the SQLite output.
#ifndef ETWKIT_SQLITE_BIND_H
#define ETWKIT_SQLITE_BIND_H

#include <sqlite3.h>

#include "base/text.h"
#include "literal.h"

static inline void bind_len(sqlite3_stmt *statement, int at, const void *text, size_t len)
{
    if (sqlite3_bind_text64(statement, at, text, len, SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_NOMEM)
        mem_run_out(len); // else it would be NULL in the table
}

// As valid UTF-8; NULL where there is none.
static inline void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (!text) {
        sqlite3_bind_null(statement, at);
        return;
    }
    span s = text_span(text);
    u8 *clean = mem_alloc(3 * s.len + 1);
    bind_len(statement, at, clean, (size_t)(text_utf8(clean, s) - clean));
    mem_free(clean);
}

#endif
