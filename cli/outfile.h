// How every file of this program comes into being.
//
// A file appears whole or not at all. It is written under a random name in the folder of its final one, through the
// descriptor it was made with, and renamed when it is complete and on the disk; where several belong together, all are
// renamed or none. A link's file is replaced, not the link. What exists and is not a file (a pipe, a device) is written
// in place. Nobody wished for a name that the program made up: a link that has it is replaced itself, if that is
// forced. What the run reads is never replaced or written to (guard.h), nor is a file that is not an earlier output of
// the same kind, unless that is forced: both are judged when the output begins and when it takes its place. A replaced
// file leaves its mode to the new one.
#ifndef ETWKIT_OUTFILE_H
#define ETWKIT_OUTFILE_H

#include <sys/types.h>

#include "base/os.h"
#include "base/sha256.h"

typedef struct outfile_request {
    const char *path;                  // NULL or "-": standard output
    const char *what;                  // "a report": what an existing file has to be
    bool (*is_own)(span head, int fd); // whether it is, by its first bytes (at most OUTFILE_HEAD); NULL: it never is
    bool is_compressed;                // those bytes are to be expanded before
    bool force;                        // any file may be replaced
    bool needs_file;                   // cannot be written in place
    bool shared;                       // not evidence: who may read it is the umask's business
    bool made_up;                      // the program's own name for it, in a folder that was given
    bool updates;                      // the run reads the file it replaces: the schema cache
    bool unsynced;                     // can be made again: need not be on the disk
} outfile_request;

enum { OUTFILE_HEAD = 64 << 10, OUTFILE_PART = 128 };

typedef struct outfile_folder {
    struct outfile_folder *next; // in the list of those in use
    int fd;
    os_identity id;
    u32 users;
    bool can_sync;
} outfile_folder;

typedef struct outfile {
    struct outfile *next;                         // unfinished, guard.h
    outfile_request request;                      // its texts are the caller's until commit or abandon
    const char *path;                             // as given, for sentences; the caller's
    int fd;                                       // to be written to; that of a file can also be read. -1 once sealed
    outfile_folder *folder;                       // NULL: written in place
    char *name;                                   // in the folder
    char part[OUTFILE_PART], saved[OUTFILE_PART]; // "": there is none
    bool exists;
    bool sealed;
    bool refused;    // begin failed for what the command line asks, not for what the system says
    bool overtaken;  // commit failed since another run has replaced the file that is updated
    os_identity old; // where it exists
    off_t bytes;     // once sealed
    mode_t mode;
    uid_t user;
    gid_t group;
} outfile;

// False: nothing can be made there, and why. The struct must stay where it is until commit or abandon.
MUST_USE bool outfile_begin(outfile *f, const outfile_request *request, error *e);
// A file that nobody but this process ever sees and that goes with its descriptor; `path` is for sentences.
MUST_USE bool outfile_scratch(outfile *f, const char *path, error *e);
MUST_USE bool outfile_write(outfile *f, span bytes, error *e);
MUST_USE bool outfile_text(outfile *f, const char *text, error *e);
// Of all that was written to a file.
MUST_USE bool outfile_sha256(const outfile *f, char text[SHA256_TEXT], u64 *bytes, error *e);
// Complete: brings it to the disk and gives its descriptor back. Commit does that for those that are not.
MUST_USE bool outfile_seal(outfile *f, error *e);
// All of them into their places, in this order; or none, and they are abandoned.
MUST_USE bool outfile_commit(outfile *const *files, u32 count, error *e);
// Removes what is unfinished; nothing where it never began, or was committed.
void outfile_abandon(outfile *f);

// The folder a file of this path is made in, to be read or locked, never written to; -1: there is none.
int outfile_folder_of(const char *path);

// The reader of this pipe has gone away, which is no failure to speak of.
bool outfile_reader_left(int fd);

#endif
