// Archives and compressed files, read by libarchive: zip, 7z, cab, tar, rar, and gz, xz, zst, bz2, lz4 of one file.
//
// libarchive is loaded when the first archive is met, so that a run without one does not pay for it.
#ifndef ETWKIT_ARCHIVE_H
#define ETWKIT_ARCHIVE_H

#include "input/input.h"

typedef struct archive_visitor {
    void *context;
    // Whether to go on with a member, of whose bytes `head` has the first (at most ARCHIVE_HEAD); only members that are
    // files are asked about.
    bool (*wants)(void *context, const input *head);
    // A member that was wanted, whole, or as much as could be read of it (input.cut). It is the callee's. False ends
    // it.
    bool (*member)(void *context, input *in);
    // A member, or all of the archive, that cannot be read.
    bool (*failed)(void *context, const char *path, const error *e);
    // A member that has no bytes of its own: a link to the member before it whose path is `target`, or (NULL) what is
    // neither a file nor that. NULL: nobody asks.
    bool (*linked)(void *context, const char *path, const char *target);
} archive_visitor;

enum { ARCHIVE_HEAD = 64 << 10 };

// Members are named PATH!/MEMBER, the one file of a compressed one PATH; the second of a name, say a.etl, is a (2).etl.
// False: the visitor ended it.
bool archive_each(const input *in, const archive_visitor *v);

#endif
