// Runs the program under test as a user would: arguments in, exit code, stdout and stderr out, all files of a run in
// one folder that goes when the test ends. Environment: ETWKIT names the program (build/etwkit).
#ifndef ETWKIT_TESTS_PROGRAM_H
#define ETWKIT_TESTS_PROGRAM_H

#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/outbuf.h"
#include "base/sanitizer.h"

// Whether the tests are built with a sanitizer, under which programs take several times as long.
#ifdef SANITIZER
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

typedef struct program {
    char folder[64];
    int code;        // of the last run; 128 + N for one that died by signal N
    outbuf out, err; // what it wrote, a NUL after it
    // For the next run, cleared by it:
    const char *stdin_path;  // opened for reading; else there is nothing to read
    const char *stdout_path; // opened for writing instead of being captured
    bool stdout_closed_pipe; // stdout is a pipe nobody reads
    u64 file_limit;          // RLIMIT_FSIZE, 0: none
} program;

void program_begin(program *p);
void program_end(program *p); // removes the folder
// For cmocka: *state is a program, begun and ended.
int program_setup(void **state);
int program_teardown(void **state);
const char *program_path(program *p, const char *name, char scratch[512]); // in the folder
// Arguments up to NULL; "{}" before one is replaced by the folder's path.
int program_run(program *p, const char *const *args);
// Starts it and returns at once; program_wait fills code, out and err.
pid_t program_start(program *p, const char *const *args);
int program_wait(program *p, pid_t child);
u32 program_files(const program *p, const char *name_part); // how many files of the folder have this in their name

// Runs a shell command in the folder, with the paths of administrators' tools; the test fails where it does.
void program_shell(const program *p, const char *command);
bool program_has_tool(const char *tool); // whether such a command could call it

u32 program_lines(const outbuf *text);

void bytes_load(const char *path, outbuf *into); // the test fails where it cannot be read
void bytes_save(const char *path, const void *bytes, size_t len);

#endif
