#include "account.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

// Source: Microsoft Learn, "Well-known SIDs" and "Security identifiers".
static const struct {
    const char *sid, *name;
} ACCOUNTS[] = {
    {"S-1-0-0", "NULL SID"},
    {"S-1-1-0", "Everyone"},
    {"S-1-5-6", "NT AUTHORITY\\SERVICE"},
    {"S-1-5-7", "NT AUTHORITY\\ANONYMOUS LOGON"},
    {"S-1-5-11", "NT AUTHORITY\\Authenticated Users"},
    {"S-1-5-17", "NT AUTHORITY\\IUSR"},
    {"S-1-5-18", "NT AUTHORITY\\SYSTEM"},
    {"S-1-5-19", "NT AUTHORITY\\LOCAL SERVICE"},
    {"S-1-5-20", "NT AUTHORITY\\NETWORK SERVICE"},
    {"S-1-5-32-544", "BUILTIN\\Administrators"},
    {"S-1-5-32-545", "BUILTIN\\Users"},
    {"S-1-5-32-546", "BUILTIN\\Guests"},
};

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
    if (!sid)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(ACCOUNTS); i++)
        if (strcmp(sid, ACCOUNTS[i].sid) == 0)
            return ACCOUNTS[i].name;
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
