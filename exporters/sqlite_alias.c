#include "sqlite_alias.h"

#include "names.h"

static bool is_plain(u8 c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

// All names but those of class views, which have a slash; and those that come later or mean something to SQLite.
static int claim_all(arena *a, sqlite3 *db, names *used)
{
    static const char *const OTHERS[] = {
        "current_date",         "current_time",        "current_timestamp",   "detections",
        "detections_by_record", "record_texts",        "text_search",         "text_search_config",
        "text_search_data",     "text_search_docsize", "text_search_content", "text_search_idx",
    };
    sqlite3_stmt *row;
    int code = sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master", -1, &row, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        (void)names_claim(a, used, (const char *)sqlite3_column_text(row, 0));
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        (void)names_claim(a, used, OTHERS[i]);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static const char *alias_of(arena *a, names *used, const char *name)
{
    char *stem = arena_format(a, "_%s", name);
    for (char *p = stem; *p; p++)
        if (!is_plain((u8)*p))
            *p = '_';
    // Numbers begin no name, and SQLite keeps those that start with sqlite_ for itself.
    bool needs_mark = (stem[1] >= '0' && stem[1] <= '9') || strncmp(name_folded(a, stem + 1), "sqlite_", 7) == 0;
    const char *alias = stem + !needs_mark;
    return names_claim_numbered(a, used, alias, "_", "");
}

int sqlite_aliases_make(arena *a, sqlite3 *db, sqlite_layouts *layouts)
{
    names used = {0};
    int code = claim_all(a, db, &used);
    for (u32 i = 0; code == SQLITE_OK && i < layouts->count; i++)
        layouts->list[i].alias = alias_of(a, &used, layouts->list[i].name);
    names_free(&used);
    return code;
}
