// Names of well-known providers, so that an event without a schema can still be told apart. Facts only: a name says
// nothing about the layout of events.
#ifndef ETWKIT_PROVIDER_NAMES_H
#define ETWKIT_PROVIDER_NAMES_H

#include "base/guid.h"

const char *provider_name_builtin(const guid *id); // NULL: not known
// The reverse, case ignored; false: not known.
MUST_USE bool provider_guid_builtin(const char *name, guid *out);

#endif
