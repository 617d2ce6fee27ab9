// The allocator of a test program that is linked with WRAP_ALLOC (Makefile): any of its calls can be made to fail.
#ifndef ETWKIT_TESTS_ALLOC_FAIL_H
#define ETWKIT_TESTS_ALLOC_FAIL_H

#include "base/base.h"

// From here on the n-th call (1, 2, …) of malloc, calloc and realloc gets nothing, the others work. 0: none fails.
void alloc_fail_at(u64 n);
u64 alloc_calls(void);   // since alloc_fail_at
bool alloc_failed(void); // whether that call came

#endif
