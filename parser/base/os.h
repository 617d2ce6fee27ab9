// The few things asked of the operating system, so that no other file knows which one it is: os_posix.c, os_windows.c.
#ifndef ETWKIT_OS_H
#define ETWKIT_OS_H

#include "base/error.h"
#include "base/span.h"

// A file opened for reading only. Read with pread-like calls, never mapped: evidence sits on failing disks and network
// mounts, where a mapped read error is a crash and a read call's error is damage at an offset.
typedef struct os_file {
    int fd;
    u64 bytes;         // its size when it was opened
    i64 modified;      // and when it had been written to last, in ns; 0: the system does not say
    u64 device, inode; // which file it is
} os_file;

MUST_USE bool os_open(os_file *f, const char *path, error *e); // refuses what is not a regular file
// The same for a file of which only some bytes are looked at, to see whether it is one to be read at all (and then
// opened as such, or read on after os_will_read): os_on_open does not hear of it.
MUST_USE bool os_open_to_look(os_file *f, const char *path, error *e);
void os_will_read(const os_file *f, const char *path);
// Everything but the descriptor of the file a name leads to. False: there is none.
bool os_describe(os_file *f, const char *path);
void os_close(os_file *f);
// The same in a block of its own that closes the file where its pool is discarded: for whoever allocates while the file
// is open. NULL: it cannot be opened.
os_file *os_open_new(const char *path, error *e);
void os_close_free(os_file *f);

// What a name leads to. A block device is a file.
typedef enum os_kind_of { OS_MISSING, OS_FILE, OS_FOLDER, OS_STREAM } os_kind_of;
os_kind_of os_kind(const char *path);
os_kind_of os_kind_of_entry(const char *path); // of a folder: a link is a stream, as it leads who knows where

// What can only be read from its start to its end: a pipe, a character device, "-" for standard input. A descriptor, or
// -1. os_read returns what there is, 0 at the end.
MUST_USE int os_open_stream(const char *path, error *e);
void os_close_stream(int fd);
size_t os_read(int fd, void *into, size_t len, bool *failed);

// A file without a name in the folder for temporary files, to be written and read at any offset.
MUST_USE bool os_temporary_file(os_file *f, error *e);
MUST_USE bool os_write_at(const os_file *f, u64 offset, const void *bytes, size_t len, error *e);
// Which file this is: the same for all names and links of one file, and of one block device.
typedef struct os_identity {
    u64 device, number;
} os_identity;

// For programs that must know what they read, so as never to write to it: called for every file that is opened here to
// be read, before its first byte is, by whichever thread opens it. NULL: nobody asks. POSIX only.
extern void (*os_on_open)(const char *path, os_identity file);
bool os_identify(int fd, os_identity *out);                // false: neither a regular file nor a block device
bool os_identify_path(const char *path, os_identity *out); // follows links

// Whether the file has been written to since it was opened; *bytes is its size now.
bool os_changed(const os_file *f, u64 *bytes);

// Up to `len` bytes from `offset`; returns how many could be read. Fewer than asked at the file's end, and where the
// medium fails (*failed).
size_t os_read_at(const os_file *f, u64 offset, void *into, size_t len, bool *failed);

// The whole file in one heap block (mem_free), refused over `limit` bytes.
MUST_USE bool os_read_whole(const char *path, size_t limit, u8 **bytes, size_t *len, error *e);

bool os_is_folder(const char *path);
bool os_exists(const char *path);
u64 os_size(const char *path);                   // of a regular file; 0 where there is none
bool os_same_file(const char *a, const char *b); // two names of one existing file

// Calls visit for each entry of a folder, in byte order of names, without "." and "..". Stops where visit says false.
MUST_USE bool os_list_folder(const char *path, bool (*visit)(void *context, const char *path), void *context, error *e);

// A shared library, kept until the process ends; NULL: it is not installed. Puts the address of a symbol into a pointer
// to a function, of `size` bytes.
void *os_library_open(const char *name);
bool os_library_symbol(void *library, const char *name, void *function, size_t size);

unsigned os_processors(void);
unsigned os_descriptors(void);          // how many files the process may have open
bool os_random(void *into, size_t len); // at most 256 bytes; false: the system gives none

// A block for much data that stays: large pages where the system has them, and `bytes` a multiple of 2 MiB. NULL where
// there is no room.
void *os_large_block(size_t bytes);
void os_large_free(void *block, size_t bytes);
// Makes it longer, elsewhere if need be; contents stay, and where the system can its pages are moved, not copied. NULL,
// and the block as it was, where there is no room.
void *os_large_grow(void *block, size_t bytes, size_t wanted);

// Memory that lies in a temporary file without a name, so that the system can do without its pages. All zero is an
// empty one. `bytes` are multiples of 64 KiB; what is new is zero; contents stay when it grows, elsewhere if need be.
// False, and all as it was: there is no space for the file, or the system has no such memory.
typedef struct os_paged {
    void *at;
    size_t bytes;
    os_file file; // open while there are bytes and os_paged_seal was not called
} os_paged;
bool os_paged_grow(os_paged *p, size_t bytes);
void os_paged_seal(os_paged *p); // it will not grow any more: takes no descriptor from now on
// Takes the pages of [from, to) out of memory; the next access brings them back. Threads may be at work in them.
void os_paged_release(const os_paged *p, size_t from, size_t to);
void os_paged_free(os_paged *p);

// Heap blocks from this size on grow by moving pages, once os_expect_memory has set it so.
enum { OS_MOVED_BYTES = 8 << 20 };
// Memory that is about to be written: its pages are asked for at once. One by one, each costs an interrupt, which on a
// virtual machine takes longer than all that is done with the page. Large pages where it has room for one. A wish:
// without it memory is as good and slower.
void os_touch(void *at, size_t bytes);
// Prepares the heap of a program that is about to take some `bytes` in pieces: one heap for all threads, which keeps
// what it has, since pages given back are touched anew.
void os_expect_memory(size_t bytes);
double os_seconds(void); // monotonic
i64 os_filetime(void);   // now

// The folder of a user's caches (heap, mem_free), NULL where the system names none. os_make_folders makes a file's
// folder with all above it.
char *os_cache_folder(void);
MUST_USE bool os_make_folder_of(const char *path, error *e);

// Puts a finished file in its place in one step, replacing what is there.
MUST_USE bool os_rename(const char *from, const char *to, error *e);
void os_remove(const char *path);

bool os_is_terminal(int fd);
u32 os_terminal_columns(int fd); // 0: not known

#endif
