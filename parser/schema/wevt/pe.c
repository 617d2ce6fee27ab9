// PE headers, sections and resources, read as hostile bytes: every address and length is compared with what the file
// holds before it is used. Knows nothing of schemas; schema_wevt.c is its only user.
//
// IMAGE_DOS_HEADER:  0 "MZ"  60 offset of "PE\0\0"
// IMAGE_FILE_HEADER (after the signature):  0 Machine  2 NumberOfSections  16 SizeOfOptionalHeader
// IMAGE_OPTIONAL_HEADER:  0 Magic (0x10b PE32, 0x20b PE32+)  60 SizeOfHeaders  92 or 108 NumberOfRvaAndSizes, then the
//     data directories of {RVA, size}; number 2 is the resources
// IMAGE_SECTION_HEADER (40):  8 VirtualSize  12 VirtualAddress  16 SizeOfRawData  20 PointerToRawData
// IMAGE_RESOURCE_DIRECTORY (16):  12 named entries  14 numbered entries, then {name or id, offset} each
// IMAGE_RESOURCE_DATA_ENTRY (16):  0 RVA  4 size
#include "schema/wevt/pe.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bisect.h"
#include "base/limits.h"

enum {
    RESOURCE_TOP_BIT = 31,
    LANGUAGE_EN_US = 1033,
    MESSAGE_BLOCK_BYTES = 12,
};

bool pe_open(span bytes, pe_file *pe, error *e)
{
    span head, body;
    *pe = (pe_file){.bytes = bytes};
    if (!span_sub(bytes, 0, 64, &head) || load_u16(head.at) != 0x5a4d)
        return error_set(e, "no PE file: it does not begin with MZ and a DOS header");
    u32 claimed_at = load_u32(head.at + 60);
    if (!span_sub(bytes, claimed_at, 24, &head) || load_u32(head.at) != 0x4550)
        return error_set(e, "no PE file: no PE signature at 0x%x", claimed_at);
    pe->machine = load_u16(head.at + 4);
    u32 claimed_sections = load_u16(head.at + 6), claimed_optional = load_u16(head.at + 20);
    size_t optional_at = (size_t)claimed_at + 24;
    if (!span_sub(bytes, optional_at, claimed_optional, &body) || body.len < 96)
        return error_set(e, "PE file: the optional header claims %u bytes at 0x%zx, the file has %zu", claimed_optional,
                         optional_at, bytes.len);
    u16 magic = load_u16(body.at);
    if (magic != 0x10b && magic != 0x20b)
        return error_set(e, "PE file: optional header magic 0x%x is neither PE32 nor PE32+", magic);
    pe->is_64_bit = magic == 0x20b;
    pe->headers_size = load_u32(body.at + 60);
    if (claimed_sections > LIMIT_PE_SECTIONS ||
        !span_sub(bytes, optional_at + claimed_optional, (size_t)claimed_sections * 40, &pe->sections))
        return error_set(e, "PE file: %u sections are claimed, the file ends before their table does",
                         claimed_sections);
    pe->section_count = claimed_sections;
    size_t directories = pe->is_64_bit ? 112 : 96;
    span entry;
    if (body.len >= directories && load_u32(body.at + directories - 4) > 2 &&
        span_sub(body, directories + 16, 8, &entry)) {
        pe->resources_rva = load_u32(entry.at);
        pe->resources_size = pe->resources_rva ? load_u32(entry.at + 4) : 0;
    }
    return true;
}

// Everything the file holds of the section (or the headers) from an address on.
static bool bytes_from(const pe_file *pe, u32 rva, span *out)
{
    for (u32 i = 0; i < pe->section_count; i++) {
        const u8 *section = pe->sections.at + (size_t)i * 40;
        u32 size = load_u32(section + 8), start = load_u32(section + 12);
        u32 raw = load_u32(section + 16), offset = load_u32(section + 20);
        if (size && size < raw)
            raw = size; // what the file holds beyond is alignment
        if (rva < start || rva - start >= raw || offset > pe->bytes.len)
            continue;
        size_t there = pe->bytes.len - offset < raw ? pe->bytes.len - offset : raw; // a cut file ends early
        *out = span_from((span){pe->bytes.at + offset, there}, rva - start);
        return out->len != 0;
    }
    if (rva >= pe->headers_size || rva >= pe->bytes.len)
        return false;
    size_t headers = pe->headers_size < pe->bytes.len ? pe->headers_size : pe->bytes.len;
    *out = (span){pe->bytes.at + rva, headers - rva};
    return true;
}

