#include "schemas/manifest_terms.h"

#include <string.h>

#include "base/limits.h"

bool term_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_taken(const terms *of, const char *name, u32 owner)
{
    for (u32 i = 0; i < of->count; i++)
        if (strcmp(of->items[i].name, name) == 0 &&
            (of->items[i].owner == owner || owner == ALL_TASKS || of->items[i].owner == ALL_TASKS))
            return true;
    return false;
}

term *terms_add(arena *memory, terms *of, u64 value, const char *wanted, const char *shown, u32 owner)
{
    const char *name = wanted;
    for (u32 n = 1; !name || !*name || (is_taken(of, name, owner) && n <= LIMIT_MANIFEST_TERMS); n++)
        name = arena_format(memory, "%s_%llu_%u", of->prefix, (unsigned long long)value, n);
    GROW(of->items, of->count, of->cap);
    of->items[of->count] = (term){.value = value, .name = name, .shown = shown, .owner = owner};
    return &of->items[of->count++];
}

const char *term_word(arena *memory, const char *shown)
{
    char *word = arena_text(memory, strncmp(shown, "win:", 4) == 0 ? shown + 4 : shown);
    for (char *c = word; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')))
            *c = '_';
    return word;
}

static const struct {
    char what;
    u8 value;
    const char *name, *shown;
} BUILTINS[] = {
    {'l', 0, "win:LogAlways", "Log Always"},
    {'l', 1, "win:Critical", "Critical"},
    {'l', 2, "win:Error", "Error"},
    {'l', 3, "win:Warning", "Warning"},
    {'l', 4, "win:Informational", "Information"},
    {'l', 5, "win:Verbose", "Verbose"},
    {'o', 0, "win:Info", "Info"},
    {'o', 1, "win:Start", "Start"},
    {'o', 2, "win:Stop", "Stop"},
    {'o', 3, "win:DC_Start", "DCStart"},
    {'o', 4, "win:DC_Stop", "DCStop"},
    {'o', 5, "win:Extension", "Extension"},
    {'o', 6, "win:Reply", "Reply"},
    {'o', 7, "win:Resume", "Resume"},
    {'o', 8, "win:Suspend", "Suspend"},
    {'o', 9, "win:Send", "Send"},
    {'o', 240, "win:Receive", "Receive"},
};

const char *term_builtin(char what, u64 value, const char *shown)
{
    for (size_t i = 0; shown && i < COUNT_OF(BUILTINS); i++)
        if (BUILTINS[i].what == what && BUILTINS[i].value == value && strcmp(BUILTINS[i].shown, shown) == 0)
            return BUILTINS[i].name;
    return NULL;
}

bool term_is_builtin_keyword(const char *name, u64 mask)
{
    static const char *const NAMES[] = {
        "win:ResponseTime", "win:WDIContext",   "win:WDIDiag",         "win:SQM",
        "win:AuditFailure", "win:AuditSuccess", "win:CorrelationHint", "win:EventlogClassic"};
    for (u32 i = 0; name && i < COUNT_OF(NAMES); i++)
        if (mask == 1ull << (48 + i) && strcmp(name, NAMES[i]) == 0)
            return true;
    return false;
}
