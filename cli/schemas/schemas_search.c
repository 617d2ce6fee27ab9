// `etwkit schemas search`: providers, events, fields and keywords by word.
//
// A find is a provider, event or keyword whose own texts hold one of the words at least, and with the provider's name
// all of them.
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "schemas/catalogue.h"
#include "schemas/schemas.h"

typedef struct search {
    const options *o;
    const provider_schema *provider;
    bool named; // its line is printed
    u32 finds;
} search;

typedef bool (*holds_word)(const void *item, const char *word);

static bool matches(const search *s, const void *item, holds_word holds)
{
    u32 own = 0;
    for (u32 i = 0; i < s->o->input_count; i++) {
        bool here = holds(item, s->o->inputs[i]);
        own += here;
        if (!here && !schemas_holds(s->provider->name, s->o->inputs[i]))
            return false;
    }
    return own != 0;
}

static bool name_holds(const void *item, const char *word)
{
    return schemas_holds(item, word);
}

static bool event_holds(const void *item, const char *word)
{
    const event_schema *ev = item;
    if (schemas_holds(ev->event_name, word) || schemas_holds(ev->task_name, word) ||
        schemas_holds(ev->opcode_name, word) || schemas_holds(ev->message, word))
        return true;
    for (u32 i = 0; i < ev->property_count; i++)
        if (schemas_holds(ev->properties[i].name, word))
            return true;
    return false;
}

// ---------------------------------------------------------------------------------------------- what is found

static cJSON *find_json(const search *s)
{
    char id[GUID_TEXT];
    cJSON *line = cJSON_CreateObject();
    if (s->provider->name)
        cJSON_AddStringToObject(line, "provider", s->provider->name);
    cJSON_AddStringToObject(line, "provider_id", guid_to_text(&s->provider->id, id));
    cJSON_AddStringToObject(line, "schema", schema_origin_name(s->provider->origin));
    return line;
}

static void print_provider(search *s)
{
    char id[GUID_TEXT];
    if (s->named)
        return;
    (void)schemas_print(s->provider->name ? s->provider->name : "-");
    printf("  %s  %s\n", guid_to_text(&s->provider->id, id), schema_origin_name(s->provider->origin));
    s->named = true;
}

static void found_provider(search *s)
{
    s->finds++;
    if (s->o->json)
        schemas_print_json(find_json(s));
    else
        print_provider(s);
}

static void found_keyword(search *s, const schema_name *keyword)
{
    char mask[24];
    s->finds++;
    snprintf(mask, sizeof(mask), "0x%llx", (unsigned long long)keyword->value);
    if (s->o->json) {
        cJSON *line = find_json(s);
        cJSON_AddStringToObject(line, "keyword", keyword->name);
        cJSON_AddStringToObject(line, "mask", mask);
        schemas_print_json(line);
        return;
    }
    print_provider(s);
    printf("  keyword %s  ", mask);
    (void)schemas_print(keyword->name);
    putchar('\n');
}

static void found_event(search *s, const event_schema *ev)
{
    char scratch[LIMIT_NAME_BYTES];
    s->finds++;
    if (!s->o->json) {
        print_provider(s);
        schemas_print_summary(ev);
        return;
    }
    cJSON *line = find_json(s);
    cJSON_AddNumberToObject(line, "event_id", ev->key == KEY_CLASSIC ? ev->descriptor.opcode : ev->descriptor.id);
    cJSON_AddNumberToObject(line, "version", ev->descriptor.version);
    cJSON_AddStringToObject(line, "name", schemas_event_name(ev, scratch, sizeof(scratch)));
    cJSON *fields = cJSON_AddArrayToObject(line, "fields");
    for (u32 i = 0; i < ev->property_count; i++)
        cJSON_AddItemToArray(fields, cJSON_CreateString(ev->properties[i].name));
    schemas_print_json(line);
}

// ---------------------------------------------------------------------------------------------- the search

static void search_provider(search *s, provider_schema *p)
{
    s->provider = p;
    s->named = false;
    schema_sort(p);
    if (p->name && matches(s, p->name, name_holds))
        found_provider(s);
    for (u32 i = 0; i < p->keywords.count; i++)
        if (p->keywords.items[i].name && matches(s, p->keywords.items[i].name, name_holds))
            found_keyword(s, &p->keywords.items[i]);
    for (u32 i = 0; i < p->event_count; i++)
        if (matches(s, p->events[i], event_holds))
            found_event(s, p->events[i]);
}

static bool searched(const catalogue *c, u32 row)
{
    for (u32 i = 0; i < row; i++)
        if (guid_equal(&c->rows[i].id, &c->rows[row].id))
            return true;
    return false;
}

int schemas_search(const options *o)
{
    catalogue c;
    search s = {.o = o};
    bool ok = catalogue_open(&c, o);
    for (u32 i = 0; i < c.count; i++)
        if (!searched(&c, i))
            for (provider_schema *p = schema_providers(c.set, &c.rows[i].id); p; p = p->next)
                search_provider(&s, p);
    catalogue_close(&c);
    if (ok && !s.finds)
        schemas_say("nothing known holds %s", o->input_count > 1 ? "all these words" : o->inputs[0]);
    return s.finds ? EXIT_DONE : EXIT_FAILED;
}