bool pe_at(const pe_file *pe, u32 rva, u32 len, span *out)
{
    span rest;
    return bytes_from(pe, rva, &rest) && span_sub(rest, 0, len, out);
}

// ---------------------------------------------------------------------------------------------- the resource tree

// One walk: the tree's bytes and how many entries it may still look at.
typedef struct resource_walk {
    const pe_file *pe;
    span tree;
    u32 budget;
    pe_resource *out;
    u32 count, capacity;
} resource_walk;

// The entries of a directory; *count is what is both claimed and there. Spends the budget.
static bool directory_entries(resource_walk *w, u32 offset, span *entries, u32 *count)
{
    span head;
    if (!span_sub(w->tree, offset, 16, &head))
        return false;
    u32 claimed = (u32)load_u16(head.at + 12) + load_u16(head.at + 14);
    span rest = span_from(w->tree, (size_t)offset + 16);
    if (claimed > rest.len / 8)
        claimed = (u32)(rest.len / 8);
    if (claimed > w->budget)
        claimed = w->budget;
    w->budget -= claimed;
    *entries = rest;
    *count = claimed;
    return true;
}

static bool is_directory(u32 offset, u32 *at)
{
    *at = offset & 0x7fffffffu;
    return offset >> RESOURCE_TOP_BIT;
}

