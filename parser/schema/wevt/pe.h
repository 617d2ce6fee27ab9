// PE files as far as schemas need them: sections, the resource tree, the message table, the version number.
//
// PE32, PE32+ and every machine are read alike; a `.mui` file is a PE file that holds nothing but resources. All spans
// handed out lie inside the bytes given to pe_open and live as long as they do. A file without resources costs its
// headers and nothing else, one without a wanted resource additionally the resource root. Layouts: "PE Format",
// learn.microsoft.com; message tables: MESSAGE_RESOURCE_DATA of winnt.h.
#ifndef ETWKIT_PE_H
#define ETWKIT_PE_H

#include "base/error.h"
#include "base/span.h"

typedef struct pe_file {
    span bytes;
    span sections; // the section table, 40 bytes each
    u32 section_count;
    u32 headers_size;                  // addresses below stand at the same offset in the file
    u32 resources_rva, resources_size; // 0: has none
    u16 machine;                       // IMAGE_FILE_MACHINE_x, 0x14c, 0x8664, 0xaa64 …
    bool is_64_bit;                    // PE32+
} pe_file;

// Reads headers only. `bytes` may be the beginning of a file, as long as it holds the headers.
MUST_USE bool pe_open(span bytes, pe_file *pe, error *e);

// The len bytes at an address, where one section holds them all in the file.
MUST_USE bool pe_at(const pe_file *pe, u32 rva, u32 len, span *out);

enum { PE_TYPE_MESSAGETABLE = 11, PE_TYPE_VERSION = 16 };

typedef struct pe_resource {
    u32 id;       // 0: named, not numbered
    u16 language; // LANGID, 0 = neutral
    span data;
} pe_resource;

// The resources of a type, given by name (ASCII, case ignored) or, where name is NULL, by number. Returns how many of
// `capacity` were filled. Damaged entries (loops, addresses outside the file) are left out.
u32 pe_resources(const pe_file *pe, const char *name, u16 number, pe_resource *out, u32 capacity);

// One of several languages: en-US, else neutral, else the first. Only resources with this id are looked at. NULL: none.
const pe_resource *pe_resource_choose(const pe_resource *resources, u32 count, u32 id);

// FileVersion of VS_FIXEDFILEINFO as major, minor, build, revision. False: the file has none.
MUST_USE bool pe_version(const pe_file *pe, u16 version[4]);

// The messages of a message table by id. What lies outside the table is left out; of equal ids the first counts.
typedef struct pe_message {
    u32 id, at; // at: offset of the entry in the table
} pe_message;

typedef struct pe_messages {
    span table;
    pe_message *items; // heap, ordered by id
    u32 count;
} pe_messages;

void pe_messages_open(pe_messages *m, span table); // an empty table is a valid one without messages
void pe_messages_close(pe_messages *m);
void wevt_messages_open(span file, pe_messages *m); // those of a PE file; none where it has none

// The text with its closing line feed and padding. flags: 0 ANSI, 1 UTF-16, 2 UTF-8. False: not in the table.
MUST_USE bool pe_messages_find(const pe_messages *m, u32 id, u16 *flags, span *text);

#endif
