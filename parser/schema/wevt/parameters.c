// Parameter messages: texts that stand for %%1833 and its like in the values of a provider's events. Windows keeps them
// in message tables of files of their own and replaces the numbers where it shows an event.
#include "base/limits.h"
#include "base/text.h"
#include "schema/wevt/pe.h"
#include "schema/wevt/wevt.h"

// Files whose use is known without a registry.
static const struct {
    const char *file, *name;
    guid provider;
} FILES[] = {
    {"msobjs.dll", "Microsoft-Windows-Security-Auditing",
     GUID_OF(0x54849625, 0x5478, 0x4994, 0xa5, 0xba, 0x3e, 0x3b, 0x03, 0x28, 0xc3, 0x0d)},
};

static bool is_file(const char *path, const char *name)
{
    span file = text_span(path);
    if (text_ends_in(file, ".mui"))
        file.len -= 4;
    return text_ends_in(file, name) && (file.len == strlen(name) || strchr("/\\!", path[file.len - strlen(name) - 1]));
}

bool wevt_parameters_known(const char *path)
{
    for (u32 i = 0; i < COUNT_OF(FILES); i++)
        if (is_file(path, FILES[i].file))
            return true;
    return false;
}

// NULL: empty, or longer than what is put in place of a number.
static const char *text_of(arena *a, span text, u16 flags)
{
    if (text.len > LIMIT_PARAMETER_BYTES)
        return NULL;
    if (flags == 1)
        utf16_length(text, &text.len);
    else
        ansi_length(text, &text.len);
    u8 *begin = arena_take(a, text.len * 3 + 1);
    u8 *end = flags == 1 ? text_utf16(begin, text) : flags == 2 ? text_utf8(begin, text) : text_ansi(begin, text);
    while (end > begin && strchr("\r\n\t ", end[-1]))
        end--;
    *end = 0;
    return end > begin ? (const char *)begin : NULL;
}

static u32 entries_of(arena *a, span file, map_entry **out)
{
    pe_messages m;
    u32 count = 0;
    wevt_messages_open(file, &m);
    *out = arena_array(a, map_entry, m.count);
    for (u32 i = 0; i < m.count; i++) {
        u16 flags;
        span text;
        const char *found = pe_messages_find(&m, m.items[i].id, &flags, &text) ? text_of(a, text, flags) : NULL;
        if (found)
            (*out)[count++] = (map_entry){m.items[i].id, found};
    }
    pe_messages_close(&m);
    return count;
}

bool wevt_load_parameters(schema_set *set, const guid *id, const char *name, span bytes, span mui, const char *path,
                          schema_rank rank, schema_load *load)
{
    map_entry *entries = NULL;
    u32 count = mui.len ? entries_of(schema_arena(set), mui, &entries) : 0;
    if (!count)
        count = entries_of(schema_arena(set), bytes, &entries);
    if (!count)
        return false;
    provider_schema *p = schema_add_provider(set, id, name, ORIGIN_WEVT, rank, path);
    schema_add_map(p, SCHEMA_PARAMETERS, false, entries, count);
    if (load)
        load->maps++;
    return true;
}

bool wevt_load_known_parameters(schema_set *set, span bytes, span mui, const char *path, schema_rank rank,
                                schema_load *load)
{
    bool loaded = false;
    for (u32 i = 0; i < COUNT_OF(FILES); i++)
        if (is_file(path, FILES[i].file))
            loaded |= wevt_load_parameters(set, &FILES[i].provider, FILES[i].name, bytes, mui, path, rank, load);
    return loaded;
}
