// A provider's description as an instrumentation manifest (elements and attributes: eventman.xsd of the Windows SDK).
//
// What an event refers to by name (its level, task, opcode, channel) has to be declared; a description that came from
// elsewhere than a manifest has the names at its events only. So each list of the provider becomes a vocabulary that
// grows by what events need. The attribute etwkit:build says that nothing in the file is implied: channels bring no
// keyword bits, symbols are names of events, task_N and opcode_N are no names.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "schemas/manifest_terms.h"
#include "schemas/schemas.h"

enum { FIRST_CLASSIC_ID = 0x10000 };

typedef struct layout_use {
    const property *properties;
    u32 number; // from 1 in the order of use
} layout_use;

typedef struct writer {
    provider_schema *p;
    arena memory;
    outbuf *out, events, templates;
    terms levels, tasks, opcodes, channels, keywords, maps;
    const value_map **map_list;
    u32 map_count, map_cap;
    layout_use *layouts;
    u32 layout_count, layouts_written;
    const char **strings;
    u32 string_count, string_cap;
    u32 classic_count, left_out;
    error *why;
} writer;

// ---------------------------------------------------------------------------------------------- text

static void add_text(outbuf *out, const char *text)
{
    for (const u8 *c = (const u8 *)text; *c; c++) {
        static const char *const REFERENCES[] = {['"'] = "&quot;", ['&'] = "&amp;",  ['<'] = "&lt;",  ['>'] = "&gt;",
                                                 ['\t'] = "&#9;",  ['\n'] = "&#10;", ['\r'] = "&#13;"};
        const char *reference = *c < COUNT_OF(REFERENCES) ? REFERENCES[*c] : NULL;
        bool no_character = c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe;
        if (reference)
            outbuf_text(out, reference);
        else if (*c < 0x20)
            outbuf_add(out, " ", 1); // XML has no way to say it
        else if (no_character)
            outbuf_text(out, "\xef\xbf\xbd");
        else
            outbuf_add(out, c, 1);
        c += no_character ? 2 : 0;
    }
}

static void add_format(outbuf *out, const char *format, ...) PRINTF_LIKE(2, 3);
static void add_format(outbuf *out, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    outbuf_text(out, text);
}

static void add_attribute(outbuf *out, const char *name, const char *text)
{
    if (!text)
        return;
    add_format(out, " %s=\"", name);
    add_text(out, text);
    outbuf_text(out, "\"");
}

static void add_message(writer *w, outbuf *out, const char *text)
{
    if (!text || !*text)
        return;
    GROW(w->strings, w->string_count, w->string_cap);
    w->strings[w->string_count++] = text;
    add_format(out, " message=\"$(string.s%u)\"", w->string_count);
}

// ---------------------------------------------------------------------------------------------- vocabularies

static const char *invented(writer *w, const char *prefix, u64 value)
{
    return arena_format(&w->memory, "%s_%llu", prefix, (unsigned long long)value);
}

// A task without a name, under the name the reader knows to be none.
static u32 unnamed_task(writer *w, u64 value)
{
    const char *name = invented(w, "task", value);
    for (u32 i = 0; i < w->tasks.count; i++)
        if (!w->tasks.items[i].shown && w->tasks.items[i].value == value)
            return i;
    (void)terms_add(&w->memory, &w->tasks, value, name, NULL, ALL_TASKS);
    return w->tasks.count - 1;
}

static u32 task_with_value(writer *w, u64 value)
{
    for (u32 i = 0; i < w->tasks.count; i++)
        if (w->tasks.items[i].value == value)
            return i;
    return unnamed_task(w, value);
}

static void take_list(writer *w, const name_list *list, terms *of)
{
    for (u32 i = 0; i < list->count; i++) {
        const schema_name *n = &list->items[i];
        const char *shown = n->message || of == &w->channels ? n->message : n->name;
        if (of != &w->keywords && n->name && strncmp(n->name, "win:", 4) == 0)
            continue; // comes back where an event uses it
        term *made = terms_add(&w->memory, of, n->value, n->name, shown, ALL_TASKS);
        made->known = of == &w->keywords && made->name == n->name && term_is_builtin_keyword(n->name, n->value);
    }
}

