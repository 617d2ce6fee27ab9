// `make bless T=name`: writes what a conversion gives into the case that expected something else.
//
// Only what differs is touched: a record keeps the keys the case tells of and gets the values there are now. It is for
// changes that are meant to change many cases; the diff is then to be read as carefully as the code.
#ifndef ETWKIT_TESTS_CASE_BLESS_H
#define ETWKIT_TESTS_CASE_BLESS_H

#include "case_file.h"

// `records` and `info` are what convert -f jsonl and info --json wrote.
bool case_bless(const case_file *c, const char *records, const char *info, int exit_code, error *e);

#endif
