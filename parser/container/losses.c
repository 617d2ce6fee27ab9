#include "container/losses.h"

#include <string.h>

enum { BELIEVED_GAP = 1 << 20 }; // a larger one is a damaged number or another session

// What is compared of a buffer.
typedef struct numbered {
    u64 sequence, offset;
    u32 trace_header, buffer;
    u16 processor;
} numbered;

static int by_sequence(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    if (x->trace_header != y->trace_header)
        return x->trace_header < y->trace_header ? -1 : 1;
    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    if (x->processor != y->processor)
        return x->processor < y->processor ? -1 : 1;
    return x->buffer < y->buffer ? -1 : x->buffer > y->buffer;
}

static int by_processor(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    if (x->processor != y->processor)
        return x->processor < y->processor ? -1 : 1;
    return by_sequence(a, b);
}

static int by_index(const void *a, const void *b)
{
    const u32 *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void add_row(losses *l, bool has_processor, u16 processor, u64 missing)
{
    loss_row *last = l->count ? &l->rows[l->count - 1] : NULL;
    l->missing += missing;
    if (last && last->has_processor == has_processor && last->processor == processor) {
        last->missing += missing;
        return;
    }
    GROW(l->rows, l->count, l->cap);
    l->rows[l->count++] = (loss_row){has_processor, processor, missing};
}

static void add_after(losses *l, u32 buffer)
{
    SPILL_GROW(l->after_block, l->after, l->after_count, l->after_cap);
    l->after[l->after_count++] = buffer;
}

// Half of all neighbours share a number: then each processor counts for itself.
static bool counts_by_processor(const numbered *list, u32 count)
{
    u32 same = 0;
    u64 passed = 0;
    for (u32 i = 1; i < count; i++) {
        same += list[i].trace_header == list[i - 1].trace_header && list[i].sequence == list[i - 1].sequence &&
                list[i].processor != list[i - 1].processor;
        spill_pass(&passed, sizeof(*list), SPILL_ITEMS);
    }
    return count > 1 && same >= (count + 2) / 4;
}

// Numbers that all are one say nothing: merged traces have no others than 0.
static bool is_numbered(const numbered *list, u32 count)
{
    u64 passed = 0;
    for (u32 i = 1; i < count; i++) {
        if (list[i].sequence != list[0].sequence)
            return true;
        spill_pass(&passed, sizeof(*list), SPILL_ITEMS);
    }
    return count == 1;
}

// Whether two buffers are the same bytes. What cannot be read is not.
static bool are_same(const etl_file *f, const etl_buffer *x, const etl_buffer *y)
{
    enum { PIECE = 32 << 10 };
    bool same = x->size == y->size, failed = false;
    u8 *bytes = mem_alloc(2 * PIECE);
    for (u32 at = 0; same && at < x->size; at += PIECE) {
        size_t len = x->size - at < PIECE ? x->size - at : PIECE;
        same = input_read(f->input, x->offset + at, bytes, len, &failed) == len &&
               input_read(f->input, y->offset + at, bytes + PIECE, len, &failed) == len &&
               memcmp(bytes, bytes + PIECE, len) == 0;
    }
    mem_free(bytes);
    return same;
}

static void add_repeated(const etl_file *f, losses *l, const numbered *a, const numbered *b)
{
    u64 later = a->offset > b->offset ? a->offset : b->offset;
    if (!l->repeated++ || later < l->repeated_at)
        l->repeated_at = later;
    l->copies += are_same(f, &f->buffers[a->buffer], &f->buffers[b->buffer]);
}

// All but header buffers. Counts the marks.
static numbered *list_buffers(const etl_file *f, losses *l, spill **block, u32 *count)
{
    numbered *list = NULL;
    u32 cap = 0;
    u64 passed = 0;
    *count = 0;
    for (u32 i = 0; i < f->count; i++) {
        const etl_buffer *b = &f->buffers[i];
        spill_pass(&passed, sizeof(*b) + sizeof(*list), SPILL_ITEMS);
        if (b->flags & (BUFFER_FLAG_EVENTS_LOST | BUFFER_FLAG_BUFFER_LOST)) {
            l->marked++;
            add_after(l, i);
        }
        if (b->type == BUFFER_TYPE_HEADER)
            continue;
        SPILL_GROW(*block, list, *count, cap);
        list[(*count)++] = (numbered){b->sequence, b->offset, b->trace_header, i, b->processor};
    }
    return list;
}

// What neighbours in the list say; `each` processor counts for itself.
static void compare_neighbours(const etl_file *f, losses *l, const numbered *list, u32 count, bool each)
{
    u64 passed = 0;
    for (u32 i = 1; i < count; i++) {
        const numbered *x = &list[i - 1], *y = &list[i];
        u64 step = y->sequence - x->sequence;
        spill_pass(&passed, sizeof(*list), SPILL_ITEMS);
        if (x->trace_header != y->trace_header || (each && x->processor != y->processor))
            continue;
        if (l->numbered && !step)
            add_repeated(f, l, x, y);
        if (step > 1 && step < BELIEVED_GAP) {
            add_row(l, each, each ? y->processor : 0, step - 1);
            add_after(l, y->buffer);
        }
    }
}

void losses_count(const etl_file *f, losses *out)
{
    *out = (losses){0};
    spill *block = NULL;
    u32 count;
    numbered *list = list_buffers(f, out, &block, &count);
    list = spill_sort(&block, count, sizeof(*list), by_sequence);
    bool each = counts_by_processor(list, count);
    out->numbered = is_numbered(list, count);
    if (out->numbered) {
        out->first = list[0].sequence;
        out->last = list[count - 1].sequence;
    }
    if (each)
        list = spill_sort(&block, count, sizeof(*list), by_processor);
    compare_neighbours(f, out, list, count, each);
    spill_free(&block);
    out->after = spill_sort(&out->after_block, out->after_count, sizeof(*out->after), by_index);
}

void losses_free(losses *l)
{
    mem_free(l->rows);
    spill_free(&l->after_block);
    *l = (losses){0};
}
