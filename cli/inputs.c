#include "inputs.h"

#include <stdatomic.h>
#include <string.h>

#include "base/map.h"
#include "base/os.h"
#include "base/outbuf.h"
#include "base/text.h"
#include "etwkit_engine.h"
#include "print.h"

const char *input_status_name(input_status status)
{
    static const char *const NAMES[] = {
        [INPUT_OK] = "ok",
        [INPUT_DAMAGED] = "damaged",
        [INPUT_DUPLICATE] = "duplicate",
        [INPUT_NOT_A_TRACE] = "not_a_trace",
        [INPUT_EMPTY] = "empty",
        [INPUT_UNREADABLE] = "unreadable",
        [INPUT_SKIPPED] = "skipped",
        [INPUT_UNWRITTEN] = "unwritten",
        [INPUT_NOT_REACHED] = "not_reached",
    };
    return NAMES[status];
}

// Of a file that was read and holds no trace nothing will come however often it is tried.
const char *input_reason(const input_row *row)
{
    switch (row->code) {
    case ERR_NONE:
        return NULL;
    case ERR_NOT_A_TRACE:
    case ERR_EMPTY:
    case ERR_NOT_A_FILE:
        return error_reason(ERR_BROKEN);
    default:
        return error_reason(row->code);
    }
}

const char *inputs_keep_text(inputs *list, const char *text)
{
    pthread_mutex_lock(&list->lock);
    const char *kept = arena_text(&list->arena, text);
    pthread_mutex_unlock(&list->lock);
    return kept;
}

// What was given is a folder, or a file that has the last name of its path.
static const char *relative_to_given(const inputs *list, const char *path)
{
    const char *at = path + strlen(list->given);
    if (list->given_is_folder)
        return at + strspn(at, "/");
    while (at > path && at[-1] != '/')
        at--;
    return at;
}

static bool same_path(const void *items, u32 index, const void *key)
{
    return strcmp(((const input_row *)items)[index].path, key) == 0;
}

// The first row of that path; INPUT_NONE: there is none.
static u32 find_path(const inputs *list, const char *path)
{
    return map_find(list->by_path, hash_bytes(path, strlen(path)), same_path, list->rows, path);
}

static input_row *add_row(inputs *list, const char *path)
{
    bool is_first = find_path(list, path) == INPUT_NONE;
    GROW(list->rows, list->count, list->capacity);
    input_row *row = &list->rows[list->count++];
    *row = (input_row){.path = inputs_keep_text(list, path), .duplicate_of = INPUT_NONE, .trace = INPUT_NONE};
    row->relative = relative_to_given(list, row->path);
    if (is_first)
        map_add(list->by_path, hash_bytes(path, strlen(path)), list->count - 1);
    return row;
}

void input_fail(inputs *list, input_row *row, const error *e)
{
    row->status = e->code == ERR_NOT_A_TRACE ? INPUT_NOT_A_TRACE
                  : e->code == ERR_EMPTY     ? INPUT_EMPTY
                                             : INPUT_UNREADABLE;
    row->code = e->code;
    row->error = inputs_keep_text(list, e->message);
    print_say("%s", e->message);
}

static void mark_copy(inputs *list, u32 copy, u32 original)
{
    input_row *row = &list->rows[copy];
    row->status = INPUT_DUPLICATE;
    row->duplicate_of = original;
    row->bytes = list->rows[original].bytes;
    print_say("%s: the same as %s, read once", row->path, list->rows[original].path);
    input_close(row->in);
    row->in = NULL;
}

static bool found(void *context, input *in)
{
    input_row *row = add_row(context, in->path);
    row->in = in;
    row->bytes = in->bytes;
    return true;
}

static bool failed(void *context, const char *path, const error *e)
{
    input_fail(context, add_row(context, path), e);
    return true;
}

static bool again(void *context, const char *path, const char *first)
{
    inputs *list = context;
    u32 original = find_path(list, first);
    if (original == INPUT_NONE || list->rows[original].code)
        return false;
    (void)add_row(list, path);
    mark_copy(list, list->count - 1, original);
    return true;
}

