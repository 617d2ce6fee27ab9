#include "parquet_chunk.h"

#include <zstd.h>

#include "parquet_encode.h"
#include "parquet_thrift.h"

enum {
    PAGE_DATA = 0,
    PAGE_DICTIONARY = 2,
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3,
    ENCODING_DELTA = 5,
    ENCODING_DICTIONARY = 8,

    LEVEL = 1,       // of zstd
    LEVEL_DENSE = 6, // for texts of which the page before left more than a tenth
    WINDOW_BITS = 21,

    LARGE_PAGE = 256 << 10,
};

struct chunk_maker {
    ZSTD_CCtx *zstd, *zstd_dense;
    outbuf body, levels, packed;
    u8 *def;    // level of each entry
    u32 *index; // of each value: which of the dictionary it is
    u8 *seen;   // of each value of the dictionary
    u32 entry_cap, seen_cap;
};

static ZSTD_CCtx *compressor(int level)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    if (!c)
        mem_run_out(0);
    ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, WINDOW_BITS);
    return c;
}

chunk_maker *chunk_maker_new(void)
{
    chunk_maker *m = mem_zeroed(1, sizeof(*m));
    m->zstd = compressor(LEVEL);
    m->zstd_dense = compressor(LEVEL_DENSE);
    return m;
}

void chunk_maker_free(chunk_maker *m)
{
    if (!m)
        return;
    ZSTD_freeCCtx(m->zstd);
    ZSTD_freeCCtx(m->zstd_dense);
    outbuf_free(&m->body);
    outbuf_free(&m->levels);
    outbuf_free(&m->packed);
    mem_free(m->def);
    mem_free(m->index);
    mem_free(m->seen);
    mem_free(m);
}

static void room_for(chunk_maker *m, u32 entries)
{
    if (m->entry_cap >= entries)
        return;
    mem_free(m->def);
    mem_free(m->index);
    m->entry_cap = entries;
    m->def = mem_alloc(entries);
    m->index = mem_alloc(entries * sizeof(*m->index));
}

// ---------------------------------------------------------------------------------------------- values

static bool is_text(const parquet_column *c)
{
    return c->type == PARQUET_TEXT;
}

static u32 number_bytes(const parquet_column *c)
{
    return c->type == PARQUET_INT32 ? 4 : 8;
}

static void put_number(outbuf *out, u64 value, u32 bytes)
{
    outbuf_written(out, put_little(outbuf_reserve(out, bytes), value, bytes));
}

// ---------------------------------------------------------------------------------------------- statistics

// Each value of the dictionary once.
static void range_of_indexes(chunk_maker *m, const dictionary *d, const parquet_column *c, u32 count, range *out)
{
    if (m->seen_cap < d->count) {
        mem_free(m->seen);
        m->seen_cap = d->cap;
        m->seen = mem_alloc(m->seen_cap);
    }
    memset(m->seen, 0, d->count);
    for (u32 i = 0; i < count; i++)
        m->seen[m->index[i]] = 1;
    for (u32 i = 0; i < d->count; i++)
        if (m->seen[i])
            range_add(out, c, d->cells[i].number, d->cells[i].text);
}

// ---------------------------------------------------------------------------------------------- pages

static void put_page_header(outbuf *out, u32 type, size_t raw, size_t packed, u32 values, u32 encoding)
{
    thrift t = {.out = out};
    thrift_i32(&t, 1, type);
    thrift_i32(&t, 2, (i64)raw);
    thrift_i32(&t, 3, (i64)packed);
    thrift_struct(&t, type == PAGE_DATA ? 5 : 7);
    thrift_i32(&t, 1, values);
    thrift_i32(&t, 2, encoding);
    if (type == PAGE_DATA) {
        thrift_i32(&t, 3, ENCODING_RLE);
        thrift_i32(&t, 4, ENCODING_RLE);
    }
    thrift_end(&t);
    thrift_end(&t);
}

// Pages that did not compress badly so far are first given a quarter of the room that cannot be too little.
static span pack(chunk_maker *m, span body, bool dense)
{
    ZSTD_CCtx *zstd = dense ? m->zstd_dense : m->zstd;
    size_t bound = ZSTD_compressBound(body.len), room = dense || body.len < LARGE_PAGE ? bound : bound / 4, len;
    m->packed.len = 0;
    do {
        u8 *to = outbuf_reserve(&m->packed, room);
        len = ZSTD_compress2(zstd, to, room, body.at, body.len);
    } while (ZSTD_isError(len) && room < bound && (room = bound));
    if (ZSTD_isError(len)) // there was room
        mem_run_out(0);
    return (span){m->packed.bytes, len};
}

