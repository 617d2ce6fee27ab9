#include "parquet_file.h"

#include "etwkit.h"
#include "etwkit_engine.h"
#include "parquet_chunk.h"
#include "parquet_thrift.h"

// As the footer's thrift has them.
enum {
    TYPE_OF_BOOL = 0,
    TYPE_OF_INT32 = 1,
    TYPE_OF_INT64 = 2,
    TYPE_OF_DOUBLE = 5,
    TYPE_OF_BYTES = 6,
    OPTIONAL = 1,
    REPEATED = 2,
    CODEC_ZSTD = 6,
    CONVERTED_UTF8 = 0,
    CONVERTED_LIST = 3,
    CONVERTED_UINT64 = 14,
    LOGICAL_STRING = 1,
    LOGICAL_LIST = 3,
    LOGICAL_TIMESTAMP = 8,
    LOGICAL_INTEGER = 10,
    UNIT_NANOSECONDS = 3,
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3,
};

enum {
    PAGE_ROWS = 20480,      // of a page,
    PAGE_BYTES = 8 << 20,   // or about as many bytes
    GROUP_ROWS = 122880,    // of a row group, or some more,
    GROUP_BYTES = 64 << 20, // or about as many bytes before compression
};

static const char MAGIC[] = "PAR1";

// What the footer says of a chunk.
typedef struct written {
    u64 at, bytes, raw_bytes;
    u32 dictionary_bytes, encodings, page_count;
    u64 entries, nulls;
    range range;
    page *pages;
    u64 offsets_at, ranges_at; // of its indexes
    u32 offsets_bytes, ranges_bytes;
} written;

typedef struct group {
    u64 rows, at;
    written *chunks;
} group;

struct parquet_file {
    output *out;
    parquet_schema schema;
    const parquet_column *columns; // of it
    u32 count;
    arena memory; // of what the footer says
    vector *vectors;
    chunk *chunks;
    batch rows;
    u64 *marked[PARQUET_CODE_SETS]; // of each code: the last batch with it
    u64 batches;
    size_t bytes;                // of the rows that are no page yet
    u64 group_rows, group_bytes; // of those that are
    ring *ring;
    bool ends_group;      // with this batch
    chunk_maker **makers; // by thread
    unsigned threads;
    group *groups;
    u32 group_count, group_cap;
    u64 all_rows, at; // at: how much was written
};

// ---------------------------------------------------------------------------------------------- rows

static void make_page(void *context, unsigned thread, void *item, u64 number)
{
    (void)item;
    parquet_file *f = context;
    u32 column = (u32)(number % f->count);
    const parquet_column *c = &f->columns[column];
    if (!f->makers[thread])
        f->makers[thread] = chunk_maker_new();
    if (f->rows.count)
        chunk_add_page(f->makers[thread], &f->chunks[column], c, &f->vectors[column], &f->rows);
    if (f->ends_group)
        chunk_end(f->makers[thread], &f->chunks[column], c);
    vector_clear(&f->vectors[column]);
}

// Room for the codes of each set that has columns.
static void make_codes(parquet_file *f)
{
    for (u32 i = 0; i < f->count; i++) {
        const parquet_column *c = &f->columns[i];
        if (!c->values || f->marked[c->codes])
            continue;
        f->marked[c->codes] = mem_zeroed(c->value_count + 1, sizeof(u64));
        f->rows.codes[c->codes] = mem_alloc(PAGE_ROWS * sizeof(u32));
        f->rows.used[c->codes] = mem_alloc(PAGE_ROWS * sizeof(u32));
    }
}

parquet_file *parquet_begin(output *out, const parquet_schema *schema, struct crew *threads)
{
    parquet_file *f = mem_zeroed(1, sizeof(*f));
    *f = (parquet_file){.out = out,
                        .schema = *schema,
                        .columns = schema->columns,
                        .count = schema->count,
                        .threads = crew_threads(threads)};
    f->vectors = mem_zeroed(f->count, sizeof(*f->vectors));
    f->chunks = mem_zeroed(f->count, sizeof(*f->chunks));
    f->makers = mem_zeroed(f->threads, sizeof(chunk_maker *));
    f->rows.has = mem_alloc(PAGE_ROWS * sizeof(u64));
    make_codes(f);
    f->ring = ring_new(&(ring_plan){
        .crew = threads, .rank = RING_PACK, .slots = 2 * f->threads, .slot_bytes = 1, .make = make_page, .context = f});
    return f;
}

