#include "verify/verify_members.h"

#include <string.h>

#include "base/os.h"
#include "etwkit_engine.h"
#include "names.h"

// The length of the name of what a member is in; 0: it is in nothing.
static size_t container_of(const char *name)
{
    const char *inside = strstr(name, "!/");
    return inside ? (size_t)(inside - name) : 0;
}

// What was read of a compressed file is what it holds.
static bool is_compressed(const verify_place *place, const char *name)
{
    input *in;
    char *path = verify_find(place, name, false);
    const input_kind *kind = NULL;
    if (strcmp(name, "-") != 0 && os_kind(path) == OS_FILE && input_open(&in, path, NULL)) {
        kind = input_kind_of(in);
        input_close(in);
    }
    mem_free(path);
    return kind && kind->form == FORM_ARCHIVE;
}

// Windows gives files their names in any case of letters, and a registry writes them as it likes.
static u32 first_named(const verify_members *m, const char *name)
{
    u32 found;
    MAP_FIND(found, &m->by_name, name_hash(name), name_same(m->list[index_].name, name));
    return found;
}

static void list_member(verify_members *m, verify_member added)
{
    u32 first = first_named(m, added.name);
    GROW(m->list, m->count, m->capacity);
    if (first == MAP_NONE) {
        map_add(&m->by_name, name_hash(added.name), m->count);
    } else {
        added.next = m->list[first].next;
        m->list[first].next = m->count + 1;
    }
    m->list[m->count++] = added;
}

static void add_member(verify_members *m, const verify_place *place, const cJSON *recorded, const char *key)
{
    char *name = verify_text(recorded, key);
    size_t container = name ? container_of(name) : 0;
    bool was_read = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recorded, "sha256")) != NULL;
    if (name && was_read && !container && is_compressed(place, name))
        container = strlen(name);
    if (container) {
        list_member(m, (verify_member){.name = arena_text(&m->arena, name), .container = container});
    }
    mem_free(name);
}

static bool is_in(const verify_member *member, const char *container, size_t len)
{
    return member->container == len && memcmp(member->name, container, len) == 0;
}

// One that was found by now, or one that was not.
static verify_member *member_at(const verify_members *m, const char *path, bool was_found)
{
    size_t place = strlen(m->place), container = strlen(m->container);
    if (strncmp(path, m->place, place) != 0)
        return NULL;
    char *name = mem_alloc(container + strlen(path + place) + 1);
    memcpy(name, m->container, container);
    strcpy(name + container, path + place);
    u32 first = first_named(m, name);
    mem_free(name);
    for (u32 i = first == MAP_NONE ? 0 : first + 1; i; i = m->list[i - 1].next)
        if (m->list[i - 1].found == was_found && is_in(&m->list[i - 1], m->container, container))
            return &m->list[i - 1];
    return NULL;
}

static bool is_member(void *context, const char *path)
{
    return member_at(context, path, false) != NULL;
}

static void note_member(void *context, input *in)
{
    verify_member *member = member_at(context, in->path, false);
    if (member) {
        member->found = true;
        member->bytes = in->bytes;
        if (!input_sha256_text(in, member->sha256, &member->why))
            member->sha256[0] = 0;
    }
    input_close(in);
}

static bool found(void *context, input *in)
{
    note_member(context, in);
    return true;
}

static bool again(void *context, const char *path, const char *first)
{
    verify_member *member = member_at(context, path, false), *original = member_at(context, first, true);
    if (member && original) {
        member->found = true;
        member->bytes = original->bytes;
        memcpy(member->sha256, original->sha256, SHA256_TEXT);
    }
    return original != NULL;
}

// Of a member that is not there, the first thing that is wrong with what it is in is why.
static bool failed(void *context, const char *path, const error *e)
{
    verify_members *m = context;
    size_t container = strlen(m->container);
    verify_member *member = member_at(m, path, false);
    if (member) {
        member->why = *e;
        return true;
    }
    for (u32 i = 0; i < m->count; i++)
        if (is_in(&m->list[i], m->container, container) && !m->list[i].why.code)
            m->list[i].why = *e;
    return true;
}

static void look_into(verify_members *m, const verify_place *place, const verify_member *member)
{
    finder f = {.context = m,
                .is_wanted = etl_is_likely,
                .suffix = ".etl",
                .found = found,
                .failed = failed,
                .again = again,
                .helper = {m, is_member, note_member, NULL}};
    m->container = arena_text_len(&m->arena, member->name, member->container);
    char *path = verify_find(place, m->container, false);
    m->place = arena_text(&m->arena, path);
    mem_free(path);
    (void)find_inputs(&f, m->place);
}

// Whether it is the first one that is in there.
static bool opens_container(const verify_members *m, map *containers, u32 index)
{
    const verify_member *member = &m->list[index];
    u64 hash = hash_bytes(member->name, member->container);
    u32 before;
    MAP_FIND(before, containers, hash, is_in(&m->list[index_], member->name, member->container));
    if (before == MAP_NONE)
        map_add(containers, hash, index);
    return before == MAP_NONE;
}

void verify_members_look(verify_members *m, const verify_place *place, const cJSON *root)
{
    const cJSON *each;
    cJSON_ArrayForEach (each, cJSON_GetObjectItemCaseSensitive(root, "inputs"))
        add_member(m, place, each, "file");
    cJSON_ArrayForEach (each, cJSON_GetObjectItemCaseSensitive(root, "schemas"))
        add_member(m, place, each, "path");
    map containers = {0};
    for (u32 i = 0; i < m->count; i++)
        if (opens_container(m, &containers, i))
            look_into(m, place, &m->list[i]);
    map_free(&containers);
}

const verify_member *verify_members_find(const verify_members *m, const char *name)
{
    u32 first = first_named(m, name);
    for (u32 i = first == MAP_NONE ? 0 : first + 1; i; i = m->list[i - 1].next)
        if (strcmp(m->list[i - 1].name, name) == 0)
            return &m->list[i - 1];
    return NULL;
}

void verify_members_free(verify_members *m)
{
    mem_free(m->list);
    map_free(&m->by_name);
    arena_free(&m->arena);
}
