#include "convert/parts.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/os.h"
#include "class_groups.h"
#include "etwkit_engine.h"
#include "guard.h"
#include "names.h"
#include "print.h"

enum {
    ROWS_BYTES = 64 << 10, // of a part, before they go to its spool
    HELD_BYTES = 32 << 20, // of all parts together
    NAME_PART_BYTES = 200, // of a value in a folder's name, which file systems end at 255
};

typedef struct part {
    span key;         // as rendered
    const char *path; // of its file
    u32 group;        // by class
    spool *rows;      // blocks: how many rows, how many bytes, and those
    outbuf held;      // of the next block
    u32 held_rows;
} part;

struct sink {
    const conversion *conversion;
    const convert_options *own;
    export_target target;
    exporter outer;
    sink *inner; // that renders
    arena memory;
    class_groups groups;
    names paths; // by class: below OUT
    part *list;
    u32 count, cap;
    map by_key;
    size_t held; // bytes, of all parts
    outfile *files;
    u32 file_count;
    bool folder;
    char remark[EXPORT_REMARK];
};

struct parts {
    sink s;
};

// ---------------------------------------------------------------------------------------------- keys

static bool is_key(column_id id)
{
    switch (column_table[id].type) {
    case TYPE_NUMBER:
    case TYPE_GUID:
    case TYPE_TEXT:
    case TYPE_ORIGIN:
    case TYPE_STATE:
    case TYPE_SID:
        return id != COLUMN_record && id != COLUMN_offset && id != COLUMN_kernel_time && id != COLUMN_user_time;
    default:
        return false;
    }
}

static bool key_named(const char *name, size_t len, u8 *out)
{
    static const char *const OTHERS[] = {"day", "hour"};
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        if (strlen(OTHERS[i]) == len && strncmp(OTHERS[i], name, len) == 0) {
            *out = (u8)(PART_DAY + i);
            return true;
        }
    for (column_id id = 0; id < COLUMN_COUNT; id++)
        if (is_key(id) && strlen(column_table[id].name) == len && strncmp(column_table[id].name, name, len) == 0) {
            *out = (u8)id;
            return true;
        }
    return false;
}

bool part_keys_read(part_keys *out, const char *text, error *e)
{
    *out = (part_keys){0};
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        if (out->count == PART_KEYS)
            return error_set(e, "--partition-by: at most %d columns", PART_KEYS);
        if (!key_named(at, len, &out->list[out->count++]))
            return error_set(e, "--partition-by: '%.*s' is neither day nor hour nor a column of few values",
                             (int)(len < 60 ? len : 60), at);
        at += len;
        if (!*at)
            return true;
    }
}

bool parts_are_wanted(const convert_options *own)
{
    return own->by_class || own->partition.count;
}

// ---------------------------------------------------------------------------------------------- names of folders

// As %XX, where the character is none that every file system and every reader of key=value folders takes.
static int safe_form(span text, size_t at, char form[4])
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+@() ";
    u8 c = text.at[at];
    bool is_edge = at == 0 || at + 1 == text.len;
    bool plain = c && strchr(PLAIN, c) && !((c == '.' || c == ' ') && is_edge);
    return snprintf(form, 4, plain ? "%c" : "%%%02X", c);
}

// Text as a part of a path. What is too long is cut, and told apart by its hash.
static void add_safe(outbuf *to, span text)
{
    char form[4];
    size_t start = to->len, at = 0;
    for (; at < text.len; at++) {
        int bytes = safe_form(text, at, form);
        if (to->len - start + (size_t)bytes > NAME_PART_BYTES)
            break;
        outbuf_add(to, form, (size_t)bytes);
    }
    if (at == text.len && text.len)
        return;
    u8 digest[SHA256_BYTES];
    char hash[SHA256_TEXT];
    sha256_of(text, digest);
    sha256_text(digest, hash);
    hash[16] = 0;
    outbuf_text(to, text.len ? "~" : "_");
    outbuf_text(to, text.len ? hash : "");
}

static void add_time(outbuf *to, const record *rec, bool day)
{
    enum { DAY = 10, HOUR = 11, HOUR_DIGITS = 2 };
    char text[40];
    size_t len = (size_t)(text_time((u8 *)text, rec->time) - (u8 *)text);
    bool known = len == 28; // else it is a number
    if (day)
        add_safe(to, (span){(const u8 *)text, known ? DAY : len});
    else
        add_safe(to, known ? (span){(const u8 *)text + HOUR, HOUR_DIGITS} : (span){(const u8 *)"0", 1});
}

