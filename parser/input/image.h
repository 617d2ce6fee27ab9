// Disk images: the files of the file systems in them, read by libtsk (NTFS, FAT, exFAT and what else it knows).
//
// Files are named IMAGE!/PATH, where there is a partition table IMAGE!/pN/PATH (N as Windows and Linux count: primary
// partitions from 1, logical ones from 5). What was deleted and still has its content is named "PATH (deleted)", an
// alternate data stream PATH:STREAM; deleted files of NTFS whose folder is lost too are in $OrphanFiles.
#ifndef ETWKIT_IMAGE_H
#define ETWKIT_IMAGE_H

#include "input/archive.h"

// Calls the visitor for each file, as archive_each does; what it gets is read where it lies in the image, and whole
// (`wants` may read any of it). *volumes is how many file systems could be opened. It owns the input. False: the
// visitor ended it.
bool image_each(input *in, const archive_visitor *v, u32 *volumes);

#endif
