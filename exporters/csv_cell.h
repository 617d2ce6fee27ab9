// CSV cells after RFC 4180: quoted where a reader would otherwise see something else.
//
// A cell is written as plain text at the end of a buffer and then closed, which quotes it in place where it must be.
#ifndef ETWKIT_CSV_CELL_H
#define ETWKIT_CSV_CELL_H

#include "base/outbuf.h"

// Closes the cell whose text stands from `start` to the end of the buffer. Quoted: a comma, quote, CR or LF anywhere, a
// blank or tab at either end (libcsv strips those of unquoted cells), and the empty text, so that it differs from no
// value. With `guard` a text that a spreadsheet would take for a formula gets an apostrophe in front: one that begins
// with = + - @ (full-width ones too, blanks before it or not) and is no number, or with a tab or a line break.
void csv_cell_close(outbuf *b, size_t start, bool guard);

// The same for a cell that is a JSON object or array: always quoted but for "{}" and "[]".
void csv_cell_close_json(outbuf *b, size_t start);

// A whole cell of a C string (made valid UTF-8); NULL is the empty cell.
void csv_cell_text(outbuf *b, const char *text, bool guard);

// Before a cell is closed, for readers that cannot have a line break in one: CR LF, CR and LF each become a blank.
void csv_cell_one_line(outbuf *b, size_t start);

#endif
