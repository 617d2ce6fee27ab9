// An input for a library that opens files by their names.
#ifndef ETWKIT_AS_FILE_H
#define ETWKIT_AS_FILE_H

#include "base/os.h"
#include "input/input.h"

typedef struct as_file {
    char *path;   // for the library
    os_file copy; // a temporary file, where there is one
    bool is_copy;
} as_file;

// The file itself where the input is one, else a copy that lives until as_file_close.
MUST_USE bool as_file_open(as_file *f, const input *in, error *e);
// A copy in any case: for libraries that map what they read, which a failing disk must not see.
MUST_USE bool as_file_copy(as_file *f, const input *in, error *e);
void as_file_close(as_file *f);

#endif
