// Lines of TMF text to events: GUID lines, #typev lines, parameters.
//
// Called by the WPP sources only, for text files and for annotations of PDB files alike. Every message becomes one
// event; every message GUID, which stands for one source file, one provider. Nothing is trusted: a message whose lines
// do not hold together is refused, and a parameter of unknown type ends the list of its message, each with one note.
#include "schema/wpp/wpp_reader.h"

#include <stdlib.h>

#include "base/limits.h"
#include "schema/model/source_text.h"

// ---------------------------------------------------------------------------------------------- tables

static void *table_find(const wpp_table *t, u64 hash, bool (*same)(const void *entry, const void *key), const void *key)
{
    u32 at;
    MAP_FIND(at, &t->by_key, hash, same(t->entries[index_], key));
    return at == MAP_NONE ? NULL : t->entries[at];
}

static void table_add(wpp_table *t, u64 hash, void *entry)
{
    GROW(t->entries, t->count, t->cap);
    t->entries[t->count] = entry;
    map_add(&t->by_key, hash, t->count++);
}

static void table_free(wpp_table *t)
{
    map_free(&t->by_key);
    mem_free(t->entries);
}

// ---------------------------------------------------------------------------------------------- reading

const char *wpp_reader_copy(const wpp_reader *r, span s)
{
    size_t len = s.len;
    if (len > LIMIT_NAME_BYTES) {
        len = LIMIT_NAME_BYTES;
        while (len && (s.at[len] & 0xc0) == 0x80) // not inside a character
            len--;
    }
    return s.len ? arena_text_len(r->arena, (const char *)s.at, len) : NULL;
}

static void note_message(wpp_reader *r, const char *what, span detail)
{
    span tag = r->head.tag;
    int tag_len = (int)(tag.len < 80 ? tag.len : 80), len = (int)(detail.len < 120 ? detail.len : 120);
    schema_load_note(r->load, "%s: message %.*s (%u): %s%.*s", r->path, tag_len, (const char *)tag.at, r->head.number,
                     what, len, len ? (const char *)detail.at : "");
}

// ---------------------------------------------------------------------------------------------- enums and maps

static bool same_enum(const void *entry, const void *key)
{
    return slice_same(((const wpp_enum *)entry)->name, *(const span *)key);
}

static const wpp_enum *enum_find(const wpp_reader *r, span name)
{
    return table_find(&r->enums, hash_bytes(name.at, name.len), same_enum, &name);
}

static bool same_map(const void *entry, const void *key)
{
    const wpp_map *a = entry, *b = key;
    return a->provider == b->provider && slice_same(a->text, b->text);
}

// The map of an item, NULL where its enum is not in the file. One for each provider and item text.
static const value_map *map_of(wpp_reader *r, const wpp_item *item, span text)
{
    provider_schema *p = r->section->provider;
    wpp_map key = {p, text, NULL};
    u64 hash = hash_more(hash_bytes(&p->id, sizeof(p->id)), text.at, text.len);
    wpp_map *found = table_find(&r->maps, hash, same_map, &key);
    if (found)
        return found->map;
    const map_entry *entries = NULL;
    u32 count = 0;
    if (item->naming == WPP_ENUM || item->naming == WPP_FLAGS) {
        const wpp_enum *table = enum_find(r, item->names);
        entries = table ? table->entries : NULL;
        count = table ? table->count : 0;
    } else {
        count = wpp_item_names(r->arena, item, &entries);
    }
    if (count > LIMIT_TMF_MAP_ENTRIES - r->map_entries) {
        if (!r->maps_over)
            schema_load_note(r->load,
                             "%s: more than the %u names of values of LIMIT_TMF_MAP_ENTRIES, the rest is not read",
                             r->path, (u32)LIMIT_TMF_MAP_ENTRIES);
        r->maps_over = true;
        return NULL;
    }
    if (!count)
        return NULL;
    r->map_entries += count;
    found = arena_new(r->arena, wpp_map);
    *found = (wpp_map){p, {(const u8 *)arena_text_len(r->arena, (const char *)text.at, text.len), text.len}, NULL};
    bool is_bitmap = item->naming == WPP_SET || item->naming == WPP_FLAGS;
    found->map = schema_add_map(p, wpp_reader_copy(r, text), is_bitmap, entries, count);
    table_add(&r->maps, hash, found);
    if (r->load)
        r->load->maps++;
    return found->map;
}

