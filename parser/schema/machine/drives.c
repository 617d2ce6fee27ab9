// Source: "Mounted devices" of the winreg-kb project. A letter's data is 12 bytes, the signature of the disk and the
// offset of the partition; or 24 bytes, "DMIO:ID:" and the partition's GUID; or a text that names a device.
#include "schema/machine/drives.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "input/partitions.h"

static char letter_of(const char *text)
{
    char c = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] + 'A' - 'a') : text[0];
    return c >= 'A' && c <= 'Z' && text[1] == ':' ? c : NO_DRIVE;
}

static bool is_same(span a, span b)
{
    return a.len == b.len && a.len && memcmp(a.at, b.at, a.len) == 0;
}

// ---------------------------------------------------------------------------------------------- partitions

static bool is_partition(const partition_table *t, const partition *p, span data)
{
    enum { BY_PLACE = 12, BY_ID = 24, MARK = 8 };
    if (data.len == BY_PLACE)
        return load_u32(data.at) == t->signature && load_u64(data.at + 4) == p->start;
    return data.len == BY_ID && memcmp(data.at, "DMIO:ID:", MARK) == 0 && p->has_id &&
           memcmp(data.at + MARK, p->id.bytes, sizeof(p->id.bytes)) == 0;
}

static u32 partition_of(const partition_table *t, span data)
{
    for (u32 i = 0; t && i < t->count; i++)
        if (is_partition(t, &t->list[i], data))
            return i + 1;
    return 0;
}

// ---------------------------------------------------------------------------------------------- MountedDevices

typedef struct reading {
    drive_letters *drives;
    const partition_table *table; // NULL: not known
    arena *arena;
    u32 values; // that were seen
} reading;

static span keep(arena *a, span bytes)
{
    return (span){memcpy(arena_take(a, bytes.len + 1), bytes.at, bytes.len), bytes.len};
}

static void see_letter(void *context, const char *name, span data)
{
    static const char BEFORE[] = "\\DosDevices\\";
    enum { LEN = sizeof(BEFORE) - 1 };
    reading *r = context;
    drive_letters *d = r->drives;
    r->values++;
    if (strncasecmp(name, BEFORE, LEN) != 0 || strlen(name) != LEN + 2 || !letter_of(name + LEN) || !data.len ||
        d->count == MOST_LETTERS)
        return;
    d->list[d->count++] = (drive_letter){letter_of(name + LEN), partition_of(r->table, data), keep(r->arena, data)};
}

static void see_volume(void *context, const char *name, span data)
{
    static const char BEFORE[] = "\\??\\Volume{";
    enum { LEN = sizeof("\\??\\") - 1 };
    const reading *r = context;
    drive_letters *d = r->drives;
    if (strncasecmp(name, BEFORE, sizeof(BEFORE) - 1) != 0 || d->volume_count == r->values)
        return;
    for (u32 i = 0; i < d->count; i++)
        if (is_same(d->list[i].data, data)) {
            d->volumes[d->volume_count++] = (volume_name){arena_text(r->arena, name + LEN), d->list[i].letter};
            return;
        }
}

static char letter_of_partition(const drive_letters *d, u32 number)
{
    for (u32 i = 0; number && i < d->count; i++)
        if (d->list[i].partition == number)
            return d->list[i].letter;
    return NO_DRIVE;
}

void drives_read_system(drive_letters *d, hive *system, const input *in, arena *a)
{
    u32 own;
    hive_key key = hive_find(system, "MountedDevices");
    reading r = {d, input_partitions(in, &own), a, 0};
    d->own = r.table ? own + 1 : 0;
    d->count = d->volume_count = 0;
    if (!key)
        return;
    hive_each_value(system, key, LIMIT_VOLUMES, see_letter, &r);
    d->volumes = arena_array(a, volume_name, r.values);
    hive_each_value(system, key, LIMIT_VOLUMES, see_volume, &r);
    if (!d->system)
        d->system = letter_of_partition(d, d->own);
}

void drives_read_software(drive_letters *d, hive *software, arena *a)
{
    hive_key key = hive_find(software, "Microsoft\\Windows NT\\CurrentVersion");
    const char *windows = key ? hive_text(software, key, "SystemRoot", a) : NULL;
    if (!windows || !letter_of(windows) || windows[2] != '\\' || !windows[3] || strlen(windows) > LIMIT_NAME_BYTES)
        return;
    d->system = letter_of(windows);
    d->windows = windows;
}
