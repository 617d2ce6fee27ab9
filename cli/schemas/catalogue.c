#include "schemas/catalogue.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/os.h"
#include "schemas/schemas.h"

static bool open_cache(catalogue *c, const options *o)
{
    char *standard = o->cache ? NULL : schema_cache_default_path();
    const char *path = o->cache ? o->cache : standard;
    error e = {0};
    bool wanted = path && strcmp(path, "none") != 0 && (o->cache || os_exists(path)), ok = true;
    if (wanted && !os_exists(path))
        ok = error_set(&e, "%s: no schema cache there; etwkit schemas add makes it", path);
    else if (wanted)
        ok = schema_cache_open(&c->cache, path, &e);
    if (!ok)
        schemas_say("%s", e.message);
    mem_free(standard);
    return ok;
}

static bool load_files(catalogue *c, const options *o)
{
    schema_load load = {0};
    bool ok = true;
    for (u32 i = 0; i < o->schemas.count && ok; i++) {
        error e = {0};
        ok = schema_load_path(c->set, o->schemas.items[i], RANK_USER, &load, &e);
        if (!ok)
            schemas_say("%s", e.message);
    }
    for (u32 i = 0; i < load.note_count; i++)
        schemas_say("%s", load.notes[i]);
    schema_load_free(&load);
    return ok;
}

static void fetch(void *context, schema_set *set, const guid *id)
{
    catalogue *c = context;
    if (c->cache)
        schema_cache_fetch(c->cache, set, id);
    (void)schema_core_fetch(set, id);
}

// ---------------------------------------------------------------------------------------------- rows

static bool add_row(void *context, const schema_cache_row *row)
{
    catalogue *c = context;
    GROW(c->rows, c->count, c->cap);
    schema_cache_row *own = &c->rows[c->count++];
    *own = *row;
    own->name = row->name ? arena_text(&c->memory, row->name) : "";
    own->path = row->path ? arena_text(&c->memory, row->path) : NULL;
    return true;
}

static void add_rows(catalogue *c)
{
    error e = {0};
    u32 at = 0;
    for (const provider_schema *p; (p = schema_each(c->set, &at)) != NULL;) {
        schema_cache_row row = {p->id, p->name, p->path, p->origin, p->os_build, p->event_count, p->map_count};
        (void)add_row(c, &row);
    }
    if (c->cache && !schema_cache_list(c->cache, add_row, c, &e))
        schemas_say("%s", e.message);
    for (u32 i = 0; i < core_count(); i++) {
        core_provider p = core_at(i);
        schema_cache_row row = {.id = p.id, .name = p.name, .origin = ORIGIN_BUILTIN, .events = p.events};
        (void)add_row(c, &row);
    }
}

static int by_name(const void *a, const void *b)
{
    const schema_cache_row *x = a, *y = b;
    int order = strcasecmp(x->name, y->name);
    if (!order)
        order = memcmp(&x->id, &y->id, sizeof(x->id));
    return order ? order : (x->origin > y->origin) - (x->origin < y->origin);
}

bool catalogue_open(catalogue *c, const options *o)
{
    *c = (catalogue){.set = schema_set_new()};
    if (!open_cache(c, o) || !load_files(c, o))
        return false;
    add_rows(c);
    qsort(c->rows, c->count, sizeof(*c->rows), by_name);
    schema_set_fetch(c->set, fetch, c);
    return true;
}

void catalogue_close(catalogue *c)
{
    const char *first = NULL;
    u32 refused = c->cache ? schema_cache_refused(c->cache, &first) : 0;
    if (refused)
        schemas_say("%s%s", first, refused > 1 ? " (and more like it)" : "");
    schema_set_free(c->set);
    schema_cache_close(c->cache);
    mem_free(c->rows);
    arena_free(&c->memory);
}
