// `etwkit verify FILE.provenance.json...`: whether everything still is what such a file says.
#define _XOPEN_SOURCE 700 // realpath
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/os.h"
#include "command.h"
#include "etwkit_engine.h"
#include "evidence.h"
#include "json_text.h"
#include "print.h"
#include "verify/verify.h"
#include "verify/verify_members.h"

// The worst of all decides about the exit code, in this order.
typedef enum verify_state { STATE_SAME, STATE_UNCHECKED, STATE_UNREAD, STATE_DIFFERS, STATES } verify_state;

static const char *const STATE_NAMES[] = {"same", "unchecked", "unread", "differs"};
static const int EXIT_CODES[] = {EXIT_DONE, EXIT_DAMAGE, EXIT_UNREAD, EXIT_FAILED};

typedef struct verify_options {
    bool again;
} verify_options;

typedef struct finding {
    verify_state state;
    const char *kind; // input, schema, output, again
    char *name;       // heap
    error said;       // "": nothing to say
} finding;

typedef struct verification {
    const options *options;
    verify_place place;
    cJSON *root;
    verify_members members;
    finding *list;
    u32 count, cap;
} verification;

// ---------------------------------------------------------------------------------------------- findings

static finding *add(verification *v, const char *kind, const char *name)
{
    size_t len = strlen(name) + 1;
    GROW(v->list, v->count, v->cap);
    finding *f = &v->list[v->count++];
    *f = (finding){.kind = kind, .name = memcpy(mem_alloc(len), name, len)};
    return f;
}

static void set(finding *f, verify_state state, const error *e)
{
    if (state > f->state)
        f->state = state;
    if (!f->said.message[0])
        f->said = *e;
}

static bool read_number(const cJSON *object, const char *member, u64 *out)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, member);
    bool whole = cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble <= 9007199254740992.0;
    *out = whole ? (u64)number->valuedouble : 0;
    return whole;
}

// ---------------------------------------------------------------------------------------------- one file

static void compare_size(finding *f, const cJSON *recorded, u64 now)
{
    error e = {0};
    u64 bytes;
    if (!read_number(recorded, "bytes", &bytes) || bytes == now)
        return;
    error_set(&e, "has %llu bytes, %llu were recorded", (unsigned long long)now, (unsigned long long)bytes);
    set(f, STATE_DIFFERS, &e);
}

// `now` is its SHA-256, "" where it could not be read, and why.
static void compare_digest(finding *f, const cJSON *recorded, const char *now, const error *why)
{
    error e = {0};
    const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recorded, "sha256"));
    if (!hash) {
        error_set(&e, "no SHA-256 was recorded");
        set(f, STATE_UNCHECKED, &e);
    } else if (!*now) {
        set(f, STATE_UNREAD, why);
    } else if (strcmp(hash, now) != 0) {
        error_set(&e, "its SHA-256 is %s, recorded was %.64s", now, hash);
        set(f, STATE_DIFFERS, &e);
    }
}

static void compare_hash(finding *f, const cJSON *recorded, const input *in)
{
    error e = {0};
    char text[SHA256_TEXT] = "";
    bool wanted = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recorded, "sha256")) != NULL;
    if (wanted && !input_sha256_text(in, text, &e))
        text[0] = 0;
    compare_digest(f, recorded, text, &e);
}

// What it was already when the run ended.
static void compare_recorded(finding *f, const cJSON *recorded)
{
    error e = {0};
    const char *before = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recorded, "sha256"));
    const char *after = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recorded, "sha256_afterwards"));
    if (!before || !after || strcmp(before, after) == 0)
        return;
    error_set(&e, "was changed while it was converted: the SHA-256 recorded afterwards is another one");
    set(f, STATE_DIFFERS, &e);
}

// Opens the file as it is found now; NULL, and noted: it cannot be. The finding's name is the recorded one.
static input *open_found(const verification *v, finding *f, bool beside)
{
    error e = {0};
    input *in = NULL;
    char *path = verify_find(&v->place, f->name, beside);
    if (strcmp(f->name, "-") == 0 || os_kind(path) == OS_STREAM) {
        error_set(&e, "came through a pipe, and cannot be read once more");
        set(f, STATE_UNCHECKED, &e);
    } else if (!input_open(&in, path, &e)) {
        set(f, STATE_UNREAD, &e);
        in = NULL;
    }
    mem_free(path);
    return in;
}

static void check_member(finding *f, const cJSON *recorded, const verify_member *member)
{
    error e = {0};
    if (!member->found) {
        error_set(&e, "is not found in it any more");
        set(f, STATE_UNREAD, member->why.code ? &member->why : &e);
        return;
    }
    compare_size(f, recorded, member->bytes);
    compare_digest(f, recorded, member->sha256, &member->why);
    compare_recorded(f, recorded);
}

