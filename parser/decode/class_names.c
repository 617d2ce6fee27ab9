// The names of event classes: all of one description, so that what a record says of itself fits its data.
#include <string.h>

#include "decode/classes_internal.h"
#include "schema/core/core_pack.h"
#include "schema/tables/schema_kernel.h"

static const char *standard_level(u8 level)
{
    static const char *const NAMES[] = {NULL, "Critical", "Error", "Warning", "Information", "Verbose"};
    return level < COUNT_OF(NAMES) ? NAMES[level] : NULL;
}

static const char *standard_opcode(u8 opcode)
{
    static const char *const NAMES[] = {"Info",      "Start", "Stop",   "DCStart", "DCStop",
                                        "Extension", "Reply", "Resume", "Suspend", "Send"};
    if (opcode == 240)
        return "Receive";
    return opcode < COUNT_OF(NAMES) ? NAMES[opcode] : NULL;
}

// Names of the keyword bits an event has set: its own list, or the provider's.
static void name_keywords(arena *a, event_class *c, const event_schema *described)
{
    u64 keyword = c->descriptor.keyword;
    u64 own = described->descriptor.keyword;
    if (described->keyword_count && (own == keyword || own == 0)) {
        c->keyword_names = described->keyword_names;
        c->keyword_count = described->keyword_count;
        return;
    }
    const name_list *list = &described->provider->keywords;
    const char *names[64];
    u32 count = 0;
    for (u32 i = 0; i < list->count && count < COUNT_OF(names); i++)
        if (list->items[i].value && (keyword & list->items[i].value) == list->items[i].value && list->items[i].name)
            names[count++] = list->items[i].name;
    const char **kept = arena_array(a, const char *, count);
    if (count)
        memcpy(kept, names, count * sizeof(*kept));
    c->keyword_names = kept;
    c->keyword_count = count;
}

static const char *listed_name(const name_list *list, u64 value)
{
    const schema_name *n = schema_find_name(list, value);
    return n ? n->name : NULL;
}

static const char *behind_win(const char *name)
{
    return name && strncmp(name, "win:", 4) == 0 ? name + 4 : name;
}

// Windows names an event by its task, and by its opcode where that says more than "Info".
static const char *composed_name(arena *a, const event_class *c)
{
    const char *task = c->task_name, *opcode = c->opcode_name;
    if (task && opcode && (c->classic || c->descriptor.opcode != 0))
        return arena_format(a, "%s/%s", task, opcode);
    return task ? task : opcode && c->descriptor.opcode != 0 ? opcode : NULL;
}

// An event that carries another opcode than its description has no name composed of the two: that of the source code
// says more.
static const char *own_name(const event_class *c, const event_schema *described)
{
    bool other = described->key == KEY_MANIFEST && !described->any_opcode &&
                 described->descriptor.opcode != c->descriptor.opcode;
    return described->event_name || !other ? described->event_name : described->symbol;
}

static void name_from_schema(arena *a, event_class *c, const event_schema *described)
{
    const provider_schema *provider = described->provider;
    const event_descriptor *d = &c->descriptor;
    if (provider->name && (!c->provider || c->classic))
        c->provider = provider->name;
    bool same_task = described->descriptor.task == d->task || c->classic || described->any_task;
    c->task_name = same_task ? described->task_name : NULL;
    if (!c->task_name && d->task)
        c->task_name = listed_name(&provider->tasks, d->task);
    // A schema's names are of its own opcode and level; an event of the same id may carry others.
    c->opcode_name = described->descriptor.opcode == d->opcode || described->any_opcode ? described->opcode_name : NULL;
    if (!c->opcode_name)
        c->opcode_name = listed_name(&provider->opcodes, d->opcode | (u64)d->task << 16);
    if (!c->opcode_name)
        c->opcode_name = listed_name(&provider->opcodes, d->opcode);
    if (c->message)
        c->descriptor.level = described->descriptor.level;
    c->level_name = described->descriptor.level == d->level ? described->level_name : NULL;
    if (!c->level_name && d->level)
        c->level_name = listed_name(&provider->levels, d->level);
    c->channel_name = described->channel_name;
    c->event_name = own_name(c, described);
    c->origin = provider->origin;
    name_keywords(a, c, described);
}

static void name_rest(arena *a, const schema_set *set, event_class *c)
{
    if (!c->provider)
        c->provider = core_provider_name(&c->provider_id);
    if (c->hook || c->classic) {
        if (!c->opcode_name)
            c->opcode_name = kernel_opcode_name(set, &c->provider_id, c->descriptor.opcode);
        if (c->opcode_name && !c->task_name && c->hook)
            c->task_name = kernel_group_name((u8)(c->hook >> 8));
    } else {
        if (!c->opcode_name && !c->message)
            c->opcode_name = standard_opcode(c->descriptor.opcode);
        if (!c->level_name)
            c->level_name = standard_level(c->descriptor.level);
    }
    c->level_name = behind_win(c->level_name);
    if (c->level_name && strcmp(c->level_name, "Informational") == 0)
        c->level_name = "Information";
    c->opcode_name = behind_win(c->opcode_name);
    if (!c->event_name)
        c->event_name = composed_name(a, c);
}

static void forget_names(event_class *c)
{
    c->provider = c->own_provider;
    c->event_name = c->task_name = c->opcode_name = c->level_name = c->channel_name = NULL;
    c->keyword_names = NULL;
    c->keyword_count = 0;
    c->origin = ORIGIN_NONE;
    if (c->message)
        c->descriptor.level = 0;
}

void class_name(class_table *t, const schema_set *set, event_class *c, const event_schema *described)
{
    forget_names(c);
    if (described)
        name_from_schema(&t->arena, c, described);
    for (const provider_schema *s = schema_providers(set, &c->provider_id); s && !c->provider; s = s->next)
        c->provider = s->name;
    name_rest(&t->arena, set, c);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool class_same_names(const event_class *a, const event_class *b)
{
    bool alike = same(a->provider, b->provider) && same(a->event_name, b->event_name) &&
                 same(a->task_name, b->task_name) && same(a->opcode_name, b->opcode_name) &&
                 same(a->level_name, b->level_name) && same(a->channel_name, b->channel_name) &&
                 a->origin == b->origin && a->descriptor.level == b->descriptor.level &&
                 a->keyword_count == b->keyword_count;
    for (u32 i = 0; alike && i < a->keyword_count; i++)
        alike = same(a->keyword_names[i], b->keyword_names[i]);
    return alike;
}
