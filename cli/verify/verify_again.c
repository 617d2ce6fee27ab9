#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/os.h"
#include "command.h"
#include "convert/convert.h"
#include "detect/detect.h"
#include "etwkit_engine.h"
#include "print.h"
#include "verify/verify.h"

enum { CHUNK = 128 << 10 };

// The recorded command line with the names of today.
typedef struct repetition {
    const cJSON *root;
    const verify_place *place;
    options options;
    char **args; // heap, each
    u32 arg_count, arg_cap;
    char **found; // likewise: names that were looked for
    u32 found_count, found_cap;
    char *only;   // the one input, where each has an output of its own; heap
    bool renamed; // something is not where the run found it
} repetition;

// ---------------------------------------------------------------------------------------------- the command line

// How the run was to speak (--log) is not how this one does.
static bool read_options(repetition *r, error *e)
{
    bool json = print_is_json();
    bool ok = options_read(&r->options, &command_convert, 0, (int)r->arg_count, r->args, e);
    print_as_json(json);
    return ok;
}

static bool read_args(repetition *r, error *e)
{
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(r->root, "command_line");
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(r->root, "command_line_bytes");
    int count = cJSON_GetArraySize(text);
    for (int i = 0; i < count; i++) {
        cJSON *pair = cJSON_CreateObject();
        cJSON_AddItemReferenceToObject(pair, "arg", cJSON_GetArrayItem(text, i));
        if (bytes)
            cJSON_AddItemReferenceToObject(pair, "arg_bytes", cJSON_GetArrayItem(bytes, i));
        char *arg = verify_text(pair, "arg");
        cJSON_Delete(pair);
        if (!arg)
            return error_set(e, "argument %d of its command line cannot be read", i);
        GROW(r->args, r->arg_count, r->arg_cap);
        r->args[r->arg_count++] = arg;
    }
    return r->arg_count >= 2 && strcmp(r->args[1], "convert") == 0
               ? read_options(r, e)
               : error_set(e, "its command line is not that of a conversion");
}

// Outputs repeat the names they were given, so names that still hold stay as they are.
static const char *find(repetition *r, const char *name)
{
    if (os_exists(name))
        return name;
    r->renamed = true;
    GROW(r->found, r->found_count, r->found_cap);
    return r->found[r->found_count++] = verify_find(r->place, name, false);
}

static void find_all(repetition *r, const text_list *names)
{
    for (u32 i = 0; i < names->count; i++)
        names->items[i] = find(r, names->items[i]);
}

// Without a cache then, without one now; else the one there was, which must say the same still.
static bool use_cache(repetition *r, error *e)
{
    const char *identity = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->root, "schema_cache"));
    schema_cache *cache = NULL;
    if (!identity) {
        r->options.cache = "none";
        return true;
    }
    char *file = verify_text(r->root, "schema_cache_file");
    if (file) {
        GROW(r->found, r->found_count, r->found_cap);
        r->options.cache = find(r, r->found[r->found_count++] = file);
    }
    if (!r->options.cache)
        return error_set(e, "the schema cache it used is not named");
    if (!schema_cache_open(&cache, r->options.cache, e))
        return false;
    bool same = strcmp(schema_cache_identity(cache), identity) == 0;
    schema_cache_close(cache);
    return same || error_set(e, "%s: the schema cache holds other descriptions by now", r->options.cache);
}

// Whether the output was one of several, in the folder that -o named.
static bool is_one_of_many(const repetition *r)
{
    const cJSON *output = cJSON_GetObjectItemCaseSensitive(r->root, "output");
    const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(output, "path"));
    return path && r->options.out && strcmp(path, r->options.out) != 0;
}

static bool prepare(repetition *r, error *e)
{
    options *o = &r->options;
    if (!read_args(r, e) || !use_cache(r, e))
        return false;
    for (u32 i = 0; i < o->input_count; i++) {
        if (strcmp(o->inputs[i], "-") == 0)
            return error_set(e, "an input came from standard input");
        o->inputs[i] = find(r, o->inputs[i]);
    }
    find_all(r, &o->files_from);
    find_all(r, &o->schemas);
    find_all(r, &o->own_texts[TEXTS_RULES]);
    o->symbols = o->symbols ? find(r, o->symbols) : NULL;
    const cJSON *output = cJSON_GetObjectItemCaseSensitive(r->root, "output");
    o->format = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(output, "format"));
    o->quiet = true;
    o->summary = NULL;
    if (is_one_of_many(r))
        r->only = verify_text(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(r->root, "inputs"), 0), "file");
    return true;
}