// A provider without a name has its GUID: readers do without null where they can.
static bool key_text(column_id id, const record *rec, outbuf *out)
{
    return (column_text(id, rec, out) || (id == COLUMN_provider && column_text(COLUMN_provider_id, rec, out))) &&
           out->len;
}

// "day=2024-05-01/provider=Name"; a missing value has the name that Hive gave it.
static void add_folders(outbuf *to, const part_keys *keys, const record *rec)
{
    outbuf value = {0};
    for (u32 i = 0; i < keys->count; i++) {
        u8 key = keys->list[i];
        const char *name = key == PART_DAY ? "day" : key == PART_HOUR ? "hour" : column_table[key].name;
        outbuf_text(to, i ? "/" : "");
        outbuf_text(to, name);
        outbuf_text(to, "=");
        value.len = 0;
        if (key >= PART_DAY)
            add_time(to, rec, key == PART_DAY);
        else if (key_text((column_id)key, rec, &value))
            add_safe(to, (span){value.bytes, value.len});
        else
            outbuf_text(to, "__HIVE_DEFAULT_PARTITION__");
    }
    outbuf_free(&value);
}

static void add_suffix(const sink *s, outbuf *to)
{
    const output_format *format = &s->conversion->format;
    outbuf_text(to, ".");
    outbuf_text(to, format->exporter->name);
    outbuf_text(to, format->packing ? packing_suffix(format->packing) : "");
}

// "Provider/Task-Opcode": no two the same but for case, however their names were made safe.
static void add_class(sink *s, outbuf *path, const class_group *g)
{
    size_t start = path->len;
    add_safe(path, text_span(g->provider));
    outbuf_text(path, "/");
    char *name = arena_text(&s->memory, g->event);
    for (char *slash = name; (slash = strchr(slash, '/')) != NULL;)
        *slash = '-';
    add_safe(path, text_span(name));
    const char *first = arena_text_len(&s->memory, (const char *)path->bytes + start, path->len - start);
    path->len = start;
    outbuf_text(path, names_claim_numbered(&s->memory, &s->paths, first, " (", ")"));
}

static const char *path_of(sink *s, span key)
{
    outbuf path = {0};
    outbuf_text(&path, s->conversion->path);
    if (s->own->by_class) {
        u32 group;
        memcpy(&group, key.at, sizeof(group));
        const class_group *g = &s->groups.list[group];
        add_class(s, &path, g);
    } else {
        outbuf_add(&path, key.at, key.len);
        outbuf_text(&path, "/events");
    }
    add_suffix(s, &path);
    const char *kept = arena_text_len(&s->memory, (const char *)path.bytes, path.len);
    outbuf_free(&path);
    return kept;
}

// ---------------------------------------------------------------------------------------------- records to parts

typedef struct row_head {
    u32 key_bytes, row_bytes;
} row_head;

static void parts_render(const sink *s, const record *rec, outbuf *out)
{
    size_t start = out->len;
    row_head head = {0};
    outbuf_add(out, &head, sizeof(head));
    if (s->own->by_class)
        outbuf_add(out, &s->groups.of_class[rec->cls->index], sizeof(u32));
    else
        add_folders(out, &s->own->partition, rec);
    head.key_bytes = (u32)(out->len - start - sizeof(head));
    // A class that has no group is one too many for files: the part it asks for is refused, its row does not matter.
    if (!s->own->by_class || s->groups.of_class[rec->cls->index] != GROUP_NONE)
        s->conversion->format.exporter->render(s->inner, rec, out);
    head.row_bytes = (u32)(out->len - start - sizeof(head)) - head.key_bytes;
    memcpy(out->bytes + start, &head, sizeof(head));
}