// ---------------------------------------------------------------------------------------------- messages

static u8 level_of(span name)
{
    static const struct {
        const char *name;
        u8 level;
    } levels[] = {
        // evntrace.h
        {"NONE", 0},    {"CRITICAL", 1},  {"FATAL", 1},     {"ERROR", 2},     {"WARNING", 3},   {"INFORMATION", 4},
        {"VERBOSE", 5}, {"RESERVED6", 6}, {"RESERVED7", 7}, {"RESERVED8", 8}, {"RESERVED9", 9},
    };
    u32 number;
    if (slice_to_u32(name, &number))
        return number <= UINT8_MAX ? (u8)number : 0;
    if (!slice_starts(name, "TRACE_LEVEL_"))
        return 0;
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (slice_same_word(span_from(name, strlen("TRACE_LEVEL_")), levels[i].name))
            return levels[i].level;
    return 0;
}

static span either(const wpp_trailer *trailer, const char *key, const char *other_key)
{
    span value = wpp_trailer_find(trailer, slice_of(key));
    return value.len ? value : wpp_trailer_find(trailer, slice_of(other_key));
}

static int by_index(const void *a, const void *b)
{
    return (int)((const wpp_parameter *)a)->index - (int)((const wpp_parameter *)b)->index;
}

// Arguments lie in a payload in the order of their numbers. False where two have the same.
static bool sort_parameters(wpp_reader *r)
{
    if (r->parameter_count)
        qsort(r->parameters, r->parameter_count, sizeof(*r->parameters), by_index);
    for (u32 i = 1; i < r->parameter_count; i++)
        if (r->parameters[i - 1].index == r->parameters[i].index)
            return false;
    return true;
}

static void find_specs(wpp_reader *r)
{
    for (u32 i = 0; i < r->parameter_count; i++)
        r->specs[r->parameters[i].index - WPP_FIRST_PARAMETER] = slice_of("");
    wpp_token token;
    span rest = r->head.format;
    while (wpp_token_next(&rest, &token)) {
        if (token.kind != WPP_INSERT || token.number < WPP_FIRST_PARAMETER)
            continue;
        span *spec = &r->specs[token.number - WPP_FIRST_PARAMETER];
        if (!spec->len)
            *spec = token.spec;
    }
}

// Fills properties up to the first parameter whose type is unknown; returns how many.
static u32 fill_properties(wpp_reader *r, property *properties, u16 *indexes)
{
    find_specs(r);
    for (u32 i = 0; i < r->parameter_count; i++) {
        const wpp_parameter *from = &r->parameters[i];
        property *to = &properties[i];
        wpp_item item;
        if (!wpp_item_from_text(from->item, r->specs[from->index - WPP_FIRST_PARAMETER], &item)) {
            note_message(r, "unknown type ", from->item);
            return i;
        }
        to->name = wpp_reader_copy(r, from->name);
        if (!to->name)
            to->name = arena_format(r->arena, "arg%u", from->index);
        to->in_type = item.in_type;
        to->out_type = item.out_type;
        to->count = 1;
        to->length = item.length;
        to->flags = item.length ? PROP_FIXED_LENGTH : 0;
        to->map = item.naming != WPP_UNNAMED ? map_of(r, &item, from->item) : NULL;
        indexes[i] = from->index;
    }
    return r->parameter_count;
}

