#include "symbols.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/os.h"
#include "base/text.h"
#include "print.h"

enum { STORE_ID = 48, STORE_PATH = 1024 };

// The name of a program database alone: traces have the path of whoever built it. Hostile: "" where it cannot be a
// file's.
static const char *file_name(const char *path)
{
    const char *name = path;
    for (const char *p = path; *p; p++)
        if (*p == '\\' || *p == '/')
            name = p + 1;
    return strcmp(name, "..") == 0 || strcmp(name, ".") == 0 || strlen(name) > 255 ? "" : name;
}

// GUID in capitals without dashes, and the age in hex.
static void store_id(const pdb_identity *pdb, char out[STORE_ID])
{
    char text[GUID_TEXT];
    size_t len = 0;
    for (const char *p = guid_to_text(&pdb->id, text); *p; p++)
        if (*p != '-')
            out[len++] = (char)toupper((unsigned char)*p);
    snprintf(out + len, STORE_ID - len, "%X", (unsigned)pdb->age);
}

void symbols_list(const session *s, outbuf *out)
{
    u32 count;
    const pdb_identity *pdbs = correlator_pdbs(s->correlator, &count);
    for (u32 i = 0; i < count; i++) {
        char id[STORE_ID];
        const char *name = file_name(pdbs[i].pdb);
        store_id(&pdbs[i], id);
        if (!*name)
            continue;
        print_clean_into(out, text_span(name));
        outbuf_text(out, "/");
        outbuf_text(out, id);
        outbuf_text(out, "/");
        print_clean_into(out, text_span(name));
        outbuf_text(out, "  ");
        print_clean_into(out, text_span(pdbs[i].image ? pdbs[i].image : "-"));
        outbuf_text(out, "\n");
    }
}

static bool load_file(const pdb_identity *pdb, const char *path, public_symbols *out)
{
    error e = {0};
    u8 *bytes = NULL;
    size_t len;
    if (!os_exists(path))
        return false;
    bool ok = os_read_whole(path, LIMIT_SCHEMA_FILE_BYTES, &bytes, &len, &e) &&
              pdb_publics((span){bytes, len}, &pdb->id, out, &e);
    mem_free(bytes);
    if (!ok)
        print_say("%s: %s", path, e.message);
    return ok;
}

static bool load_one(const pdb_identity *pdb, const char *folder, public_symbols *out)
{
    char stored[STORE_PATH], flat[STORE_PATH], id[STORE_ID];
    const char *name = file_name(pdb->pdb);
    store_id(pdb, id);
    int len = snprintf(stored, sizeof(stored), "%s/%s/%s/%s", folder, name, id, name);
    snprintf(flat, sizeof(flat), "%s/%s", folder, name);
    return *name && len > 0 && (size_t)len < sizeof(stored) &&
           (load_file(pdb, stored, out) || load_file(pdb, flat, out));
}

static bool has_id(const void *items, u32 index, const void *id)
{
    return guid_equal(&((const pdb_identity *)items)[index].id, id);
}

// Whether none before it in the list is the same program database.
static bool is_first(map *seen, const pdb_identity *pdbs, u32 at)
{
    u64 hash = hash_bytes(&pdbs[at].id, sizeof(guid));
    bool first = map_find(seen, hash, has_id, pdbs, &pdbs[at].id) == MAP_NONE;
    if (first)
        map_add(seen, hash, at);
    return first;
}

symbols *symbols_load(session *s, const char *folder, bool quiet)
{
    symbols *to = mem_zeroed(1, sizeof(*to));
    map seen = {0};
    u32 count, asked = 0;
    const pdb_identity *pdbs = correlator_pdbs(s->correlator, &count);
    to->list = mem_zeroed(count, sizeof(*to->list));
    for (u32 i = 0; i < count; i++) {
        if (!is_first(&seen, pdbs, i))
            continue;
        asked++;
        if (load_one(&pdbs[i], folder, &to->list[to->count]))
            correlator_set_symbols(s->correlator, &pdbs[i], &to->list[to->count++]);
    }
    map_free(&seen);
    if (!quiet)
        print_say("%u of %u program databases are in %s (info --list-symbols names them all)", to->count, asked,
                  folder);
    return to;
}

void symbols_free(symbols *s)
{
    if (!s)
        return;
    for (u32 i = 0; i < s->count; i++)
        public_symbols_free(&s->list[i]);
    mem_free(s->list);
    mem_free(s);
}
