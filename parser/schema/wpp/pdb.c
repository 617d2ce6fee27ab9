// A program database is a file of pages with streams scattered over them. Each stream needed is put together in memory
// (or used in place, where its pages follow each other), one at a time. Page numbers, sizes and counts are claims: they
// are compared with the file, and all streams together may not hold more bytes than a file with distinct pages could.
//
// Superblock:   0 signature (32)  32 page size  36 free map  40 pages  44 bytes of the directory  52 page of its page
// list Directory:    0 number of streams, then their sizes (0xffffffff: none), then the page numbers of each in turn
// Stream 3 (DBI), 64 bytes:  0 -1  4 version  24 bytes of module descriptions, which follow the header
// Module:       34 u16 stream (0xffff: none)  36 bytes of symbols  64 name, object file (NUL-terminated), padding to 4
// Module stream: 0 signature (4), then records {u16 length without itself, u16 kind, …}
// S_ANNOTATION: 4 offset  8 u16 segment  10 u16 strings  12 the strings
// S_xPROC32:    4 parent  8 offset of its end record in the stream  39 name
#include "schema/wpp/pdb.h"

#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "schema/wpp/pdb_streams.h"

enum {
    S_ANNOTATION = 0x1019,
    S_LPROC32 = 0x110f,
    S_GPROC32 = 0x1110,
    S_LPROC32_ID = 0x1146,
    S_GPROC32_ID = 0x1147,
    S_LPROC32_DPC = 0x1155,
    S_LPROC32_DPC_ID = 0x1156,
};
enum { PROC_NAME = 39 };

static const u8 SIGNATURE[32] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                                "DS\0\0";
static const u32 NIL_SIZE = 0xffffffffu;

typedef struct annotation_walk {
    bool (*visit)(void *context, const char *const *strings, u32 count, const char *function);
    void *context;
    const char **strings;
    u32 cap;
    bool stopped;
} annotation_walk;

bool pdb_is(span head)
{
    return head.len >= sizeof(SIGNATURE) && memcmp(head.at, SIGNATURE, sizeof(SIGNATURE)) == 0;
}

void pdb_pages_free(pages *p)
{
    mem_free(p->owned);
    *p = (pages){0};
}

// `list` holds the page numbers, 4 bytes each, at least as many as `size` bytes need.
static bool pages_join(pdb_file *pdb, span list, u32 size, pages *out, error *e)
{
    u32 count = (u32)(((u64)size + pdb->page_bytes - 1) / pdb->page_bytes);
    *out = (pages){0};
    if (size > pdb->budget)
        return error_set(e, "program database: a stream claims %u bytes, more than the file's pages hold", size);
    pdb->budget -= size;
    bool adjoining = true;
    for (u32 i = 0; i < count; i++) {
        u64 page = load_u32(list.at + (size_t)i * 4), last = i + 1 == count ? size - (u64)i * pdb->page_bytes : 0;
        span s;
        if (page * pdb->page_bytes > pdb->file.len ||
            !span_sub(pdb->file, (size_t)(page * pdb->page_bytes), last ? (size_t)last : pdb->page_bytes, &s))
            return error_set(e, "program database: page %llu lies after the file's %zu bytes", (unsigned long long)page,
                             pdb->file.len);
        adjoining = adjoining && page == (u64)load_u32(list.at) + i;
    }
    if (!count)
        return true;
    if (adjoining)
        return span_sub(pdb->file, (size_t)load_u32(list.at) * pdb->page_bytes, size, &out->bytes);
    out->owned = mem_alloc(size);
    for (u32 i = 0; i < count; i++) {
        size_t at = (size_t)i * pdb->page_bytes, len = size - at < pdb->page_bytes ? size - at : pdb->page_bytes;
        memcpy(out->owned + at, pdb->file.at + (size_t)load_u32(list.at + (size_t)i * 4) * pdb->page_bytes, len);
    }
    out->bytes = (span){out->owned, size};
    return true;
}

