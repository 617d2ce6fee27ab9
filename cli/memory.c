#include "memory.h"

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "guard.h"
#include "options.h"
#include "print.h"

// The first thread that comes here ends the process, for all.
static _Noreturn void out_of_memory(size_t bytes)
{
    static atomic_flag ended = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&ended))
        pause();
    guard_clean_up();
    print_release();
    if (bytes)
        fprintf(stderr, "etwkit: out of memory allocating %zu bytes\n", bytes);
    else
        fputs("etwkit: out of memory\n", stderr);
    _exit(EXIT_FAILED);
}

void memory_begin(void)
{
    // cJSON leaves out what it has no memory for, and few ask whether it did: its memory is ours.
    static cJSON_Hooks hooks = {mem_alloc, mem_free};
    mem_exhausted = out_of_memory;
    cJSON_InitHooks(&hooks);
}
