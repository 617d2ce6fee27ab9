// Images for tests of `etwkit carve`: noise and traces placed in it, a run over them, and what it found.
#ifndef ETWKIT_TESTS_CARVE_IMAGE_H
#define ETWKIT_TESTS_CARVE_IMAGE_H

#include <cjson/cJSON.h>

#include "program.h"

typedef struct image {
    program p;
    outbuf bytes;
    cJSON *json; // carve.json of the last run
} image;

int image_setup(void **state);
int image_teardown(void **state);

void noise(image *m, size_t len);                      // the same in every run
size_t place(image *m, const void *bytes, size_t len); // returns where
void build(const char *text, outbuf *trace);           // etl_text.h
int carve(image *m);                                   // the program's exit code; files are in "{}/found"

int sessions(const image *m);
const cJSON *session_at(const image *m, int index);
u32 buffers_in(const image *m, int index);
double number(const cJSON *of, const char *name);
const char *text_of(const cJSON *of, const char *name);
bool says(const image *m, const char *text); // on stderr

void check_file(image *m, const char *name, const void *want, size_t len);
// Records of the session's file whose line has this text in it.
u32 records_with(image *m, int index, const char *text);
u32 records_in_all(image *m, const char *text);

#endif