static u32 pages_of(const pdb_file *pdb, u32 size)
{
    return size == NIL_SIZE ? 0 : (u32)(((u64)size + pdb->page_bytes - 1) / pdb->page_bytes);
}

bool pdb_open(pdb_file *pdb, span file, error *e)
{
    span head, list;
    if (!pdb_is(file) || !span_sub(file, 0, 56, &head))
        return error_set(e, "no program database: it does not begin with the signature of MSF 7.00");
    u32 page_bytes = load_u32(head.at + 32), size = load_u32(head.at + 44), claimed_page = load_u32(head.at + 52);
    if (page_bytes < 512 || page_bytes > 65536 || (page_bytes & (page_bytes - 1)))
        return error_set(e, "program database: a page size of %u bytes is claimed", page_bytes);
    *pdb = (pdb_file){.file = file, .page_bytes = page_bytes, .budget = 2 * (u64)file.len};
    u64 list_bytes = ((u64)size + page_bytes - 1) / page_bytes * 4;
    if ((u64)claimed_page * page_bytes > file.len ||
        !span_sub(file, (size_t)claimed_page * page_bytes, (size_t)list_bytes, &list))
        return error_set(e, "program database: the directory's pages are claimed at page %u, the file has %zu bytes",
                         claimed_page, file.len);
    if (!pages_join(pdb, list, size, &pdb->directory, e))
        return false;
    if (size < 4 || load_u32(pdb->directory.bytes.at) > (size - 4) / 4) {
        pdb_pages_free(&pdb->directory);
        return error_set(e, "program database: the directory of %u bytes does not hold its streams' sizes", size);
    }
    pdb->stream_count = load_u32(pdb->directory.bytes.at);
    return true;
}

// Where the page numbers of each stream begin in the directory, and after the last. Modules name streams by 16 bits,
// so later ones are of no interest.
u64 *pdb_page_starts(const pdb_file *pdb)
{
    u32 count = pdb->stream_count < NO_STREAM ? pdb->stream_count : NO_STREAM;
    u64 *starts = mem_zeroed((size_t)count + 1, sizeof(*starts));
    u64 at = 4 + (u64)pdb->stream_count * 4;
    for (u32 i = 0; i < count; i++) {
        starts[i] = at;
        at += (u64)pages_of(pdb, load_u32(pdb->directory.bytes.at + 4 + (size_t)i * 4)) * 4;
    }
    starts[count] = at;
    return starts;
}

bool pdb_stream_join(pdb_file *pdb, const u64 *starts, u32 number, pages *out, error *e)
{
    *out = (pages){0};
    if (number >= pdb->stream_count || number >= NO_STREAM)
        return error_set(e, "program database: stream %u of %u is named", number, pdb->stream_count);
    u32 size = load_u32(pdb->directory.bytes.at + 4 + (size_t)number * 4);
    span list;
    if (size == NIL_SIZE)
        size = 0;
    if (starts[number] > pdb->directory.bytes.len ||
        !span_sub(pdb->directory.bytes, (size_t)starts[number], (size_t)(starts[number + 1] - starts[number]), &list))
        return error_set(e, "program database: the directory ends before the pages of stream %u", number);
    return pages_join(pdb, list, size, out, e);
}

// ---------------------------------------------------------------------------------------------- symbols

static bool is_procedure(u16 kind)
{
    return kind == S_LPROC32 || kind == S_GPROC32 || kind == S_LPROC32_ID || kind == S_GPROC32_ID ||
           kind == S_LPROC32_DPC || kind == S_LPROC32_DPC_ID;
}

// The text at an offset of a record; NULL where it does not end inside.
static const char *record_text(span record, size_t at)
{
    return at < record.len && memchr(record.at + at, 0, record.len - at) ? (const char *)record.at + at : NULL;
}

