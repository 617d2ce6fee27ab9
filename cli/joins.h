// How far facts were joined: which inputs are of one host, and how sure what was joined is. For provenance and info.
#ifndef ETWKIT_JOINS_H
#define ETWKIT_JOINS_H

#include <cjson/cJSON.h>

#include "evidence.h"

// Adds members "hosts", "host_notes" and "joins" to a provenance file.
void joins_add(cJSON *root, const evidence *ev);
// What is not sure about hosts, a line each on stderr.
void joins_say(const evidence *ev);

#endif