static u32 lower(u32 c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool name_is(span tree, u32 name, const char *wanted)
{
    span text;
    u32 at = name & 0x7fffffffu;
    size_t len = strlen(wanted);
    if (!(name >> RESOURCE_TOP_BIT) || !span_sub(tree, at, 2, &text) || load_u16(text.at) != len ||
        !span_sub(tree, (size_t)at + 2, len * 2, &text))
        return false;
    for (size_t i = 0; i < len; i++)
        if (lower(load_u16(text.at + i * 2)) != lower((u8)wanted[i]))
            return false;
    return true;
}

static void add_data(resource_walk *w, u32 id, u32 language, u32 offset)
{
    span entry, data;
    if (w->count >= w->capacity || !span_sub(w->tree, offset, 16, &entry) || !load_u32(entry.at + 4) ||
        !pe_at(w->pe, load_u32(entry.at), load_u32(entry.at + 4), &data))
        return;
    w->out[w->count++] = (pe_resource){id, (u16)language, data};
}

static void walk_languages(resource_walk *w, u32 id, u32 offset)
{
    span entries;
    u32 count, at;
    if (!directory_entries(w, offset, &entries, &count))
        return;
    for (u32 i = 0; i < count && w->count < w->capacity; i++) {
        u32 language = load_u32(entries.at + (size_t)i * 8);
        if (!is_directory(load_u32(entries.at + (size_t)i * 8 + 4), &at))
            add_data(w, id, language >> RESOURCE_TOP_BIT ? 0 : language, at);
    }
}

// The tree has three levels: type, id, language. Deeper directories are not followed, so it cannot loop.
static void walk_ids(resource_walk *w, u32 offset)
{
    span entries;
    u32 count, at;
    if (!directory_entries(w, offset, &entries, &count))
        return;
    for (u32 i = 0; i < count && w->count < w->capacity; i++) {
        u32 id = load_u32(entries.at + (size_t)i * 8);
        if (is_directory(load_u32(entries.at + (size_t)i * 8 + 4), &at))
            walk_languages(w, id >> RESOURCE_TOP_BIT ? 0 : id, at);
    }
}

u32 pe_resources(const pe_file *pe, const char *name, u16 number, pe_resource *out, u32 capacity)
{
    resource_walk w = {.pe = pe, .budget = LIMIT_PE_RESOURCES, .out = out, .capacity = capacity};
    span entries;
    u32 count, at;
    if (!pe->resources_rva || !bytes_from(pe, pe->resources_rva, &w.tree) ||
        !directory_entries(&w, 0, &entries, &count))
        return 0;
    for (u32 i = 0; i < count; i++) {
        u32 type = load_u32(entries.at + (size_t)i * 8);
        if (name ? !name_is(w.tree, type, name) : type != number)
            continue;
        if (is_directory(load_u32(entries.at + (size_t)i * 8 + 4), &at))
            walk_ids(&w, at);
    }
    return w.count;
}

const pe_resource *pe_resource_choose(const pe_resource *resources, u32 count, u32 id)
{
    const pe_resource *best = NULL;
    for (u32 i = 0; i < count; i++) {
        const pe_resource *r = &resources[i];
        if (r->id != id)
            continue;
        if (r->language == LANGUAGE_EN_US)
            return r;
        if (!best || (r->language == 0 && best->language != 0))
            best = r;
    }
    return best;
}

// ---------------------------------------------------------------------------------------------- version, messages

// VS_VERSIONINFO: 0 length  2 value length  4 type  6 "VS_VERSION_INFO" in UTF-16 with its NUL, padding to 40, then
// VS_FIXEDFILEINFO:  0 signature  8 FileVersionMS  12 FileVersionLS
bool pe_version(const pe_file *pe, u16 version[4])
{
    pe_resource found[8];
    u32 count = pe_resources(pe, NULL, PE_TYPE_VERSION, found, (u32)COUNT_OF(found));
    const pe_resource *r = pe_resource_choose(found, count, 1);
    span fixed;
    if (!r || !span_sub(r->data, 40, 52, &fixed) || load_u32(fixed.at) != 0xfeef04bdu)
        return false;
    version[0] = load_u16(fixed.at + 10);
    version[1] = load_u16(fixed.at + 8);
    version[2] = load_u16(fixed.at + 14);
    version[3] = load_u16(fixed.at + 12);
    return true;
}

static int by_message_id(const void *a, const void *b)
{
    const pe_message *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

// MESSAGE_RESOURCE_DATA: 0 number of blocks, then {low id, high id, offset} each. At the offset stands one entry after
// the other: 0 u16 length including this header  2 u16 flags  4 text.
void pe_messages_open(pe_messages *m, span table)
{
    *m = (pe_messages){.table = table};
    span head;
    if (!span_sub(table, 0, 4, &head))
        return;
    u32 cap = 0, blocks = load_u32(head.at);
    if (blocks > (table.len - 4) / MESSAGE_BLOCK_BYTES)
        blocks = (u32)((table.len - 4) / MESSAGE_BLOCK_BYTES);
    bool sorted = true;
    for (u32 i = 0; i < blocks; i++) {
        const u8 *block = table.at + 4 + (size_t)i * MESSAGE_BLOCK_BYTES;
        u32 id = load_u32(block), last = load_u32(block + 4);
        size_t at = load_u32(block + 8);
        for (; id <= last && m->count < LIMIT_PE_MESSAGES; id++) {
            if (!span_sub(table, at, 4, &head) || load_u16(head.at) < 4 || table.len - at < load_u16(head.at))
                break;
            GROW(m->items, m->count, cap);
            sorted = sorted && (m->count == 0 || m->items[m->count - 1].id < id);
            m->items[m->count++] = (pe_message){id, (u32)at};
            at += load_u16(head.at);
            if (id == UINT32_MAX)
                break;
        }
    }
    if (!sorted)
        qsort(m->items, m->count, sizeof(*m->items), by_message_id);
}

bool pe_messages_find(const pe_messages *m, u32 id, u16 *flags, span *text)
{
    u32 low;
    BISECT(low, 0, m->count, m->items[index_].id < id);
    if (low >= m->count || m->items[low].id != id)
        return false;
    const u8 *entry = m->table.at + m->items[low].at; // proven by pe_messages_open
    *flags = load_u16(entry + 2);
    *text = (span){entry + 4, load_u16(entry) - 4u};
    return true;
}

void pe_messages_close(pe_messages *m)
{
    mem_free(m->items);
    *m = (pe_messages){0};
}
