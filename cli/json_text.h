// Text of any bytes in JSON, which holds UTF-8 only: names of files are what their system lets them be.
#ifndef ETWKIT_JSON_TEXT_H
#define ETWKIT_JSON_TEXT_H

#include <cjson/cJSON.h>

#include "base/base.h"

// A string of the text with what is not UTF-8 replaced. *exact: nothing had to be.
cJSON *json_text(const char *text, bool *exact);
// The bytes of the text, two hexadecimal digits each.
cJSON *json_bytes(const char *text);
// Adds member `name`; where the text is not UTF-8 also `name_bytes`.
void json_add_text(cJSON *to, const char *name, const char *text);

#endif