static part *part_of(sink *s, span key, error *e)
{
    u32 found;
    u64 hash = hash_bytes(key.at, key.len);
    MAP_FIND(found, &s->by_key, hash,
             s->list[index_].key.len == key.len && memcmp(s->list[index_].key.at, key.at, key.len) == 0);
    if (found != MAP_NONE)
        return &s->list[found];
    if (s->count == LIMIT_PARTS || (s->own->by_class && load_u32(key.at) == GROUP_NONE)) {
        error_set(e, "%s: more than %u files", s->conversion->path, LIMIT_PARTS);
        return NULL;
    }
    GROW(s->list, s->count, s->cap);
    map_add(&s->by_key, hash, s->count);
    part *made = &s->list[s->count++];
    *made = (part){.key = arena_bytes(&s->memory, key), .path = path_of(s, key), .rows = spool_new()};
    made->group = s->own->by_class ? load_u32(key.at) : GROUP_NONE;
    return made;
}

static bool put_rows(sink *s, part *p, error *e)
{
    u32 head[2] = {p->held_rows, (u32)p->held.len};
    bool ok = spool_add(p->rows, (span){(const u8 *)head, sizeof(head)}, e) &&
              spool_add(p->rows, (span){p->held.bytes, p->held.len}, e);
    s->held -= p->held.len;
    outbuf_free(&p->held);
    p->held_rows = 0;
    return ok;
}

static bool put_all_rows(sink *s, error *e)
{
    for (u32 i = 0; i < s->count; i++)
        if (s->list[i].held_rows && !put_rows(s, &s->list[i], e))
            return false;
    return true;
}

