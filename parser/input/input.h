// One input: a run of bytes with a name, opened once and shared by everybody who reads it: the engine, the hash, the
// report, provenance and carving. Nothing else opens a trace, so that what is hashed is what was read.
//
// Each kind of input is a backend, one file each, listed in backends.def. Bytes are read at an offset, by any number of
// threads at a time. An input is never written to.
#ifndef ETWKIT_INPUT_H
#define ETWKIT_INPUT_H

#include "base/error.h"
#include "base/sha256.h"

typedef struct input input;
struct partition_table;
struct drive_letters;

// What became of an input since it was opened.
typedef enum input_change {
    INPUT_UNCHANGED,
    INPUT_WRITTEN,  // its size or its time of last writing is another one
    INPUT_REPLACED, // its bytes are the ones that were opened, its name leads to another file now
    INPUT_GONE,     // its name leads nowhere
} input_change;

typedef struct input_backend {
    const char *name;
    bool (*is_its)(const char *path); // whether it is for this one to open; the first backend that says so does
    MUST_USE bool (*open)(input **out, const char *path, error *e);
    size_t (*read_at)(input *in, u64 offset, void *into, size_t len, bool *failed); // as input_read
    input_change (*changed)(input *in, u64 *bytes);                                 // NULL: it cannot change
    void (*load)(input *in);                                                        // input_load; NULL: nothing
    bool (*near)(const input *in, const char *root, const char *path, input **out); // input_open_near; NULL: cannot
    // The partitions of the disk it is a file of, and in which it lies, from 0. NULL: in none.
    const struct partition_table *(*partitions)(const input *in, u32 *own);
    void (*close)(input *in); // frees it
} input_backend;

// The part of an input all backends share; a backend's own struct begins with it.
struct input {
    const input_backend *backend;
    char *path;                         // as given; input_finish frees it
    char *computer;                     // the machine it comes from, by the registry that lies with it; NULL: not known
    const struct drive_letters *drives; // of that machine, likewise; another's, who frees them
    char *name;        // how records name it in `source`: the last part of the path, or what input_set_name says
    u64 bytes;         // its size when it was opened
    u64 device, inode; // which file it is, where it is one; both 0: none
    bool is_cut;       // an archive broke off inside it: more of it is lost
    bool is_looked_at; // opened by input_open_to_look, and nothing more
};

// "-" is standard input. False: it cannot be opened, and the sentence says why.
MUST_USE bool input_open(input **out, const char *path, error *e);
// A file of which only some bytes are looked at; before it is read on input_will_read says so (os_on_open).
MUST_USE bool input_open_to_look(input **out, const char *path, error *e);
void input_will_read(input *in);
void input_close(input *in); // NULL is allowed
void input_set_name(input *in, const char *name);
void input_set_computer(input *in, const char *computer);
// As input_backend.partitions. NULL: it is no file of a disk with partitions.
const struct partition_table *input_partitions(const input *in, u32 *own);
// Another file of the same drive: `path` from the drive's root, in any case of letters, with slashes. `root` is how the
// input's own path begins up to there. False: there is none.
MUST_USE bool input_open_near(const input *in, const char *root, const char *path, input **out);

// Up to `len` bytes from `offset`; returns how many could be read. Fewer at the input's end, and where the medium fails
// (*failed).
size_t input_read(const input *in, u64 offset, void *into, size_t len, bool *failed);

const char *input_change_text(input_change change); // a clause after "the file", NULL for INPUT_UNCHANGED

// Reads a small file into memory now, so that all that is read of it from here on are the same bytes, and its
// descriptor is free once no thread reads it. Nothing for other inputs.
void input_load(input *in);

// *bytes is its size now, where it was written to.
input_change input_changed(const input *in, u64 *bytes);

// SHA-256 of all its bytes, read now. False: not all of them could be read.
MUST_USE bool input_sha256(const input *in, u8 digest[SHA256_BYTES], error *e);
MUST_USE bool input_sha256_text(const input *in, char text[SHA256_TEXT], error *e);

// ---------------------------------------------------------------------------------------------- for backends

// Fills what is common. `size` is that of the backend's own struct.
void *input_begin(const input_backend *backend, const char *path, size_t size);
void input_finish(input *in); // frees it

#define BACKEND(name) extern const input_backend input_##name;
#include "input/backends.def"
#undef BACKEND

#endif