static void take_opcodes(writer *w)
{
    const name_list *list = &w->p->opcodes;
    for (u32 i = 0; i < list->count; i++) {
        const schema_name *n = &list->items[i];
        u64 task = n->value >> 16;
        if (n->name && strncmp(n->name, "win:", 4) == 0)
            continue;
        u32 owner = task ? task_with_value(w, task) : ALL_TASKS;
        (void)terms_add(&w->memory, &w->opcodes, n->value & 0xffff, n->name, n->message ? n->message : n->name, owner);
    }
}

// ---------------------------------------------------------------------------------------------- what events refer to

static void refer_level(writer *w, const event_schema *ev)
{
    u64 value = ev->descriptor.level;
    const char *shown = ev->level_name, *name = term_builtin('l', value, shown);
    if (!shown && !value)
        return;
    for (u32 i = 0; !name && shown && i < w->levels.count; i++)
        if (w->levels.items[i].value == value && term_same_text(w->levels.items[i].shown, shown))
            name = w->levels.items[i].name;
    if (!name)
        name = shown ? terms_add(&w->memory, &w->levels, value, term_word(&w->memory, shown), shown, ALL_TASKS)->name
                     : arena_format(&w->memory, "%llu", (unsigned long long)value);
    add_attribute(&w->events, "level", name);
}

static u32 refer_task(writer *w, const event_schema *ev)
{
    u64 value = ev->descriptor.task;
    u32 found = ALL_TASKS;
    if (!value && !ev->task_name && guid_is_zero(&ev->event_guid))
        return ALL_TASKS;
    for (u32 i = 0; i < w->tasks.count && found == ALL_TASKS; i++) {
        const term *t = &w->tasks.items[i];
        if (t->value == value && term_same_text(t->shown, ev->task_name) &&
            (!t->id_known || guid_equal(&t->id, &ev->event_guid)))
            found = i;
    }
    if (found == ALL_TASKS) {
        const char *name = ev->task_name ? term_word(&w->memory, ev->task_name) : invented(w, "task", value);
        (void)terms_add(&w->memory, &w->tasks, value, name, ev->task_name, ALL_TASKS);
        found = w->tasks.count - 1;
    }
    w->tasks.items[found].id = ev->event_guid;
    w->tasks.items[found].id_known = true;
    add_attribute(&w->events, "task", w->tasks.items[found].name);
    return found;
}

static void refer_opcode(writer *w, const event_schema *ev, u32 task)
{
    u64 value = ev->descriptor.opcode;
    const char *shown = ev->opcode_name, *name = NULL;
    if (!shown && !value)
        return;
    for (u32 pass = 0; pass < 2 && !name; pass++) {
        for (u32 i = 0; i < w->opcodes.count && !name; i++) {
            const term *t = &w->opcodes.items[i];
            if (t->value == value && term_same_text(t->shown, shown) && t->owner == (pass ? ALL_TASKS : task))
                name = t->name;
        }
    }
    if (!name)
        name = term_builtin('o', value, shown);
    if (!name)
        name = terms_add(&w->memory, &w->opcodes, value,
                         shown ? term_word(&w->memory, shown) : invented(w, "opcode", value), shown, task)
                   ->name;
    add_attribute(&w->events, "opcode", name);
}

static void refer_channel(writer *w, const event_schema *ev)
{
    u64 value = ev->descriptor.channel;
    const char *shown = ev->channel_name, *name = NULL;
    if (!shown && !value)
        return;
    for (u32 i = 0; shown && !name && i < w->channels.count; i++)
        if (w->channels.items[i].value == value && strcmp(w->channels.items[i].name, shown) == 0)
            name = shown;
    if (!name)
        name = shown ? terms_add(&w->memory, &w->channels, value, shown, NULL, ALL_TASKS)->name
                     : arena_format(&w->memory, "%llu", (unsigned long long)value);
    add_attribute(&w->events, "channel", name);
}

