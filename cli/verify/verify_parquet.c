// Rows of a Parquet file, by its footer: Thrift's compact protocol, of which only the numbers of rows are looked at.
// All row groups together must have as many as the file says.
//
// The footer's length stands in the last 8 bytes, before the magic. Field 3 of it is the number of rows, field 4 a list
// of row groups, whose field 3 is theirs (parquet.thrift).
#include <string.h>

#include "base/limits.h"
#include "etwkit_engine.h"
#include "verify/verify.h"

enum { TRUE_ = 1, FALSE_, BYTE_, I16_, I32_, I64_, DOUBLE_, BINARY_, LIST_, SET_, MAP_, STRUCT_ };
enum { FIELD_ROWS = 3, FIELD_GROUPS = 4, DEEPEST = 16, TAIL_BYTES = 8 };

typedef struct footer {
    span rest;
    bool wrong;
    u64 rows, group_rows;
} footer;

static u8 take_byte(void *footer_read)
{
    footer *f = footer_read;
    if (!f->rest.len) {
        f->wrong = true;
        return 0;
    }
    u8 byte = f->rest.at[0];
    f->rest = span_from(f->rest, 1);
    return byte;
}

static u64 take_varint(footer *f)
{
    u64 value;
    f->wrong |= !verify_varint(take_byte, f, &value);
    return value;
}

static void skip_bytes(footer *f, u64 bytes)
{
    f->wrong |= bytes > f->rest.len;
    if (!f->wrong)
        f->rest = span_from(f->rest, (size_t)bytes);
}

// Whose fields are read.
typedef enum place { ELSEWHERE, IN_FILE, IN_GROUP } place;

static void read_struct(footer *f, place where, u32 depth);

static void read_value(footer *f, u32 type, place where, u32 depth)
{
    switch (type) {
    case TRUE_:
    case FALSE_:
        return;
    case BYTE_:
        skip_bytes(f, 1);
        return;
    case I16_:
    case I32_:
    case I64_:
        (void)take_varint(f);
        return;
    case DOUBLE_:
        skip_bytes(f, 8);
        return;
    case BINARY_:
        skip_bytes(f, take_varint(f));
        return;
    case STRUCT_:
        read_struct(f, where, depth + 1);
        return;
    default:
        f->wrong = true;
    }
}

static void read_list(footer *f, place where, u32 depth)
{
    u8 head = take_byte(f);
    u64 count = head >> 4 == 15 ? take_varint(f) : head >> 4;
    u32 type = head & 15;
    bool bools = type == TRUE_ || type == FALSE_; // a byte each
    for (u64 i = 0; i < count && !f->wrong; i++)
        read_value(f, bools ? BYTE_ : type, where, depth);
}

static void read_struct(footer *f, place where, u32 depth)
{
    u32 field_id = 0;
    f->wrong |= depth > DEEPEST;
    while (!f->wrong) {
        u8 head = take_byte(f);
        if (!head)
            return;
        field_id = head >> 4 ? field_id + (head >> 4) : (u32)(take_varint(f) >> 1);
        u32 type = head & 15;
        if (where != ELSEWHERE && field_id == FIELD_ROWS && type == I64_)
            *(where == IN_FILE ? &f->rows : &f->group_rows) += take_varint(f) >> 1;
        else if (type == LIST_ || type == SET_)
            read_list(f, where == IN_FILE && field_id == FIELD_GROUPS ? IN_GROUP : ELSEWHERE, depth);
        else
            read_value(f, type, ELSEWHERE, depth);
    }
}

static bool read_footer(const input *in, u8 *bytes, size_t len, u64 *records, error *e)
{
    bool lost = false;
    if (input_read(in, in->bytes - TAIL_BYTES - len, bytes, len, &lost) != len || lost)
        return error_set(e, "%s: the footer cannot be read", in->path);
    footer f = {.rest = {bytes, len}};
    read_struct(&f, IN_FILE, 0);
    *records = f.rows;
    if (f.wrong || f.rest.len)
        return error_set(e, "%s: the footer is no Parquet metadata", in->path);
    return f.rows == f.group_rows || error_set(e, "%s: says %llu rows, its row groups have %llu", in->path,
                                               (unsigned long long)f.rows, (unsigned long long)f.group_rows);
}

bool verify_count_parquet(const input *in, u64 *records, error *e)
{
    u8 head[4], tail[TAIL_BYTES];
    bool lost = false;
    if (in->bytes < sizeof(head) + TAIL_BYTES || input_read(in, 0, head, sizeof(head), &lost) != sizeof(head) ||
        input_read(in, in->bytes - TAIL_BYTES, tail, TAIL_BYTES, &lost) != TAIL_BYTES || memcmp(head, "PAR1", 4) != 0 ||
        memcmp(tail + 4, "PAR1", 4) != 0)
        return error_set(e, "%s: is no Parquet file", in->path);
    u32 len = load_u32(tail);
    if (len > in->bytes - sizeof(head) - TAIL_BYTES || len > LIMIT_VERIFIED_RECORD)
        return error_set(e, "%s: claims a footer of %u bytes", in->path, len);
    u8 *bytes = mem_alloc((size_t)len + 1);
    bool ok = read_footer(in, bytes, len, records, e);
    mem_free(bytes);
    return ok;
}
