#include "case_bless.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------- values

static cJSON *blessed(const cJSON *want, const cJSON *got);

// The keys of the case with the values there are now; "data" whole, null (no such key) where there still is none.
static cJSON *blessed_object(const cJSON *want, const cJSON *got)
{
    cJSON *out = cJSON_CreateObject();
    for (const cJSON *w = want->child; w; w = w->next) {
        char key[128];
        size_t len = strlen(w->string);
        bool open = len && w->string[len - 1] == '+';
        snprintf(key, sizeof(key), "%.*s", (int)(len - open), w->string);
        const cJSON *g = cJSON_GetObjectItemCaseSensitive(got, key);
        if (!g && !cJSON_IsNull(w))
            continue;
        bool whole = !g || cJSON_IsNull(w) || strcmp(key, w->string) != 0 || strcmp(key, "data") != 0;
        cJSON *value = !g ? cJSON_CreateNull() : whole ? blessed(w, g) : cJSON_Duplicate(g, true);
        cJSON_AddItemToObject(out, w->string, value);
    }
    return out;
}

static cJSON *blessed(const cJSON *want, const cJSON *got)
{
    return cJSON_IsObject(want) && cJSON_IsObject(got) ? blessed_object(want, got) : cJSON_Duplicate(got, true);
}

static void put_json(outbuf *out, const cJSON *json)
{
    char *text = json_shown(json);
    outbuf_text(out, text);
    mem_free(text);
}

// The values of a section, each as it was written where it is still right.
static bool put_values(outbuf *out, const char *section, const char *got_at, error *e)
{
    for (const char *at = section;;) {
        const char *before = at;
        cJSON *want = json_take(&at, e), *got = e->message[0] ? NULL : json_take(&got_at, e);
        const char *value = before;
        while (value < at && *value != '{' && *value != '[')
            value += *value == '#' ? strcspn(value, "\n") : 1;
        error difference = {0};
        outbuf_add(out, before, (size_t)(value - before));
        if (want && got && json_matches(want, got, false, "", &difference)) {
            outbuf_add(out, value, (size_t)(at - value));
        } else if (got) {
            cJSON *now = want ? blessed(want, got) : cJSON_Duplicate(got, true);
            put_json(out, now);
            outbuf_text(out, want ? "" : "\n");
            cJSON_Delete(now);
        }
        bool more = got != NULL;
        cJSON_Delete(want);
        cJSON_Delete(got);
        if (!more)
            return !e->message[0];
    }
}

// ---------------------------------------------------------------------------------------------- sections

static bool put_damage(outbuf *out, const char *info, error *e)
{
    cJSON *root = json_take(&info, e);
    const cJSON *note;
    cJSON_ArrayForEach (note, cJSON_GetObjectItemCaseSensitive(root, "damage")) {
        char line[128];
        const char *offset = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "offset"));
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "kind"));
        snprintf(line, sizeof(line), "%s %s\n", offset ? offset + 1 : "?", kind ? kind : "*");
        outbuf_text(out, line);
    }
    cJSON_Delete(root);
    return !e->message[0];
}

static bool is_head(const char *line, const char *name)
{
    size_t len = strlen(name);
    const char *word = line + strspn(line, "- ");
    return strncmp(word, name, len) == 0 && (word[len] == 0 || word[len] == ' ' || word[len] == '\n');
}

static bool damage_differs(const case_file *c, const char *info)
{
    error e = {0};
    cJSON *root = json_take(&info, &e);
    const cJSON *note;
    u32 i = 0;
    bool same = true;
    cJSON_ArrayForEach (note, cJSON_GetObjectItemCaseSensitive(root, "damage")) {
        const char *offset = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "offset"));
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "kind"));
        same = same && i < c->damage_count && offset && kind && c->damage[i].offset == strtoull(offset + 1, NULL, 10) &&
               (!c->damage[i].kind || strcmp(c->damage[i].kind, kind) == 0);
        i++;
    }
    cJSON_Delete(root);
    return !same || i != c->damage_count;
}

// A section from its line --- to the next one.
static bool put_section(outbuf *out, const case_file *c, span section, const char *records, const char *info,
                        int exit_code, error *e)
{
    arena memory = {0};
    const char *text = arena_text_len(&memory, (const char *)section.at, section.len);
    size_t line = strcspn(text, "\n") + (strchr(text, '\n') != NULL);
    bool good = true;
    if (is_head(text, "exit") && exit_code != c->exit_code) {
        char now[32];
        snprintf(now, sizeof(now), "--- exit %d\n", exit_code);
        outbuf_text(out, now);
        outbuf_text(out, text + line);
    } else if (is_head(text, "records") || is_head(text, "info")) {
        outbuf_add(out, text, line);
        good = put_values(out, text + line, is_head(text, "info") ? info : records, e);
    } else if (is_head(text, "damage") && damage_differs(c, info)) {
        outbuf_add(out, text, line);
        good = put_damage(out, info, e);
    } else {
        outbuf_add(out, text, section.len);
    }
    arena_free(&memory);
    return good;
}

bool case_bless(const case_file *c, const char *records, const char *info, int exit_code, error *e)
{
    outbuf out = {0};
    bool good = true;
    const char *at = c->text + c->trace_len;
    outbuf_add(&out, c->text, c->trace_len);
    while (good && *at) {
        const char *next = strstr(at, "\n---");
        size_t len = next ? (size_t)(next + 1 - at) : strlen(at);
        good = put_section(&out, c, (span){(const u8 *)at, len}, records, info, exit_code, e);
        at += len;
    }
    good = good && bytes_write(c->name, out.bytes, out.len, e);
    outbuf_free(&out);
    return good;
}