static void refer_keywords(writer *w, const event_schema *ev)
{
    u64 left = ev->descriptor.keyword;
    if (!left)
        return;
    outbuf_text(&w->events, " keywords=\"");
    const char *blank = "";
    for (u32 i = 0; i < w->keywords.count && left; i++) {
        const term *t = &w->keywords.items[i];
        if (!t->value || (left & t->value) != t->value || strpbrk(t->name, " \t\r\n") || strlen(t->name) > 200)
            continue;
        outbuf_text(&w->events, blank);
        add_text(&w->events, t->name);
        blank = " ";
        left &= ~t->value;
    }
    if (left)
        add_format(&w->events, "%s0x%llx", blank, (unsigned long long)left);
    outbuf_text(&w->events, "\"");
}

// ---------------------------------------------------------------------------------------------- templates

static const char *in_type_text(u16 in)
{
    static const struct {
        u16 in;
        const char *name;
    } OTHERS[] = {
        {IN_MOF_COUNTED_STRING, "win:CountedUnicodeString"},
        {IN_MOF_COUNTED_ANSI_STRING, "win:CountedAnsiString"},
        {IN_UNICODE_CHAR, "trace:UnicodeChar"},
        {IN_ANSI_CHAR, "trace:AnsiChar"},
        {IN_SIZE_T, "trace:SizeT"},
        {IN_WBEM_SID, "trace:WBEMSid"},
    };
    const in_type_facts *facts = in_type_find(in);
    if (facts && facts->name[0] && in != IN_STRUCT)
        return facts->name;
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        if (OTHERS[i].in == in)
            return OTHERS[i].name;
    return NULL;
}

static bool can_say(const event_schema *ev, error *why)
{
    if (ev->key == KEY_WPP)
        return error_set(why, "message %u is a WPP message, which TMF files describe", ev->descriptor.id);
    for (u32 i = 0; i < ev->property_count; i++) {
        const property *p = &ev->properties[i];
        if (p->flags & (PROP_COUNT_INLINE | PROP_COUNT_REST | PROP_HIDDEN))
            return error_set(why, "event %u: field %.80s is laid out as no template can say", ev->descriptor.id,
                             p->name);
        if (!(p->flags & PROP_STRUCT) && !in_type_text(p->in_type))
            return error_set(why, "event %u: field %.80s has a type manifests do not have", ev->descriptor.id, p->name);
    }
    return true;
}

static const char *map_name(writer *w, const value_map *map)
{
    for (u32 i = 0; i < w->map_count; i++)
        if (w->map_list[i] == map)
            return w->maps.items[i].name;
    GROW(w->map_list, w->map_count, w->map_cap);
    w->map_list[w->map_count++] = map;
    return terms_add(&w->memory, &w->maps, w->map_count, map->name, NULL, ALL_TASKS)->name;
}

static void add_extent(writer *w, const event_schema *ev, const char *name, u16 value, bool by_field)
{
    if (by_field)
        add_attribute(&w->templates, name, ev->properties[value].name);
    else
        add_format(&w->templates, " %s=\"%u\"", name, value);
}

static void add_field_facts(writer *w, const event_schema *ev, const property *p)
{
    const in_type_facts *facts = in_type_find(p->in_type);
    add_attribute(&w->templates, "inType", in_type_text(p->in_type));
    if (facts && p->out_type != facts->default_out && out_type_name(p->out_type)[0])
        add_attribute(&w->templates, "outType", out_type_name(p->out_type));
    if (p->map)
        add_attribute(&w->templates, "map", map_name(w, p->map));
    if ((p->flags & (PROP_PARAM_LENGTH | PROP_FIXED_LENGTH)) || (p->length && facts && facts->bytes == 0))
        add_extent(w, ev, "length", p->length, (p->flags & PROP_PARAM_LENGTH) != 0);
}

