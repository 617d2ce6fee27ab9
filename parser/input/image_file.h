// A file in a disk image as an input, and the image that all its files share.
#ifndef ETWKIT_IMAGE_FILE_H
#define ETWKIT_IMAGE_FILE_H

#include "input/libtsk.h"

#ifdef HAS_LIBTSK
#include <pthread.h>
#include <stdatomic.h>

#include "input/disk.h"
#include "input/partitions.h"

// What libtsk calls to read the disk.
typedef struct tsk_disk {
    TSK_IMG_INFO info; // first, as libtsk wants it
    disk *disk;
} tsk_disk;

enum { MOST_VOLUMES = MOST_PARTITIONS };
static const u32 NO_PARTITION = UINT32_MAX;

// Lives until the last of its users is gone: whoever looks through it, and its files.
typedef struct image {
    atomic_uint users;
    library_lock lock; // around calls of libtsk, which is not made for several threads
    tsk_disk *tsk;
    TSK_FS_INFO *volumes[MOST_VOLUMES];
    u32 partition_of[MOST_VOLUMES]; // in `partitions`; NO_PARTITION
    u32 volume_count;
    partition_table partitions;
} image;

void image_release(image *m);

// One stream of a file. Under the image's lock; what it needs of the file is copied.
input *image_file_new(image *m, TSK_FS_INFO *volume, const TSK_FS_FILE *file, const TSK_FS_ATTR *stream,
                      const char *path);

#endif
#endif
