#include "container/losses.h"

#include <stdlib.h>

enum { BELIEVED_GAP = 1 << 20 }; // a larger one is a damaged number or another session

static int by_sequence(const void *a, const void *b)
{
    const etl_buffer *x = *(const etl_buffer *const *)a, *y = *(const etl_buffer *const *)b;
    if (x->trace_header != y->trace_header)
        return x->trace_header < y->trace_header ? -1 : 1;
    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    return x->processor < y->processor ? -1 : x->processor > y->processor;
}

static int by_processor(const void *a, const void *b)
{
    const etl_buffer *x = *(const etl_buffer *const *)a, *y = *(const etl_buffer *const *)b;
    if (x->processor != y->processor)
        return x->processor < y->processor ? -1 : 1;
    return by_sequence(a, b);
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

static void add_behind(losses *l, u32 buffer)
{
    GROW(l->after, l->behind_count, l->behind_cap);
    l->after[l->behind_count++] = buffer;
}

// Half of all neighbours share a number: then each processor counts for itself.
static bool counts_by_processor(const etl_buffer *const *list, u32 count)
{
    u32 same = 0;
    for (u32 i = 1; i < count; i++)
        same += list[i]->trace_header == list[i - 1]->trace_header && list[i]->sequence == list[i - 1]->sequence &&
                list[i]->processor != list[i - 1]->processor;
    return count > 1 && same >= (count + 2) / 4;
}

// Numbers that all are one say nothing: merged traces have no others than 0.
static bool is_numbered(const etl_buffer *const *list, u32 count)
{
    for (u32 i = 1; i < count; i++)
        if (list[i]->sequence != list[0]->sequence)
            return true;
    return count == 1;
}

static void add_repeated(losses *l, const etl_buffer *a, const etl_buffer *b)
{
    const etl_buffer *later = a->offset > b->offset ? a : b;
    if (!l->repeated++ || later->offset < l->repeated_at)
        l->repeated_at = later->offset;
}

void losses_count(const etl_file *f, losses *out)
{
    *out = (losses){0};
    const etl_buffer **list = mem_zeroed(f->count, sizeof(*list));
    u32 count = 0;
    for (u32 i = 0; i < f->count; i++) {
        const etl_buffer *b = &f->buffers[i];
        if (b->flags & (BUFFER_FLAG_EVENTS_LOST | BUFFER_FLAG_BUFFER_LOST)) {
            out->marked++;
            add_behind(out, i);
        }
        if (b->type != BUFFER_TYPE_HEADER)
            list[count++] = b;
    }
    if (count)
        qsort(list, count, sizeof(*list), by_sequence);
    bool each = counts_by_processor(list, count), numbered = is_numbered(list, count);
    if (numbered) {
        out->numbered = true;
        out->first = list[0]->sequence;
        out->last = list[count - 1]->sequence;
    }
    if (each)
        qsort(list, count, sizeof(*list), by_processor);
    for (u32 i = 1; i < count; i++) {
        const etl_buffer *x = list[i - 1], *y = list[i];
        u64 step = y->sequence - x->sequence;
        if (numbered && x->trace_header == y->trace_header && !step && (!each || x->processor == y->processor))
            add_repeated(out, x, y);
        if (x->trace_header == y->trace_header && step > 1 && step < BELIEVED_GAP &&
            (!each || x->processor == y->processor)) {
            add_row(out, each, each ? y->processor : 0, step - 1);
            add_behind(out, (u32)(y - f->buffers));
        }
    }
    mem_free(list);
}

void losses_free(losses *l)
{
    mem_free(l->rows);
    mem_free(l->after);
    *l = (losses){0};
}
