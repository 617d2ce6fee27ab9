// Where the table (activities.def) says that a value comes from, and the value.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "activity/getter.h"
#include "activity/registry.h"
#include "activity/shapes.h"
#include "base/text.h"
#include "decode/render.h"
#include "schema/tables/sid_names.h"

// ---------------------------------------------------------------------------------------------- reading the table

static bool is_text(source_word w, const char *text)
{
    return w.len == strlen(text) && memcmp(w.at, text, w.len) == 0;
}

static bool read_fact(source_word w, life_fact *out)
{
    static const char *const NAMES[] = {
        "image",        "command_line",        "user",          "name",        "id",      "parent",
        "parent.image", "parent.command_line", "original_name", "description", "version", "product",
        "company"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        if (is_text(w, NAMES[i])) {
            *out = (life_fact)i;
            return true;
        }
    return false;
}

static getter_shape read_shape(source_word w)
{
    static const char *const NAMES[] = {"", "path", "key", "pipe", "hex", "data", "text", "verb"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        if (is_text(w, NAMES[i]))
            return (getter_shape)i;
    return SHAPE_PLAIN;
}

static void read_source(arena *a, source_word w, getter *g)
{
    const char *mark;
    if (*w.at == '\'') {
        *g = (getter){.kind = GET_TEXT, .text = arena_text_len(a, w.at + 1, w.len - 1)};
    } else if (is_text(w, "@file")) {
        *g = (getter){.kind = GET_FILE};
    } else if (is_text(w, "@key")) {
        *g = (getter){.kind = GET_KEY};
    } else if (w.len > 5 && memcmp(w.at, "@key+", 5) == 0) {
        *g = (getter){.kind = GET_KEY_FIELD, .field = arena_text_len(a, w.at + 5, w.len - 5)};
    } else if (w.len > 5 && memcmp(w.at, "@key?", 5) == 0) {
        *g = (getter){.kind = GET_KEY_FIELD, .else_field = true, .field = arena_text_len(a, w.at + 5, w.len - 5)};
    } else if (w.len > 8 && memcmp(w.at, "@loaded>", 8) == 0) {
        *g = (getter){.kind = GET_LOADED};
        (void)read_fact((source_word){w.at + 8, w.len - 8}, &g->fact);
    } else if (*w.at == '@') {
        *g = (getter){.kind = GET_PROCESS, .own = true};
        (void)read_fact((source_word){w.at + 1, w.len - 1}, &g->fact);
    } else if ((mark = memchr(w.at, '>', w.len)) != NULL) {
        *g = (getter){.kind = GET_PROCESS, .field = arena_text_len(a, w.at, (size_t)(mark - w.at))};
        (void)read_fact((source_word){mark + 1, w.len - (size_t)(mark + 1 - w.at)}, &g->fact);
    } else {
        mark = memchr(w.at, ':', w.len);
        size_t len = mark ? (size_t)(mark - w.at) : w.len;
        *g = (getter){.kind = GET_FIELD, .field = arena_text_len(a, w.at, len)};
        g->shape = mark ? read_shape((source_word){mark + 1, w.len - len - 1}) : SHAPE_PLAIN;
    }
}

// Names as the manifest has them, else in any case.
static bool find_path(const plan *p, const char *name, value_path *out)
{
    if (value_path_find(p, name, out))
        return true;
    for (u32 i = 0; i < p->field_count; i++)
        if (strcasecmp(p->fields[i].name, name) == 0)
            return value_path_find(p, p->fields[i].name, out);
    return false;
}

// False: no plan of the class has the field.
static bool find_paths(arena *a, const event_class *cls, getter *g)
{
    bool any = false;
    g->paths = arena_array(a, value_path, cls->plan_count);
    g->has_path = arena_array(a, bool, cls->plan_count);
    for (u32 i = 0; i < cls->plan_count; i++)
        any |= g->has_path[i] = find_path(cls->plans[i], g->field, &g->paths[i]);
    return any;
}

bool getter_of_field(arena *a, const event_class *cls, const char *name, getter *out)
{
    *out = (getter){.kind = GET_FIELD, .field = name};
    return find_paths(a, cls, out);
}

static bool get_provider(const event_class *cls, const char *name, getter *g)
{
    if (strcasecmp(name, "Provider_Name") != 0 && strcasecmp(name, "Source") != 0)
        return false;
    *g = (getter){.kind = cls->provider ? GET_TEXT : GET_NULL, .text = cls->provider};
    return true;
}

// The numbers that winmeta.xml has for channels of all providers.
static const char *channel_of(const event_class *cls)
{
    static const char *const LOGS[] = {"System", "Application", "Security"};
    u8 number = cls->descriptor.channel;
    if (cls->channel_name)
        return cls->channel_name;
    return !cls->classic && number >= 8 && number < 8 + COUNT_OF(LOGS) ? LOGS[number - 8] : NULL;
}

// What every event has, by the names of the event log.
static bool get_common(arena *a, const event_class *cls, const char *name, getter *g)
{
    const event_descriptor *d = &cls->descriptor;
    if (strcasecmp(name, "EventID") == 0)
        *g = (getter){.kind = GET_TEXT, .text = arena_format(a, "%u", d->id)};
    else if (strcasecmp(name, "Channel") == 0)
        *g = (getter){.kind = channel_of(cls) ? GET_TEXT : GET_UNKNOWN, .text = channel_of(cls)};
    else if (strcasecmp(name, "Level") == 0)
        *g = (getter){.kind = GET_TEXT, .text = arena_format(a, "%u", d->level)};
    else if (strcasecmp(name, "Keywords") == 0)
        *g = (getter){.kind = GET_TEXT, .text = arena_format(a, "0x%llx", (unsigned long long)d->keyword)};
    else if (strcasecmp(name, "Computer") == 0 || strcasecmp(name, "ComputerName") == 0)
        *g = (getter){.kind = GET_HOST};
    else if (strcasecmp(name, "Data") == 0) // of the event log: all values, without names
        *g = (getter){.kind = GET_ALL};
    else
        return get_provider(cls, name, g);
    return true;
}

bool getter_of_process(const char *fact, getter *out)
{
    static const struct {
        const char *name, *fact;
    } OTHERS[] = {{"path", "image"}, {"parent.path", "parent.image"}};
    *out = (getter){.kind = GET_PROCESS, .own = true};
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        if (strcasecmp(fact, OTHERS[i].name) == 0)
            fact = OTHERS[i].fact;
    return read_fact((source_word){fact, strlen(fact)}, &out->fact);
}

bool find_source(const char *fields, const char *name, source_word *out)
{
    size_t len = strlen(name);
    for (const char *at = fields; *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strncasecmp(at, name, len) == 0 && at[len] == '=') {
            at += len + 1;
            *out = (source_word){at, strcspn(at, " ")};
            return true;
        }
    return false;
}

static bool has_rest(const char *fields)
{
    size_t len = strlen(fields);
    return len && fields[len - 1] == '*';
}

// What an event has of its own comes before what all have, but for its number.
static bool get_rest(arena *a, const event_class *cls, const char *name, getter *g)
{
    *g = (getter){.kind = GET_FIELD, .field = name};
    return strcasecmp(name, "EventID") != 0 && cls->plan_count && find_paths(a, cls, g);
}

void getter_make(arena *a, const event_class *cls, const char *fields, const char *name, getter *out)
{
    source_word source;
    *out = (getter){0};
    if (find_source(fields, name, &source))
        read_source(a, source, out);
    else if ((has_rest(fields) && get_rest(a, cls, name, out)) || get_common(a, cls, name, out) ||
             (strncmp(name, "process.", 8) == 0 && getter_of_process(name + 8, out)))
        return;
    else if (has_rest(fields))
        *out = (getter){.kind = GET_FIELD, .field = name};
    else
        *out = (getter){0};
    if (out->field && cls->plan_count && !find_paths(a, cls, out))
        *out = (getter){.kind = has_rest(fields) ? GET_NULL : GET_UNKNOWN};
}

// ---------------------------------------------------------------------------------------------- values

bool getter_value(const getter *g, const record *rec, typed_value *out)
{
    *out = (typed_value){0};
    for (u32 i = 0; i < rec->cls->plan_count; i++)
        if (rec->cls->plans[i] == rec->plan && g->has_path[i]) {
            value_at(rec, &g->paths[i], out);
            break;
        }
    return out->kind != VALUE_NULL;
}

static void put_path(const correlator *c, const record *rec, span path, outbuf *out)
{
    (void)correlator_put_dos_path(c, rec->source_index, rec->epoch, path, out);
}

// False: the value is not recorded, though the field is there.
static bool put_shaped(const correlator *c, const record *rec, const getter *g, const typed_value *value,
                       getter_scratch *x)
{
    outbuf *out = &x->text;
    if (g->shape == SHAPE_PLAIN) {
        render_text(out, value);
        return true;
    }
    if (g->shape == SHAPE_DATA)
        return registry_put_data(rec, value, g->as_sysmon, out);
    if (g->shape == SHAPE_TEXT || g->shape == SHAPE_VERB) {
        (g->shape == SHAPE_TEXT ? shape_put_text : shape_put_verb)(value, out);
        return true;
    }
    if (g->shape == SHAPE_HEX) {
        outbuf_written(out, text_hex_lower(outbuf_reserve(out, 20), value->number));
        return true;
    }
    x->one.len = 0;
    render_text(&x->one, value);
    span text = {x->one.bytes, x->one.len};
    if (g->shape == SHAPE_PATH)
        put_path(c, rec, text, out);
    else if (g->shape == SHAPE_KEY)
        registry_put_key(text, g->as_sysmon, out);
    else
        shape_put_pipe(text, out);
    return true;
}

bool getter_has_field(const getter *g, const record *rec)
{
    for (u32 i = 0; g->kind == GET_FIELD && i < rec->cls->plan_count; i++)
        if (rec->cls->plans[i] == rec->plan)
            return g->has_path[i];
    return false;
}

bool getter_number(const getter *g, const record *rec, u64 *out)
{
    typed_value value;
    bool has = g->kind == GET_FIELD && getter_value(g, rec, &value) && value_is_integer(&value);
    if (has)
        *out = value.number;
    return has;
}

bool getter_field_has_words(const field *f)
{
    switch ((show_form)f->show) {
    case SHOW_UTF16:
    case SHOW_ANSI:
    case SHOW_UTF8:
    case SHOW_CHAR16:
    case SHOW_CHAR8:
    case SHOW_MAP:
    case SHOW_STRUCT:
        return true;
    default:
        return false;
    }
}

bool getter_class_has_words(const event_class *cls)
{
    for (u32 i = 0; i < cls->plan_count; i++)
        for (u32 k = 0; k < cls->plans[i]->field_count; k++)
            if (getter_field_has_words(&cls->plans[i]->fields[k]))
                return true;
    return false;
}

static void put_all(const record *rec, bool words, outbuf *out)
{
    typed_value data, value;
    record_data(rec, &data);
    for (value_walk walk = value_members(&data); value_next(&walk, &value);) {
        if (words && value.field && !getter_field_has_words(value.field))
            continue;
        render_text(out, &value);
        outbuf_text(out, "\n");
    }
}

// ---------------------------------------------------------------------------------------------- processes

static const process_life *life_of(const correlator *c, const getter *g, const record *rec)
{
    typed_value id;
    if (g->own)
        return rec->process;
    if (!getter_value(g, rec, &id) || !value_is_integer(&id))
        return NULL;
    return correlator_process_at(c, rec->source_index, rec->epoch, (u32)id.number, rec->time);
}

static bool put_text_of(const char *text, outbuf *out)
{
    if (!text || !*text)
        return false;
    outbuf_text(out, text);
    return true;
}

static bool put_number(u32 number, outbuf *out, got_value *t)
{
    outbuf_written(out, text_u64(outbuf_reserve(out, 20), number));
    t->has_number = t->is_whole = true;
    t->number = number;
    t->whole = number;
    return true;
}

// Names that are the same on every Windows in English, as rules have them; else the SID.
static bool put_user(const char *sid, outbuf *out)
{
    const char *name = sid_name(sid);
    return put_text_of(name ? name : sid, out);
}

// The path, or what is known of it: the file's name.
static bool put_image(const process_life *life, outbuf *out, got_value *t)
{
    if (!life)
        return false;
    if (life->dos_path)
        return put_text_of(life->dos_path, out);
    if (!life->name)
        return false;
    t->tail = true;
    outbuf_text(out, "\\");
    return put_text_of(life->name, out);
}

// Facts that are kept as text.
static const char *version_fact(const image_version *v, life_fact fact)
{
    if (!v)
        return NULL;
    return fact == FACT_ORIGINAL_NAME ? v->original_name
           : fact == FACT_DESCRIPTION ? v->description
           : fact == FACT_VERSION     ? v->version
           : fact == FACT_PRODUCT     ? v->product
                                      : v->company;
}

static const char *fact_of_load(const correlator *c, const getter *g, const record *rec)
{
    typed_value base, process;
    if (!correlator_has_versions(c))
        return NULL;
    record_value(rec, "ImageBase", &base);
    record_value(rec, "ProcessId", &process);
    if (process.kind == VALUE_NULL)
        record_value(rec, "ProcessID", &process);
    if (!value_is_integer(&base) || !value_is_integer(&process))
        return NULL;
    return version_fact(
        correlator_version(c, rec->source_index, rec->epoch, (u32)process.number, rec->time, base.number), g->fact);
}

static const char *fact_of(const process_life *life, life_fact fact)
{
    const process_life *parent = life->parent;
    switch (fact) {
    case FACT_IMAGE:
        return life->dos_path;
    case FACT_COMMAND_LINE:
        return life->command_line;
    case FACT_PARENT_IMAGE:
        return parent ? parent->dos_path : NULL;
    case FACT_PARENT_COMMAND_LINE:
        return parent ? parent->command_line : NULL;
    case FACT_ORIGINAL_NAME:
    case FACT_DESCRIPTION:
    case FACT_VERSION:
    case FACT_PRODUCT:
    case FACT_COMPANY:
        return version_fact(life->version, fact);
    default:
        return NULL;
    }
}

// Facts of processes are told apart by where they are kept: there they stay as long as the correlator.
static bool source_of_fact(const correlator *c, const getter *g, const record *rec, getter_source *out)
{
    const process_life *life = g->kind == GET_PROCESS ? life_of(c, g, rec) : NULL;
    out->kept = g->kind == GET_LOADED ? fact_of_load(c, g, rec) : life ? fact_of(life, g->fact) : NULL;
    out->bytes = (span){(const u8 *)&out->kept, sizeof(out->kept)};
    return out->kept && *out->kept;
}

static bool source_of_constant(const getter *g, getter_source *out)
{
    out->kept = g->text;
    out->bytes = (span){(const u8 *)&out->kept, sizeof(out->kept)};
    return true;
}

bool getter_get_source(const correlator *c, const getter *g, const record *rec, getter_source *out)
{
    typed_value value;
    *out = (getter_source){0};
    if (g->kind == GET_TEXT)
        return source_of_constant(g, out);
    if (g->kind == GET_PROCESS || g->kind == GET_LOADED)
        return source_of_fact(c, g, rec, out);
    if (g->kind != GET_FIELD || !getter_value(g, rec, &value) || value.kind != VALUE_TEXT)
        return false;
    // Paths also depend on the machine's volumes, texts on how they are encoded.
    bool path = g->shape == SHAPE_PATH;
    out->with = ((u64)rec->source_index << 32 | rec->epoch) * path + ((u64)value.encoding << 62 | (u64)g->shape << 56);
    out->bytes = value.bytes;
    return true;
}

static bool put_fact(const correlator *c, const getter *g, const record *rec, outbuf *out, got_value *t)
{
    const process_life *life = life_of(c, g, rec);
    if (g->fact == FACT_ID && g->own)
        return rec->has_process && put_number(rec->process_id, out, t);
    if (!life)
        return false;
    switch (g->fact) {
    case FACT_IMAGE:
        return put_image(life, out, t);
    case FACT_COMMAND_LINE:
        return put_text_of(life->command_line, out);
    case FACT_USER:
        return put_user(life->user_sid, out);
    case FACT_NAME:
        return put_text_of(life->name, out);
    case FACT_ID:
        return put_number(life->process_id, out, t);
    case FACT_PARENT:
        return life->has_parent && put_number(life->parent_id, out, t);
    case FACT_PARENT_IMAGE:
        return put_image(life->parent, out, t);
    case FACT_PARENT_COMMAND_LINE:
        return life->parent && put_text_of(life->parent->command_line, out);
    case FACT_ORIGINAL_NAME:
    case FACT_DESCRIPTION:
    case FACT_VERSION:
    case FACT_PRODUCT:
    case FACT_COMPANY:
        return put_text_of(version_fact(life->version, g->fact), out);
    }
    return false;
}

// ---------------------------------------------------------------------------------------------- one field

void getter_scratch_free(getter_scratch *scratch)
{
    outbuf_free(&scratch->text);
    outbuf_free(&scratch->one);
}

static bool put_key_and_field(const getter *g, const record *rec, outbuf *out)
{
    typed_value value;
    bool has = getter_value(g, rec, &value);
    size_t start;
    if (!rec->key_path && !has)
        return false;
    if (rec->key_path)
        registry_put_key(text_span(rec->key_path), g->as_sysmon, out);
    if (rec->key_path && g->else_field)
        return true;
    start = out->len;
    outbuf_text(out, "\\");
    if (has)
        render_text(out, &value);
    if (out->len == start + 1)
        outbuf_text(out, "(Default)");
    return true;
}

static bool put_value(const correlator *c, const getter *g, const record *rec, getter_scratch *x, got_value *t)
{
    typed_value value;
    switch (g->kind) {
    case GET_TEXT:
        outbuf_text(&x->text, g->text);
        return true;
    case GET_FIELD:
        if (!getter_value(g, rec, &value))
            return false;
        t->has_number = value_is_integer(&value) || value.kind == VALUE_FLOAT;
        t->number = value.kind == VALUE_FLOAT    ? value.real
                    : value.kind == VALUE_SIGNED ? (double)value.integer
                                                 : (double)value.number;
        t->is_whole = value_is_integer(&value);
        t->whole = value.number;
        return put_shaped(c, rec, g, &value, x);
    case GET_PROCESS:
        return put_fact(c, g, rec, &x->text, t);
    case GET_LOADED:
        return put_text_of(fact_of_load(c, g, rec), &x->text);
    case GET_FILE:
        if (rec->file_path)
            put_path(c, rec, text_span(rec->file_path), &x->text);
        return rec->file_path != NULL;
    case GET_KEY:
        if (rec->key_path)
            registry_put_key(text_span(rec->key_path), g->as_sysmon, &x->text);
        return rec->key_path != NULL;
    case GET_KEY_FIELD:
        t->tail = !rec->key_path;
        return put_key_and_field(g, rec, &x->text);
    case GET_HOST:
        return put_text_of(rec->host, &x->text);
    case GET_ALL:
        put_all(rec, g->words, &x->text);
        return true;
    case GET_UNKNOWN:
    case GET_NULL:
        break;
    }
    return false;
}

// Texts that are numbers are such.
static void read_number(const outbuf *text, got_value *t)
{
    char copy[32];
    size_t len = text->len - t->at;
    if (t->is_whole || !len || len >= sizeof(copy) || text->bytes[t->at] < '0' || text->bytes[t->at] > '9')
        return;
    memcpy(copy, text->bytes + t->at, len);
    copy[len] = 0;
    char *end;
    t->whole = strtoull(copy, &end, strncmp(copy, "0x", 2) == 0 ? 16 : 10);
    t->is_whole = !*end;
}

void getter_get(const correlator *c, const getter *g, const record *rec, getter_scratch *x, got_value *out)
{
    (void)outbuf_reserve(&x->text, 0); // an empty text lies somewhere, too
    *out = (got_value){.at = x->text.len};
    bool absent_is_null = g->kind == GET_NULL || (g->kind == GET_FIELD && g->shape == SHAPE_PLAIN && rec->plan);
    if (!put_value(c, g, rec, x, out)) {
        x->text.len = out->at;
        *out = (got_value){.kind = absent_is_null ? GOT_NULL : GOT_UNKNOWN};
        return;
    }
    out->kind = GOT_TEXT;
    out->len = x->text.len - out->at;
    read_number(&x->text, out);
}
