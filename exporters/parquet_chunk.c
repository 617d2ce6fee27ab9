#include "parquet_chunk.h"

#include <zstd.h>

#include "base/map.h"
#include "parquet_encode.h"
#include "parquet_thrift.h"

enum {
    PAGE_DATA = 0,
    PAGE_DICTIONARY = 2,
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3,
    ENCODING_DELTA = 5,
    ENCODING_DICTIONARY = 8,

    DICTIONARY_VALUES = 65536, // with more, or with more bytes, values are written as they are
    DICTIONARY_BYTES = 1 << 20,
    DICTIONARY_TRIAL = 1024, // so many values in, most of which must have been there before
    ZSTD_LEVEL = 3,
};

// One value of a row group's column.
typedef struct cell {
    u64 number;
    span text;
} cell;

struct chunk_maker {
    ZSTD_CCtx *zstd;
    outbuf body, levels, packed;
    u32 *def, *rep; // levels of each entry
    u32 *index;     // of each value: which of the dictionary it is
    u32 entry_cap;  // of these three
    cell *dictionary;
    u32 *seen; // of each value of the dictionary: the last page with it
    u32 dictionary_count;
    size_t dictionary_bytes;
    map map;
    u32 *of_code; // of a coded column: index + 1; 0: not used yet
    u32 code_cap;
};

chunk_maker *chunk_maker_new(void)
{
    chunk_maker *m = mem_zeroed(1, sizeof(*m));
    m->zstd = ZSTD_createCCtx();
    m->dictionary = mem_zeroed(PARQUET_ROWS, sizeof(*m->dictionary));
    m->seen = mem_zeroed(PARQUET_ROWS, sizeof(*m->seen));
    return m;
}

void chunk_maker_free(chunk_maker *m)
{
    if (!m)
        return;
    ZSTD_freeCCtx(m->zstd);
    outbuf_free(&m->body);
    outbuf_free(&m->levels);
    outbuf_free(&m->packed);
    mem_free(m->def);
    mem_free(m->rep);
    mem_free(m->index);
    mem_free(m->dictionary);
    mem_free(m->seen);
    mem_free(m->of_code);
    map_free(&m->map);
    mem_free(m);
}

static void room_for(chunk_maker *m, u32 entries)
{
    if (m->entry_cap >= entries)
        return;
    mem_free(m->def);
    mem_free(m->rep);
    mem_free(m->index);
    m->entry_cap = entries < PARQUET_ROWS ? PARQUET_ROWS : entries;
    m->def = mem_alloc(m->entry_cap * sizeof(*m->def));
    m->rep = mem_alloc(m->entry_cap * sizeof(*m->rep));
    m->index = mem_alloc(m->entry_cap * sizeof(*m->index));
}

// ---------------------------------------------------------------------------------------------- values

static bool is_text(const parquet_column *c)
{
    return c->type == PARQUET_TEXT;
}

static cell vector_cell(const parquet_column *c, const vector *v, u32 index)
{
    if (!is_text(c))
        return (cell){.number = v->numbers[index]};
    u32 start = index ? v->ends[index - 1] : 0;
    const u8 *texts = v->text.bytes ? v->text.bytes : (const u8 *)""; // all of them may be empty
    return (cell){.text = {texts + start, v->ends[index] - start}};
}

static u32 number_bytes(const parquet_column *c)
{
    return c->type == PARQUET_INT32 ? 4 : 8;
}

static void put_number(outbuf *out, u64 value, u32 bytes)
{
    u8 little[8];
    for (u32 i = 0; i < bytes; i++)
        little[i] = (u8)(value >> 8 * i);
    outbuf_add(out, little, bytes);
}

static void put_plain(outbuf *out, const parquet_column *c, const cell *v)
{
    if (!is_text(c)) {
        put_number(out, v->number, number_bytes(c));
        return;
    }
    put_number(out, v->text.len, 4);
    outbuf_add(out, v->text.at, v->text.len);
}

// ---------------------------------------------------------------------------------------------- statistics

