#include "class_groups.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "names.h"

static bool class_by_id(const event_class *cls)
{
    return !cls->classic && !cls->string_only && !cls->forwarded_xml && !cls->metadata.len && cls->descriptor.id != 0;
}

static const char *class_event_text(arena *a, const event_class *cls)
{
    if (cls->event_name && *cls->event_name && (cls->message || !class_by_id(cls)))
        return name_clean(a, cls->event_name);
    u32 number = cls->classic && !cls->message ? cls->descriptor.opcode : cls->descriptor.id;
    return arena_format(a, "%u", (unsigned)number);
}

// Classes with the same key share a view.
static const char *class_key(arena *a, const event_class *cls, const char *event_text)
{
    char id[GUID_TEXT];
    return arena_format(a, "%s/%d/%u/%s", guid_to_text(&cls->provider_id, id), class_by_id(cls) || cls->message,
                        cls->message ? (unsigned)cls->descriptor.id : 0, event_text);
}

static void name_group(class_group *g, arena *a, names *used, const event_class *cls, const char *event_text)
{
    char id[GUID_TEXT];
    g->provider = cls->provider && *cls->provider ? name_clean(a, cls->provider)
                                                  : arena_text(a, guid_to_text(&cls->provider_id, id));
    // SQLite keeps names that start with sqlite_ for itself.
    const char *mark = strncmp(name_folded(a, g->provider), "sqlite_", 7) == 0 ? "_" : "";
    const char *first = arena_format(a, "%s%s/%s", mark, g->provider, event_text);
    g->name = names_claim_numbered(a, used, first, " (", ")");
    g->event = g->name + (strlen(first) - strlen(event_text));
}

void class_groups_make(class_groups *out, arena *a, const event_class *const *classes, u32 count)
{
    names keys = {0}, used = {0};
    u32 cap = 0;
    *out = (class_groups){.of_class = mem_alloc((count + (size_t)1) * sizeof(u32))};
    for (u32 i = 0; i < count; i++) {
        const char *event_text = class_event_text(a, classes[i]);
        bool added;
        u32 at = names_add(&keys, class_key(a, classes[i], event_text), out->count, &added);
        out->of_class[i] = GROUP_NONE;
        if (added && out->count < LIMIT_VIEWS) {
            GROW(out->list, out->count, cap);
            out->list[out->count] = (class_group){0};
            name_group(&out->list[out->count++], a, &used, classes[i], event_text);
        }
        if (at >= out->count)
            continue;
        class_group *g = &out->list[at];
        GROW(g->classes, g->class_count, g->class_cap);
        g->classes[g->class_count++] = i;
        out->of_class[i] = at;
    }
    names_free(&keys);
    names_free(&used);
}

void class_groups_free(class_groups *g)
{
    for (u32 i = 0; i < g->count; i++)
        mem_free(g->list[i].classes);
    mem_free(g->list);
    mem_free(g->of_class);
    *g = (class_groups){0};
}
