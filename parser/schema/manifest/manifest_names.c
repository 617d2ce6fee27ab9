#include "schema/manifest/manifest_names.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

enum { FIRST_CHANNEL = 16, FIRST_KEYWORD_BIT = 63, LAST_KEYWORD_BIT = 56 };

// Names every manifest may use without declaring them, and what Windows shows for them (winmeta.xml of the SDK).
static const manifest_builtin LEVELS[] = {
    {"LogAlways", 0, "Log Always"},      {"Always", 0, "Log Always"}, // PerfView's name
    {"Critical", 1, "Critical"},         {"Error", 2, "Error"},       {"Warning", 3, "Warning"},
    {"Informational", 4, "Information"}, {"Verbose", 5, "Verbose"},
};

static const manifest_builtin OPCODES[] = {
    {"Info", 0, "Info"},         {"Start", 1, "Start"},     {"Stop", 2, "Stop"},       {"DC_Start", 3, "DCStart"},
    {"DC_Stop", 4, "DCStop"},    {"DCStart", 3, "DCStart"}, {"DCStop", 4, "DCStop"},   {"Extension", 5, "Extension"},
    {"Reply", 6, "Reply"},       {"Resume", 7, "Resume"},   {"Suspend", 8, "Suspend"}, {"Send", 9, "Send"},
    {"Receive", 240, "Receive"},
};

static const manifest_builtin KEYWORDS[] = {
    {"AnyKeyword", 0, NULL},
    {"ResponseTime", 1ull << 48, "Response Time"},
    {"WDIContext", 1ull << 49, "WDI Context"},
    {"WDIDiag", 1ull << 50, "WDI Diag"},
    {"SQM", 1ull << 51, "SQM"},
    {"AuditFailure", 1ull << 52, "Audit Failure"},
    {"AuditSuccess", 1ull << 53, "Audit Success"},
    {"CorrelationHint", 1ull << 54, "Correlation Hint"},
    {"EventlogClassic", 1ull << 55, "Classic"},
};

static const manifest_builtin TASKS[] = {{"None", 0, NULL}};

static const manifest_builtin CHANNELS[] = {
    {"TraceClassic", 0, "TraceClassic"},
    {"System", 8, "System"},
    {"GlobalSystem", 8, "System"},
    {"Application", 9, "Application"},
    {"GlobalApplication", 9, "Application"},
    {"Security", 10, "Security"},
    {"GlobalSecurity", 10, "Security"},
    {"TraceLogging", 11, "TraceLogging"},
    {"ProviderMetadata", 12, "ProviderMetadata"},
};

static const manifest_builtin *builtin_find(const manifest_vocabulary *of, const char *name)
{
    const char *colon = strchr(name, ':');
    for (u32 i = 0; i < of->builtin_count; i++)
        if (strcasecmp(of->builtins[i].name, colon ? colon + 1 : name) == 0)
            return &of->builtins[i];
    return NULL;
}

static const char *name_of(const manifest_node *n)
{
    const char *name = manifest_attr(n, ATTR_NAME);
    return name ? name : "";
}

void manifest_index_note_doubles(const manifest_target *to, manifest_index *index, const char *what)
{
    manifest_index_sort(index);
    for (u32 i = 1; i < index->count; i++)
        if (strcmp(index->items[i - 1].key, index->items[i].key) == 0)
            schema_load_note(to->load, "%s: %s %.80s stands twice; the first is used", to->label, what,
                             index->items[i].key);
}

const manifest_name *manifest_name_find(const manifest_index *index, const char *text)
{
    const struct manifest_entry *entry = text ? manifest_index_find(index, text) : NULL;
    return entry ? entry->value : NULL;
}

// ---------------------------------------------------------------------------------------------- declared names

// Dump tools call a task or opcode that has no name "task_20" or "opcode_192".
static bool is_made_up(const manifest_names *names, const char *name, const char *prefix, u64 *value)
{
    size_t len = strlen(prefix);
    return names->is_dump && strncmp(name, prefix, len) == 0 && manifest_number(name + len, value);
}

