#include "account.h"

#include <stdio.h>
#include <string.h>

#include "etwkit_engine.h"

// With the number of a session behind it.
static const struct {
    const char *begin, *name;
} NUMBERED[] = {
    {"S-1-5-90-0-", "Window Manager\\DWM-"},
    {"S-1-5-90-", "Window Manager\\DWM-"},
    {"S-1-5-96-0-", "Font Driver Host\\UMFD-"},
};

// Accounts every machine and domain has under a SID of its own.
static const struct {
    const char *end, *name;
} LOCAL[] = {
    {"-500", "Administrator"},
    {"-501", "Guest"},
    {"-503", "DefaultAccount"},
};

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), wanted = strlen(end);
    return len >= wanted && strcmp(text + len - wanted, end) == 0;
}

const char *account_name(const char *sid, char scratch[ACCOUNT_NAME])
{
    const char *same = sid_name(sid);
    if (!sid || same)
        return same;
    for (size_t i = 0; i < COUNT_OF(NUMBERED); i++) {
        size_t len = strlen(NUMBERED[i].begin);
        size_t digits = strncmp(sid, NUMBERED[i].begin, len) == 0 ? strspn(sid + len, "0123456789") : 0;
        if (!digits || sid[len + digits])
            continue;
        snprintf(scratch, ACCOUNT_NAME, "%s%.10s", NUMBERED[i].name, sid + len);
        return scratch;
    }
    for (size_t i = 0; i < COUNT_OF(LOCAL); i++)
        if (strncmp(sid, "S-1-5-21-", 9) == 0 && ends_in(sid, LOCAL[i].end))
            return LOCAL[i].name;
    return NULL;
}
