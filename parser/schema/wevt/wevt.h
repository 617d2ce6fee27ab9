// Compiled manifests: the WEVT_TEMPLATE resource mc.exe puts into a PE file ("CRIM" blocks, versions 3.1 and 5.1).
//
// What they hold and what they do not: event descriptors, templates, maps, and the names of levels, tasks, opcodes,
// channels and keywords are there; every text shown to people is a message id, whose message stands in the message
// table of the same file or of its .mui file. Without messages the events decode all the same, with symbolic names and
// numbers in place of map texts. The provider's name is there since version 5.1 only (PRVA block); before that it is
// taken from its channels ("Name/Operational") or from its message, where that is one word.
#ifndef ETWKIT_WEVT_H
#define ETWKIT_WEVT_H

#include "schema/model/schema.h"

// `recognise` accepts PE files that have resources at all, and bare "CRIM" blocks. `load` is wevt_load_with_messages
// without a second file.
extern const schema_source schema_source_wevt;

// Whether a file holds compiled manifests. Touches its headers and the resource root only, so that a walk over
// system32 can pass over the rest of the files without reading them.
MUST_USE bool wevt_present(span bytes);

// Adds every provider of a PE file (or bare CRIM block) to the set. `mui` is the bytes of the language file beside it,
// or empty; its messages serve where the file's own table has none. Nothing of either file is kept. Providers, events
// and maps are counted in `load` (which may be NULL), its file count is the caller's. False: nothing usable, `e` says
// why.
bool wevt_load_with_messages(schema_set *set, span bytes, span mui, const char *path, schema_rank rank,
                             schema_load *load, error *e);

// Parameter messages, which stand for %%1833 and its like in values of a provider's events: those of the file's
// language file, else its own. False: it has none.
bool wevt_load_parameters(schema_set *set, const guid *id, const char *name, span bytes, span mui, const char *path,
                          schema_rank rank, schema_load *load);
// Whether the file's name says that it has them, and for whom.
MUST_USE bool wevt_parameters_known(const char *path);
bool wevt_load_known_parameters(schema_set *set, span bytes, span mui, const char *path, schema_rank rank,
                                schema_load *load);

// Where the language file of a PE file would stand: number 0 is <dir>/en-US/<name>.mui, 1 is <dir>/<name>.mui. False:
// there is no such number, or `capacity` bytes do not hold the path.
MUST_USE bool wevt_mui_path(const char *path, u32 number, char *out, size_t capacity);

#endif
