#include "input/libarchive.h"

#ifdef HAS_LIBARCHIVE
#include <pthread.h>

#include "base/os.h"

libarchive_functions libarchive;
static bool is_there;

static void load_functions(void)
{
#ifdef ETWKIT_STATIC
#define TAKE(name) libarchive.name = name;
    LIBARCHIVE_FUNCTIONS(TAKE)
    is_there = true;
#else
    void *library = os_library_open("libarchive.so.13");
    is_there = library != NULL;
#define TAKE(name) is_there = is_there && os_library_symbol(library, #name, &libarchive.name, sizeof(libarchive.name));
    LIBARCHIVE_FUNCTIONS(TAKE)
#endif
}

bool libarchive_is_there(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_functions);
    return is_there;
}

const char *archive_library(void)
{
    return libarchive_is_there() ? libarchive.archive_version_details() : NULL;
}

#else

const char *archive_library(void)
{
    return NULL;
}

#endif
