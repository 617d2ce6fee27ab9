#include "input/libtsk.h"

#if defined(HAS_LIBTSK) || defined(HAS_LIBEWF)
#include <pthread.h>

#include "base/os.h"
#endif

#ifdef HAS_LIBTSK

libtsk_functions libtsk;
static bool tsk_is_there;

static void load_tsk(void)
{
#ifdef ETWKIT_STATIC
#define TAKE(name) libtsk.name = name;
    LIBTSK_FUNCTIONS(TAKE)
#undef TAKE
    tsk_is_there = true;
#else
    void *library = os_library_open("libtsk.so.19");
    tsk_is_there = library != NULL;
#define TAKE(name) tsk_is_there = tsk_is_there && os_library_symbol(library, #name, &libtsk.name, sizeof(libtsk.name));
    LIBTSK_FUNCTIONS(TAKE)
#undef TAKE
#endif
}

bool libtsk_is_there(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_tsk);
    return tsk_is_there;
}

const char *libtsk_version(void)
{
    return libtsk_is_there() ? libtsk.tsk_version_get_str() : NULL;
}

#else

const char *libtsk_version(void)
{
    return NULL;
}

#endif

#ifdef HAS_LIBEWF

libewf_functions libewf;
static bool ewf_is_there;

static void load_ewf(void)
{
#ifdef ETWKIT_STATIC
#define TAKE(name) libewf.name = name;
    LIBEWF_FUNCTIONS(TAKE)
#undef TAKE
    ewf_is_there = true;
#else
    void *library = os_library_open("libewf.so.2");
    ewf_is_there = library != NULL;
#define TAKE(name) ewf_is_there = ewf_is_there && os_library_symbol(library, #name, &libewf.name, sizeof(libewf.name));
    LIBEWF_FUNCTIONS(TAKE)
#undef TAKE
#endif
}

bool libewf_is_there(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_ewf);
    return ewf_is_there;
}

const char *libewf_version(void)
{
    return libewf_is_there() ? libewf.libewf_get_version() : NULL;
}

#else

const char *libewf_version(void)
{
    return NULL;
}

#endif
