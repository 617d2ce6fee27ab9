#include "schema/tables/provider_names.h"

#include <stddef.h>
#include <strings.h>

// Places instead of pointers: a table of pointers is written to whenever the program starts, page by page.
static const struct name_texts {
#define PROVIDER(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7, name) char LINE_NAME(n)[sizeof(name)];
#include "schema/tables/provider_names.def"
#undef PROVIDER
} TEXTS = {
#define PROVIDER(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7, name) name,
#include "schema/tables/provider_names.def"
#undef PROVIDER
};

typedef struct provider_name {
    guid id;
    u32 text; // offset in TEXTS
} provider_name;

static const provider_name NAMES[] = {
#define PROVIDER(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7, name)                                                        \
    {GUID_OF(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7), offsetof(struct name_texts, LINE_NAME(n))},
#include "schema/tables/provider_names.def"
#undef PROVIDER
};

static const char *name_at(size_t i)
{
    return (const char *)&TEXTS + NAMES[i].text;
}

// The order of the table: Data1, Data2, Data3 as numbers, then the bytes, which is the order of the text form.
static int guid_order(const guid *a, const guid *b)
{
    u32 x = load_u32(a->bytes), y = load_u32(b->bytes);
    if (x != y)
        return x < y ? -1 : 1;
    for (int at = 4; at <= 6; at += 2) {
        u16 p = load_u16(a->bytes + at), q = load_u16(b->bytes + at);
        if (p != q)
            return p < q ? -1 : 1;
    }
    return memcmp(a->bytes + 8, b->bytes + 8, 8);
}

const char *provider_name_builtin(const guid *id)
{
    size_t low = 0, high = COUNT_OF(NAMES);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = guid_order(&NAMES[mid].id, id);
        if (order == 0)
            return name_at(mid);
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

bool provider_guid_builtin(const char *name, guid *out)
{
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        if (strcasecmp(name_at(i), name) == 0) {
            *out = NAMES[i].id;
            return true;
        }
    }
    return false;
}