void inputs_begin(inputs *list)
{
    *list = (inputs){0};
    pthread_mutex_init(&list->lock, NULL);
    list->machines = machines_new();
    list->by_path = arena_new(&list->arena, map);
}

void inputs_find(inputs *list, const char *path)
{
    list->given = path;
    list->given_is_folder = strcmp(path, "-") != 0 && os_kind(path) == OS_FOLDER;
    finder f = {.context = list,
                .is_wanted = etl_is_likely,
                .suffix = ".etl",
                .found = found,
                .failed = failed,
                .again = again,
                .helper = machines_helper(list->machines)};
    (void)find_inputs(&f, path);
    list->passed += f.passed;
}

bool inputs_find_from(inputs *list, const char *list_of_names, bool with_nul, error *e)
{
    input *names;
    bool failed = false;
    if (!input_open(&names, list_of_names, e))
        return error_prefix(e, "--files-from");
    char *text = mem_alloc((size_t)names->bytes + 1), end = with_nul ? 0 : '\n';
    size_t len = input_read(names, 0, text, (size_t)names->bytes, &failed);
    input_close(names);
    text[len] = end;
    for (size_t at = 0; at < len && !failed;) {
        char *name = text + at, *stop = memchr(name, end, len + 1 - at);
        at = (size_t)(stop - text) + 1;
        *stop = 0;
        // Lists that Windows wrote; a name that ends so can be given with --null.
        if (!with_nul && stop > name && stop[-1] == '\r')
            stop[-1] = 0;
        if (*name)
            inputs_find(list, name);
    }
    mem_free(text);
    return !failed || error_code_set(e, ERR_IO, "--files-from: %s: a read failed", list_of_names);
}

// ---------------------------------------------------------------------------------------------- copies

static bool same_file(const void *items, u32 index, const void *key)
{
    const input *a = ((const input_row *)items)[index].in, *b = key;
    return a->device == b->device && a->inode == b->inode;
}

// One file by two names, or given twice.
static void find_same_files(inputs *list)
{
    map files = {0};
    for (u32 i = 0; i < list->count; i++) {
        const input *in = list->rows[i].in;
        if (!in || !in->inode)
            continue;
        u64 identity[2] = {in->device, in->inode}, hash = hash_bytes(identity, sizeof(identity));
        u32 original = map_find(&files, hash, same_file, list->rows, in);
        if (original == MAP_NONE)
            map_add(&files, hash, i);
        else
            mark_copy(list, i, original);
    }
    map_free(&files);
}

enum { PROBE_BYTES = 4096 };

// What tells nearly all traces apart: their size and how they begin and end.
static u64 probe(const input *in)
{
    u8 bytes[2 * PROBE_BYTES] = {0};
    bool failed = false;
    u64 last = in->bytes > PROBE_BYTES ? in->bytes - PROBE_BYTES : 0;
    (void)input_read(in, 0, bytes, PROBE_BYTES, &failed);
    (void)input_read(in, last, bytes + PROBE_BYTES, PROBE_BYTES, &failed);
    return hash_more(in->bytes, bytes, sizeof(bytes));
}

static bool hash_now(input_row *row)
{
    return row->sha256[0] || input_sha256_text(row->in, row->sha256, NULL);
}

typedef struct probed {
    inputs *list;
    const u64 *probes; // by row
} probed;

// Whether a row has the same bytes as the one that is looked for.
static bool same_bytes(const void *items, u32 index, const void *key)
{
    const probed *p = items;
    u32 other = *(const u32 *)key;
    input_row *a = &p->list->rows[index], *b = &p->list->rows[other];
    return a->bytes == b->bytes && p->probes[index] == p->probes[other] && hash_now(a) && hash_now(b) &&
           strcmp(a->sha256, b->sha256) == 0;
}

static void find_same_bytes(inputs *list)
{
    map contents = {0};
    u64 *probes = mem_zeroed(list->count, sizeof(*probes));
    const probed p = {list, probes};
    for (u32 i = 0; i < list->count; i++) {
        if (!list->rows[i].in || !list->rows[i].bytes)
            continue;
        probes[i] = probe(list->rows[i].in);
        u32 original = map_find(&contents, probes[i], same_bytes, &p, &i);
        if (original == MAP_NONE)
            map_add(&contents, probes[i], i);
        else
            mark_copy(list, i, original);
    }
    mem_free(probes);
    map_free(&contents);
}

