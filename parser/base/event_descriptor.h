// What names an event within its provider.
#ifndef ETWKIT_EVENT_DESCRIPTOR_H
#define ETWKIT_EVENT_DESCRIPTOR_H

#include "base/base.h"

// EVENT_DESCRIPTOR (evntprov.h). Classic events have only version, level and opcode; WPP messages carry their number
// in id.
typedef struct event_descriptor {
    u16 id;
    u8 version, channel, level, opcode;
    u16 task;
    u64 keyword;
} event_descriptor;

#endif
