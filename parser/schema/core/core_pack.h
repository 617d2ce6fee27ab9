// The core as it is embedded in the program: what public sources know of the providers Windows registers.
//
// core.pack holds, for each provider, its text (schema_core.h says in which form). It is made by make_core.py and
// pack_core.py; the same sources give the same bytes. It is a packed file because the text has 6 MB; `etwkit schemas
// show --core` prints that. Integers are little-endian:
//
//   u8[32]  SHA-256 of the texts of all providers, one after the other
//   u32     number of providers, then for each, in the order of the GUIDs' bytes:
//             guid, u32 place of the name, u32 place of the block, u32 bytes of the text, u32 number of events
//   names, each with a NUL
//   blocks, in the order of the providers, each up to the next: the text compressed with XPRESS Huffman, or the text
//   itself where that has as many bytes
#ifndef ETWKIT_CORE_PACK_H
#define ETWKIT_CORE_PACK_H

#include "base/guid.h"
#include "base/span.h"

typedef struct core_provider {
    guid id;
    const char *name;
    u32 events; // descriptions of events; 0: only the name is known
    u32 text_bytes;
    span block;
} core_provider;

u32 core_count(void);
core_provider core_at(u32 index);
MUST_USE bool core_find(const guid *id, core_provider *out); // false: not there
// Writes the text and a NUL. False: the block is damaged.
MUST_USE bool core_text(const core_provider *p, char *out);
const u8 *core_sha256(void); // of the text of all

const char *core_provider_name(const guid *id); // NULL: not known
// The reverse, case ignored; false: not known.
MUST_USE bool core_provider_id(const char *name, guid *out);

#endif
