// etwkit ddl DATABASE: the table for records and how an output is loaded into it, made from the list of columns.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/suggest.h"
#include "command.h"
#include "etwkit_engine.h"
#include "print.h"

// What columns of each kind are called in a database.
typedef enum ddl_kind { DDL_SMALL, DDL_NUMBER, DDL_TIME, DDL_GUID, DDL_TEXT, DDL_TEXTS, DDL_JSON, DDL_KINDS } ddl_kind;

typedef struct dialect {
    const char *name;
    const char *types[DDL_KINDS];
    const char *engine; // after the list of columns
    const char *load;
} dialect;

static const dialect DIALECTS[] = {
    {"duckdb",
     {"INTEGER", "BIGINT", "TIMESTAMP_NS", "UUID", "VARCHAR", "VARCHAR[]", "JSON"},
     "",
     "-- etwkit convert TRACE... -o events.jsonl\n"
     "COPY events FROM 'events.jsonl' (FORMAT json, ARRAY false, AUTO_DETECT false);\n"},
    {"clickhouse",
     {"Nullable(Int32)", "Nullable(Int64)", "DateTime64(7, 'UTC')", "Nullable(UUID)", "Nullable(String)",
      "Array(String)", "Nullable(String)"},
     " ENGINE = MergeTree ORDER BY timestamp",
     "-- etwkit convert TRACE... -o events.jsonl\n"
     "INSERT INTO events FROM INFILE 'events.jsonl'\n"
     "    SETTINGS date_time_input_format = 'best_effort', input_format_json_read_objects_as_strings = 1,\n"
     "        input_format_json_read_arrays_as_strings = 1 FORMAT JSONEachRow;\n"},
    {"postgres",
     {"integer", "bigint", "timestamptz", "uuid", "text", "text", "jsonb"},
     "",
     "-- etwkit convert TRACE... -o events.csv --no-guard\n"
     "\\copy events FROM 'events.csv' (FORMAT csv, HEADER true)\n"},
    {"sqlite",
     {"INTEGER", "INTEGER", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT"},
     "",
     "-- etwkit convert TRACE... -o events.csv --no-guard\n"
     "-- (-o events.db makes a database with more in it, and faster)\n"
     ".import --csv --skip 1 events.csv events\n"},
};

static ddl_kind kind_of(column_id id)
{
    switch (column_table[id].type) {
    case TYPE_NUMBER:
        return column_table[id].scope == SCOPE_CLASS ? DDL_SMALL : DDL_NUMBER;
    case TYPE_TIME:
        return DDL_TIME;
    case TYPE_GUID:
        return DDL_GUID;
    case TYPE_TEXTS:
        return DDL_TEXTS;
    case TYPE_DATA:
    case TYPE_STACK:
    case TYPE_EXTENDED:
        return DDL_JSON;
    default:
        return DDL_TEXT;
    }
}

static void print_ddl(const dialect *d)
{
    puts("CREATE TABLE events (");
    for (column_id id = 0; id < COLUMN_COUNT; id++)
        printf("    \"%s\" %s%s\n", column_table[id].name, d->types[kind_of(id)], id < COLUMN_LAST ? "," : "");
    printf(")%s;\n%s", d->engine, d->load);
}

static int ddl(const options *o)
{
    suggestion s = {.word = o->inputs[0]};
    char text[96];
    for (size_t i = 0; i < COUNT_OF(DIALECTS); i++) {
        if (strcasecmp(DIALECTS[i].name, o->inputs[0]) == 0) {
            print_ddl(&DIALECTS[i]);
            return EXIT_DONE;
        }
        suggest_try(&s, DIALECTS[i].name);
    }
    print_say("unknown database '%s'%s (databases: duckdb, clickhouse, postgres, sqlite)", o->inputs[0],
              suggest_text(&s, text));
    return EXIT_USAGE;
}

const command command_ddl = {
    .name = "ddl",
    .arguments = "duckdb|clickhouse|postgres|sqlite",
    .help = "the table for records as SQL, and how to load an output into it",
    .least = 1,
    .most = 1,
    .run = ddl,
};
