#include "verify/verify_members.h"

#include <string.h>
#include <strings.h>

#include "base/os.h"
#include "etwkit_engine.h"

// The length of the name of what a member is in; 0: it is in nothing.
static size_t container_of(const char *name)
{
    const char *inside = strstr(name, "!/");
    return inside ? (size_t)(inside - name) : 0;
}

static void add_member(verify_members *m, const cJSON *recorded, const char *key)
{
    char *name = verify_text(recorded, key);
    if (name && container_of(name)) {
        GROW(m->list, m->count, m->capacity);
        m->list[m->count++] = (verify_member){.name = arena_text(&m->arena, name)};
    }
    mem_free(name);
}

// Windows gives files their names in any case of letters, and a registry writes them as it likes.
static verify_member *member_at(const verify_members *m, const char *path)
{
    size_t place = strlen(m->place), container = strlen(m->container);
    if (strncmp(path, m->place, place) != 0)
        return NULL;
    for (u32 i = 0; i < m->count; i++) {
        verify_member *each = &m->list[i];
        if (!each->found && container_of(each->name) == container && memcmp(each->name, m->container, container) == 0 &&
            strcasecmp(each->name + container, path + place) == 0)
            return each;
    }
    return NULL;
}

static bool is_member(void *context, const char *path)
{
    return member_at(context, path) != NULL;
}

static void note_member(void *context, input *in)
{
    verify_member *member = member_at(context, in->path);
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

// The first thing that is wrong with what it is in is why a member is not there.
static bool failed(void *context, const char *path, const error *e)
{
    verify_members *m = context;
    size_t container = strlen(m->container);
    (void)path;
    for (u32 i = 0; i < m->count; i++)
        if (container_of(m->list[i].name) == container && memcmp(m->list[i].name, m->container, container) == 0 &&
            !m->list[i].why.code)
            m->list[i].why = *e;
    return true;
}

static void look_into(verify_members *m, const verify_place *place, const char *member)
{
    finder f = {.context = m,
                .is_wanted = etl_is_likely,
                .suffix = ".etl",
                .found = found,
                .failed = failed,
                .helper = {m, is_member, note_member, NULL}};
    m->container = arena_text_len(&m->arena, member, container_of(member));
    char *path = verify_find(place, m->container, false);
    m->place = arena_text(&m->arena, path);
    mem_free(path);
    (void)find_inputs(&f, m->place);
}

static bool is_looked_into(const verify_members *m, u32 index)
{
    const char *name = m->list[index].name;
    size_t container = container_of(name);
    for (u32 i = 0; i < index; i++)
        if (container_of(m->list[i].name) == container && memcmp(m->list[i].name, name, container) == 0)
            return true;
    return false;
}

void verify_members_look(verify_members *m, const verify_place *place, const cJSON *root)
{
    const cJSON *each;
    cJSON_ArrayForEach (each, cJSON_GetObjectItemCaseSensitive(root, "inputs"))
        add_member(m, each, "file");
    cJSON_ArrayForEach (each, cJSON_GetObjectItemCaseSensitive(root, "schemas"))
        add_member(m, each, "path");
    for (u32 i = 0; i < m->count; i++)
        if (!is_looked_into(m, i))
            look_into(m, place, m->list[i].name);
}

const verify_member *verify_members_find(const verify_members *m, const char *name)
{
    for (u32 i = 0; i < m->count; i++)
        if (strcmp(m->list[i].name, name) == 0)
            return &m->list[i];
    return NULL;
}

void verify_members_free(verify_members *m)
{
    mem_free(m->list);
    arena_free(&m->arena);
}
