#include "sqlite_search.h"

// The index keeps no text of its own: it is put together anew from the record where a query asks for it. Keys of JSON
// are left out, as a search for one would find all records of a class.
const char sqlite_search_tables[] =
    "CREATE VIEW record_texts AS SELECT record,message,coalesce((SELECT group_concat(j.atom,char(10)) "
    "FROM json_tree(e.data) AS j WHERE j.type='text'),raw_text) AS payload FROM events AS e;"
    "CREATE VIRTUAL TABLE text_search USING fts5(message,payload,content='record_texts',content_rowid='record');";

const char sqlite_search_fill[] =
    "BEGIN;INSERT INTO text_search(rowid,message,payload) SELECT record,message,payload FROM record_texts;"
    "INSERT INTO text_search(text_search) VALUES('optimize');COMMIT;";