// Nesting ends: schema_event_valid.
static void add_fields(writer *w, const event_schema *ev, u32 first, u32 count, u32 depth)
{
    for (u32 i = first; i < first + count; i++) {
        const property *p = &ev->properties[i];
        bool is_struct = (p->flags & PROP_STRUCT) != 0;
        add_format(&w->templates, "%*s<%s", 12 + (int)depth * 2, "", is_struct ? "struct" : "data");
        add_attribute(&w->templates, "name", p->name);
        if (!is_struct)
            add_field_facts(w, ev, p);
        if ((p->flags & (PROP_PARAM_COUNT | PROP_FIXED_COUNT)) || p->count != 1)
            add_extent(w, ev, "count", p->count, (p->flags & PROP_PARAM_COUNT) != 0);
        if (p->flags & PROP_HAS_TAGS)
            add_format(&w->templates, " tags=\"0x%x\"", p->tags);
        outbuf_text(&w->templates, is_struct ? ">\n" : "/>\n");
        if (is_struct) {
            add_fields(w, ev, p->struct_start, p->struct_members, depth + 1);
            add_format(&w->templates, "%*s</struct>\n", 12 + (int)depth * 2, "");
        }
    }
}

static int by_address(const void *a, const void *b)
{
    const layout_use *x = a, *y = b;
    return x->properties < y->properties ? -1 : x->properties > y->properties;
}

static void collect_layouts(writer *w)
{
    const provider_schema *p = w->p;
    w->layouts = mem_zeroed(p->event_count, sizeof(*w->layouts));
    for (u32 i = 0; i < p->event_count; i++)
        if (p->events[i]->top_count)
            w->layouts[w->layout_count++].properties = p->events[i]->properties;
    if (w->layout_count)
        qsort(w->layouts, w->layout_count, sizeof(*w->layouts), by_address);
    u32 kept = 0;
    for (u32 i = 0; i < w->layout_count; i++)
        if (!kept || w->layouts[kept - 1].properties != w->layouts[i].properties)
            w->layouts[kept++] = w->layouts[i];
    w->layout_count = kept;
}

static void refer_template(writer *w, const event_schema *ev)
{
    if (!ev->top_count)
        return;
    layout_use wanted = {ev->properties, 0};
    layout_use *use = bsearch(&wanted, w->layouts, w->layout_count, sizeof(*w->layouts), by_address);
    if (!use->number) {
        use->number = ++w->layouts_written;
        add_format(&w->templates, "          <template tid=\"t%u\">\n", use->number);
        add_fields(w, ev, 0, ev->top_count, 0);
        outbuf_text(&w->templates, "          </template>\n");
    }
    add_format(&w->events, " template=\"t%u\"", use->number);
}

// ---------------------------------------------------------------------------------------------- events

static void add_event(writer *w, const event_schema *ev)
{
    bool classic = ev->key == KEY_CLASSIC;
    u32 id = classic ? FIRST_CLASSIC_ID + w->classic_count++ : ev->descriptor.id;
    add_format(&w->events, "          <event value=\"%u\" version=\"%u\"", id, ev->descriptor.version);
    add_attribute(&w->events, "symbol", ev->event_name);
    refer_level(w, ev);
    refer_opcode(w, ev, refer_task(w, ev));
    refer_keywords(w, ev);
    refer_channel(w, ev);
    refer_template(w, ev);
    add_message(w, &w->events, ev->message);
    outbuf_text(&w->events, "/>\n");
}

static bool is_second(const provider_schema *p, u32 at)
{
    const event_descriptor *d = &p->events[at]->descriptor;
    for (u32 i = at; i-- > 0;) {
        const event_descriptor *other = &p->events[i]->descriptor;
        if (other->id != d->id || other->version != d->version)
            return false;
        if (p->events[i]->key == KEY_MANIFEST)
            return true;
    }
    return false;
}