static bool parts_take(sink *s, span rendered, u32 records, error *e)
{
    for (u32 i = 0; i < records; i++) {
        row_head head;
        memcpy(&head, rendered.at, sizeof(head));
        span key = {rendered.at + sizeof(head), head.key_bytes};
        part *p = part_of(s, key, e);
        if (!p)
            return false;
        outbuf_add(&p->held, key.at + key.len, head.row_bytes);
        p->held_rows++;
        s->held += head.row_bytes;
        rendered = span_from(rendered, sizeof(head) + (size_t)head.key_bytes + head.row_bytes);
        if ((p->held.len >= ROWS_BYTES && !put_rows(s, p, e)) || (s->held >= HELD_BYTES && !put_all_rows(s, e)))
            return false;
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- begin

static bool no_entry(void *context, const char *path)
{
    (void)path;
    *(bool *)context = false;
    return false;
}

int parts_check_folder(const options *o)
{
    bool empty = true;
    error e = {0};
    if (!os_exists(o->out) || o->force)
        return EXIT_DONE;
    if (!os_list_folder(o->out, no_entry, &empty, &e)) {
        print_say("%s", e.message);
        return EXIT_FAILED;
    }
    if (!empty)
        print_say("%s: the folder is not empty: what is in it would be read together with what is written (--force "
                  "writes into it)",
                  o->out);
    return empty ? EXIT_DONE : EXIT_USAGE;
}

static u64 columns_without(const part_keys *keys)
{
    u64 without = 0;
    for (u32 i = 0; i < keys->count; i++)
        if (keys->list[i] < PART_DAY)
            without |= (u64)1 << keys->list[i];
    return without;
}

bool parts_begin(parts **out, const conversion *c, const export_target *target, error *e)
{
    const exporter *x = c->format.exporter;
    parts *p = *out = mem_zeroed(1, sizeof(*p));
    sink *s = &p->s;
    s->conversion = c;
    s->own = c->options->own;
    s->target = *target;
    s->target.without = columns_without(&s->own->partition);
    if (s->own->by_class) {
        class_groups_make(&s->groups, &s->memory, target->classes, target->class_count);
        s->target.groups = &s->groups;
    }
    s->outer = (exporter){.render = parts_render, .commit = parts_take, .no_stacks = x->no_stacks};
    export_target renders = s->target;
    renders.only_renders = true;
    renders.packing = NULL;
    return x->open(&s->inner, &renders, e);
}

const exporter *parts_exporter(const parts *p)
{
    return &p->s.outer;
}

sink *parts_sink(parts *p)
{
    return &p->s;
}

u32 parts_count(const parts *p)
{
    return p->s.count;
}

// ---------------------------------------------------------------------------------------------- parts to files

static bool read_at(const part *p, u64 *at, void *into, size_t len, error *e)
{
    bool failed = false;
    bool ok = spool_read(p->rows, *at, into, len, &failed) == len && !failed;
    *at += len;
    return ok || error_set(e, "%s: temporary storage cannot be read", p->path);
}

static bool commit_rows(const sink *s, const part *p, sink *to, error *e)
{
    outbuf block = {0};
    bool ok = true;
    for (u64 at = 0; ok && at < spool_bytes(p->rows);) {
        u32 head[2];
        ok = read_at(p, &at, head, sizeof(head), e);
        u8 *rows = outbuf_reserve(&block, ok ? head[1] : 0);
        ok = ok && read_at(p, &at, rows, head[1], e) &&
             s->conversion->format.exporter->commit(to, (span){rows, head[1]}, head[0], e);
    }
    outbuf_free(&block);
    return ok;
}

// What several parts say is said once.
static void add_remark(sink *s, const exporter *x, const void *of)
{
    char more[EXPORT_REMARK] = "";
    x->remark(of, more);
    size_t len = strlen(s->remark);
    if (*more && !strstr(s->remark, more))
        snprintf(s->remark + len, EXPORT_REMARK - len, "%s%s", len ? "; " : "", more);
}

static bool fill_file(sink *s, const part *p, outfile *f, error *e)
{
    const exporter *x = s->conversion->format.exporter;
    export_target target = s->target;
    sink *to = NULL;
    target.fd = f->fd;
    target.name = p->path;
    target.only_commits = true;
    target.group = p->group;
    if (!x->open(&to, &target, e))
        return false;
    bool ok = commit_rows(s, p, to, e);
    if (ok && x->remark)
        add_remark(s, x, to);
    bool closed = x->close(to, ok ? e : NULL);
    return ok && closed;
}

static bool make_folders(const sink *s, const char *path, error *e)
{
    arena a = {0};
    char *folder = arena_text(&a, path);
    bool ok = true;
    for (char *slash = strchr(folder + strlen(s->conversion->path) - 1, '/'); slash && ok;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        ok = guard_make_folder(folder, e);
        *slash = '/';
    }
    arena_free(&a);
    return ok;
}

static bool write_part(sink *s, part *p, error *e)
{
    outfile *f = &s->files[s->file_count];
    const conversion *c = s->conversion;
    const outfile_request request = {.path = p->path,
                                     .what = c->what,
                                     .is_own = c->format.exporter->is_own,
                                     .is_compressed = c->format.packing != NULL,
                                     .force = c->options->force,
                                     .made_up = true,
                                     .needs_file = true};
    if (!make_folders(s, p->path, e))
        return false;
    s->file_count++;
    bool ok = outfile_begin(f, &request, e) && fill_file(s, p, f, e) && outfile_seal(f, e);
    spool_free(p->rows);
    p->rows = NULL;
    return ok;
}

bool parts_write(parts *p, char remark[EXPORT_REMARK], error *e)
{
    sink *s = &p->s;
    const exporter *x = s->conversion->format.exporter;
    if (x->remark)
        add_remark(s, x, s->inner);
    s->files = mem_zeroed(s->count, sizeof(*s->files));
    s->folder = true;
    bool ok = put_all_rows(s, e) && make_folders(s, s->conversion->path, e);
    for (u32 i = 0; i < s->count && ok; i++)
        ok = run_stop ? error_set(e, "interrupted") : write_part(s, &s->list[i], e);
    memcpy(remark, s->remark, EXPORT_REMARK);
    return ok;
}

bool parts_commit(parts *p, error *e)
{
    sink *s = &p->s;
    outfile **files = mem_zeroed(s->file_count, sizeof(outfile *));
    for (u32 i = 0; i < s->file_count; i++)
        files[i] = &s->files[i];
    bool ok = outfile_commit(files, s->file_count, e);
    if (ok)
        guard_end_folders(true);
    mem_free(files);
    return ok;
}

void parts_end(parts *p)
{
    sink *s = p ? &p->s : NULL;
    if (!s)
        return;
    for (u32 i = 0; i < s->file_count; i++)
        outfile_abandon(&s->files[i]);
    if (s->folder)
        guard_end_folders(false);
    if (s->inner)
        (void)!s->conversion->format.exporter->close(s->inner, NULL);
    for (u32 i = 0; i < s->count; i++) {
        spool_free(s->list[i].rows);
        outbuf_free(&s->list[i].held);
    }
    mem_free(s->files);
    mem_free(s->list);
    map_free(&s->by_key);
    class_groups_free(&s->groups);
    names_free(&s->paths);
    arena_free(&s->memory);
    mem_free(p);
}
