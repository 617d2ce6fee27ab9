// Nothing that is read is ever written: what this process reads, and what it writes.
//
// Every file that is opened for reading (base/os.h) becomes known here by device and inode, so that no other name and
// no link hides it. An output that is one of them is refused, whichever of the two came first; standard output and
// error count as outputs. And no unfinished output stays behind, however the process ends.
#ifndef ETWKIT_GUARD_H
#define ETWKIT_GUARD_H

#include "base/os.h"

struct outfile;

// Once, before anything is opened or printed. What is said waits, where standard error is a file, until it is known
// what is read (print_release); it goes nowhere where the command line names that file.
void guard_begin(int argc, char **argv);

// What a command line names and nobody has opened yet, so that an output that is one of them is refused before any
// work is done. What does not exist is passed over.
void guard_will_read(const char *const *paths, u32 count);
bool guard_is_read(os_identity file);

// The unfinished outputs. Between hold and release no other thread changes them and no signal interrupts.
void guard_hold(void);
void guard_release(void);
void guard_add(struct outfile *f); // these: holding; its folder and name stay as they are until it is dropped
void guard_drop(struct outfile *f);
// Some, among them all of the same folder and name; the rest by outfile.next.
struct outfile *guard_alike(const struct outfile *f);

// Makes a folder for outputs, for their owner alone; one that exists is as good. Those that were made are unfinished
// until all are kept or given up, and removed then.
MUST_USE bool guard_make_folder(const char *path, error *e);
void guard_end_folders(bool keep);

// Removes what is unfinished. May be called in a signal handler. For good: the process must end now, since other
// threads that would make something wait, and the calling one takes no signal.
void guard_clean_up(void);

#endif