vector *parquet_vector(parquet_file *f, u32 column)
{
    return &f->vectors[column];
}

void parquet_add_null(parquet_file *f, u32 column, u32 rep, u32 def)
{
    vector_levels(&f->vectors[column], rep, def, f->columns[column].most_rep > 0);
}

void parquet_add_number(parquet_file *f, u32 column, u32 rep, u64 value)
{
    parquet_add_null(f, column, rep, f->columns[column].most_def);
    vector_number(&f->vectors[column], value);
}

void parquet_add_text(parquet_file *f, u32 column, u32 rep, span text)
{
    parquet_add_null(f, column, rep, f->columns[column].most_def);
    vector_text(&f->vectors[column], text);
}

// ---------------------------------------------------------------------------------------------- row groups

static bool put(parquet_file *f, span bytes, error *e)
{
    f->at += bytes.len;
    return output_write(f->out, bytes, e);
}

static bool fits(const range *r, const parquet_column *c)
{
    return r->known &&
           (c->type != PARQUET_TEXT || (r->low_text.len <= PARQUET_STATISTIC && r->high_text.len <= PARQUET_STATISTIC));
}

// A copy that outlives the row group; texts too long to be statistics are left out.
static range keep_range(parquet_file *f, const range *r, const parquet_column *c)
{
    range kept = *r;
    kept.known = fits(r, c);
    if (kept.known && c->type == PARQUET_TEXT) {
        kept.low_text = arena_bytes(&f->memory, r->low_text);
        kept.high_text = arena_bytes(&f->memory, r->high_text);
    }
    return kept;
}

static bool write_chunk(parquet_file *f, const chunk *made, const parquet_column *c, written *w, error *e)
{
    *w = (written){.at = f->at,
                   .bytes = made->first.len + made->bytes.len,
                   .raw_bytes = made->raw_bytes,
                   .dictionary_bytes = (u32)made->first.len,
                   .encodings = made->encodings,
                   .entries = made->entries,
                   .nulls = made->nulls,
                   .page_count = made->page_count,
                   .range = keep_range(f, &made->range, c)};
    w->pages = arena_array(&f->memory, page, made->page_count);
    for (u32 i = 0; i < made->page_count; i++) {
        w->pages[i] = made->pages[i];
        w->pages[i].at += made->first.len;
        w->pages[i].range = keep_range(f, &made->pages[i].range, c);
    }
    return put(f, (span){made->first.bytes, made->first.len}, e) &&
           put(f, (span){made->bytes.bytes, made->bytes.len}, e);
}

static group *group_add(parquet_file *f)
{
    if (f->group_count == f->group_cap) {
        f->group_cap = f->group_cap ? 2 * f->group_cap : 16;
        f->groups = mem_grow(f->groups, f->group_count, f->group_cap, sizeof(*f->groups));
    }
    group *g = &f->groups[f->group_count++];
    *g = (group){.rows = f->group_rows, .at = f->at, .chunks = arena_array(&f->memory, written, f->count)};
    return g;
}

static bool write_group(parquet_file *f, error *e)
{
    bool ok = f->at || put(f, (span){(const u8 *)MAGIC, 4}, e);
    if (!f->group_rows)
        return ok;
    group *g = group_add(f);
    for (u32 i = 0; i < f->count; i++) {
        ok = ok && write_chunk(f, &f->chunks[i], &f->columns[i], &g->chunks[i], e);
        chunk_clear(&f->chunks[i]);
    }
    f->all_rows += f->group_rows;
    f->group_rows = f->group_bytes = 0;
    return ok;
}

static void sum_up_bits(batch *b)
{
    u64 any = 0, all = UINT64_MAX;
    for (u32 i = 0; i < b->count; i++)
        any |= b->has[i], all &= b->has[i];
    b->any = any;
    b->all = all;
}

// The different ones.
static u32 sum_up_codes(const batch *b, u32 set, u64 *marked, u64 mark)
{
    const u32 *codes = b->codes[set];
    u32 *restrict used = b->used[set], count = 0;
    for (u32 i = 0; i < b->count; i++) {
        u32 code = codes[i];
        if (marked[code] == mark)
            continue;
        marked[code] = mark;
        used[count++] = code;
    }
    return count;
}

