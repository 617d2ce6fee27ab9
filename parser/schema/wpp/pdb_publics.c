// Layouts: LLVM's "The PDB File Format".
//
// Stream 1, 28 bytes:  0 version  4 signature  8 age  12 GUID
// Stream 3 (DBI), 64 bytes:  20 u16 stream of symbol records  24, 28, 32, 36, 40, 52 bytes of what follows: modules,
// contributions, section map, sources, type servers, edit and continue  48 bytes of the list of streams after those
// That list:  10 u16 stream of section headers (40 bytes each: 12 address)
// S_PUB32:  4 flags (2: a function)  8 offset  12 u16 section, from 1  14 name, NUL-terminated
#include "schema/wpp/pdb_publics.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bisect.h"
#include "base/limits.h"
#include "schema/wpp/pdb_streams.h"

enum { S_PUB32 = 0x110e, PUBLIC_CODE = 1, PUBLIC_FUNCTION = 2, DBI_BYTES = 64, SECTION_BYTES = 40 };

static bool is_identity(pdb_file *pdb, const u64 *starts, const guid *id, error *e)
{
    pages info;
    span bytes;
    if (!pdb_stream_join(pdb, starts, PDB_STREAM_INFO, &info, e))
        return false;
    bool same = span_sub(info.bytes, 12, sizeof(id->bytes), &bytes) && memcmp(bytes.at, id->bytes, bytes.len) == 0;
    pdb_pages_free(&info);
    return same || error_set(e, "program database: it is of another build");
}

// The numbers of the streams with symbol records and section headers.
static bool find_streams(span dbi, u32 *symbols, u32 *sections, error *e)
{
    static const u8 SIZES[] = {24, 28, 32, 36, 40, 52};
    span head, list;
    if (!span_sub(dbi, 0, DBI_BYTES, &head))
        return error_set(e, "program database: its description has %zu bytes", dbi.len);
    u64 at = DBI_BYTES;
    for (size_t i = 0; i < sizeof(SIZES); i++)
        at += load_u32(head.at + SIZES[i]);
    *symbols = load_u16(head.at + 20);
    if (at > dbi.len || !span_sub(dbi, (size_t)at, 12, &list))
        return error_set(e, "program database: its description names no section headers");
    *sections = load_u16(list.at + 10);
    return true;
}

static void add_symbol(public_symbols *out, u32 address, span name)
{
    if (out->names_len + name.len + 1 > LIMIT_SYMBOL_NAMES)
        return;
    while (out->names_len + name.len + 1 > out->names_cap) {
        size_t cap = out->names_cap ? 2 * out->names_cap : 4096;
        out->names = mem_grow(out->names, out->names_len, cap, 1);
        out->names_cap = cap;
    }
    GROW(out->list, out->count, out->cap);
    out->list[out->count++] = (public_symbol){address, (u32)out->names_len};
    memcpy(out->names + out->names_len, name.at, name.len);
    out->names[out->names_len + name.len] = 0;
    out->names_len += name.len + 1;
}

static void read_public(public_symbols *out, span record, span sections)
{
    span head, section;
    if (!span_sub(record, 0, 14, &head) || !(load_u32(head.at + 4) & (PUBLIC_CODE | PUBLIC_FUNCTION)))
        return;
    u32 number = load_u16(head.at + 12);
    if (!number || !span_sub(sections, (size_t)(number - 1) * SECTION_BYTES, SECTION_BYTES, &section))
        return;
    span name = span_from(record, 14);
    const u8 *end = name.len ? memchr(name.at, 0, name.len) : NULL;
    if (end && end != name.at)
        add_symbol(out, load_u32(section.at + 12) + load_u32(head.at + 8), (span){name.at, (size_t)(end - name.at)});
}

static void read_records(public_symbols *out, span records, span sections)
{
    span head, record;
    for (size_t at = 0; span_sub(records, at, 4, &head);) {
        size_t bytes = (size_t)load_u16(head.at) + 2;
        if (bytes < 4 || !span_sub(records, at, bytes, &record))
            return;
        if (load_u16(head.at + 2) == S_PUB32)
            read_public(out, record, sections);
        at += bytes;
    }
}

static int by_address(const void *a, const void *b)
{
    const public_symbol *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

static bool read_streams(pdb_file *pdb, const u64 *starts, public_symbols *out, error *e)
{
    pages dbi = {0}, records = {0}, headers = {0};
    u32 symbols = 0, sections = 0;
    bool ok = pdb_stream_join(pdb, starts, STREAM_DBI, &dbi, e) && find_streams(dbi.bytes, &symbols, &sections, e) &&
              pdb_stream_join(pdb, starts, symbols, &records, e) && pdb_stream_join(pdb, starts, sections, &headers, e);
    if (ok)
        read_records(out, records.bytes, headers.bytes);
    if (out->count)
        qsort(out->list, out->count, sizeof(*out->list), by_address);
    pdb_pages_free(&dbi);
    pdb_pages_free(&records);
    pdb_pages_free(&headers);
    return ok;
}

bool pdb_publics(span file, const guid *id, public_symbols *out, error *e)
{
    pdb_file pdb;
    *out = (public_symbols){0};
    if (!pdb_open(&pdb, file, e))
        return false;
    u64 *starts = pdb_page_starts(&pdb);
    bool ok = is_identity(&pdb, starts, id, e) && read_streams(&pdb, starts, out, e);
    mem_free(starts);
    pdb_pages_free(&pdb.directory);
    if (!ok)
        public_symbols_free(out);
    return ok;
}

void public_symbols_free(public_symbols *s)
{
    mem_free(s->list);
    mem_free(s->names);
    *s = (public_symbols){0};
}

const char *public_symbol_at(const public_symbols *s, u64 address, u64 *offset)
{
    u32 low;
    BISECT(low, 0, s->count, s->list[index_].address <= address);
    if (!low)
        return NULL;
    *offset = address - s->list[low - 1].address;
    return s->names + s->list[low - 1].name;
}
