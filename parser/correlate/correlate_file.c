// File keys and file objects to paths, and device paths to drive letters.
//
// FileIo's Name, FileCreate, FileDelete and FileRundown carry a file's key (its FCB) and path, as do Kernel-File's
// NameCreate and NameDelete; both Creates carry the file object and the path it was opened by, both Closes say that the
// object is gone. Keys and objects are kernel addresses of things that live at the same time, so one table holds both.
#include <stdlib.h>
#include <strings.h>

#include "base/bisect.h"
#include "correlate/correlate_internal.h"

enum {
    OPCODE_NAME = 0,
    OPCODE_CREATE = 32,
    OPCODE_DELETE = 35,
    OPCODE_RUNDOWN = 36,
    OPCODE_OPEN = 64,
    OPCODE_CLOSE = 66
};
enum { ID_NAME_CREATE = 10, ID_NAME_DELETE = 11, ID_CREATE = 12, ID_CLOSE = 14, ID_CREATE_NEW = 30 };
enum { OPCODE_SYSTEM_PATHS = 33 };

static fact_kind kind_of(const event_class *cls)
{
    if (!cls->classic)
        return cls->descriptor.id == ID_NAME_DELETE || cls->descriptor.id == ID_CLOSE ? FACT_END : FACT_START;
    switch (cls->descriptor.opcode) {
    case OPCODE_CREATE:
    case OPCODE_OPEN:
        return FACT_START;
    case OPCODE_DELETE:
    case OPCODE_CLOSE:
        return FACT_END;
    default:
        return FACT_EXISTS;
    }
}

void file_see(correlator *c, const sighting *s, const seen *v, u32 source)
{
    fact f = {.time = s->time, .source = source, .kind = kind_of(s->cls)};
    if (!seen_number(v, WANT_OBJECT, &f.id) || !f.id)
        return;
    f.text = seen_text(v, WANT_PATH);
    if (f.text || f.kind == FACT_END)
        history_tell(&c->files.names, &f);
}

// ---------------------------------------------------------------------------------------------- volumes

// VolumeMapping: prefix and replacement, either with a backslash at its end; replacements may be empty ("\??\").
// SystemPaths tells what \SystemRoot stands for.
void volume_see(correlator *c, const sighting *s, const seen *v, u32 source)
{
    const char *prefix = seen_text(v, WANT_NAME), *replacement = seen_text(v, WANT_PATH);
    if (s->cls->descriptor.opcode == OPCODE_SYSTEM_PATHS)
        prefix = replacement ? "\\SystemRoot\\" : NULL;
    if (prefix)
        volume_add(c, source, s->time, prefix, replacement ? replacement : "");
}

void volume_add(correlator *c, u32 source, i64 time, const char *prefix, const char *replacement)
{
    file_book *b = &c->files;
    if (b->volume_count >= LIMIT_VOLUMES) {
        b->volumes_refused++;
        return;
    }
    GROW(b->volumes, b->volume_count, b->volume_cap);
    b->volumes[b->volume_count++] = (volume){source, time, prefix, replacement, strlen(prefix)};
}

// Longest prefix first, so that the first that fits is the one meant.
static int by_prefix(const void *a, const void *b)
{
    const volume *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->prefix_len != y->prefix_len)
        return x->prefix_len > y->prefix_len ? -1 : 1;
    int order = strcasecmp(x->prefix, y->prefix);
    if (order)
        return order;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return strcmp(x->replacement, y->replacement);
}

// Whether it stands before the one whose prefix is the first `len` bytes of the path.
static bool is_before(const volume *v, u32 machine, const char *path, size_t len)
{
    if (v->source != machine)
        return v->source < machine;
    if (v->prefix_len != len)
        return v->prefix_len > len;
    return strncasecmp(v->prefix, path, len) < 0;
}

static bool is_prefix(const volume *v, u32 machine, const char *path, size_t len)
{
    return v->source == machine && v->prefix_len == len && strncasecmp(v->prefix, path, len) == 0;
}

// The longest prefix that ends where a name of the path does.
static const volume *volume_of(const correlator *c, u32 machine, const char *path, size_t len)
{
    const volume *list = c->files.volumes;
    u32 count = c->files.volume_count, at;
    BISECT(at, 0, count, list[index_].source < machine);
    size_t most = at < count && list[at].source == machine ? list[at].prefix_len : 0;
    for (size_t n = most < len ? most : len; n; n--) {
        if (n < len && path[n - 1] != '\\' && path[n] != '\\')
            continue;
        BISECT(at, at, count, is_before(&list[index_], machine, path, n));
        if (at < count && is_prefix(&list[at], machine, path, n))
            return &list[at];
    }
    return NULL;
}

void file_put_dos_path(const correlator *c, u32 machine, const char *path, size_t len, outbuf *out)
{
    static const char DOS_DEVICES[] = "\\??\\";
    const volume *v = len && path[0] == '\\' ? volume_of(c, machine, path, len) : NULL;
    if (v) {
        outbuf_text(out, v->replacement);
        outbuf_add(out, path + v->prefix_len, len - v->prefix_len);
    } else if (len > 4 && memcmp(path, DOS_DEVICES, 4) == 0) {
        outbuf_add(out, path + 4, len - 4);
    } else {
        outbuf_add(out, path, len);
    }
}

const char *file_dos_path(correlator *c, u32 machine, const char *path)
{
    c->scratch.len = 0;
    file_put_dos_path(c, machine, path, strlen(path), &c->scratch);
    if (!c->scratch.len)
        return path;
    return text_set_add(&c->texts, (const char *)c->scratch.bytes, c->scratch.len);
}

// ---------------------------------------------------------------------------------------------- closing

void file_close(correlator *c)
{
    file_book *b = &c->files;
    for (u32 i = 0; i < b->volume_count; i++)
        b->volumes[i].source = c->machines[b->volumes[i].source];
    if (b->volume_count)
        qsort(b->volumes, b->volume_count, sizeof(*b->volumes), by_prefix);
    u32 kept = 0;
    for (u32 i = 0; i < b->volume_count; i++)
        if (!kept || b->volumes[kept - 1].source != b->volumes[i].source ||
            strcasecmp(b->volumes[kept - 1].prefix, b->volumes[i].prefix) != 0)
            b->volumes[kept++] = b->volumes[i];
    b->volume_count = kept;
    history_close(&b->names, c);
}

void file_free(file_book *b)
{
    history_free(&b->names);
    mem_free(b->volumes);
    mem_free(b->drives);
    mem_free(b->letters);
}
