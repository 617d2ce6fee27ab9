// What a file is that is not a trace, by its first bytes: so that a person knows what to do with it.
#ifndef ETWKIT_INPUT_KINDS_H
#define ETWKIT_INPUT_KINDS_H

#include "input/input.h"

typedef enum input_form {
    FORM_PLAIN,   // its own bytes are all there is
    FORM_ARCHIVE, // or one compressed file: others are inside (archive.h)
    FORM_DISK,    // an image of one, as it is (image.h)
    FORM_EWF,     // likewise, in EnCase's format
    FORM_VIRTUAL, // likewise, of a virtual machine
} input_form;

typedef struct input_kind {
    const char *name;   // "a ZIP archive"
    const char *advice; // what to do with it, a clause; NULL: nothing
    input_form form;
} input_kind;

// NULL: nobody knows.
const input_kind *input_kind_of(const input *in);

// ": it is a ZIP archive; …", or what its first bytes are. Into `text`.
enum { KIND_TEXT = 200 };
const char *input_kind_text(const input *in, char text[KIND_TEXT]);

#endif
