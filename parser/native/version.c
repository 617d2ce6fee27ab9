#include "etwkit.h"

const char *etwkit_version(void)
{
    return ETWKIT_VERSION;
}
