// Accounts, groups and labels whose SIDs are the same on every machine (sid_names.def).
#ifndef ETWKIT_SID_NAMES_H
#define ETWKIT_SID_NAMES_H

#include "base/span.h"

// "S-1-5-18": "NT AUTHORITY\\SYSTEM". Static text; NULL: it has no name here. NULL is allowed.
const char *sid_name(const char *sid);
// The same of the binary form.
const char *sid_name_of(span sid);

#endif