static void sum_up(parquet_file *f)
{
    batch *b = &f->rows;
    f->batches++;
    sum_up_bits(b);
    for (u32 set = 0; set < PARQUET_CODE_SETS; set++)
        if (f->marked[set])
            b->used_count[set] = sum_up_codes(b, set, f->marked[set], f->batches);
}

static bool write_pages(parquet_file *f, bool all, error *e)
{
    sum_up(f);
    f->group_rows += f->rows.count;
    f->group_bytes += f->bytes;
    f->ends_group = all || f->group_rows >= GROUP_ROWS || f->group_bytes >= GROUP_BYTES;
    ring_open(f->ring, f->batches * f->count);
    for (u32 i = 0; i < f->count; i++) {
        (void)ring_take(f->ring);
        ring_release(f->ring);
    }
    f->rows.count = 0;
    f->bytes = 0;
    return !f->ends_group || write_group(f, e);
}

bool parquet_row_end(parquet_file *f, const parquet_row *row, error *e)
{
    batch *b = &f->rows;
    for (u32 set = 0; set < PARQUET_CODE_SETS; set++)
        if (f->marked[set])
            b->codes[set][b->count] = row->codes[set];
    b->has[b->count++] = row->has;
    f->bytes += row->bytes;
    return (b->count < PAGE_ROWS && f->bytes < PAGE_BYTES) || write_pages(f, false, e);
}

// ---------------------------------------------------------------------------------------------- indexes

// A statistic in plain encoding, without the length of a text.
static span plain(const parquet_column *c, u64 number, span text, u8 scratch[8])
{
    if (c->type == PARQUET_TEXT)
        return text;
    u32 bytes = c->type == PARQUET_BOOL ? 1 : c->type == PARQUET_INT32 ? 4 : 8;
    (void)put_little(scratch, number, bytes);
    return (span){scratch, bytes};
}

static void put_offsets(outbuf *out, const written *w)
{
    thrift t = {.out = out};
    thrift_list(&t, 1, w->page_count, THRIFT_STRUCT);
    for (u32 i = 0; i < w->page_count; i++) {
        const page *p = &w->pages[i];
        thrift_begin(&t);
        thrift_i64(&t, 1, w->at + p->at);
        thrift_i32(&t, 2, p->bytes);
        thrift_i64(&t, 3, p->row);
        thrift_end(&t);
    }
    thrift_end(&t);
}

static bool is_null_page(const page *p)
{
    return p->nulls == p->entries;
}

// Whether each page has its least and greatest value, as an index must.
static bool may_have_ranges(const written *w)
{
    for (u32 i = 0; i < w->page_count; i++)
        if (!w->pages[i].range.known && !is_null_page(&w->pages[i]))
            return false;
    return true;
}

static void put_bounds(thrift *t, i32 id, const parquet_column *c, const written *w, bool low)
{
    u8 scratch[8];
    thrift_list(t, id, w->page_count, THRIFT_BINARY);
    for (u32 i = 0; i < w->page_count; i++) {
        const range *r = &w->pages[i].range;
        span bound = low ? plain(c, r->low, r->low_text, scratch) : plain(c, r->high, r->high_text, scratch);
        thrift_bytes(t, r->known ? bound : (span){0});
    }
}

static void put_ranges(outbuf *out, const parquet_column *c, const written *w)
{
    enum { UNORDERED = 0 };
    thrift t = {.out = out};
    thrift_list(&t, 1, w->page_count, THRIFT_TRUE);
    for (u32 i = 0; i < w->page_count; i++)
        put_byte(out, is_null_page(&w->pages[i]) ? THRIFT_TRUE : THRIFT_FALSE);
    put_bounds(&t, 2, c, w, true);
    put_bounds(&t, 3, c, w, false);
    thrift_i32(&t, 4, UNORDERED);
    thrift_list(&t, 5, w->page_count, THRIFT_I64);
    for (u32 i = 0; i < w->page_count; i++)
        put_zigzag(out, w->pages[i].nulls);
    thrift_end(&t);
}

