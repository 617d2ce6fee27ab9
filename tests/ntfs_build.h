// NTFS file systems for tests, made by mkntfs and written by libntfs-3g: folders, files, streams, what was deleted.
#ifndef ETWKIT_TESTS_NTFS_BUILD_H
#define ETWKIT_TESTS_NTFS_BUILD_H

#include "base/base.h"

typedef struct ntfs_image ntfs_image;

bool ntfs_can_build(void); // whether mkntfs and the library are there

ntfs_image *ntfs_begin(const char *path, u32 megabytes);                       // the test fails where it cannot be made
void ntfs_put(ntfs_image *n, const char *path, const void *bytes, size_t len); // with the folders above
void ntfs_put_compressed(ntfs_image *n, const char *path, const void *bytes, size_t len);
void ntfs_put_stream(ntfs_image *n, const char *path, const char *stream, const void *bytes, size_t len);
void ntfs_remove(ntfs_image *n, const char *path);
u64 ntfs_place(ntfs_image *n, const char *path); // offset in the image of a file's first byte; 0: in its own record
void ntfs_end(ntfs_image *n);

#endif
