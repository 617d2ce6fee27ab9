// Hook ids: how kernel records name their event class. group << 8 | type, in SYSTEM, COMPACT and PERFINFO headers.
#ifndef ETWKIT_HOOK_H
#define ETWKIT_HOOK_H

#include "base/guid.h"

// The class GUID a consumer sees for a hook id; all zero for groups nobody has named. Hook 0x030a (an image load logged
// in the process group) belongs to the Image class.
const guid *hook_class(u16 hook);

#endif