static void check_file(verification *v, const char *kind, const cJSON *recorded, const char *member)
{
    char *name = verify_text(recorded, member);
    finding *f = add(v, kind, name ? name : "?");
    error e = {0};
    if (!name) {
        error_set(&e, "its name cannot be read");
        set(f, STATE_UNCHECKED, &e);
        return;
    }
    const verify_member *inside = verify_members_find(&v->members, name);
    mem_free(name);
    if (inside) {
        check_member(f, recorded, inside);
        return;
    }
    input *in = open_found(v, f, false);
    if (!in)
        return;
    compare_size(f, recorded, in->bytes);
    compare_hash(f, recorded, in);
    compare_recorded(f, recorded);
    input_close(in);
}

// ---------------------------------------------------------------------------------------------- the output

// Only the first of several parts has a header row.
static bool has_header(const cJSON *recorded)
{
    const char *shard = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recorded, "shard"));
    return !shard || strncmp(shard, "1/", 2) == 0;
}

static void compare_records(finding *f, const cJSON *recorded, const input *in)
{
    error e = {0};
    u64 records, found;
    const char *format = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recorded, "format"));
    const char *what = format ? verify_counted(format) : NULL;
    if (!what || !read_number(recorded, what, &records)) {
        error_set(&e, "its records cannot be counted: no number, or no format that has records");
        set(f, STATE_UNCHECKED, &e);
    } else if (!verify_count(in, format, has_header(recorded), &found, &e)) {
        set(f, e.code == ERR_IO ? STATE_UNREAD : STATE_DIFFERS, &e);
    } else if (records != found) {
        error_set(&e, "has %llu %s, %llu were recorded", (unsigned long long)found, what, (unsigned long long)records);
        set(f, STATE_DIFFERS, &e);
    } else {
        error_set(&e, "%llu bytes, %llu %s", (unsigned long long)in->bytes, (unsigned long long)records, what);
        set(f, STATE_SAME, &e);
    }
}

static void compare_again(verification *v, const char *name, const input *output)
{
    static const verify_state STATE_OF[] = {
        [AGAIN_SAME] = STATE_SAME, [AGAIN_DIFFERS] = STATE_DIFFERS, [AGAIN_IMPOSSIBLE] = STATE_UNREAD};
    error e = {0};
    verify_again_result result = verify_again(v->root, &v->place, output, &e);
    set(add(v, "again", name), STATE_OF[result], &e);
}

static void check_output(verification *v, const cJSON *recorded)
{
    char *name = verify_text(recorded, "path");
    finding *f = add(v, "output", name ? name : "?");
    input *in = name ? open_found(v, f, true) : NULL;
    if (in) {
        compare_size(f, recorded, in->bytes);
        compare_hash(f, recorded, in);
        compare_records(f, recorded, in);
        if (((const verify_options *)v->options->own)->again)
            compare_again(v, name, in);
    }
    input_close(in);
    mem_free(name);
}

// ---------------------------------------------------------------------------------------------- one provenance file

static bool read_provenance(verification *v, error *e)
{
    u8 *bytes;
    size_t len;
    if (!os_read_whole(v->place.file, LIMIT_PROVENANCE_BYTES, &bytes, &len, e))
        return false;
    v->root = cJSON_ParseWithLength((const char *)bytes, len);
    mem_free(bytes);
    const char *program = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(v->root, "program"));
    bool ok = program && strcmp(program, "etwkit") == 0 &&
              cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(v->root, "output")) &&
              cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(v->root, "inputs"));
    return ok || error_set(e, "%s: not a provenance file of this program", v->place.file);
}

static char *copy(const char *text, size_t len)
{
    char *made = memcpy(mem_alloc(len + 1), text, len);
    made[len] = 0;
    return made;
}

// "/new" of the folder "/new/out" with the output "out/a.csv".
static char *moved_folder(const char *folder, const char *output)
{
    const char *slash = strrchr(output, '/');
    size_t whole = strlen(folder), inner = slash ? (size_t)(slash - output) : 0;
    if (*output == '/' || !inner)
        return *output == '/' ? NULL : copy(folder, whole);
    bool ends =
        whole > inner && folder[whole - inner - 1] == '/' && strncmp(folder + whole - inner, output, inner) == 0;
    return ends ? copy(folder, whole - inner) : NULL;
}

// The folder as an absolute path: repeating a conversion changes the working folder.
static void find_place(verification *v)
{
    char *real = realpath(v->place.file, NULL), *slash = real ? strrchr(real, '/') : NULL;
    if (slash)
        slash[slash == real] = 0;
    const char *folder = real ? real : ".";
    v->place.folder = copy(folder, strlen(folder));
    free(real);
    v->place.run = verify_text(v->root, "working_folder");
    char *output = verify_text(cJSON_GetObjectItemCaseSensitive(v->root, "output"), "path");
    v->place.moved = output ? moved_folder(v->place.folder, output) : NULL;
    mem_free(output);
}

