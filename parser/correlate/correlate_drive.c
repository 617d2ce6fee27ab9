// Paths as people write them, where no event maps volumes to letters.
//
// Where the machine's registry lies with the trace (schema/machine/drives.h), it says which letter the volume had that
// Windows ran from, and which "\??\Volume{...}" is which letter. Which number a volume has ("HarddiskVolume3") it does
// not say. The one that ntdll.dll was loaded from is Windows' own; the others are guessed by the order of partitions,
// if that order gives Windows' own the number it has. Without a registry the volume whose Windows a machine ran is
// taken for C:, \SystemRoot for its Windows folder: that is guessed, too.
#include <stdlib.h>
#include <strings.h>

#include "correlate/correlate_internal.h"

static const char VOLUME[] = "\\Device\\HarddiskVolume";

static bool begins(span path, const char *text)
{
    size_t len = strlen(text);
    return path.len >= len && strncasecmp((const char *)path.at, text, len) == 0;
}

// The device of a path to \Windows\System32 on it; 0: the path is another.
static size_t system_device(const char *path)
{
    static const char SYSTEM[] = "\\Windows\\System32\\";
    size_t len = sizeof(VOLUME) - 1;
    if (strncasecmp(path, VOLUME, len) != 0)
        return 0;
    len += strspn(path + len, "0123456789");
    return strncasecmp(path + len, SYSTEM, sizeof(SYSTEM) - 1) == 0 ? len : 0;
}

static bool is_ntdll(const char *path)
{
    return strcasecmp(path_name(path), "ntdll.dll") == 0;
}

// The first that is seen counts, but for that of ntdll.dll, which every process has from there.
void drive_note(correlator *c, u32 machine, const char *path)
{
    file_book *b = &c->files;
    size_t len = path ? system_device(path) : 0;
    if (!len)
        return;
    for (u32 i = 0; i < b->drive_count; i++)
        if (b->drives[i].machine == machine) {
            if (is_ntdll(path) && !b->drives[i].sure)
                b->drives[i] = (system_drive){machine, {(const u8 *)path, len}, true};
            return;
        }
    GROW(b->drives, b->drive_count, b->drive_cap);
    b->drives[b->drive_count++] = (system_drive){machine, {(const u8 *)path, len}, is_ntdll(path)};
}

// ---------------------------------------------------------------------------------------------- the registry

static void add_volume(correlator *c, u32 source, const char *form, const volume_name *v)
{
    const char letter[] = {v->letter, ':', '\\', 0};
    const char *prefix = arena_format(&c->arena, form, v->name);
    volume_add(c, source, INT64_MAX, prefix, arena_text(&c->arena, letter)); // what events say comes first
}

void drive_open(correlator *c)
{
    c->files.letters = mem_zeroed(c->host_count, sizeof(*c->files.letters));
    for (u32 i = 0; i < c->trace_count; i++) {
        const trace_sources *t = &c->traces[i];
        for (u32 source = t->first; t->drives && source < t->first + t->headers; source++) {
            const drive_letters **known = &c->files.letters[c->machines[source]];
            if (*known)
                continue;
            *known = t->drives;
            for (u32 v = 0; v < t->drives->volume_count; v++) {
                add_volume(c, source, "\\??\\%s\\", &t->drives->volumes[v]);
                add_volume(c, source, "\\\\?\\%s\\", &t->drives->volumes[v]);
            }
        }
    }
}

static const drive_letters *letters_of(const correlator *c, u32 machine)
{
    static const drive_letters NONE = {0};
    const drive_letters *known = c->files.letters[host_of(c, machine)];
    return known ? known : &NONE;
}

// ---------------------------------------------------------------------------------------------- devices

// What a path begins with stands for a drive.
typedef struct drive {
    size_t len; // SIZE_MAX: for none that is known
    char letter;
    bool guessed;
} drive;

static drive system_drive_of(const drive_letters *d, size_t len, bool sure)
{
    return (drive){len, d->system ? d->system : 'C', !d->system || !sure};
}

static const system_drive *ran_from(const correlator *c, u32 machine)
{
    for (u32 i = 0; i < c->files.drive_count; i++)
        if (c->files.drives[i].machine == machine)
            return &c->files.drives[i];
    return NULL;
}

static bool is_on(span path, span device)
{
    return path.len > device.len && path.at[device.len] == '\\' &&
           strncasecmp((const char *)path.at, (const char *)device.at, device.len) == 0;
}

