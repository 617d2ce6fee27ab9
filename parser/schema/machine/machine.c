#include "schema/machine/machine.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "schema/machine/drives.h"
#include "schema/machine/publishers.h"
#include "schema/wevt/wevt.h"

extern const schema_source schema_source_mof;

static const char SOFTWARE[] = "windows/system32/config/software", SYSTEM[] = "windows/system32/config/system";
static const char WBEM[] = "windows/system32/wbem/", MOF[] = ".mof", MUI[] = ".mui";

// A file that describes providers.
typedef struct resource {
    const char *path;       // from the root of the drive
    input *kept, *mui;      // of an archive, which was passed by; NULL
    schema_set *schemas;    // what it describes, once it was read
    schema_set *parameters; // of the providers that have it for these, likewise
    const char *messages;   // another file that has its texts; NULL: its own
} resource;

typedef struct machine {
    const char *root; // how the paths of its files begin; ends in a slash, or is empty
    input *software;  // NULL: none
    const char *computer;
    drive_letters drives;
    bool has_drives;
    const char **languages; // whose texts are installed: de-DE
    u32 language_count;
    publisher *publishers;
    u32 publisher_count;
    map by_id; // publishers
    resource *resources;
    u32 resource_count, resource_capacity;
    map by_path; // resources
    input **mofs;
    u32 mof_count, mof_capacity;
    schema_set *mof_schemas; // NULL: not read yet
} machine;

struct machines {
    arena arena;
    machine **list;
    u32 count, capacity, files;
    const char *archive; // of which more is wanted, NULL: no
    const char **notes;
    u32 note_count, note_capacity;
};

static void note(machines *all, const char *text)
{
    for (u32 i = 0; i < all->note_count; i++)
        if (strcmp(all->notes[i], text) == 0)
            return;
    GROW(all->notes, all->note_count, all->note_capacity);
    all->notes[all->note_count++] = arena_text(&all->arena, text);
}

const char *machines_note(const machines *all, u32 index)
{
    return index < all->note_count ? all->notes[index] : NULL;
}

// ---------------------------------------------------------------------------------------------- paths

// The length of a path up to a folder or file that is written so, at the root of a drive; -1: it is not in it.
static i64 root_before(const char *path, const char *inside, bool whole)
{
    size_t len = strlen(path), want = strlen(inside);
    for (size_t at = 0; at + want <= len; at++)
        if ((at == 0 || path[at - 1] == '/') && strncasecmp(path + at, inside, want) == 0 &&
            (!whole || at + want == len))
            return (i64)at;
    return -1;
}

static bool begins_with(const char *path, const char *root)
{
    return strncmp(path, root, strlen(root)) == 0;
}

// How the paths of everything in one archive or image begin; without one, of the drive.
static size_t container_of(const char *root)
{
    size_t len = strlen(root);
    for (size_t at = len; at-- > 1;)
        if (root[at] == '/' && root[at - 1] == '!')
            return at + 1;
    return len;
}

// Where the root of the drive ends in the path of a file that is of use; -1: it is none. An upgrade leaves the Windows
// before in a folder of its own.
static i64 useful_root(const char *path)
{
    static const char BEFORE[] = "windows.old/";
    i64 root = root_before(path, SOFTWARE, true);
    if (root < 0)
        root = root_before(path, SYSTEM, true);
    if (root < 0 && text_ends_in(text_span(path), MOF))
        root = root_before(path, WBEM, false);
    size_t len = sizeof(BEFORE) - 1;
    return root >= (i64)len && strncasecmp(path + root - len, BEFORE, len) == 0 ? -1 : root;
}

static machine *machine_at(machines *all, const char *path, size_t root)
{
    for (u32 i = 0; i < all->count; i++)
        if (strlen(all->list[i]->root) == root && strncmp(all->list[i]->root, path, root) == 0)
            return all->list[i];
    machine *m = arena_new(&all->arena, machine);
    m->root = arena_text_len(&all->arena, path, root);
    GROW(all->list, all->count, all->capacity);
    return all->list[all->count++] = m;
}