static void provider_ready(wpp_reader *r)
{
    wpp_section *s = r->section;
    if (s->provider)
        return;
    s->provider = schema_add_provider(r->set, &s->id, s->component, ORIGIN_WPP, r->rank, r->path);
    s->provider->os_build = source_os_build(r->path);
    if (r->load)
        r->load->providers++;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_message(const void *entry, const void *key)
{
    const event_schema *a = entry, *b = key;
    if (!guid_equal(&a->event_guid, &b->event_guid) || a->descriptor.id != b->descriptor.id ||
        a->property_count != b->property_count || !same_text(a->event_name, b->event_name))
        return false;
    for (u32 i = 0; i < a->property_count; i++)
        if (a->properties[i].in_type != b->properties[i].in_type ||
            !same_text(a->properties[i].name, b->properties[i].name))
            return false;
    return true;
}

// tracepdb appends to the files it finds, headers repeat in every object file, and a compiler may give one statement to
// two functions: the same line of source with the same parameters is taken once.
static void add_message(wpp_reader *r, event_schema *event)
{
    u64 hash = hash_more(hash_bytes(&event->event_guid, sizeof(event->event_guid)), &event->descriptor.id,
                         sizeof(event->descriptor.id));
    if (event->event_name)
        hash = hash_more(hash, event->event_name, strlen(event->event_name));
    if (table_find(&r->messages, hash, same_message, event))
        return;
    if (!schema_add_event(r->section->provider, event)) {
        note_message(r, "refused by the schema set", slice_of(""));
        return;
    }
    table_add(&r->messages, hash, event);
    r->event_count++;
    if (r->load)
        r->load->events++;
}

static void add_head(wpp_reader *r)
{
    u16 *indexes = arena_array(r->arena, u16, r->parameter_count);
    property *properties = arena_array(r->arena, property, r->parameter_count);
    u32 count = fill_properties(r, properties, indexes);
    wpp_trailer trailer;
    wpp_trailer_read(r->head.comment, &trailer);
    wpp_facts facts = {
        .component = slice_of(r->section->component ? r->section->component : ""),
        .tag = r->head.tag,
        .source = slice_of(r->section->source ? r->section->source : ""),
        .function = either(&trailer, "FUNC", "FUNCTION"),
        .level = either(&trailer, "LEVEL", "TRACELEVEL"),
        .flags = either(&trailer, "FLAGS", "FLAG"),
        .trailer = &trailer,
        .guid_trailer = &r->guid_trailer,
    };
    if (!facts.function.len)
        facts.function = r->function;
    bool cut;
    event_schema *event = arena_new(r->arena, event_schema);
    event->key = KEY_WPP;
    event->event_guid = r->section->id;
    event->descriptor = (event_descriptor){.id = r->head.number, .level = level_of(facts.level)};
    event->event_name = wpp_reader_copy(r, r->head.tag);
    event->message = wpp_message_translate(r->arena, r->head.format, &facts, indexes, count, &cut);
    event->properties = properties;
    event->property_count = event->top_count = (u16)count;
    event->wpp_function = wpp_reader_copy(r, facts.function);
    event->wpp_source = r->section->source;
    event->wpp_level = wpp_reader_copy(r, facts.level);
    event->wpp_flags = wpp_reader_copy(r, facts.flags);
    if (cut)
        note_message(r, "its text is over the limit and was cut", slice_of(""));
    add_message(r, event);
}

static void message_end(wpp_reader *r)
{
    r->place = PLACE_OUTSIDE;
    if (!sort_parameters(r)) {
        note_message(r, "two parameters have the same number", slice_of(""));
        return;
    }
    provider_ready(r);
    for (u32 i = 0; i < r->head_count; i++) {
        r->head = r->heads[i];
        add_head(r);
    }
}

// ---------------------------------------------------------------------------------------------- lines

// The number after the last "--", or after the "//" of templates that write it as a comment; a comment may follow the
// former. *end: where the mark stands.
static bool parameter_number(span line, size_t *end, u32 *number)
{
    for (size_t at = line.len; at-- > 1;) {
        bool dashes = line.at[at] == '-' && line.at[at - 1] == '-',
             slashes = line.at[at] == '/' && line.at[at - 1] == '/';
        if (!dashes && !slashes)
            continue;
        span text = span_from(line, at + 1);
        *end = at - 1;
        if (slice_to_u32(slice_before(text, slice_find(text, "//")), number))
            return true;
    }
    return false;
}

// "<expression>, Item<Type>[(names)] -- <number>". Expressions and names may hold commas, blanks and dashes.
static bool parameter_read(span line, wpp_parameter *out)
{
    size_t end;
    u32 index;
    if (!parameter_number(line, &end, &index) || index < WPP_FIRST_PARAMETER ||
        index - WPP_FIRST_PARAMETER >= LIMIT_PROPERTIES)
        return false;
    span left = slice_trim(slice_before(line, end));
    for (size_t comma = left.len; comma-- > 0;) {
        if (left.at[comma] != ',')
            continue;
        span item = slice_trim(span_from(left, comma + 1));
        size_t word = 0;
        while (word < item.len && slice_word(item.at[word]))
            word++;
        bool whole = word == item.len || (item.at[word] == '(' && item.at[item.len - 1] == ')');
        if (!whole || !slice_starts(item, "Item"))
            continue;
        *out = (wpp_parameter){slice_trim(slice_before(left, comma)), item, (u16)index};
        return true;
    }
    return false;
}

static void parameter_line(wpp_reader *r, span line)
{
    if (r->parameters_end)
        return;
    if (r->parameter_count >= LIMIT_PROPERTIES) {
        note_message(r, "more parameters than the limit allows", slice_of(""));
        r->parameters_end = true;
    } else if (!parameter_read(line, &r->parameters[r->parameter_count])) {
        note_message(r, "no parameter: ", line);
        r->parameters_end = true;
    } else {
        r->parameter_count++;
    }
}

static bool same_section(const void *entry, const void *key)
{
    return guid_equal(&((const wpp_section *)entry)->id, key);
}

// NULL where the file has too many.
static wpp_section *section_of(wpp_reader *r, const guid *id, span component)
{
    u64 hash = hash_bytes(id, sizeof(*id));
    wpp_section *found = table_find(&r->sections, hash, same_section, id);
    if (found)
        return found;
    if (r->sections.count >= LIMIT_PROVIDERS_A_FILE) {
        if (!r->sections_over)
            schema_load_note(r->load, "%s: more than %u GUIDs, the rest is not read", r->path,
                             (u32)LIMIT_PROVIDERS_A_FILE);
        r->sections_over = true;
        return NULL;
    }
    found = arena_new(r->arena, wpp_section);
    found->id = *id;
    found->component = wpp_reader_copy(r, component);
    table_add(&r->sections, hash, found);
    return found;
}

// "<guid> <component> // SRC=<file> MJ= MN=". False where the line is none.
static bool guid_line(wpp_reader *r, span line)
{
    span rest = line;
    span word = slice_take_word(&rest);
    guid id;
    if (word.len < 36 || word.len > 38 || !guid_from_text((const char *)word.at, word.len, &id))
        return false;
    size_t comment = slice_find(rest, "//");
    span component = slice_trim(slice_before(rest, comment));
    wpp_trailer_read(span_from(rest, comment + 2), &r->guid_trailer);
    span source = wpp_trailer_find(&r->guid_trailer, slice_of("SRC"));
    r->section = section_of(r, &id, component);
    if (!r->section)
        return true;
    if (!r->section->source || !slice_same(slice_of(r->section->source), source))
        r->section->source = wpp_reader_copy(r, source);
    return true;
}

bool wpp_closing_quote(span s, size_t *at)
{
    bool found = false;
    for (size_t i = s.len; i-- > 0;) {
        if (s.at[i] != '"')
            continue;
        if (!found)
            *at = i;
        found = true;
        if (slice_starts(slice_trim(span_from(s, i + 1)), "//")) {
            *at = i;
            return true;
        }
    }
    return found;
}

// `#typev <tag> <number> "<format>" // LEVEL=… FLAGS=… FUNC=…`
static void typev_line(wpp_reader *r, span line)
{
    span rest = line;
    slice_take_word(&rest);
    r->head = (wpp_head){.tag = slice_take_word(&rest)};
    u32 number;
    size_t end;
    span word = slice_take_word(&rest);
    rest = slice_trim(rest);
    if (!r->section) {
        if (!r->sections_over)
            note_message(r, "no GUID line stands before it", slice_of(""));
    } else if (!slice_to_u32(word, &number) || number > UINT16_MAX) {
        note_message(r, "bad message number ", word);
    } else if (!slice_starts(rest, "\"") || !wpp_closing_quote(span_from(rest, 1), &end)) {
        r->head.number = (u16)number;
        note_message(r, "its format string is not closed", slice_of(""));
    } else if (r->head_count >= WPP_HEADS) {
        note_message(r, "more #typev lines with the same parameters than the limit allows", slice_of(""));
    } else {
        r->head.number = (u16)number;
        r->head.format = slice_before(span_from(rest, 1), end);
        r->head.comment = span_from(rest, end + 2);
        r->heads[r->head_count++] = r->head;
        r->place = PLACE_BEFORE_BRACE;
    }
}

bool wpp_is_typev(span line)
{
    return (slice_starts(line, "#typev") && line.len > 6 && slice_blank(line.at[6])) ||
           (slice_starts(line, "#type") && line.len > 5 && slice_blank(line.at[5]));
}

void wpp_reader_end(wpp_reader *r)
{
    for (u32 i = 0; r->place == PLACE_BEFORE_BRACE && i < r->head_count; i++) {
        r->head = r->heads[i];
        note_message(r, "no { after its #typev line", slice_of(""));
    }
    if (r->place == PLACE_IN_MESSAGE)
        note_message(r, "no } after its parameters", slice_of(""));
    r->place = PLACE_OUTSIDE;
    r->head_count = 0;
}

bool wpp_is_brace(span line, char brace)
{
    span rest = slice_trim(span_from(line, 1));
    return line.len && line.at[0] == (u8)brace && (!rest.len || slice_starts(rest, "//"));
}

void wpp_reader_line(wpp_reader *r, span line)
{
    bool opens = wpp_is_brace(line, '{'), closes = wpp_is_brace(line, '}');
    if (r->place == PLACE_BEFORE_BRACE && opens) {
        r->place = PLACE_IN_MESSAGE;
        r->parameter_count = 0;
        r->parameters_end = false;
    } else if (r->place == PLACE_IN_MESSAGE && closes) {
        message_end(r);
        r->head_count = 0;
    } else if (wpp_is_typev(line)) {
        if (r->place != PLACE_BEFORE_BRACE)
            wpp_reader_end(r);
        typev_line(r, line);
    } else if (slice_starts(line, "#enumv")) {
        wpp_reader_end(r);
        r->place = PLACE_IN_ENUM;
    } else if (r->place == PLACE_IN_ENUM) {
        r->place = closes ? PLACE_OUTSIDE : PLACE_IN_ENUM;
    } else if (guid_line(r, line)) {
        wpp_reader_end(r);
    } else if (r->place == PLACE_IN_MESSAGE) {
        parameter_line(r, line);
    } else {
        wpp_reader_end(r);
    }
}

void wpp_reader_add_enum(wpp_reader *r, span name, const map_entry *entries, u32 count)
{
    if (!count || enum_find(r, name))
        return;
    wpp_enum *table = arena_new(r->arena, wpp_enum);
    map_entry *kept = arena_array(r->arena, map_entry, count);
    memcpy(kept, entries, count * sizeof(*kept));
    *table = (wpp_enum){name, kept, count};
    table_add(&r->enums, hash_bytes(name.at, name.len), table);
}

void wpp_reader_add_control(wpp_reader *r, const guid *id, span name, const span *flags, u32 flag_count)
{
    wpp_section *section = section_of(r, id, name);
    if (!section || section->provider)
        return;
    r->section = section;
    provider_ready(r);
    r->control_count++;
    for (u32 i = 0; i < flag_count && i < 32; i++) { // EnableFlags holds 32
        const char *flag = wpp_reader_copy(r, flags[i]);
        if (flag)
            schema_add_name(section->provider, &section->provider->keywords, (u64)1 << i, flag, NULL);
    }
}

void wpp_reader_open(wpp_reader *r, schema_set *set, const char *path, schema_rank rank, schema_load *load)
{
    *r = (wpp_reader){.set = set,
                      .arena = schema_arena(set),
                      .path = path ? path : "TMF",
                      .rank = rank,
                      .load = load,
                      .function = slice_of("")};
    r->parameters = mem_zeroed(LIMIT_PROPERTIES, sizeof(*r->parameters));
    r->specs = mem_zeroed(WPP_LAST_PARAMETER + 1, sizeof(*r->specs));
}

void wpp_reader_close(wpp_reader *r)
{
    table_free(&r->sections);
    table_free(&r->enums);
    table_free(&r->maps);
    table_free(&r->messages);
    mem_free(r->parameters);
    mem_free(r->specs);
}
