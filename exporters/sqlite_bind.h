// Values for statements of the SQLite output, and where its tables are.
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

// The page at which a table or index begins.
static inline int sqlite_root(sqlite3 *db, const char *name, u32 *root)
{
    sqlite3_stmt *row;
    int code = sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_master WHERE name=?", -1, &row, NULL);
    if (code == SQLITE_OK)
        bind_text(row, 1, name);
    if (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW)
        *root = (u32)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_ERROR : code;
}

#endif