// ---------------------------------------------------------------------------------------------- the registry

static bool same_id(const void *items, u32 index, const void *key)
{
    return guid_equal(&((const publisher *)items)[index].id, key);
}

static bool same_path(const void *items, u32 index, const void *key)
{
    return strcasecmp(((const resource *)items)[index].path, key) == 0;
}

static u64 hash_path(const char *path)
{
    u64 hash = hash_u64(0);
    for (; *path; path++) {
        char low = *path >= 'A' && *path <= 'Z' ? (char)(*path + 'a' - 'A') : *path;
        hash = hash_more(hash, &low, 1);
    }
    return hash;
}

static resource *find_resource(const machine *m, const char *path)
{
    u32 at = map_find(&m->by_path, hash_path(path), same_path, m->resources, path);
    return at == MAP_NONE ? NULL : &m->resources[at];
}

static void add_resource(machine *m, const char *path, const char *messages)
{
    if (!path || find_resource(m, path))
        return;
    GROW(m->resources, m->resource_count, m->resource_capacity);
    m->resources[m->resource_count] = (resource){.path = path, .messages = messages};
    map_add(&m->by_path, hash_path(path), m->resource_count++);
}

static void list_publishers(machines *all, machine *m, hive *h)
{
    m->publishers = publishers_read(h, &all->arena, &m->publisher_count);
    for (u32 i = 0; i < m->publisher_count; i++) {
        const publisher *p = &m->publishers[i];
        if (map_find(&m->by_id, hash_bytes(&p->id, sizeof(p->id)), same_id, m->publishers, &p->id) == MAP_NONE)
            map_add(&m->by_id, hash_bytes(&p->id, sizeof(p->id)), i);
        bool elsewhere = p->resources && p->messages && strcmp(p->resources, p->messages) != 0;
        add_resource(m, p->resources, elsewhere ? p->messages : NULL);
    }
    for (u32 i = 0; i < m->publisher_count; i++) {
        add_resource(m, m->publishers[i].messages, NULL);
        add_resource(m, m->publishers[i].parameters, NULL);
    }
}

// A key of the control set that was current.
static hive_key find_control(hive *h, const char *path)
{
    arena a = {0};
    hive_key select = hive_find(h, "Select");
    u32 current = select ? hive_number(h, select, "Current", 1) : 1;
    hive_key key = hive_find(h, arena_format(&a, "ControlSet%03u\\Control\\%s", current, path));
    arena_free(&a);
    return key;
}

static void read_computer(machines *all, machine *m, hive *h)
{
    hive_key key = find_control(h, "ComputerName\\ComputerName");
    const char *name = key ? hive_text(h, key, "ComputerName", &all->arena) : NULL;
    if (name && *name)
        m->computer = name;
}

static void read_languages(machines *all, machine *m, hive *h)
{
    hive_key list = find_control(h, "MUI\\UILanguages"), *keys = NULL;
    u32 count = list ? hive_children(h, list, &keys, LIMIT_LANGUAGES) : 0;
    m->languages = arena_array(&all->arena, const char *, count);
    m->language_count = 0;
    for (u32 i = 0; i < count; i++) {
        const char *name = hive_name(h, keys[i], &all->arena);
        if (name && !strpbrk(name, "/\\"))
            m->languages[m->language_count++] = name;
    }
    mem_free(keys);
}

static void read_system(machines *all, machine *m, hive *h, const input *in)
{
    read_computer(all, m, h);
    read_languages(all, m, h);
    drives_read_system(&m->drives, h, in, &all->arena);
    m->has_drives = true;
}

static void read_software(machines *all, machine *m, hive *h)
{
    list_publishers(all, m, h);
    drives_read_software(&m->drives, h, &all->arena);
    m->has_drives = true;
}

static bool is_software(const char *path)
{
    return root_before(path, SOFTWARE, true) >= 0;
}