static void end(repetition *r)
{
    options_free(&r->options);
    for (u32 i = 0; i < r->arg_count; i++)
        mem_free(r->args[i]);
    for (u32 i = 0; i < r->found_count; i++)
        mem_free(r->found[i]);
    mem_free(r->only);
    mem_free(r->args);
    mem_free(r->found);
}

// ---------------------------------------------------------------------------------------------- the comparison

// Offset of the first byte that is not the same; the length of the shorter one where all of it is.
static u64 common_bytes(const os_file *a, const input *b, bool *lost)
{
    u8 *x = mem_alloc(CHUNK), *y = mem_alloc(CHUNK);
    u64 at = 0;
    for (;;) {
        size_t got = os_read_at(a, at, x, CHUNK, lost), other = input_read(b, at, y, CHUNK, lost), i = 0;
        size_t both = got < other ? got : other;
        while (i < both && x[i] == y[i])
            i++;
        at += i;
        if (i < both || got != other || !both)
            break;
    }
    mem_free(x);
    mem_free(y);
    return at;
}

static verify_again_result compare(const outfile *again, const input *output, bool renamed, error *e)
{
    const os_file file = {.fd = again->fd};
    bool lost = false;
    u64 bytes = (u64)lseek(again->fd, 0, SEEK_END), same = common_bytes(&file, output, &lost);
    if (lost) {
        error_set(e, "a read failed at byte %llu", (unsigned long long)same);
        return AGAIN_IMPOSSIBLE;
    }
    if (same == bytes && same == output->bytes)
        return AGAIN_SAME;
    error_set(e, "the conversion, repeated, gives %llu bytes, which differ from byte %llu on%s",
              (unsigned long long)bytes, (unsigned long long)same,
              renamed ? " (what it reads has other names now)" : "");
    return AGAIN_DIFFERS;
}

// Formats that are made of records and have none are counted by what they have.
static bool same_records(const cJSON *root, u64 records, error *e)
{
    const cJSON *output = cJSON_GetObjectItemCaseSensitive(root, "output");
    const cJSON *recorded = cJSON_GetObjectItemCaseSensitive(output, "records");
    return !cJSON_IsNumber(recorded) || recorded->valuedouble == (double)records ||
           error_set(e, "the conversion, repeated, has %llu records, %.0f were recorded", (unsigned long long)records,
                     recorded->valuedouble);
}

static verify_again_result repeat(repetition *r, const input *output, error *e)
{
    outfile again;
    u64 records;
    verify_again_result result = AGAIN_IMPOSSIBLE;
    if (!outfile_scratch(&again, "the repeated conversion", e))
        return AGAIN_IMPOSSIBLE;
    int code = convert_into(&r->options, r->only, &again, &records);
    if (code == EXIT_FAILED || code == EXIT_USAGE)
        error_set(e, "the conversion cannot be repeated (exit code %d)", code);
    else
        result = compare(&again, output, r->renamed, e);
    if (result == AGAIN_SAME && !same_records(r->root, records, e))
        result = AGAIN_DIFFERS;
    outfile_abandon(&again);
    return result;
}

verify_again_result verify_again(const cJSON *root, const verify_place *place, const input *output, error *e)
{
    repetition r = {.root = root, .place = place};
    verify_again_result result = AGAIN_IMPOSSIBLE;
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool moved = here >= 0 && ((place->run && chdir(place->run) == 0) || (place->moved && chdir(place->moved) == 0));
    if (prepare(&r, e))
        result = repeat(&r, output, e);
    end(&r);
    if (moved && fchdir(here) != 0) {
        error_set(e, "the working folder is gone: %s", strerror(errno));
        result = AGAIN_IMPOSSIBLE;
    }
    if (here >= 0)
        close(here);
    return result;
}
