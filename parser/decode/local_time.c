#include "decode/local_time.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

// The length of the word that a name begins with: LocalTime, local_time, TimeLOCAL.
static size_t word_length(const char *name)
{
    size_t len = name[0] != 0;
    if (!isalpha((unsigned char)name[0]))
        return len;
    bool capitals = isupper((unsigned char)name[0]) && isupper((unsigned char)name[1]);
    while (isalpha((unsigned char)name[len]) && (capitals ? isupper : islower)((unsigned char)name[len]))
        len++;
    return len - (capitals && islower((unsigned char)name[len])); // whose capital it is
}

// "Local" beside a word for a time, but for what "FileTime" and "SystemTime" have between them.
bool is_local_time(const char *name)
{
    static const char *const TIMES[] = {"time", "date", "datetime", "filetime", "systemtime", "timestamp"};
    bool local = false, time = false;
    for (size_t len; (len = word_length(name)) != 0; name += len) {
        bool is_local = is_word(name, len, "local"), is_time = false;
        for (u32 i = 0; i < COUNT_OF(TIMES); i++)
            is_time |= is_word(name, len, TIMES[i]);
        if ((is_local && time) || (is_time && local))
            return true;
        bool between = is_word(name, len, "file") || is_word(name, len, "system") || is_word(name, len, "_");
        local = between ? local : is_local;
        time = between ? time : is_time;
    }
    return false;
}
