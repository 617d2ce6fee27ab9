// Sources: the UEFI specification, "GPT Disk Layout", and Windows' use of bytes 440 to 443 of the first sector.
#include "input/partitions.h"

#include <string.h>

void partitions_add(partition_table *t, u64 start)
{
    if (t->count < MOST_PARTITIONS)
        t->list[t->count++] = (partition){.start = start};
}

static void identify(partition_table *t, u64 start, const u8 *id)
{
    for (u32 i = 0; i < t->count; i++)
        if (t->list[i].start == start) {
            t->list[i].has_id = true;
            t->list[i].id = guid_load(id);
        }
}

static void read_entries(partition_table *t, disk *d, u32 sector, const u8 *header)
{
    enum { ENTRY = 128, ID = 16, FIRST = 32 }; // of an entry what every version has
    u64 at = load_u64(header + 72), most = (u64)INT64_MAX / sector / 2;
    u32 count = load_u32(header + 80), size = load_u32(header + 84);
    bool failed = false;
    u8 entry[ENTRY];
    if (at > most || size < ENTRY || size > sector)
        return;
    for (u32 i = 0; i < count && i < MOST_PARTITIONS; i++) {
        if (disk_read(d, at * sector + (u64)i * size, entry, ENTRY, &failed) < ENTRY)
            return;
        u64 first = load_u64(entry + FIRST);
        if (first && first <= most)
            identify(t, first * sector, entry + ID);
    }
}

void partitions_identify(partition_table *t, disk *d, u32 sector)
{
    enum { SIGNATURE = 440, HEADER = 92 };
    u8 bytes[HEADER];
    bool failed = false;
    if (disk_read(d, SIGNATURE, bytes, 4, &failed) == 4)
        t->signature = load_u32(bytes);
    if (disk_read(d, sector, bytes, HEADER, &failed) == HEADER && memcmp(bytes, "EFI PART", 8) == 0)
        read_entries(t, d, sector, bytes);
}