static void add_events(writer *w)
{
    for (u32 i = 0; i < w->p->event_count; i++) {
        const event_schema *ev = w->p->events[i];
        error why = {0};
        bool said = can_say(ev, &why);
        if (said && ev->key == KEY_MANIFEST && is_second(w->p, i))
            said = error_set(&why, "event %u version %u is described twice", ev->descriptor.id, ev->descriptor.version);
        if (said)
            add_event(w, ev);
        else if (!w->left_out++)
            *w->why = why;
    }
}

// ---------------------------------------------------------------------------------------------- the document

static void add_names(writer *w, const terms *of, const char *group, const char *tag, const char *number)
{
    u32 declared = 0;
    for (u32 i = 0; i < of->count; i++)
        declared += !of->items[i].known;
    if (!declared)
        return;
    add_format(w->out, "        <%s>\n", group);
    for (u32 i = 0; i < of->count; i++) {
        const term *t = &of->items[i];
        if (t->known)
            continue;
        add_format(w->out, "          <%s", tag);
        add_attribute(w->out, "name", t->name);
        add_format(w->out, strcmp(number, "mask") == 0 ? " %s=\"0x%llx\"" : " %s=\"%llu\"", number,
                   (unsigned long long)t->value);
        add_message(w, w->out, term_same_text(t->shown, t->name) ? NULL : t->shown);
        outbuf_text(w->out, "/>\n");
    }
    add_format(w->out, "        </%s>\n", group);
}

static bool add_opcodes(writer *w, u32 owner, bool open)
{
    for (u32 i = 0; i < w->opcodes.count; i++) {
        const term *t = &w->opcodes.items[i];
        if (t->owner != owner)
            continue;
        if (!open)
            outbuf_text(w->out, owner == ALL_TASKS ? "        <opcodes>\n" : ">\n            <opcodes>\n");
        open = true;
        outbuf_text(w->out, "              <opcode");
        add_attribute(w->out, "name", t->name);
        add_format(w->out, " value=\"%llu\"", (unsigned long long)t->value);
        add_message(w, w->out, term_same_text(t->shown, t->name) ? NULL : t->shown);
        outbuf_text(w->out, "/>\n");
    }
    return open;
}

static void add_tasks(writer *w)
{
    char id[GUID_TEXT];
    if (w->tasks.count)
        outbuf_text(w->out, "        <tasks>\n");
    for (u32 i = 0; i < w->tasks.count; i++) {
        const term *t = &w->tasks.items[i];
        outbuf_text(w->out, "          <task");
        add_attribute(w->out, "name", t->name);
        add_format(w->out, " value=\"%llu\"", (unsigned long long)t->value);
        if (!guid_is_zero(&t->id))
            add_format(w->out, " eventGUID=\"{%s}\"", guid_to_text(&t->id, id));
        add_message(w, w->out, term_same_text(t->shown, t->name) ? NULL : t->shown);
        if (add_opcodes(w, i, false))
            outbuf_text(w->out, "            </opcodes>\n          </task>\n");
        else
            outbuf_text(w->out, "/>\n");
    }
    if (w->tasks.count)
        outbuf_text(w->out, "        </tasks>\n");
    if (add_opcodes(w, ALL_TASKS, false))
        outbuf_text(w->out, "        </opcodes>\n");
}

static void add_maps(writer *w)
{
    if (w->map_count)
        outbuf_text(w->out, "        <maps>\n");
    for (u32 i = 0; i < w->map_count; i++) {
        const value_map *map = w->map_list[i];
        const char *tag = map->is_bitmap ? "bitMap" : "valueMap";
        add_format(w->out, "          <%s", tag);
        add_attribute(w->out, "name", w->maps.items[i].name);
        outbuf_text(w->out, ">\n");
        for (u32 n = 0; n < map->count; n++) {
            add_format(w->out, map->is_bitmap ? "            <map value=\"0x%llx\"" : "            <map value=\"%llu\"",
                       (unsigned long long)map->entries[n].value);
            add_message(w, w->out, map->entries[n].text);
            outbuf_text(w->out, "/>\n");
        }
        add_format(w->out, "          </%s>\n", tag);
    }
    if (w->map_count)
        outbuf_text(w->out, "        </maps>\n");
}

