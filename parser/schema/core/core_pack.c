#include "schema/core/core_pack.h"

#include <strings.h>

#include "base/bisect.h"
#include "container/xpress_huffman.h"

#ifdef _WIN32
#define CONSTANTS ".section .rdata,\"dr\"\n"
#define HIDDEN(name) ""
#else
#define CONSTANTS ".section .rodata\n"
#define HIDDEN(name) ".hidden " name "\n"
#endif

__asm__(CONSTANTS                                           //
        ".global core_bytes\n" HIDDEN("core_bytes")         //
        ".global core_bytes_end\n" HIDDEN("core_bytes_end") //
        ".balign 16\n"
        "core_bytes: .incbin \"parser/schema/core/core.pack\"\n"
        "core_bytes_end:\n"
        ".text\n");

extern const u8 core_bytes[], core_bytes_end[];

enum { COUNT_AT = 32, ROWS_AT = 36, ROW_BYTES = 32 };

static const u8 *row_at(u32 index)
{
    return core_bytes + ROWS_AT + (size_t)index * ROW_BYTES;
}

u32 core_count(void)
{
    return load_u32(core_bytes + COUNT_AT);
}

const u8 *core_sha256(void)
{
    return core_bytes;
}

core_provider core_at(u32 index)
{
    const u8 *row = row_at(index);
    u32 block = load_u32(row + 20);
    u32 end = index + 1 < core_count() ? load_u32(row + ROW_BYTES + 20) : (u32)(core_bytes_end - core_bytes);
    core_provider p = {.name = (const char *)core_bytes + load_u32(row + 16),
                       .events = load_u32(row + 28),
                       .text_bytes = load_u32(row + 24),
                       .block = {core_bytes + block, end - block}};
    memcpy(p.id.bytes, row, sizeof(p.id.bytes));
    return p;
}

static bool find_row(const guid *id, u32 *index)
{
    u32 count = core_count();
    BISECT(*index, 0, count, memcmp(row_at(index_), id->bytes, sizeof(id->bytes)) < 0);
    return *index < count && memcmp(row_at(*index), id->bytes, sizeof(id->bytes)) == 0;
}

bool core_find(const guid *id, core_provider *out)
{
    u32 index;
    if (!find_row(id, &index))
        return false;
    *out = core_at(index);
    return true;
}

bool core_text(const core_provider *p, char *out)
{
    size_t made = p->text_bytes;
    out[p->text_bytes] = 0;
    if (p->block.len != p->text_bytes)
        return xpress_huffman_inflate_part(p->block, (u8 *)out, p->text_bytes, &made, NULL);
    memcpy(out, p->block.at, p->text_bytes);
    return true;
}

const char *core_provider_name(const guid *id)
{
    core_provider p;
    return core_find(id, &p) ? p.name : NULL;
}

bool core_provider_id(const char *name, guid *out)
{
    for (u32 i = 0; i < core_count(); i++) {
        core_provider p = core_at(i);
        if (strcasecmp(p.name, name) == 0) {
            *out = p.id;
            return true;
        }
    }
    return false;
}
