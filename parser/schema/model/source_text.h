// What every schema source that is a text file needs: its bytes as UTF-8, and the Windows build its path speaks of.
#ifndef ETWKIT_SOURCE_TEXT_H
#define ETWKIT_SOURCE_TEXT_H

#include "base/base.h"
#include "base/span.h"

// UTF-16 (by its byte order mark, or by the zero byte next to an ASCII first character) and Windows-1252 (whatever is
// not valid UTF-8) become UTF-8; a byte order mark is dropped. `utf8` lies in the input or in `owned`.
typedef struct source_text {
    span utf8;
    u8 *owned; // heap or NULL
} source_text;

source_text source_text_of(span bytes);
void source_text_free(source_text *text);

// The same for the head of a file that a source is asked to recognise: plain ASCII letters as they are, the zero bytes
// of UTF-16 left out. Returns the length; capacity is at least head.len.
size_t source_text_head(span head, char *out, size_t capacity);

bool source_path_ends(const char *path, const char *suffix); // letter case ignored
const char *source_path_base(const char *path);              // the file's name, "" for NULL

// The build a folder or file name states ("Win10-18990", "Windows 7 (7601)", "10.0.19041", "build 22631"), the part
// nearest to the file winning; 0 where none does. Numbers of four digits count only where Windows had such a build.
u32 source_os_build(const char *path);

#endif