static void read_hive(machines *all, machine *m, input *in)
{
    error e = {0};
    bool software = is_software(in->path);
    hive *h = hive_open(in, &e);
    if (!hive_library())
        note(all,
             "a machine's registry is there, and libhivex is not here: its own descriptions and name are not used");
    else if (!h)
        note(all, e.message);
    else if (software)
        read_software(all, m, h);
    else
        read_system(all, m, h, in);
    hive_close(h);
    if (software && h && !m->software && in->backend->near)
        m->software = in; // its neighbours are opened by it
    else
        input_close(in);
}

// ---------------------------------------------------------------------------------------------- what is found

// From the path of a language file to that of the file whose texts it has: dir/de-DE/x.dll.mui, dir/x.dll.mui.
static void strip_language(char *path)
{
    path[strlen(path) - strlen(MUI)] = 0;
    char *slash = strrchr(path, '/'), *folder = slash;
    while (folder && folder > path && folder[-1] != '/')
        folder--;
    if (folder && slash - folder >= 2 && memchr(folder, '-', (size_t)(slash - folder)))
        memmove(folder, slash + 1, strlen(slash + 1) + 1);
}

// The resource that a file of the archive that is read again is, or is the language file of. NULL: none.
static resource *wanted_again(const machines *all, const char *path, bool *is_mui)
{
    char name[LIMIT_NAME_BYTES];
    for (u32 i = 0; i < all->count; i++) {
        const machine *m = all->list[i];
        if (!begins_with(path, m->root) || !begins_with(m->root, all->archive))
            continue;
        int len = snprintf(name, sizeof(name), "%s", path + strlen(m->root));
        *is_mui = text_ends_in(text_span(name), MUI);
        if (len >= (int)sizeof(name))
            continue;
        if (*is_mui)
            strip_language(name);
        resource *r = find_resource(m, name);
        if (r && !(*is_mui ? r->mui : r->kept))
            return r;
    }
    return NULL;
}

static bool wants(void *context, const char *path)
{
    machines *all = context;
    bool is_mui;
    if (all->files >= LIMIT_MACHINE_FILES)
        return false;
    return all->archive ? wanted_again(all, path, &is_mui) != NULL : useful_root(path) >= 0;
}

static bool wants_more(void *context, const char *archive)
{
    machines *all = context;
    bool any = false;
    for (u32 i = 0; i < all->count && !all->archive; i++) {
        const machine *m = all->list[i];
        any |= m->resource_count && begins_with(m->root, archive) && container_of(m->root) == strlen(archive) + 2;
    }
    all->archive = any ? arena_text(&all->arena, archive) : NULL;
    return any;
}

static void add(void *context, input *in)
{
    machines *all = context;
    bool is_mui;
    all->files++;
    if (all->archive) {
        resource *r = wanted_again(all, in->path, &is_mui);
        *(is_mui ? &r->mui : &r->kept) = in;
        return;
    }
    machine *m = machine_at(all, in->path, (size_t)useful_root(in->path));
    if (!text_ends_in(text_span(in->path), MOF)) {
        read_hive(all, m, in);
        return;
    }
    GROW(m->mofs, m->mof_count, m->mof_capacity);
    m->mofs[m->mof_count++] = in;
}

static bool has_computer(const machine *m)
{
    return m->computer != NULL;
}

static bool has_drives(const machine *m)
{
    return m->has_drives;
}

// The machine whose file that is, of those of which something is known; else the only one in the same archive or image.
static const machine *machine_of(const machines *all, const char *path, bool (*knows)(const machine *))
{
    const machine *best = NULL, *only = NULL;
    u32 in_container = 0;
    for (u32 i = 0; i < all->count; i++) {
        const machine *m = all->list[i];
        if (!knows(m))
            continue;
        if (begins_with(path, m->root) && (!best || strlen(m->root) > strlen(best->root)))
            best = m;
        if (strncmp(path, m->root, container_of(m->root)) == 0) {
            only = m;
            in_container++;
        }
    }
    return best ? best : in_container == 1 ? only : NULL;
}

void machines_tell(const machines *all, input *in)
{
    const machine *named = machine_of(all, in->path, has_computer), *drives = machine_of(all, in->path, has_drives);
    if (named)
        input_set_computer(in, named->computer);
    in->drives = drives ? &drives->drives : NULL;
}