static int text_order(span a, span b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int order = both ? memcmp(a.at, b.at, both) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int order_of(const parquet_column *c, const cell *a, u64 number, span text)
{
    if (is_text(c))
        return text_order(a->text, text);
    if (c->type == PARQUET_UINT64)
        return (a->number > number) - (a->number < number);
    return ((i64)a->number > (i64)number) - ((i64)a->number < (i64)number);
}

// Floating point numbers have an order of their own, which is left out.
static void range_add(range *r, const parquet_column *c, const cell *v)
{
    if (c->type == PARQUET_DOUBLE)
        return;
    if (!r->known || order_of(c, v, r->low, r->low_text) < 0) {
        r->low = v->number;
        r->low_text = v->text;
    }
    if (!r->known || order_of(c, v, r->high, r->high_text) > 0) {
        r->high = v->number;
        r->high_text = v->text;
    }
    r->known = true;
}

static void range_join(range *r, const parquet_column *c, const range *more)
{
    if (!more->known)
        return;
    range_add(r, c, &(cell){more->low, more->low_text});
    range_add(r, c, &(cell){more->high, more->high_text});
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

// The body that was made, as a page at the end of the chunk. Compression cannot fail: its room is what it asks for.
static void put_page(chunk_maker *m, chunk *to, u32 type, u32 values, u32 encoding)
{
    size_t bound = ZSTD_compressBound(m->body.len), before = to->bytes.len;
    m->packed.len = 0;
    u8 *packed = outbuf_reserve(&m->packed, bound);
    size_t len = ZSTD_compressCCtx(m->zstd, packed, bound, m->body.bytes, m->body.len, ZSTD_LEVEL);
    assert(!ZSTD_isError(len));
    put_page_header(&to->bytes, type, m->body.len, len, values, encoding);
    to->raw_bytes += to->bytes.len - before + m->body.len;
    outbuf_add(&to->bytes, packed, len);
    if (type == PAGE_DICTIONARY)
        to->dictionary_bytes = (u32)(to->bytes.len - before);
}

// ---------------------------------------------------------------------------------------------- dictionaries

static void dictionary_clear(chunk_maker *m)
{
    map_free(&m->map);
    m->dictionary_count = 0;
    m->dictionary_bytes = 0;
}

static bool dictionary_is_full(const chunk_maker *m, u32 seen)
{
    return m->dictionary_count > DICTIONARY_VALUES || m->dictionary_bytes > DICTIONARY_BYTES ||
           (seen == DICTIONARY_TRIAL && m->dictionary_count > DICTIONARY_TRIAL / 2);
}

static u32 dictionary_index(chunk_maker *m, const parquet_column *c, const cell *v)
{
    u32 found;
    bool text = is_text(c);
    u64 hash = text ? hash_bytes(v->text.at, v->text.len) : hash_u64(v->number);
    MAP_FIND(found, &m->map, hash,
             text ? text_order(m->dictionary[index_].text, v->text) == 0 : m->dictionary[index_].number == v->number);
    if (found != MAP_NONE)
        return found;
    map_add(&m->map, hash, m->dictionary_count);
    m->dictionary_bytes += text ? v->text.len + 4 : number_bytes(c);
    m->dictionary[m->dictionary_count] = *v;
    m->seen[m->dictionary_count] = 0;
    return m->dictionary_count++;
}

// False: there are too many different ones.
static bool dictionary_of_vector(chunk_maker *m, const parquet_column *c, const vector *v)
{
    dictionary_clear(m);
    if (c->type == PARQUET_BOOL || c->type == PARQUET_DOUBLE)
        return false;
    for (u32 i = 0; i < v->count; i++) {
        cell value = vector_cell(c, v, i);
        m->index[i] = dictionary_index(m, c, &value);
        if (dictionary_is_full(m, i + 1))
            return false;
    }
    return v->count > 0;
}

// Different codes may mean the same value.
static void dictionary_of_codes(chunk_maker *m, const parquet_column *c, const u32 *codes, u32 rows, u32 *count)
{
    dictionary_clear(m);
    if (m->code_cap < c->value_count) {
        mem_free(m->of_code);
        m->code_cap = c->value_count;
        m->of_code = mem_zeroed(m->code_cap, sizeof(*m->of_code));
    }
    memset(m->of_code, 0, c->value_count * sizeof(*m->of_code));
    *count = 0;
    for (u32 i = 0; i < rows; i++) {
        const parquet_value *v = &c->values[codes[i]];
        m->def[i] = v->present;
        if (!v->present)
            continue;
        u32 *index = &m->of_code[codes[i]];
        if (!*index)
            *index = 1 + dictionary_index(m, c, &(cell){v->number, v->text});
        m->index[(*count)++] = *index - 1;
    }
}

static void put_dictionary(chunk_maker *m, const parquet_column *c, chunk *to)
{
    m->body.len = 0;
    for (u32 i = 0; i < m->dictionary_count; i++)
        put_plain(&m->body, c, &m->dictionary[i]);
    put_page(m, to, PAGE_DICTIONARY, m->dictionary_count, ENCODING_PLAIN);
}

// ---------------------------------------------------------------------------------------------- chunks

static void put_bools(outbuf *out, const u64 *values, u32 count)
{
    for (u32 i = 0; i < count; i += 8) {
        u32 byte = 0;
        for (u32 k = i; k < count && k < i + 8; k++)
            byte |= (u32)(values[k] != 0) << (k - i);
        put_byte(out, byte);
    }
}

static void put_values(chunk_maker *m, const parquet_column *c, const vector *v, u32 first, u32 count, u32 encoding)
{
    outbuf *body = &m->body;
    if (encoding == ENCODING_DICTIONARY) {
        unsigned width = bit_width(m->dictionary_count - 1);
        width = width ? width : 1;
        put_byte(body, width);
        encode_hybrid(body, m->index + first, count, width);
    } else if (encoding == ENCODING_DELTA) {
        encode_delta(body, v->numbers + first, count);
    } else if (c->type == PARQUET_BOOL) {
        put_bools(body, v->numbers + first, count);
    } else {
        for (u32 i = first; i < first + count; i++) {
            cell value = vector_cell(c, v, i);
            put_plain(body, c, &value);
        }
    }
}

// Each value of the dictionary once for each page that has it.
static void add_range_of_indexes(chunk_maker *m, const parquet_column *c, u32 first, page *p, u32 count, u32 number)
{
    for (u32 i = first; i < first + count; i++) {
        u32 at = m->index[i];
        if (m->seen[at] == number)
            continue;
        m->seen[at] = number;
        range_add(&p->range, c, &m->dictionary[at]);
    }
}

// Texts that are hardly ever the same are not looked for by their order.
static void add_range(chunk_maker *m, const parquet_column *c, const vector *v, u32 first, chunk *to, u32 count)
{
    page *p = &to->pages[to->page_count - 1];
    if (to->encoding == ENCODING_DICTIONARY)
        add_range_of_indexes(m, c, first, p, count, to->page_count);
    else if (!is_text(c))
        for (u32 i = first; i < first + count; i++)
            range_add(&p->range, c, &(cell){.number = v->numbers[i]});
}

static void put_levels(chunk_maker *m, const u32 *levels, u32 count, u32 most)
{
    if (!most)
        return;
    u32 same = 1;
    while (same < count && levels[same] == levels[0])
        same++;
    m->levels.len = 0;
    if (same >= count && count)
        encode_run(&m->levels, levels[0], count, bit_width(most));
    else
        encode_hybrid(&m->levels, levels, count, bit_width(most));
    put_number(&m->body, m->levels.len, 4);
    outbuf_add(&m->body, m->levels.bytes, m->levels.len);
}

// Where rows, entries and values begin.
typedef struct place {
    u32 row, entry, value;
} place;

// One page: `rows` rows, which have `entries` entries. Moves the place behind them.
static void put_data(chunk_maker *m, const parquet_column *c, const vector *v, chunk *to, place *at, u32 rows,
                     u32 entries)
{
    page *p = &to->pages[to->page_count++];
    u32 count = 0;
    for (u32 i = at->entry; i < at->entry + entries; i++)
        count += m->def[i] == c->most_def;
    *p = (page){.at = to->bytes.len, .row = at->row, .entries = entries, .nulls = entries - count};
    m->body.len = 0;
    put_levels(m, m->rep + at->entry, entries, c->most_rep);
    put_levels(m, m->def + at->entry, entries, c->most_def);
    put_values(m, c, v, at->value, count, to->encoding);
    put_page(m, to, PAGE_DATA, entries, to->encoding);
    add_range(m, c, v, at->value, to, count);
    p->bytes = (u32)(to->bytes.len - p->at);
    range_join(&to->range, c, &p->range);
    to->nulls += p->nulls;
    to->entries += entries;
    *at = (place){at->row + rows, at->entry + entries, at->value + count};
}

static u32 encoding_of(chunk_maker *m, const parquet_column *c, const vector *v)
{
    if (dictionary_of_vector(m, c, v))
        return ENCODING_DICTIONARY;
    bool delta = c->type == PARQUET_INT64 || c->type == PARQUET_UINT64 || c->type == PARQUET_TIME;
    return delta && v->count ? ENCODING_DELTA : ENCODING_PLAIN;
}

static void take_levels(chunk_maker *m, const parquet_column *c, const vector *v)
{
    for (u32 i = 0; i < v->entries; i++)
        m->def[i] = v->def[i];
    for (u32 i = 0; i < v->entries && c->most_rep; i++)
        m->rep[i] = v->rep[i];
}

// How many entries from `first` on are of so many rows.
static u32 entries_of(const chunk_maker *m, const parquet_column *c, u32 first, u32 all, u32 rows)
{
    u32 at = first;
    if (!c->most_rep)
        return rows;
    for (u32 row = 0; at < all; at++) {
        row += m->rep[at] == 0;
        if (row > rows)
            break;
    }
    return at - first;
}

void chunk_make(chunk_maker *m, const parquet_column *column, const vector *values, const u32 *codes, u32 rows,
                chunk *out)
{
    outbuf kept = out->bytes;
    kept.len = 0;
    *out = (chunk){.bytes = kept};
    u32 count, entries = column->values ? rows : values->entries;
    room_for(m, entries);
    if (column->values) {
        values = NULL;
        dictionary_of_codes(m, column, codes, rows, &count);
        out->encoding = count ? ENCODING_DICTIONARY : ENCODING_PLAIN;
    } else {
        take_levels(m, column, values);
        out->encoding = encoding_of(m, column, values);
    }
    if (out->encoding == ENCODING_DICTIONARY)
        put_dictionary(m, column, out);
    for (place at = {0}; at.row < rows;) {
        u32 left = rows - at.row, some = left < PARQUET_PAGE_ROWS ? left : PARQUET_PAGE_ROWS;
        put_data(m, column, values, out, &at, some, entries_of(m, column, at.entry, entries, some));
    }
}
