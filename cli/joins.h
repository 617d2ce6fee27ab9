// How far facts were joined: which inputs are of one host, and how sure what was joined is. For provenance and info.
#ifndef ETWKIT_JOINS_H
#define ETWKIT_JOINS_H

#include <cjson/cJSON.h>

#include "evidence.h"

// Adds members "hosts", "host_notes" and "joins" to a provenance file.
void joins_add(cJSON *root, const evidence *ev);
// Adds member "host_notes": what is not sure about hosts, and that nothing is joined for it.
void joins_add_notes(cJSON *root, const host_map *hosts);
// The same, a line each on stderr.
void joins_say(const evidence *ev);

#endif
