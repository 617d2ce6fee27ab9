// Full-text search in the SQLite output: an index (FTS5) over messages and the texts of payloads.
#ifndef ETWKIT_SQLITE_SEARCH_H
#define ETWKIT_SQLITE_SEARCH_H

extern const char sqlite_search_tables[]; // with the view `events` there
extern const char sqlite_search_fill[];   // with all records in the file

#endif