// ---------------------------------------------------------------------------------------------- names

// The last parts of a path, `parts` of them; the name of an archive and all that is inside it are one part.
static const char *tail_of(const char *path, u32 parts)
{
    const char *inside = strstr(path, "!/"), *at = inside ? inside : path + strlen(path);
    while (at > path) {
        if (at[-1] == '/' && at[0] && --parts == 0)
            break;
        at--;
    }
    return at;
}

static bool same_source(const void *items, u32 index, const void *key)
{
    return strcmp(((const input_row *)items)[index].source, key) == 0;
}

// Marks the rows whose source that of another path is as well.
static bool find_clashes(const inputs *list, bool *clash)
{
    map names = {0};
    bool any = false;
    for (u32 i = 0; i < list->count; i++) {
        const char *source = list->rows[i].source;
        u64 hash = hash_bytes(source, strlen(source));
        u32 other = map_find(&names, hash, same_source, list->rows, source);
        if (find_path(list, list->rows[i].path) != i)
            continue;
        if (other == MAP_NONE) {
            map_add(&names, hash, i);
        } else {
            clash[i] = clash[other] = true;
            any = true;
        }
    }
    map_free(&names);
    return any;
}

// Where another row's source is shown as this one's is, it gets a number.
static void number_row(inputs *list, input_row *row, member_names *names)
{
    outbuf shown = {0};
    span source = text_span(row->source);
    outbuf_written(&shown, text_utf8(outbuf_reserve(&shown, 3 * source.len + 1), source));
    outbuf_add(&shown, "", 1);
    const char *name = member_name_new(names, (const char *)shown.bytes, &list->arena);
    if (strcmp(name, (const char *)shown.bytes) != 0)
        row->source = name;
    outbuf_free(&shown);
}

// Names whose bytes differ, and that are shown alike since they are not UTF-8, are numbered; and what is given twice
// and read twice, since nothing is hashed. A copy has the name of what it is a copy of.
static void number_alike(inputs *list)
{
    member_names *names = member_names_new();
    for (u32 i = 0; i < list->count; i++)
        if (find_path(list, list->rows[i].path) == i)
            number_row(list, &list->rows[i], names);
    for (u32 i = 0; i < list->count; i++) {
        u32 first = find_path(list, list->rows[i].path);
        list->rows[i].source = list->rows[first].source;
        if (first != i && list->rows[i].in)
            number_row(list, &list->rows[i], names);
    }
    member_names_free(names);
}

// As much of each path as tells it from all others.
static void name_rows(inputs *list)
{
    bool *clash = mem_zeroed(list->count, sizeof(*clash)), longer = true;
    for (u32 i = 0; i < list->count; i++)
        list->rows[i].source = tail_of(list->rows[i].path, 1);
    for (u32 parts = 2; longer && find_clashes(list, clash); parts++) {
        longer = false;
        for (u32 i = 0; i < list->count; i++) {
            input_row *row = &list->rows[i];
            if (!clash[i])
                continue;
            const char *source = tail_of(row->path, parts);
            longer |= source != row->source;
            row->source = source;
            clash[i] = false;
        }
    }
    mem_free(clash);
    number_alike(list);
    for (u32 i = 0; i < list->count; i++)
        if (list->rows[i].in)
            input_set_name(list->rows[i].in, list->rows[i].source);
}

static void tell_machines(inputs *list)
{
    for (u32 i = 0; i < list->count; i++)
        if (list->rows[i].in)
            machines_tell(list->machines, list->rows[i].in);
}

// A copy of a copy is one of the row that is read.
static void find_originals(inputs *list)
{
    for (u32 i = 0; i < list->count; i++)
        for (u32 *of = &list->rows[i].duplicate_of; *of != INPUT_NONE && list->rows[*of].duplicate_of != INPUT_NONE;)
            *of = list->rows[*of].duplicate_of;
}

void inputs_name(inputs *list, bool hashes)
{
    if (hashes) {
        find_same_files(list);
        find_same_bytes(list);
    }
    find_originals(list);
    name_rows(list);
    tell_machines(list);
}