static void check_all(verification *v)
{
    const cJSON *each;
    verify_members_look(&v->members, &v->place, v->root);
    cJSON_ArrayForEach (each, cJSON_GetObjectItemCaseSensitive(v->root, "inputs"))
        check_file(v, "input", each, "file");
    cJSON_ArrayForEach (each, cJSON_GetObjectItemCaseSensitive(v->root, "schemas"))
        check_file(v, "schema", each, "path");
    check_output(v, cJSON_GetObjectItemCaseSensitive(v->root, "output"));
}

// ---------------------------------------------------------------------------------------------- what is said

static verify_state worst(const verification *v)
{
    verify_state state = STATE_SAME;
    for (u32 i = 0; i < v->count; i++)
        if (v->list[i].state > state)
            state = v->list[i].state;
    return state;
}

static void print_text(const verification *v, FILE *to)
{
    (void)print_clean(to, v->place.file);
    fputc('\n', to);
    for (u32 i = 0; i < v->count; i++) {
        const finding *f = &v->list[i];
        fprintf(to, "  %-9s  %-6s  ", STATE_NAMES[f->state], f->kind);
        (void)print_clean(to, f->name);
        if (f->said.message[0]) {
            fputs(": ", to);
            (void)print_clean(to, f->said.message);
        }
        fputc('\n', to);
    }
}

static void print_json(const verification *v, FILE *to)
{
    cJSON *root = cJSON_CreateObject();
    json_add_text(root, "file", v->place.file);
    cJSON_AddStringToObject(root, "result", STATE_NAMES[worst(v)]);
    cJSON *list = cJSON_AddArrayToObject(root, "checks");
    for (u32 i = 0; i < v->count; i++) {
        const finding *f = &v->list[i];
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "kind", f->kind);
        json_add_text(entry, "name", f->name);
        cJSON_AddStringToObject(entry, "result", STATE_NAMES[f->state]);
        if (f->said.message[0])
            json_add_text(entry, "message", f->said.message);
        cJSON_AddItemToArray(list, entry);
    }
    char *text = cJSON_PrintUnformatted(root);
    fprintf(to, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static void say_sum(const options *o, const u32 counts[STATES])
{
    if (o->quiet)
        return;
    if (!counts[STATE_DIFFERS] && !counts[STATE_UNREAD] && !counts[STATE_UNCHECKED])
        print_say("everything is as recorded");
    else
        print_say("%u as recorded, %u differ, %u could not be read, %u could not be checked", counts[STATE_SAME],
                  counts[STATE_DIFFERS], counts[STATE_UNREAD], counts[STATE_UNCHECKED]);
}

// ---------------------------------------------------------------------------------------------- the command

static verify_state verify_one(const options *o, const char *file, FILE *to, u32 counts[STATES], bool *read)
{
    verification v = {.options = o, .place = {.file = file}};
    error e = {0};
    verify_state state = STATE_UNREAD;
    if (read_provenance(&v, &e)) {
        find_place(&v);
        check_all(&v);
        state = worst(&v);
        *read = true;
        if (o->json)
            print_json(&v, to);
        else if (!o->quiet || state != STATE_SAME)
            print_text(&v, to);
    } else {
        print_say("%s", e.message);
        counts[STATE_UNREAD]++;
    }
    for (u32 i = 0; i < v.count; i++) {
        counts[v.list[i].state]++;
        mem_free(v.list[i].name);
    }
    mem_free(v.list);
    verify_members_free(&v.members);
    mem_free(v.place.folder);
    mem_free(v.place.run);
    mem_free(v.place.moved);
    cJSON_Delete(v.root);
    return state;
}

static int verify(const options *o)
{
    u32 counts[STATES] = {0};
    verify_state state = STATE_SAME;
    bool read = false;
    print_into text; // until all is read: standard output may be a file that a later one names
    outbuf all = {0};
    FILE *to = print_into_begin(&text);
    for (u32 i = 0; i < o->input_count && !run_stop; i++) {
        verify_state one = verify_one(o, o->inputs[i], to, counts, &read);
        state = one > state ? one : state;
    }
    print_into_end(&text, &all);
    (void)fwrite(all.bytes, 1, all.len, stdout);
    outbuf_free(&all);
    if (run_stop)
        print_say("interrupted");
    else
        say_sum(o, counts);
    return run_stop || !read ? EXIT_FAILED : EXIT_CODES[state];
}

const command command_verify = {
    .name = "verify",
    .arguments = "FILE.provenance.json...",
    .help = "whether inputs and output are what a provenance file says",
    .options = {OPTION_GROUP("verification",
                             {.name = "--again",
                              .help = "repeat the conversion and compare byte for byte",
                              .set = option_own_flag,
                              .at = offsetof(verify_options, again)},
                             OPTION_JSON("one JSON object a file, a line each"))},
    .least = 1,
    .most = COMMAND_MANY,
    .own_bytes = sizeof(verify_options),
    .run = verify,
};