static bool write_indexes(parquet_file *f, error *e)
{
    outbuf index = {0};
    bool ok = true;
    for (u32 i = 0; i < f->group_count * f->count && ok; i++) {
        const group *g = &f->groups[i / f->count];
        written *w = &g->chunks[i % f->count];
        index.len = 0;
        put_offsets(&index, w);
        w->offsets_at = f->at;
        w->offsets_bytes = (u32)index.len;
        if (may_have_ranges(w)) {
            put_ranges(&index, &f->columns[i % f->count], w);
            w->ranges_at = f->at + w->offsets_bytes;
            w->ranges_bytes = (u32)index.len - w->offsets_bytes;
        }
        ok = put(f, (span){index.bytes, index.len}, e);
    }
    outbuf_free(&index);
    return ok;
}

// ---------------------------------------------------------------------------------------------- the footer

static u32 physical_type(parquet_type type)
{
    static const u8 TYPES[] = {
        [PARQUET_INT32] = TYPE_OF_INT32, [PARQUET_INT64] = TYPE_OF_INT64, [PARQUET_UINT64] = TYPE_OF_INT64,
        [PARQUET_TIME] = TYPE_OF_INT64,  [PARQUET_BOOL] = TYPE_OF_BOOL,   [PARQUET_DOUBLE] = TYPE_OF_DOUBLE,
        [PARQUET_TEXT] = TYPE_OF_BYTES};
    return TYPES[type];
}

static void put_logical(thrift *t, parquet_type type)
{
    thrift_struct(t, 10);
    if (type == PARQUET_TEXT) {
        thrift_empty(t, LOGICAL_STRING);
    } else if (type == PARQUET_UINT64) {
        thrift_struct(t, LOGICAL_INTEGER);
        thrift_byte(t, 1, 64);
        thrift_bool(t, 2, false);
        thrift_end(t);
    } else {
        thrift_struct(t, LOGICAL_TIMESTAMP);
        thrift_bool(t, 1, false);
        thrift_struct(t, 2);
        thrift_empty(t, UNIT_NANOSECONDS);
        thrift_end(t);
        thrift_end(t);
    }
    thrift_end(t);
}

static void put_leaf(thrift *t, const parquet_node *n, parquet_type type)
{
    thrift_i32(t, 1, physical_type(type));
    thrift_i32(t, 3, n->repeated ? REPEATED : OPTIONAL);
    thrift_text(t, 4, n->name);
    if (type == PARQUET_TEXT || type == PARQUET_UINT64)
        thrift_i32(t, 6, type == PARQUET_TEXT ? CONVERTED_UTF8 : CONVERTED_UINT64);
    if (type == PARQUET_TEXT || type == PARQUET_UINT64 || type == PARQUET_TIME)
        put_logical(t, type);
}

static void put_inner(thrift *t, const parquet_node *n)
{
    thrift_i32(t, 3, n->repeated ? REPEATED : OPTIONAL);
    thrift_text(t, 4, n->name);
    thrift_i32(t, 5, n->children);
    if (!n->list)
        return;
    thrift_i32(t, 6, CONVERTED_LIST);
    thrift_struct(t, 10);
    thrift_empty(t, LOGICAL_LIST);
    thrift_end(t);
}

static void put_node(thrift *t, const parquet_file *f, const parquet_node *n)
{
    thrift_begin(t);
    if (n->children)
        put_inner(t, n);
    else
        put_leaf(t, n, f->columns[n->column].type);
    thrift_end(t);
}

static void put_statistics(thrift *t, const parquet_column *c, const written *w)
{
    u8 scratch[8];
    thrift_struct(t, 12);
    thrift_i64(t, 3, w->nulls);
    if (w->range.known) {
        thrift_binary(t, 5, plain(c, w->range.high, w->range.high_text, scratch));
        thrift_binary(t, 6, plain(c, w->range.low, w->range.low_text, scratch));
    }
    thrift_end(t);
}