static void add_group(writer *w, const char *name, const outbuf *body)
{
    if (!body->len)
        return;
    add_format(w->out, "        <%s>\n", name);
    outbuf_add(w->out, body->bytes, body->len);
    add_format(w->out, "        </%s>\n", name);
}

static void add_strings(writer *w)
{
    outbuf_text(w->out, "  <localization>\n    <resources culture=\"en-US\">\n      <stringTable>\n");
    for (u32 i = 0; i < w->string_count; i++) {
        add_format(w->out, "        <string id=\"s%u\"", i + 1);
        add_attribute(w->out, "value", w->strings[i]);
        outbuf_text(w->out, "/>\n");
    }
    outbuf_text(w->out, "      </stringTable>\n    </resources>\n  </localization>\n");
}

static void add_document(writer *w)
{
    char id[GUID_TEXT];
    const provider_schema *p = w->p;
    outbuf_text(w->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<instrumentationManifest xmlns=\"http://schemas.microsoft.com/win/2004/08/events\"\n"
                        "    xmlns:win=\"http://manifests.microsoft.com/win/2004/08/windows/events\"\n"
                        "    xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:etwkit=\"urn:etwkit:schemas\">\n"
                        "  <instrumentation>\n    <events>\n      <provider");
    add_attribute(w->out, "name", p->name ? p->name : guid_to_text(&p->id, id));
    add_format(w->out, " guid=\"{%s}\" symbol=\"PROVIDER\"", guid_to_text(&p->id, id));
    add_attribute(w->out, "resourceFileName", p->resource_file);
    add_attribute(w->out, "messageFileName", p->message_file);
    add_format(w->out, " etwkit:build=\"%u\">\n", p->os_build);
    add_names(w, &w->channels, "channels", "channel", "value");
    add_names(w, &w->levels, "levels", "level", "value");
    add_tasks(w);
    add_names(w, &w->keywords, "keywords", "keyword", "mask");
    add_maps(w);
    add_group(w, "templates", &w->templates);
    add_group(w, "events", &w->events);
    outbuf_text(w->out, "      </provider>\n    </events>\n  </instrumentation>\n");
    add_strings(w);
    outbuf_text(w->out, "</instrumentationManifest>\n");
}

bool manifest_write(provider_schema *p, outbuf *out, u32 *left_out, error *e)
{
    const name_list *lists[] = {&p->levels, &p->tasks, &p->opcodes, &p->channels, &p->keywords};
    *left_out = 0;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        if (lists[i]->count > LIMIT_MANIFEST_TERMS || p->map_count > LIMIT_MANIFEST_TERMS)
            return error_set(e, "%s: %u names and %u maps are over the limit of %d", p->name ? p->name : "",
                             lists[i]->count, p->map_count, LIMIT_MANIFEST_TERMS);
    writer w = {.p = p, .out = out, .why = e};
    terms *all[] = {&w.levels, &w.tasks, &w.opcodes, &w.channels, &w.keywords, &w.maps};
    static const char *const PREFIXES[] = {"Level", "Task", "Opcode", "Channel", "Keyword", "Map"};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        all[i]->prefix = PREFIXES[i];
    schema_sort(p);
    take_list(&w, &p->levels, &w.levels);
    take_list(&w, &p->tasks, &w.tasks);
    take_opcodes(&w);
    take_list(&w, &p->channels, &w.channels);
    take_list(&w, &p->keywords, &w.keywords);
    for (u32 i = 0; i < p->map_count; i++)
        (void)map_name(&w, p->maps[i]);
    collect_layouts(&w);
    add_events(&w);
    add_document(&w);
    *left_out = w.left_out;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        mem_free(all[i]->items);
    mem_free(w.map_list);
    mem_free(w.layouts);
    mem_free(w.strings);
    outbuf_free(&w.events);
    outbuf_free(&w.templates);
    arena_free(&w.memory);
    return true;
}
