#include "detect/libyaml.h"

#ifdef HAS_LIBYAML
#include "base/os.h"

libyaml_functions libyaml;

static bool load_functions(void)
{
#ifdef ETWKIT_STATIC
#define TAKE(name) libyaml.name = name;
    LIBYAML_FUNCTIONS(TAKE)
    return true;
#else
    void *library = os_library_open("libyaml-0.so.2");
    bool all = library != NULL;
#define TAKE(name) all = all && os_library_symbol(library, #name, &libyaml.name, sizeof(libyaml.name));
    LIBYAML_FUNCTIONS(TAKE)
    return all;
#endif
}

bool libyaml_is_there(void)
{
    static int state; // 0: not tried, 1: there, -1: not
    if (!state)
        state = load_functions() ? 1 : -1;
    return state == 1;
}

const char *libyaml_version(void)
{
    return libyaml_is_there() ? libyaml.yaml_get_version_string() : NULL;
}

#else

const char *libyaml_version(void)
{
    return NULL;
}

#endif