static void put_chunk(thrift *t, const parquet_column *c, const written *w)
{
    thrift_begin(t);
    thrift_i64(t, 2, 0);
    thrift_struct(t, 3);
    thrift_i32(t, 1, physical_type(c->type));
    u32 encodings = w->encodings | 1u << ENCODING_RLE | (w->dictionary_bytes ? 1u << ENCODING_PLAIN : 0);
    thrift_list(t, 2, (size_t)__builtin_popcount(encodings), THRIFT_I32);
    for (u32 i = 0; i < 32; i++)
        if (encodings >> i & 1)
            put_zigzag(t->out, i);
    thrift_list(t, 3, c->path_len, THRIFT_BINARY);
    for (u32 i = 0; i < c->path_len; i++)
        thrift_bytes(t, (span){(const u8 *)c->path[i], strlen(c->path[i])});
    thrift_i32(t, 4, CODEC_ZSTD);
    thrift_i64(t, 5, w->entries);
    thrift_i64(t, 6, w->raw_bytes);
    thrift_i64(t, 7, w->bytes);
    thrift_i64(t, 9, w->at + w->dictionary_bytes);
    if (w->dictionary_bytes)
        thrift_i64(t, 11, w->at);
    put_statistics(t, c, w);
    thrift_end(t);
    thrift_i64(t, 4, w->offsets_at);
    thrift_i32(t, 5, w->offsets_bytes);
    if (w->ranges_bytes) {
        thrift_i64(t, 6, w->ranges_at);
        thrift_i32(t, 7, w->ranges_bytes);
    }
    thrift_end(t);
}

static void put_group(thrift *t, const parquet_file *f, const group *g)
{
    u64 raw = 0, bytes = 0;
    thrift_begin(t);
    thrift_list(t, 1, f->count, THRIFT_STRUCT);
    for (u32 i = 0; i < f->count; i++) {
        put_chunk(t, &f->columns[i], &g->chunks[i]);
        raw += g->chunks[i].raw_bytes;
        bytes += g->chunks[i].bytes;
    }
    thrift_i64(t, 2, raw);
    thrift_i64(t, 3, g->rows);
    thrift_i64(t, 5, g->at);
    thrift_i64(t, 6, bytes);
    thrift_end(t);
}

static bool write_footer(parquet_file *f, error *e)
{
    outbuf out = {0};
    thrift t = {.out = &out};
    thrift_i32(&t, 1, 2);
    thrift_list(&t, 2, f->schema.node_count + 1, THRIFT_STRUCT);
    thrift_begin(&t);
    thrift_text(&t, 4, "schema");
    thrift_i32(&t, 5, f->schema.top_count);
    thrift_end(&t);
    for (u32 i = 0; i < f->schema.node_count; i++)
        put_node(&t, f, &f->schema.nodes[i]);
    thrift_i64(&t, 3, f->all_rows);
    thrift_list(&t, 4, f->group_count, THRIFT_STRUCT);
    for (u32 i = 0; i < f->group_count; i++)
        put_group(&t, f, &f->groups[i]);
    thrift_text(&t, 6, "etwkit version " ETWKIT_VERSION);
    thrift_list(&t, 7, f->count, THRIFT_STRUCT); // the order of each column is that of its type
    for (u32 i = 0; i < f->count; i++) {
        thrift_begin(&t);
        thrift_empty(&t, 1);
        thrift_end(&t);
    }
    thrift_end(&t);
    u32 len = (u32)out.len;
    for (u32 i = 0; i < 32; i += 8)
        put_byte(&out, len >> i);
    outbuf_text(&out, MAGIC);
    bool ok = put(f, (span){out.bytes, out.len}, e);
    outbuf_free(&out);
    return ok;
}

bool parquet_end(parquet_file *f, error *e)
{
    bool ok = !e || (write_pages(f, true, e) && write_indexes(f, e) && write_footer(f, e));
    ring_free(f->ring, NULL);
    for (u32 i = 0; i < f->count; i++) {
        vector_free(&f->vectors[i]);
        chunk_free(&f->chunks[i]);
    }
    for (unsigned i = 0; i < f->threads; i++)
        chunk_maker_free(f->makers[i]);
    for (u32 i = 0; i < PARQUET_CODE_SETS; i++) {
        mem_free(f->rows.codes[i]);
        mem_free(f->rows.used[i]);
        mem_free(f->marked[i]);
    }
    mem_free(f->rows.has);
    mem_free(f->vectors);
    mem_free(f->chunks);
    mem_free(f->makers);
    mem_free(f->groups);
    arena_free(&f->memory);
    mem_free(f);
    return ok;
}
