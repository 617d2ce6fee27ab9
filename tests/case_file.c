// Reads case files and compares JSON. See case_file.h.

#include "case_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

// ---------------------------------------------------------------------------------------------- files

bool bytes_read(const char *path, outbuf *text, error *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return error_set(e, "%s cannot be opened", path);
    size_t got;
    while ((got = fread(outbuf_reserve(text, 65536), 1, 65535, f)) > 0)
        text->len += got;
    *outbuf_reserve(text, 1) = 0;
    bool good = !ferror(f);
    fclose(f);
    return good || error_set(e, "%s cannot be read", path);
}

bool bytes_write(const char *path, const void *bytes, size_t len, error *e)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return error_set(e, "%s cannot be created", path);
    bool good = !len || fwrite(bytes, 1, len, f) == len;
    good = fclose(f) == 0 && good;
    return good || error_set(e, "%s cannot be written", path);
}

// ---------------------------------------------------------------------------------------------- sections

// The next blank-separated word of a section's text; NULL at its end. Quotes hold blanks together.
static const char *section_word(case_file *c, const char **at)
{
    const char *p = *at;
    while (isspace((unsigned char)*p))
        p++;
    bool quoted = *p == '"';
    const char *start = p += quoted;
    while (*p && (quoted ? *p != '"' : !isspace((unsigned char)*p)))
        p++;
    *at = p + (quoted && *p);
    return p == start && !quoted ? NULL : arena_text_len(&c->memory, start, (size_t)(p - start));
}

static bool damage_section(case_file *c, const char *text, error *e)
{
    c->has_damage = true;
    for (const char *p = text, *word; (word = section_word(c, &p)) != NULL;) {
        char *stop;
        if (c->damage_count == CASE_DAMAGE)
            return error_set(e, "more than %d lines of damage", CASE_DAMAGE);
        c->damage[c->damage_count].offset = strtoull(word, &stop, 0);
        const char *kind = section_word(c, &p);
        if (*stop || !kind)
            return error_set(e, "damage lines are an offset and a kind (or *), \"%s\" is not", word);
        c->damage[c->damage_count++].kind = strcmp(kind, "*") == 0 ? NULL : kind;
    }
    return true;
}

// `--- head rest`, then the section's lines.
static bool section_take(case_file *c, const char *head, const char *rest, const char *text, error *e)
{
    if (strcmp(head, "records") == 0) {
        c->records = text;
    } else if (strcmp(head, "info") == 0) {
        c->info = text;
    } else if (strcmp(head, "says") == 0) {
        c->says = rest;
    } else if (strcmp(head, "exit") == 0) {
        c->exit_code = atoi(rest);
    } else if (strcmp(head, "damage") == 0) {
        return damage_section(c, text, e);
    } else if (strcmp(head, "args") == 0) {
        for (const char *p = rest, *word; (word = section_word(c, &p)) != NULL;) {
            if (c->arg_count == CASE_ARGS)
                return error_set(e, "more than %d args", CASE_ARGS);
            c->args[c->arg_count++] = word;
        }
    } else if (strcmp(head, "schema") == 0) {
        if (c->schema_count == CASE_SCHEMAS)
            return error_set(e, "more than %d schemas", CASE_SCHEMAS);
        c->schemas[c->schema_count].name = rest;
        c->schemas[c->schema_count++].text = text;
    } else {
        return error_set(e, "unknown section '--- %s'", head);
    }
    return true;
}

static const char *section_next(const char *p)
{
    if (strncmp(p, "---", 3) == 0)
        return p;
    p = strstr(p, "\n---");
    return p ? p + 1 : NULL;
}

bool case_read(case_file *c, const char *path, error *e)
{
    outbuf text = {0};
    *c = (case_file){.name = path};
    bool good = bytes_read(path, &text, e);
    c->text = arena_text_len(&c->memory, good ? (const char *)text.bytes : "", good ? text.len : 0);
    outbuf_free(&text);
    const char *at = section_next(c->text);
    c->trace_len = at ? (size_t)(at - c->text) : strlen(c->text);
    while (good && at) {
        const char *line_end = at + strcspn(at, "\n"), *body = *line_end ? line_end + 1 : line_end;
        const char *next = section_next(body), *p = at + 3;
        const char *line = arena_text_len(&c->memory, p, (size_t)(line_end - p));
        const char *head = section_word(c, &line);
        while (*line == ' ')
            line++;
        size_t len = next ? (size_t)(next - body) : strlen(body);
        good = head ? section_take(c, head, line, arena_text_len(&c->memory, body, len), e)
                    : error_set(e, "a line --- names no section");
        at = next;
    }
    return good;
}

void case_free(case_file *c)
{
    arena_free(&c->memory);
}

// ---------------------------------------------------------------------------------------------- JSON