static void visit_annotation(annotation_walk *w, span record, const char *function)
{
    if (record.len < 12)
        return;
    u32 claimed = load_u16(record.at + 10), count = 0;
    size_t at = 12;
    for (const char *text; count < claimed && (text = record_text(record, at)) != NULL; count++) {
        GROW(w->strings, count, w->cap);
        w->strings[count] = text;
        at += strlen(text) + 1;
    }
    if (!w->visit(w->context, w->strings, count, function))
        w->stopped = true;
}

// `symbols` begins with the stream's signature, since offsets of records count from there.
static bool walk_symbols(annotation_walk *w, span symbols, error *e)
{
    const char *function = NULL;
    size_t at = 4, function_end = 0;
    while (!w->stopped && at < symbols.len) {
        span head, record;
        if (!span_sub(symbols, at, 4, &head) || load_u16(head.at) < 2 ||
            !span_sub(symbols, at, (size_t)load_u16(head.at) + 2, &record))
            return error_set(e, "program database: the symbol record at 0x%zx of a module's %zu bytes does not fit", at,
                             symbols.len);
        u16 kind = load_u16(record.at + 2);
        if (is_procedure(kind) && record.len > PROC_NAME) {
            function = record_text(record, PROC_NAME);
            function_end = load_u32(record.at + 8);
        } else if (function && at >= function_end) {
            function = NULL;
        }
        if (kind == S_ANNOTATION)
            visit_annotation(w, record, function);
        at += record.len;
    }
    return true;
}

// One module's description: fixed part, two names, padding. False: the descriptions end here.
static bool module_next(span modules, size_t *at, u32 *stream, u32 *symbol_bytes)
{
    span head;
    if (!span_sub(modules, *at, 64, &head))
        return false;
    *stream = load_u16(head.at + 34);
    *symbol_bytes = load_u32(head.at + 36);
    size_t end = *at + 64;
    for (int i = 0; i < 2; i++) {
        const char *name = record_text(modules, end);
        if (!name)
            return false;
        end += strlen(name) + 1;
    }
    *at = (end + 3) & ~(size_t)3;
    return true;
}

static bool walk_modules(pdb_file *pdb, const u64 *starts, annotation_walk *w, error *e)
{
    pages dbi;
    span head, modules;
    if (!pdb_stream_join(pdb, starts, STREAM_DBI, &dbi, e))
        return false;
    bool ok = span_sub(dbi.bytes, 0, 64, &head) && load_u32(head.at) == 0xffffffffu &&
              span_sub(dbi.bytes, 64, load_u32(head.at + 24), &modules);
    if (!ok) {
        error_set(e, "program database: the debug information stream of %zu bytes does not hold its modules",
                  dbi.bytes.len);
        pdb_pages_free(&dbi);
        return false;
    }
    u32 stream, symbol_bytes;
    for (size_t at = 0; !w->stopped && module_next(modules, &at, &stream, &symbol_bytes);) {
        pages module;
        span symbols;
        if (stream == NO_STREAM || !pdb_stream_join(pdb, starts, stream, &module, e))
            continue;
        if (!span_sub(module.bytes, 0, symbol_bytes, &symbols)) {
            error_set(e, "program database: a module claims %u bytes of symbols, its stream has %zu", symbol_bytes,
                      module.bytes.len);
            symbols = module.bytes;
        }
        walk_symbols(w, symbols, e);
        pdb_pages_free(&module);
    }
    pdb_pages_free(&dbi);
    return true;
}

bool pdb_each_annotation(span file,
                         bool (*visit)(void *context, const char *const *strings, u32 count, const char *function),
                         void *context, error *e)
{
    pdb_file pdb;
    if (e)
        e->message[0] = 0;
    if (!pdb_open(&pdb, file, e))
        return false;
    u64 *starts = pdb_page_starts(&pdb);
    annotation_walk w = {.visit = visit, .context = context};
    bool ok = walk_modules(&pdb, starts, &w, e);
    mem_free(w.strings);
    mem_free(starts);
    pdb_pages_free(&pdb.directory);
    return ok;
}
