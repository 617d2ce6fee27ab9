// An image of a disk in a form of its own (EnCase, virtual disks) as one input: the bytes of the disk.
#ifndef ETWKIT_INPUT_DISK_H
#define ETWKIT_INPUT_DISK_H

#include "input/input.h"

// *in becomes the disk in it, which owns it; where it is no such image it stays. *missing: as disk_open. False: it
// cannot be read, and *in is closed.
MUST_USE bool input_unfold_disk(input **in, error *missing, error *e);

#endif
