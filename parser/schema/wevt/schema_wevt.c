// PE files, .mui files and bare CRIM blocks as a schema source: finds the compiled manifests and the messages and hands
// both to crim.c. Whoever walks folders uses wevt.h.
#include "schema/wevt/wevt.h"

#include <stdio.h>
#include <string.h>

#include "schema/wevt/crim.h"

enum { RESOURCES_A_FILE = 64 }; // languages and ids of one type; files have one to some forty

// The build a system file belongs to. Other files have version numbers of their own.
static u32 windows_build(const pe_file *pe)
{
    u16 v[4];
    bool windows = pe_version(pe, v) && ((v[0] == 6 && v[1] <= 3) || (v[0] == 10 && v[1] == 0)) && v[2] >= 6000;
    return windows ? v[2] : 0;
}

static void messages_of(const pe_file *pe, pe_messages *m)
{
    pe_resource found[RESOURCES_A_FILE];
    u32 count = pe_resources(pe, NULL, PE_TYPE_MESSAGETABLE, found, RESOURCES_A_FILE);
    const pe_resource *r = pe_resource_choose(found, count, 1);
    if (!r && count)
        r = pe_resource_choose(found, count, found[0].id);
    pe_messages_open(m, r ? r->data : (span){0});
}

void wevt_messages_open(span file, pe_messages *m)
{
    pe_file pe;
    if (pe_open(file, &pe, NULL))
        messages_of(&pe, m);
    else
        pe_messages_open(m, (span){0});
}

// Every id of the resource once, in its best language.
static bool read_resources(const crim_source *from, const pe_file *pe, error *e)
{
    pe_resource found[RESOURCES_A_FILE];
    u32 count = pe_resources(pe, "WEVT_TEMPLATE", 0, found, RESOURCES_A_FILE);
    if (!count)
        return error_set(e, "this PE file has no WEVT_TEMPLATE resource");
    bool any = false;
    for (u32 i = 0; i < count; i++)
        if (pe_resource_choose(found, count, found[i].id) == &found[i])
            any = crim_load(from, found[i].data, e) || any;
    return any;
}

bool wevt_load_with_messages(schema_set *set, span bytes, span mui, const char *path, schema_rank rank,
                             schema_load *load, error *e)
{
    pe_file pe = {0}, mui_pe;
    bool bare = crim_is(bytes);
    if (!bare && !pe_open(bytes, &pe, e))
        return false;
    pe_messages own = {0}, other = {0};
    if (!bare)
        messages_of(&pe, &own);
    if (mui.len && pe_open(mui, &mui_pe, NULL))
        messages_of(&mui_pe, &other);
    crim_source from = {.set = set,
                        .tables = {&own, &other},
                        .path = path ? path : "WEVT_TEMPLATE",
                        .rank = rank,
                        .os_build = bare ? 0 : windows_build(&pe),
                        .load = load};
    bool loaded = bare ? crim_load(&from, bytes, e) : read_resources(&from, &pe, e);
    loaded = (!bare && path && wevt_load_known_parameters(set, bytes, mui, path, rank, load)) || loaded;
    pe_messages_close(&own);
    pe_messages_close(&other);
    return loaded;
}

bool wevt_present(span bytes)
{
    pe_file pe;
    pe_resource found;
    return crim_is(bytes) || (pe_open(bytes, &pe, NULL) && pe_resources(&pe, "WEVT_TEMPLATE", 0, &found, 1) != 0);
}

bool wevt_mui_path(const char *path, u32 number, char *out, size_t capacity)
{
    static const char *const folders[] = {"en-US/", ""};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (number >= COUNT_OF(folders))
        return false;
    int len = snprintf(out, capacity, "%.*s%s%s.mui", (int)(name - path), path, folders[number], name);
    return len >= 0 && (size_t)len < capacity;
}

// The headers end within the first KiB in nearly every file; where they do not fit into `head`, load decides.
static bool wevt_recognise(span head, const char *path)
{
    (void)path;
    pe_file pe;
    if (crim_is(head))
        return true;
    if (head.len < 64 || load_u16(head.at) != 0x5a4d)
        return false;
    if (pe_open(head, &pe, NULL))
        return pe.resources_rva != 0;
    return head.len >= 4096 && load_u32(head.at + 60) > head.len / 2;
}

static bool wevt_load(schema_set *set, span bytes, const char *path, schema_rank rank, schema_load *load, error *e)
{
    return wevt_load_with_messages(set, bytes, (span){0}, path, rank, load, e);
}

const schema_source schema_source_wevt = {"wevt", wevt_recognise, wevt_load};