u32 machines_providers(const machines *all)
{
    u32 count = 0;
    for (u32 i = 0; i < all->count; i++)
        count += all->list[i]->publisher_count;
    return count;
}

// ---------------------------------------------------------------------------------------------- descriptions

typedef struct loading {
    const machine *machine;
    schema_set *set;
    schema_load *load;
} loading;

// The whole file; .at NULL: it cannot be had. mem_free.
static span read_input(const input *in, schema_load *load)
{
    bool failed = false;
    if (!in->bytes || in->bytes > LIMIT_SCHEMA_FILE_BYTES)
        return (span){0};
    u8 *bytes = mem_alloc((size_t)in->bytes);
    if (input_read(in, 0, bytes, (size_t)in->bytes, &failed) == in->bytes)
        return (span){bytes, (size_t)in->bytes};
    schema_load_note(load, "%s: it cannot be read to its end", in->path);
    mem_free(bytes);
    return (span){0};
}

// The same, and how the drive itself writes the file's name, which registries write in any case of letters.
static span read_named(const input *in, schema_load *load, char name[LIMIT_NAME_BYTES])
{
    snprintf(name, LIMIT_NAME_BYTES, "%s", in->path);
    return read_input(in, load);
}

static span read_path(const loading *l, const char *path, char name[LIMIT_NAME_BYTES])
{
    input *in;
    if (!l->machine->software || !input_open_near(l->machine->software, l->machine->root, path, &in))
        return (span){0};
    span bytes = read_named(in, l->load, name);
    input_close(in);
    return bytes;
}

static span read_resource(const loading *l, const char *path, char name[LIMIT_NAME_BYTES])
{
    const resource *r = find_resource(l->machine, path);
    return r && r->kept ? read_named(r->kept, l->load, name) : read_path(l, path, name);
}

static span read_mui(const loading *l, const char *path)
{
    char mui[LIMIT_NAME_BYTES], found[LIMIT_NAME_BYTES];
    const resource *r = find_resource(l->machine, path);
    if (r && r->mui)
        return read_input(r->mui, l->load);
    span bytes = {0};
    for (u32 i = 0; !bytes.at && wevt_mui_path(path, i, mui, sizeof(mui)); i++)
        bytes = read_path(l, mui, found);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (u32 i = 0; !bytes.at && i < l->machine->language_count; i++) {
        snprintf(mui, sizeof(mui), "%.*s%s/%s%s", (int)(name - path), path, l->machine->languages[i], name, MUI);
        bytes = read_path(l, mui, found);
    }
    return bytes;
}

static void say_file(const loading *l, const char *name, span bytes)
{
    if (l->load->on_file && bytes.at)
        l->load->on_file(l->load->context, name, bytes);
}

// The texts of a file's events: in its language file, in the file that the registry names for them or that one's.
static span read_messages(const loading *l, const resource *r)
{
    const char *path = r->messages ? r->messages : r->path;
    span bytes = read_mui(l, path);
    char name[LIMIT_NAME_BYTES];
    return !bytes.at && r->messages ? read_resource(l, path, name) : bytes;
}

static void load_resource(const loading *l, const resource *r)
{
    char name[LIMIT_NAME_BYTES];
    error e = {0};
    span bytes = read_resource(l, r->path, name), messages = {0};
    if (bytes.at && wevt_present(bytes)) {
        messages = read_messages(l, r);
        if (wevt_load_with_messages(l->set, bytes, messages, name, RANK_USER, l->load, &e)) {
            l->load->files++;
            say_file(l, name, bytes);
        } else {
            schema_load_note(l->load, "%s: %s", name, e.message);
        }
    }
    mem_free((u8 *)(uintptr_t)messages.at);
    mem_free((u8 *)(uintptr_t)bytes.at);
}