static bool is_invented(const manifest_names *names, const char *name, u64 value)
{
    u64 stated = 0;
    return (is_made_up(names, name, "task_", &stated) || is_made_up(names, name, "opcode_", &stated)) &&
           stated == value;
}

// One <level>, <task>, … whose number fits; it joins the provider's list under `value | high`. NULL and a note
// otherwise.
static manifest_name *declare(manifest_names *names, manifest_vocabulary *of, manifest_index *index,
                              const manifest_node *n, manifest_attribute number, u64 high)
{
    const char *text = manifest_attr(n, number), *name = name_of(n);
    u64 value = 0;
    if (!*name || !text || !manifest_number(text, &value) || value > of->max) {
        manifest_note(names->to, n->line, "%s \"%.80s\" has value %.40s, which is none", of->what, name,
                      text ? text : "(missing)");
        return NULL;
    }
    manifest_name *made = arena_new(names->scratch, manifest_name);
    made->value = value;
    made->name = manifest_keep(schema_arena(names->to->set), name, LIMIT_NAME_BYTES);
    if (!is_invented(names, name, value)) {
        const char *message = manifest_text_of(names->strings, manifest_attr(n, ATTR_MESSAGE));
        made->shown = message ? message : made->name;
        schema_add_name(names->p, of->list, value | high, made->name, made->shown);
    }
    manifest_index_add(index, name, index->count, made);
    return made;
}

static void read_plain(manifest_names *names, manifest_vocabulary *of, const manifest_node *provider,
                       manifest_tag group, manifest_tag tag, manifest_attribute number)
{
    for (const manifest_node *g = manifest_child(provider, group); g; g = manifest_next(g, group))
        for (const manifest_node *n = manifest_child(g, tag); n; n = manifest_next(n, tag))
            declare(names, of, &of->declared, n, number, 0);
    manifest_index_note_doubles(names->to, &of->declared, of->what);
}

// The opcodes of a task, or those all tasks share (task 0).
static void read_opcodes(manifest_names *names, const manifest_node *group, u64 task, manifest_index *index)
{
    for (const manifest_node *n = manifest_child(group, TAG_OPCODE); n; n = manifest_next(n, TAG_OPCODE)) {
        manifest_name *made = declare(names, &names->opcodes, index, n, ATTR_VALUE, task << 16);
        if (made && names->is_dump)
            manifest_index_add(&names->any_opcodes, name_of(n), names->any_opcodes.count, made);
    }
}

static manifest_name *read_task(manifest_names *names, const manifest_node *n)
{
    manifest_name *task = declare(names, &names->tasks, &names->tasks.declared, n, ATTR_VALUE, 0);
    if (!task)
        return NULL;
    const char *id = manifest_attr(n, ATTR_EVENT_GUID);
    if (id && !guid_from_text(id, strlen(id), &task->event_guid))
        manifest_note(names->to, n->line, "task %.80s has eventGUID %.60s, which is none", name_of(n), id);
    for (const manifest_node *o = manifest_child(n, TAG_OPCODES); o; o = manifest_next(o, TAG_OPCODES))
        read_opcodes(names, o, task->value, &task->opcodes);
    return task;
}

// Opcodes stand inside their task or (in what tools make of MOF files) after it.
static void read_tasks(manifest_names *names, const manifest_node *provider)
{
    for (const manifest_node *g = manifest_child(provider, TAG_TASKS); g; g = manifest_next(g, TAG_TASKS)) {
        manifest_name *task = NULL;
        for (const manifest_node *n = g->first; n; n = n->next) {
            if (n->tag == TAG_TASK)
                task = read_task(names, n);
            else if (n->tag == TAG_OPCODES && task)
                read_opcodes(names, n, task->value, &task->opcodes);
        }
    }
    manifest_index_note_doubles(names->to, &names->tasks.declared, "task");
    for (u32 i = 0; i < names->tasks.declared.count; i++)
        manifest_index_note_doubles(names->to, &((manifest_name *)names->tasks.declared.items[i].value)->opcodes,
                                    "opcode");
    for (const manifest_node *g = manifest_child(provider, TAG_OPCODES); g; g = manifest_next(g, TAG_OPCODES))
        read_opcodes(names, g, 0, &names->opcodes.declared);
    manifest_index_note_doubles(names->to, &names->opcodes.declared, "opcode");
    manifest_index_sort(&names->any_opcodes);
}