static void put_page(chunk_maker *m, outbuf *out, u64 *raw_bytes, u32 type, span body, u32 values, u32 encoding,
                     bool dense)
{
    size_t before = out->len;
    span packed = pack(m, body, dense);
    put_page_header(out, type, body.len, packed.len, values, encoding);
    *raw_bytes += out->len - before + body.len;
    outbuf_add(out, packed.at, packed.len);
}

static bool all_same(const u8 *bytes, size_t count)
{
    return count < 2 || memcmp(bytes, bytes + 1, count - 1) == 0;
}

static void put_levels(chunk_maker *m, const u8 *list, u32 count, u32 most)
{
    outbuf *out = &m->levels;
    size_t start = out->len;
    if (!most)
        return;
    put_number(out, 0, 4);
    if (count && all_same(list, count))
        encode_run(out, list[0], count, bit_width(most));
    else
        encode_groups(out, list, count, bit_width(most));
    (void)put_little(out->bytes + start, out->len - start - 4, 4);
}

static void put_bools(outbuf *out, const u64 *values, u32 count)
{
    for (u32 i = 0; i < count; i += 8) {
        u32 byte = 0;
        for (u32 k = i; k < count && k < i + 8; k++)
            byte |= (u32)(values[k] != 0) << (k - i);
        put_byte(out, byte);
    }
}

// Levels, then values; where it can be, levels are put before texts where these are.
static span page_body(chunk_maker *m, const chunk *to, const parquet_column *c, const vector *v, u32 count,
                      u32 encoding)
{
    outbuf *body = &m->body, *levels = &m->levels;
    bool plain = encoding == ENCODING_PLAIN, texts = plain && is_text(c) && count;
    if (texts && levels->len <= VECTOR_LEVELS) {
        u8 *start = v->text.bytes + VECTOR_LEVELS - levels->len;
        memcpy(start, levels->bytes, levels->len);
        return (span){start, v->text.len - VECTOR_LEVELS + levels->len};
    }
    body->len = 0;
    outbuf_add(body, levels->bytes, levels->len);
    if (texts)
        outbuf_add(body, v->text.bytes + VECTOR_LEVELS, v->text.len - VECTOR_LEVELS);
    else if (encoding == ENCODING_DICTIONARY)
        encode_indexes(body, m->index, count, to->dictionary.count - 1);
    else if (encoding == ENCODING_DELTA)
        encode_delta(body, v->numbers, count);
    else if (c->type == PARQUET_BOOL)
        put_bools(body, v->numbers, count);
    else
        for (u32 i = 0; i < count; i++)
            put_number(body, v->numbers[i], number_bytes(c));
    return (span){body->bytes, body->len};
}

// ---------------------------------------------------------------------------------------------- coded columns

// What the codes of these rows mean goes into the dictionary. Returns how many of the different ones mean nothing.
static u32 look_up_codes(dictionary *d, const parquet_column *c, const batch *rows, range *out)
{
    u32 without = 0;
    for (u32 i = 0; i < rows->used_count[c->codes]; i++) {
        u32 index = dictionary_code(d, c, rows->used[c->codes][i]);
        without += !index;
        if (index)
            range_add(out, c, d->cells[index - 1].number, d->cells[index - 1].text);
    }
    return without;
}

// Levels and indexes. Returns how many rows have a value.
static u32 take_codes(chunk_maker *m, chunk *to, const parquet_column *c, const batch *rows, range *out)
{
    u32 without = look_up_codes(&to->dictionary, c, rows, out), count = 0;
    const u32 *codes = rows->codes[c->codes], *of_code = to->dictionary.of_code;
    u32 *restrict indexes = m->index;
    u8 *restrict def = m->def;
    if (!without || without == rows->used_count[c->codes]) {
        memset(def, !without, rows->count);
        for (u32 i = 0, all = without ? 0 : rows->count; i < all; i++)
            indexes[i] = of_code[codes[i]] - 1;
        return without ? 0 : rows->count;
    }
    for (u32 i = 0, all = rows->count; i < all; i++) {
        u32 index = of_code[codes[i]];
        indexes[count] = index - 1;
        def[i] = index != 0;
        count += index != 0;
    }
    return count;
}

// ---------------------------------------------------------------------------------------------- columns of values

static const u8 *levels_of_values(chunk_maker *m, const parquet_column *c, const vector *v, const batch *rows)
{
    if (c->most_rep || c->bit == PARQUET_LEVELS)
        return v->def;
    u32 place = c->bit, count = rows->count;
    u64 bit = (u64)1 << place;
    const u64 *has = rows->has;
    u8 *restrict def = m->def;
    if (rows->all & bit || !(rows->any & bit))
        memset(def, (rows->all & bit) != 0, count);
    else
        for (u32 i = 0; i < count; i++)
            def[i] = has[i] >> place & 1;
    return def;
}