// The end of the JSON value at p, by its braces and quotes alone; cJSON judges the rest.
static const char *value_end(const char *p)
{
    int depth = 0;
    for (bool quoted = false; *p; p++) {
        if (quoted && *p == '\\' && p[1]) {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted && (*p == '{' || *p == '[')) {
            depth++;
        } else if (!quoted && (*p == '}' || *p == ']') && --depth == 0) {
            return p + 1;
        }
    }
    return p;
}

static void numbers_quote(const char *p, const char *end, outbuf *out)
{
    bool quoted = false;
    while (p < end) {
        if (!quoted && (isdigit((unsigned char)*p) || *p == '-')) {
            outbuf_text(out, "\"#");
            for (; p < end && (isalnum((unsigned char)*p) || strchr("+-.", *p)); p++)
                outbuf_add(out, p, 1);
            outbuf_text(out, "\"");
            continue;
        }
        if (quoted && *p == '\\' && p + 1 < end)
            outbuf_add(out, p++, 1);
        else if (*p == '"')
            quoted = !quoted;
        outbuf_add(out, p++, 1);
    }
    outbuf_add(out, "", 1);
}

cJSON *json_take(const char **at, error *e)
{
    const char *p = *at;
    while (isspace((unsigned char)*p) || *p == '#')
        p += *p == '#' ? strcspn(p, "\n") : 1;
    *at = p;
    if (!*p)
        return NULL;
    if (*p != '{' && *p != '[') {
        error_set(e, "no JSON object begins with \"%.20s\"", p);
        return NULL;
    }
    const char *end = value_end(p);
    outbuf text = {0};
    numbers_quote(p, end, &text);
    cJSON *json = cJSON_ParseWithOpts((const char *)text.bytes, NULL, 1);
    outbuf_free(&text);
    if (!json)
        error_set(e, "not JSON: %.200s", p);
    *at = end;
    return json;
}

// Whether a text of JSON, from its quote on, is a number in quotes; its length without them.
static size_t quoted_number(const char *p)
{
    if (p[0] != '"' || p[1] != '#' || !(isdigit((unsigned char)p[2]) || p[2] == '-'))
        return 0;
    size_t len = 2;
    while (isalnum((unsigned char)p[len]) || (p[len] && strchr("+-.", p[len])))
        len++;
    return p[len] == '"' ? len - 2 : 0;
}

char *json_shown(const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json), *out = mem_alloc(strlen(text) + 1), *to = out;
    bool quoted = false;
    for (const char *p = text; *p;) {
        size_t number = quoted ? 0 : quoted_number(p);
        if (number) {
            memcpy(to, p + 2, number);
            to += number;
            p += number + 3;
            continue;
        }
        if (quoted && *p == '\\' && p[1])
            *to++ = *p++;
        else if (*p == '"')
            quoted = !quoted;
        *to++ = *p++;
    }
    *to = 0;
    cJSON_free(text);
    return out;
}

static bool differ(const cJSON *want, const cJSON *got, const char *path, error *e)
{
    char *w = json_shown(want), *g = got ? json_shown(got) : NULL;
    error_set(e, "%s is %.200s, the case says %.200s", path, g ? g : "absent", w);
    mem_free(w);
    mem_free(g);
    return false;
}

static bool object_matches(const cJSON *want, const cJSON *got, bool exact, const char *path, error *e)
{
    char below[256];
    const cJSON *position = got->child;
    for (const cJSON *w = want->child; w; w = w->next) {
        // "data+" is "data" of which more may be there.
        char key[128];
        size_t len = strlen(w->string);
        bool open = !exact && len && w->string[len - 1] == '+';
        snprintf(key, sizeof key, "%.*s", (int)(len - open), w->string);
        const cJSON *g = cJSON_GetObjectItemCaseSensitive(got, key);
        snprintf(below, sizeof below, "%s.%s", path, key);
        if (cJSON_IsNull(w) && !exact) {
            if (g)
                return differ(w, g, below, e);
            continue;
        }
        if (!g)
            return differ(w, NULL, below, e);
        if (!json_matches(w, g, exact || strcmp(w->string, "data") == 0, below, e))
            return false;
        if (exact && g != position)
            return error_set(e, "%s is not where the case has it", below);
        position = g->next;
    }
    if (exact && position)
        return error_set(e, "%s has \"%s\" after what the case says", path, position->string);
    return true;
}

bool json_matches(const cJSON *want, const cJSON *got, bool exact, const char *path, error *e)
{
    if (cJSON_IsObject(want) && cJSON_IsObject(got))
        return object_matches(want, got, exact, path, e);
    if (cJSON_IsArray(want) && cJSON_IsArray(got)) {
        char below[256];
        if (cJSON_GetArraySize(want) != cJSON_GetArraySize(got))
            return differ(want, got, path, e);
        int i = 0;
        for (const cJSON *w = want->child, *g = got->child; w && g; w = w->next, g = g->next) {
            snprintf(below, sizeof below, "%s[%d]", path, i++);
            if (!json_matches(w, g, exact, below, e))
                return false;
        }
        return true;
    }
    return cJSON_Compare(want, got, 1) ? true : differ(want, got, path, e);
}
