// The bytes of a disk, whatever its image is kept in: one raw file, a raw image in parts (.001, .002, …), an EnCase
// image (.E01, .E02, …, by libewf), and those virtual disks that libtsk knows (.vmdk, .vhd).
#ifndef ETWKIT_DISK_H
#define ETWKIT_DISK_H

#include "input/input.h"

typedef struct disk disk;

// Opens the image whose first part `in` is; the further ones are found next to it. *missing is a sentence where parts
// are missing or cut off, else empty: what is there can be read. The disk owns the input, which is closed where NULL is
// returned.
disk *disk_open(input *in, error *missing, error *e);
void disk_close(disk *d);

u64 disk_bytes(const disk *d);
u32 disk_sector(const disk *d); // bytes; 0: the image does not say

// As input_read, by any number of threads. What fails its checksum in an EnCase image is not read.
size_t disk_read(disk *d, u64 offset, void *into, size_t len, bool *failed);

#endif
