#include "version.h"

const char *version_commit;
