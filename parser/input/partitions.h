// The partitions of a disk, by what Windows knows them by in its registry.
#ifndef ETWKIT_PARTITIONS_H
#define ETWKIT_PARTITIONS_H

#include "base/guid.h"
#include "input/disk.h"

enum { MOST_PARTITIONS = 128 }; // a GPT has as many places

typedef struct partition {
    u64 start; // byte of the disk
    bool has_id;
    guid id; // of a GPT
} partition;

typedef struct partition_table {
    u32 signature; // of the disk, in its first sector
    partition list[MOST_PARTITIONS];
    u32 count; // in the order in which they lie on the disk
} partition_table;

void partitions_add(partition_table *t, u64 start);
// What the disk's own tables say of them, once all are added; its sectors have so many bytes.
void partitions_identify(partition_table *t, disk *d, u32 sector);

#endif
