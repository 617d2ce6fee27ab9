#include "missing.h"

#include <string.h>
#include <strings.h>

#include "base/suggest.h"
#include "print.h"

// Classes of the inputs that have events.
typedef struct inventory {
    const event_class *const *list;
    u32 count;
} inventory;

static void say(const char *what, const char *name, const suggestion *near)
{
    char scratch[96];
    print_say("%s '%.200s'%s", what, name, suggest_text(near, scratch));
}

// ---------------------------------------------------------------------------------------------- providers

static bool has_provider(const inventory *all, const char *wanted)
{
    for (u32 i = 0; i < all->count; i++)
        if (all->list[i]->events && filter_is_provider(wanted, all->list[i]))
            return true;
    return false;
}

static bool contains(const char *name, const char *part)
{
    size_t len = strlen(part);
    for (; *name; name++)
        if (strncasecmp(name, part, len) == 0)
            return true;
    return false;
}

// A part of a name is nearer than any letters.
static void suggest_provider(const inventory *all, suggestion *near)
{
    u64 most = 0;
    for (u32 i = 0; i < all->count; i++) {
        const event_class *c = all->list[i];
        if (!c->events || !c->provider)
            continue;
        if (!most)
            suggest_try(near, c->provider);
        if (c->events > most && contains(c->provider, near->word)) {
            near->best = c->provider;
            most = c->events;
        }
    }
}

static void say_providers(const inventory *all, const filter *f)
{
    for (u32 i = 0; i < f->provider_count; i++) {
        suggestion near = {.word = f->providers[i]};
        if (has_provider(all, near.word))
            continue;
        suggest_provider(all, &near);
        say("no event is of a provider", near.word, &near);
    }
}

// ---------------------------------------------------------------------------------------------- fields

static void suggest_fields(const inventory *all, suggestion *near)
{
    for (u32 i = 0; i < all->count; i++)
        for (u32 p = 0; p < all->list[i]->plan_count; p++) {
            const event_schema *s = all->list[i]->plans[p]->schema;
            for (u32 k = 0; k < s->top_count; k++)
                suggest_try(near, s->properties[k].name);
        }
}

static void say_fields(const inventory *all, const expression *where)
{
    const char *path;
    for (u32 i = 0; where && (path = where_field(where, i)) != NULL; i++) {
        suggestion near = {.word = path};
        if (classes_have_field(all->list, all->count, path))
            continue;
        suggest_fields(all, &near);
        say("no event has a field", path, &near);
    }
}

// Of the whole run: one of many inputs may well lack what another has.
static bool nothing_passed(const evidence *ev)
{
    u64 passed = 0;
    for (u32 i = 0; i < ev->session->trace_count; i++) {
        const trace *t = ev->session->traces[i];
        passed += t->decoded + t->partial + t->raw;
    }
    return !passed && ev->count == ev->run->inputs.count;
}

void missing_say(const evidence *ev)
{
    const filter *f = &ev->run->options->filter;
    if (!nothing_passed(ev))
        return;
    const inventory all = {class_list(ev->session->classes), class_count(ev->session->classes)};
    say_providers(&all, f);
    say_fields(&all, f->where);
}