// The number of a volume, and how much of the path names it; 0: the path is another.
static u32 volume_number(span path, size_t *len)
{
    enum { DIGITS = 4 };
    size_t at = sizeof(VOLUME) - 1, first = at;
    u32 number = 0;
    for (; begins(path, VOLUME) && at < path.len && at < first + DIGITS && path.at[at] >= '0' && path.at[at] <= '9';
         at++)
        number = number * 10 + (path.at[at] - '0');
    *len = at;
    return at > first && at < path.len && path.at[at] == '\\' ? number : 0;
}

static drive by_order(const drive_letters *d, const system_drive *own, span path)
{
    size_t len;
    const drive none = {SIZE_MAX, NO_DRIVE, true};
    const span device = {own->device.at, own->device.len + 1}; // of a path: a backslash follows
    bool agrees = own->sure && d->own && volume_number(device, &len) == d->own;
    u32 number = agrees ? volume_number(path, &len) : 0;
    for (u32 i = 0; number && i < d->count; i++)
        if (d->list[i].partition == number)
            return (drive){len, d->list[i].letter, true};
    return none;
}

static drive drive_of(const correlator *c, u32 machine, span path)
{
    // As Windows 8 logs the paths of images: without their device.
    static const char *const ROOTS[] = {"\\Windows\\", "\\Program Files", "\\ProgramData\\", "\\Users\\"};
    const drive_letters *d = letters_of(c, machine);
    const system_drive *own = ran_from(c, machine);
    for (size_t i = 0; i < COUNT_OF(ROOTS); i++)
        if (begins(path, ROOTS[i]))
            return system_drive_of(d, 0, false);
    if (own && is_on(path, own->device))
        return system_drive_of(d, own->device.len, own->sure);
    return own ? by_order(d, own, path) : (drive){SIZE_MAX, NO_DRIVE, true};
}

static void put_after(outbuf *out, size_t start, const char *head, size_t dropped)
{
    size_t len = out->len - start - dropped, head_len = strlen(head);
    u8 *at = outbuf_reserve(out, head_len) - (out->len - start);
    memmove(at + head_len, at + dropped, len);
    memcpy(at, head, head_len);
    outbuf_written(out, at + head_len + len);
}

// Short names that installations of Windows have given since Windows 7.
static bool put_long_name(outbuf *out, size_t start)
{
    static const struct {
        const char *from, *to;
    } NAMES[] = {{"\\PROGRA~1\\", "\\Program Files\\"},
                 {"\\PROGRA~2\\", "\\Program Files (x86)\\"},
                 {"\\PROGRA~3\\", "\\ProgramData\\"}};
    span path = {out->bytes + start, out->len - start};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        if (path.len > 2 && path.at[1] == ':' && begins(span_from(path, 2), NAMES[i].from)) {
            char head[40] = {(char)path.at[0], ':', 0};
            memcpy(head + 2, NAMES[i].to, strlen(NAMES[i].to) + 1);
            put_after(out, start, head, 2 + strlen(NAMES[i].from));
            return true;
        }
    return false;
}

bool correlator_put_dos_path(const correlator *c, u32 trace, u32 epoch, span told, outbuf *out)
{
    return drive_put_path(c, c->machines[source_of(c, trace, epoch)], told, out);
}

// \SystemRoot, where events do not say what it stands for.
static bool put_windows(const correlator *c, u32 machine, outbuf *out, size_t start)
{
    const char *windows = letters_of(c, machine)->windows;
    put_after(out, start, windows ? windows : "C:\\Windows", strlen("\\SystemRoot"));
    return !windows;
}

static bool put_drive(const correlator *c, u32 machine, outbuf *out, size_t start)
{
    span path = {out->bytes + start, out->len - start};
    drive d = drive_of(c, machine, path);
    const char letter[] = {d.letter, ':', 0};
    if (d.len != SIZE_MAX) {
        put_after(out, start, letter, d.len);
        return d.guessed;
    }
    if (begins(path, "\\SystemRoot\\"))
        return put_windows(c, machine, out, start);
    if (begins(path, "\\Device\\Mup\\"))
        put_after(out, start, "\\\\", strlen("\\Device\\Mup\\"));
    return false;
}

bool drive_put_path(const correlator *c, u32 machine, span told, outbuf *out)
{
    size_t start = out->len;
    file_put_dos_path(c, machine, (const char *)told.at, told.len, out);
    bool some = out->len > start, guessed = some && out->bytes[start] == '\\' && put_drive(c, machine, out, start);
    return (some && put_long_name(out, start)) || guessed;
}