static void load_parameters(const loading *l, const publisher *p)
{
    char name[LIMIT_NAME_BYTES];
    const resource *r = find_resource(l->machine, p->parameters);
    span bytes = read_resource(l, r->path, name), mui = bytes.at ? read_mui(l, r->path) : (span){0};
    if (bytes.at && wevt_load_parameters(l->set, &p->id, NULL, bytes, mui, name, RANK_USER, l->load))
        say_file(l, name, bytes);
    mem_free((u8 *)(uintptr_t)mui.at);
    mem_free((u8 *)(uintptr_t)bytes.at);
}

static void load_mofs(const loading *l)
{
    for (u32 i = 0; i < l->machine->mof_count; i++) {
        const input *in = l->machine->mofs[i];
        error e = {0};
        span bytes = read_input(in, l->load);
        if (bytes.at && schema_source_mof.recognise((span){bytes.at, bytes.len < 4096 ? bytes.len : 4096}, in->path) &&
            schema_source_mof.load(l->set, bytes, in->path, RANK_USER, l->load, &e)) {
            l->load->files++;
            if (l->load->on_file)
                l->load->on_file(l->load->context, in->path, bytes);
        }
        mem_free((u8 *)(uintptr_t)bytes.at);
    }
}

// A file is read into a set of its own, of which only what is looked for is handed on: it may describe providers that
// were looked for before.
static void fetch_from(machine *m, schema_set *set, const guid *id, schema_load *load)
{
    u32 at = map_find(&m->by_id, hash_bytes(id, sizeof(*id)), same_id, m->publishers, id);
    if (!m->mof_schemas) {
        m->mof_schemas = schema_set_new();
        load_mofs(&(loading){m, m->mof_schemas, load});
    }
    schema_adopt(set, m->mof_schemas, id);
    if (at == MAP_NONE)
        return;
    const publisher *p = &m->publishers[at];
    resource *r = find_resource(m, p->resources ? p->resources : p->messages);
    if (!r->schemas) {
        r->schemas = schema_set_new();
        load_resource(&(loading){m, r->schemas, load}, r);
    }
    schema_adopt(set, r->schemas, id);
    r = p->parameters ? find_resource(m, p->parameters) : NULL;
    if (!r)
        return;
    r->parameters = r->parameters ? r->parameters : schema_set_new();
    if (!schema_providers(r->parameters, id))
        load_parameters(&(loading){m, r->parameters, load}, p);
    schema_adopt(set, r->parameters, id);
}

void machines_fetch(machines *all, schema_set *set, const guid *id, schema_load *load)
{
    for (u32 i = 0; i < all->count; i++)
        fetch_from(all->list[i], set, id, load);
}

void machines_load(machines *all, schema_set *set, schema_load *load)
{
    for (u32 i = 0; i < all->count; i++) {
        const loading l = {all->list[i], set, load};
        load_mofs(&l);
        for (u32 r = 0; r < l.machine->resource_count; r++)
            load_resource(&l, &l.machine->resources[r]);
        for (u32 p = 0; p < l.machine->publisher_count; p++)
            if (l.machine->publishers[p].parameters)
                load_parameters(&l, &l.machine->publishers[p]);
    }
}

// ---------------------------------------------------------------------------------------------- begin and end

machines *machines_new(void)
{
    return mem_zeroed(1, sizeof(machines));
}

static void free_machine(machine *m)
{
    for (u32 i = 0; i < m->resource_count; i++) {
        input_close(m->resources[i].kept);
        input_close(m->resources[i].mui);
        schema_set_free(m->resources[i].schemas);
        schema_set_free(m->resources[i].parameters);
    }
    for (u32 i = 0; i < m->mof_count; i++)
        input_close(m->mofs[i]);
    schema_set_free(m->mof_schemas);
    input_close(m->software);
    map_free(&m->by_id);
    map_free(&m->by_path);
    mem_free(m->resources);
    mem_free(m->mofs);
}

void machines_free(machines *all)
{
    if (!all)
        return;
    for (u32 i = 0; i < all->count; i++)
        free_machine(all->list[i]);
    mem_free(all->list);
    mem_free(all->notes);
    arena_free(&all->arena);
    mem_free(all);
}

find_helper machines_helper(machines *all)
{
    return (find_helper){all, wants, add, wants_more};
}
