// Kernel events: classes of the "NT Kernel Logger", of ntdll's heap, lock and pool tracing, and of trace merging.
//
// And the classic classes of other Windows components (classic_events.def), which are ORIGIN_BUILTIN.
//
// They come with every Windows and describe themselves in no trace, so the program carries their layouts
// (kernel_events.def). Only classes that somebody asks for are compiled, some microseconds each.
#ifndef ETWKIT_SCHEMA_KERNEL_H
#define ETWKIT_SCHEMA_KERNEL_H

#include "schema/model/schema.h"

// Adds what is known of a class to the set: one provider_schema under the class GUID with all its events, tasks[0] the
// class's name, and in `opcodes` the names of hooks without a layout. To be called once a set and class, as the fetch
// hook of schema_set_fetch does. False: no such class.
bool schema_kernel_fetch(schema_set *set, const guid *class_guid);

// "Process" for 0x03; NULL for groups past the last.
const char *kernel_group_name(u8 group);

// "Process" for 3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c; NULL for GUIDs the table does not have.
const char *kernel_class_name(const guid *class_guid);

// The name of an opcode without a layout, after schema_kernel_fetch of its class; NULL where it has none. Opcodes with
// a layout are named by their event_schema, since names changed with versions.
const char *kernel_opcode_name(const schema_set *set, const guid *class_guid, u8 opcode);

#endif
