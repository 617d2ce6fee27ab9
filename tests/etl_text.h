// A trace in words -> the bytes of an .etl file. tests/cases/README.md describes the language.
#ifndef ETWKIT_TESTS_ETL_TEXT_H
#define ETWKIT_TESTS_ETL_TEXT_H

#include "base/error.h"
#include "base/outbuf.h"

// Reads the description up to its end or to the first line that begins with "---", and appends the file's bytes.
// False: *e says which line is wrong and why.
bool etl_text_build(const char *text, size_t len, outbuf *file, error *e);

#endif