// Channels without a value get 16, 17, … in order.
static bool channel_value(manifest_names *names, const manifest_node *n, u64 *next, u64 *value)
{
    const char *text = manifest_attr(n, ATTR_VALUE);
    const manifest_builtin *known = n->tag == TAG_IMPORT_CHANNEL ? builtin_find(&names->channels, name_of(n)) : NULL;
    if (known)
        *value = known->value;
    else if (!text && n->tag == TAG_CHANNEL)
        *value = (*next)++;
    else if (!text || !manifest_number(text, value))
        *value = UINT64_MAX;
    if (*value <= names->channels.max)
        return true;
    manifest_note(names->to, n->line, "channel %.80s has no value that is known (%.40s)", name_of(n),
                  text ? text : "none given");
    return false;
}

static void read_channel(manifest_names *names, const manifest_node *n, u64 *next, u64 keyword_bit)
{
    const char *chid = manifest_attr(n, ATTR_CHID), *name = name_of(n);
    u64 value = 0;
    if (!*name || !channel_value(names, n, next, &value))
        return;
    manifest_name *made = arena_new(names->scratch, manifest_name);
    made->value = value;
    made->name = made->shown = manifest_keep(schema_arena(names->to->set), name, LIMIT_NAME_BYTES);
    made->keyword_bit = keyword_bit;
    schema_add_name(names->p, names->channels.list, value, made->name,
                    manifest_text_of(names->strings, manifest_attr(n, ATTR_MESSAGE)));
    manifest_index_add(&names->channels.declared, chid ? chid : name, names->channels.declared.count, made);
    if (chid && strcmp(chid, name) != 0)
        manifest_index_add(&names->channels.declared, name, UINT32_MAX, made);
}

// Every channel has one keyword bit, from 63 down, imported ones too (mc.exe).
static void read_channels(manifest_names *names, const manifest_node *provider)
{
    u64 next = FIRST_CHANNEL;
    u32 bit = FIRST_KEYWORD_BIT;
    for (const manifest_node *g = manifest_child(provider, TAG_CHANNELS); g; g = manifest_next(g, TAG_CHANNELS)) {
        for (const manifest_node *n = g->first; n; n = n->next) {
            if (n->tag != TAG_CHANNEL && n->tag != TAG_IMPORT_CHANNEL)
                continue;
            u64 mask = bit >= LAST_KEYWORD_BIT && !names->is_exact ? 1ull << bit-- : 0;
            read_channel(names, n, &next, mask);
            if (mask && *name_of(n) && !schema_find_name(names->keywords.list, mask))
                schema_add_name(names->p, names->keywords.list, mask, name_of(n), NULL);
        }
    }
    manifest_index_sort(&names->channels.declared);
}

void manifest_names_read(manifest_names *names, const manifest_node *provider)
{
    provider_schema *p = names->p;
    names->levels = (manifest_vocabulary){"level", UINT8_MAX, {0}, &p->levels, LEVELS, COUNT_OF(LEVELS), 0};
    names->tasks = (manifest_vocabulary){"task", UINT16_MAX, {0}, &p->tasks, TASKS, COUNT_OF(TASKS), 0};
    names->opcodes = (manifest_vocabulary){"opcode", UINT8_MAX, {0}, &p->opcodes, OPCODES, COUNT_OF(OPCODES), 0};
    names->channels = (manifest_vocabulary){"channel", UINT8_MAX, {0}, &p->channels, CHANNELS, COUNT_OF(CHANNELS), 0};
    names->keywords = (manifest_vocabulary){"keyword", UINT64_MAX, {0}, &p->keywords, KEYWORDS, COUNT_OF(KEYWORDS), 0};
    read_plain(names, &names->levels, provider, TAG_LEVELS, TAG_LEVEL, ATTR_VALUE);
    read_plain(names, &names->keywords, provider, TAG_KEYWORDS, TAG_KEYWORD, ATTR_MASK);
    read_channels(names, provider);
    read_tasks(names, provider);
}

