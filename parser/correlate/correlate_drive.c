// Paths as people write them, where no event maps volumes to letters: what stands behind device names is then guessed,
// and said to be so. The volume whose Windows a machine ran is C:, \SystemRoot its Windows folder.
#include <strings.h>

#include "correlate/correlate_internal.h"

static bool begins(span path, const char *text)
{
    size_t len = strlen(text);
    return path.len >= len && strncasecmp((const char *)path.at, text, len) == 0;
}

// The device of a path to \Windows\System32 on it; 0: the path is another.
static size_t system_device(const char *path)
{
    static const char DEVICE[] = "\\Device\\HarddiskVolume", SYSTEM[] = "\\Windows\\System32\\";
    size_t len = sizeof(DEVICE) - 1;
    if (strncasecmp(path, DEVICE, len) != 0)
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

// How many bytes of the path stand for C:; SIZE_MAX: it is on no known drive.
static size_t drive_prefix(const correlator *c, u32 machine, span path)
{
    // As Windows 8 logs the paths of images: without their device.
    static const char *const ROOTS[] = {"\\Windows\\", "\\Program Files", "\\ProgramData\\", "\\Users\\"};
    for (size_t i = 0; i < COUNT_OF(ROOTS); i++)
        if (begins(path, ROOTS[i]))
            return 0;
    for (u32 i = 0; i < c->files.drive_count; i++) {
        const system_drive *d = &c->files.drives[i];
        size_t len = d->device.len;
        if (d->machine == machine && path.len > len && path.at[len] == '\\' &&
            strncasecmp((const char *)path.at, (const char *)d->device.at, len) == 0)
            return len;
    }
    return SIZE_MAX;
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

bool drive_put_path(const correlator *c, u32 machine, span told, outbuf *out)
{
    size_t start = out->len;
    file_put_dos_path(c, machine, (const char *)told.at, told.len, out);
    span path = {out->bytes + start, out->len - start};
    if (!path.len || path.at[0] != '\\')
        return put_long_name(out, start);
    size_t device = drive_prefix(c, machine, path);
    if (device != SIZE_MAX)
        put_after(out, start, "C:", device);
    else if (begins(path, "\\SystemRoot\\"))
        put_after(out, start, "C:\\Windows", strlen("\\SystemRoot"));
    else if (begins(path, "\\Device\\Mup\\"))
        put_after(out, start, "\\\\", strlen("\\Device\\Mup\\"));
    else
        return false;
    (void)put_long_name(out, start);
    return !begins((span){out->bytes + start, out->len - start}, "\\\\");
}
