#include "detect/libpcre2.h"

#ifdef HAS_LIBPCRE2
#include "base/os.h"

libpcre2_functions libpcre2;

static bool load_functions(void)
{
#ifdef ETWKIT_STATIC
#define TAKE(name) libpcre2.name = name;
    LIBPCRE2_FUNCTIONS(TAKE)
    return true;
#else
    void *library = os_library_open("libpcre2-8.so.0");
    bool all = library != NULL;
#define TAKE(name) all = all && os_library_symbol(library, #name, &libpcre2.name, sizeof(libpcre2.name));
    LIBPCRE2_FUNCTIONS(TAKE)
    return all;
#endif
}

bool libpcre2_is_there(void)
{
    static int state; // 0: not tried, 1: there, -1: not
    if (!state)
        state = load_functions() ? 1 : -1;
    return state == 1;
}

const char *libpcre2_version(void)
{
    static char version[64];
    if (!libpcre2_is_there() || libpcre2.pcre2_config_8(PCRE2_CONFIG_VERSION, NULL) > (int)sizeof(version))
        return NULL;
    libpcre2.pcre2_config_8(PCRE2_CONFIG_VERSION, version);
    return version;
}

#else

const char *libpcre2_version(void)
{
    return NULL;
}

#endif