void inputs_free(inputs *list)
{
    inputs_hash_finish(list);
    for (u32 i = 0; i < list->count; i++)
        input_close(list->rows[i].in);
    mem_free(list->rows);
    if (list->by_path)
        map_free(list->by_path);
    machines_free(list->machines);
    arena_free(&list->arena);
    pthread_mutex_destroy(&list->lock);
}

// ---------------------------------------------------------------------------------------------- hashes

enum { HASH_THREADS = 8, WORTH_A_THREAD = 512 << 10 }; // bytes

struct hashing {
    inputs *list;
    atomic_uint next; // row
    error *errors;    // by row
    pthread_t threads[HASH_THREADS];
    unsigned thread_count;
};

static bool is_to_hash(const input_row *row)
{
    return row->in && row->status != INPUT_DUPLICATE && !row->sha256[0];
}

static bool hash_row(input_row *row, error *e)
{
    bool ok = !is_to_hash(row) || input_sha256_text(row->in, row->sha256, e);
    row->unhashed |= !ok;
    return ok;
}

static void *hash_rows(void *context)
{
    struct hashing *h = context;
    for (u32 i; (i = h->next++) < h->list->count;)
        (void)hash_row(&h->list->rows[i], &h->errors[i]);
    return NULL;
}

// Threads for every megabyte or so there is to hash, but no more than given.
void inputs_hash_begin(inputs *list, unsigned threads)
{
    u64 bytes = 0;
    for (u32 i = 0; i < list->count; i++)
        bytes += is_to_hash(&list->rows[i]) ? list->rows[i].bytes : 0;
    struct hashing *h = list->hashing = mem_zeroed(1, sizeof(*h));
    h->list = list;
    h->errors = mem_zeroed(list->count, sizeof(*h->errors));
    for (unsigned i = 0; i < threads && i < HASH_THREADS && bytes / WORTH_A_THREAD > i; i++) {
        if (pthread_create(&h->threads[i], NULL, hash_rows, h) != 0)
            break;
        h->thread_count++;
    }
}

void inputs_hash_finish(inputs *list)
{
    struct hashing *h = list->hashing;
    if (!h)
        return;
    (void)hash_rows(h);
    for (unsigned i = 0; i < h->thread_count; i++)
        pthread_join(h->threads[i], NULL);
    for (u32 i = 0; i < list->count; i++)
        if (list->rows[i].unhashed)
            print_say("%s", h->errors[i].message);
    mem_free(h->errors);
    mem_free(h);
    list->hashing = NULL;
}

void input_hash(input_row *row)
{
    error e = {0};
    if (!hash_row(row, &e))
        print_say("%s", e.message);
}

static void *hash_beside(void *context)
{
    input_hashing *h = context;
    h->failed = !hash_row(h->row, &h->why);
    return NULL;
}

void input_hash_begin(input_hashing *h, input_row *row)
{
    h->row = row;
    h->runs = pthread_create(&h->thread, NULL, hash_beside, h) == 0;
    if (!h->runs)
        (void)hash_beside(h);
}

void input_hash_end(input_hashing *h)
{
    if (h->runs)
        pthread_join(h->thread, NULL);
    if (h->failed)
        print_say("%s", h->why.message);
    h->runs = h->failed = false;
}

const char *inputs_sha256(const inputs *list, const input_row *row)
{
    return row->status == INPUT_DUPLICATE ? list->rows[row->duplicate_of].sha256 : row->sha256;
}

inputs_sum inputs_count(const inputs *list)
{
    inputs_sum sum = {.given = list->count, .passed = list->passed};
    for (u32 i = 0; i < list->count; i++) {
        const input_row *row = &list->rows[i];
        sum.unhashed += row->unhashed;
        sum.damaged += row->status == INPUT_DAMAGED;
        if (row->status == INPUT_DUPLICATE)
            sum.copies++;
        else if (row->status == INPUT_SKIPPED)
            sum.skipped++;
        else if (row->status == INPUT_OK || row->status == INPUT_DAMAGED)
            sum.read++;
        else
            sum.unread++;
    }
    return sum;
}