// The dictionary takes no more names: those of this page become texts.
static void spell_names(vector *v)
{
    outbuf valid = {0};
    u32 count = v->count;
    v->count = 0;
    for (u32 i = 0; i < count; i++) {
        span name = text_span((const char *)(uintptr_t)v->numbers[i]);
        u8 *p = outbuf_reserve(&valid, 3 * name.len + 1);
        vector_text(v, (span){p, (size_t)(text_utf8(p, name) - p)});
    }
    outbuf_free(&valid);
}

// Of values without a dictionary. Texts that are hardly ever the same are not looked for by their order.
static u32 encoding_as_is(const parquet_column *c, vector *v, range *out)
{
    if (c->names)
        spell_names(v);
    if (is_text(c))
        return ENCODING_PLAIN;
    range_of_numbers(c, v->numbers, v->count, out);
    bool delta = c->type == PARQUET_INT64 || c->type == PARQUET_UINT64 || c->type == PARQUET_TIME;
    return delta ? ENCODING_DELTA : ENCODING_PLAIN;
}

static u32 encoding_of(chunk_maker *m, chunk *to, const parquet_column *c, vector *v, range *out)
{
    dictionary *d = &to->dictionary;
    if (!v->count)
        return d->count ? ENCODING_DICTIONARY : ENCODING_PLAIN;
    to->without = to->without || c->type == PARQUET_BOOL || c->type == PARQUET_DOUBLE ||
                  !dictionary_indexes(d, c, v, m->index, out);
    if (to->without)
        return encoding_as_is(c, v, out);
    if (is_text(c) && !c->names)
        range_of_indexes(m, d, c, v->count, out);
    return ENCODING_DICTIONARY;
}

// ---------------------------------------------------------------------------------------------- chunks

void chunk_add_page(chunk_maker *m, chunk *to, const parquet_column *c, vector *v, const batch *rows)
{
    bool own_levels = !c->values && c->bit == PARQUET_LEVELS;
    u32 entries = own_levels ? v->entries : rows->count, count, encoding;
    GROW(to->pages, to->page_count, to->page_cap);
    page *p = &to->pages[to->page_count++];
    *p = (page){.at = to->bytes.len, .row = to->rows, .entries = entries};
    room_for(m, entries);
    m->levels.len = 0;
    if (c->values) {
        count = take_codes(m, to, c, rows, &p->range);
        encoding = to->dictionary.count ? ENCODING_DICTIONARY : ENCODING_PLAIN;
        put_levels(m, m->def, entries, c->most_def);
    } else {
        count = v->count;
        encoding = encoding_of(m, to, c, v, &p->range);
        put_levels(m, v->rep, entries, c->most_rep);
        put_levels(m, levels_of_values(m, c, v, rows), entries, c->most_def);
    }
    span body = page_body(m, to, c, v, count, encoding);
    put_page(m, &to->bytes, &to->raw_bytes, PAGE_DATA, body, entries, encoding,
             to->dense && encoding == ENCODING_PLAIN);
    p->bytes = (u32)(to->bytes.len - p->at);
    to->dense = is_text(c) && encoding == ENCODING_PLAIN && p->bytes > body.len / 10;
    p->nulls = entries - count;
    range_join(&to->range, c, &p->range);
    to->encodings |= 1u << encoding;
    to->nulls += p->nulls;
    to->entries += entries;
    to->rows += rows->count;
}

void chunk_end(chunk_maker *m, chunk *to, const parquet_column *c)
{
    const dictionary *d = &to->dictionary;
    if (!(to->encodings >> ENCODING_DICTIONARY & 1))
        return;
    m->body.len = 0;
    for (u32 i = 0; i < d->count; i++) {
        const cell *v = &d->cells[i];
        put_number(&m->body, is_text(c) ? v->text.len : v->number, is_text(c) ? 4 : number_bytes(c));
        outbuf_add(&m->body, v->text.at, v->text.len);
    }
    put_page(m, &to->first, &to->raw_bytes, PAGE_DICTIONARY, (span){m->body.bytes, m->body.len}, d->count,
             ENCODING_PLAIN, false);
}

void chunk_clear(chunk *c)
{
    outbuf bytes = c->bytes, first = c->first;
    page *pages = c->pages;
    u32 cap = c->page_cap;
    bytes.len = first.len = 0;
    dictionary_free(&c->dictionary);
    *c = (chunk){.bytes = bytes, .first = first, .pages = pages, .page_cap = cap, .dense = c->dense};
}

void chunk_free(chunk *c)
{
    outbuf_free(&c->bytes);
    outbuf_free(&c->first);
    mem_free(c->pages);
    dictionary_free(&c->dictionary);
}
