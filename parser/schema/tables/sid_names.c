#include "schema/tables/sid_names.h"

#include <string.h>

#include "base/text.h"

const char *sid_name(const char *sid)
{
    static const struct {
        const char *sid, *name;
    } NAMES[] = {
#define SID(sid, name) {sid, name},
#include "schema/tables/sid_names.def"
    };
    for (size_t i = 0; sid && i < COUNT_OF(NAMES); i++)
        if (strcmp(sid, NAMES[i].sid) == 0)
            return NAMES[i].name;
    return NULL;
}

const char *sid_name_of(span sid)
{
    u8 text[TEXT_SID_BYTES + 1];
    if (sid.len < 8 || sid.at[1] > 15 || sid.len != 8 + 4u * sid.at[1])
        return NULL;
    *text_sid(text, sid) = 0;
    return sid_name((const char *)text);
}