void manifest_names_free(manifest_names *names)
{
    for (u32 i = 0; i < names->tasks.declared.count; i++)
        manifest_index_free(&((manifest_name *)names->tasks.declared.items[i].value)->opcodes);
    manifest_index_free(&names->levels.declared);
    manifest_index_free(&names->tasks.declared);
    manifest_index_free(&names->opcodes.declared);
    manifest_index_free(&names->channels.declared);
    manifest_index_free(&names->keywords.declared);
    manifest_index_free(&names->any_opcodes);
}

// ---------------------------------------------------------------------------------------------- references

static const char *use_builtin(manifest_names *names, manifest_vocabulary *of, const manifest_builtin *known)
{
    u32 bit = 1u << (known - of->builtins);
    if (known->shown && !(of->builtins_listed & bit)) {
        char name[32] = "win:";
        memcpy(name + 4, known->name, strlen(known->name) + 1);
        of->builtins_listed |= bit;
        if (!schema_find_name(of->list, known->value))
            schema_add_name(names->p, of->list, known->value, name, known->shown);
    }
    return known->shown;
}

// Lists are searched from end to end, so a reference by number finds a name only in lists of ordinary length.
static const char *shown_for(const name_list *list, u64 value)
{
    const schema_name *found = list->count <= LIMIT_NAMES_BY_NUMBER ? schema_find_name(list, value) : NULL;
    return found ? found->message : NULL;
}

void manifest_name_refer(manifest_names *names, manifest_vocabulary *of, const manifest_node *event, const char *text,
                         u64 *value, const char **shown)
{
    if (!text || !*text)
        return;
    const manifest_name *declared = manifest_name_find(&of->declared, text);
    const manifest_builtin *known = declared ? NULL : builtin_find(of, text);
    u64 number = 0;
    if (declared) {
        *value = declared->value;
        *shown = declared->shown;
    } else if (known) {
        *value = known->value;
        *shown = use_builtin(names, of, known);
    } else if ((manifest_number(text, &number) || is_made_up(names, text, "task_", &number)) && number <= of->max) {
        *value = number;
        *shown = shown_for(of->list, number);
    } else {
        const char *id = manifest_attr(event, ATTR_VALUE);
        manifest_note(names->to, event->line, "event %.40s: there is no %s %.80s", id ? id : "", of->what, text);
    }
}

void manifest_opcode_refer(manifest_names *names, const manifest_node *event, const manifest_name *task,
                           event_schema *out)
{
    const char *text = manifest_attr(event, ATTR_OPCODE);
    u64 value = 0, number = 0;
    if (!text || !*text)
        return;
    const manifest_name *found = task ? manifest_name_find(&task->opcodes, text) : NULL;
    // Dump tools put an opcode under one task and use it under others.
    if (!found && names->is_dump && !manifest_name_find(&names->opcodes.declared, text))
        found = manifest_name_find(&names->any_opcodes, text);
    if (found) {
        out->descriptor.opcode = (u8)found->value;
        out->opcode_name = found->shown;
        return;
    }
    manifest_name_refer(names, &names->opcodes, event, text, &value, &out->opcode_name);
    out->descriptor.opcode = (u8)value;
    if (!out->opcode_name && manifest_number(text, &number))
        out->opcode_name = shown_for(&names->p->opcodes, value | (u64)out->descriptor.task << 16);
}
