// The letters of a machine's volumes, as its registry had them when it was written last.
//
// SYSTEM's MountedDevices says which partition (by its GUID, or its disk's signature and its place there) had which
// letter, and which "\??\Volume{...}" is the same one; SOFTWARE says in which folder Windows was. All this is sure.
// Which number Windows gave to a volume ("\Device\HarddiskVolume3") is in neither: only the order of the partitions on
// their disk is known here, and that Windows counted in it is a guess.
#ifndef ETWKIT_DRIVES_H
#define ETWKIT_DRIVES_H

#include "base/arena.h"
#include "input/hive.h"

enum { MOST_LETTERS = 26, NO_DRIVE = 0 };

typedef struct drive_letter {
    char letter;   // 'C'; NO_DRIVE: the volume has none
    u32 partition; // of the disk the registry is on, from 1; 0: of another disk, or not known
    span data;     // of MountedDevices: which volume it is
} drive_letter;

typedef struct volume_name {
    const char *name; // "Volume{01234567-89ab-cdef-0123-456789abcdef}"
    char letter;
} volume_name;

typedef struct drive_letters {
    char system;         // of the volume Windows ran from; NO_DRIVE: not known
    const char *windows; // "C:\Windows"; NULL: not known
    u32 own;             // the partition the registry is on, from 1; 0: not known
    drive_letter list[MOST_LETTERS];
    u32 count;
    volume_name *volumes; // those with a letter
    u32 volume_count;
} drive_letters;

// From the registry, SYSTEM and SOFTWARE in any order.
void drives_read_system(drive_letters *d, hive *system, const input *in, arena *a);
void drives_read_software(drive_letters *d, hive *software, arena *a);

#endif
