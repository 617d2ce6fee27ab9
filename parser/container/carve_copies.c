// Buffers with the same content (carve_group.h). Contents are compared, whole: numbers and times that agree are the
// reason to look, never the reason to leave something out.
#include <string.h>

#include "base/sort.h"
#include "container/carve_group.h"
#include "container/carve_proof.h"

enum { WHOLE_MOST = 4 }; // of the buffers that begin alike: damaged ones are compared with so many

typedef struct hashed {
    u64 hash;
    u32 index;
} hashed;

typedef struct digested {
    u8 digest[SHA256_BYTES];
    u32 index, good_end;
    bool is_unfinished; // damaged, or still being filled: it may be a part of another
} digested;

static int by_hash(const void *a, const void *b)
{
    const hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int by_digest(const void *a, const void *b)
{
    const digested *x = a, *y = b;
    int order = memcmp(x->digest, y->digest, SHA256_BYTES);
    return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static int longest_first(const void *a, const void *b)
{
    const digested *x = a, *y = b;
    if (x->good_end != y->good_end)
        return x->good_end > y->good_end ? -1 : 1;
    if (x->is_unfinished != y->is_unfinished)
        return y->is_unfinished ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void mark_copy(carve *c, u32 copy, u32 kept)
{
    c->buffers[copy].reason = CARVE_DUPLICATE;
    c->buffers[copy].duplicate_of = kept;
}

// What makes two buffers one: what their headers say they are, and all their proven bytes.
static void digest_of(carve_prover *p, const carve_buffer *b, u8 digest[SHA256_BYTES])
{
    const u64 is[] = {b->sequence, (u64)b->time_stamp, (u64)b->used << 32 | b->good_end, b->tail,
                      (u64)b->processor << 32 | (u64)b->logger_id << 16 | b->type};
    sha256 *s = sha256_begin();
    sha256_add(s, (span){(const u8 *)is, sizeof(is)});
    sha256_add(s, span_from(prove_bytes(p, b), BUFFER_HEADER_BYTES));
    sha256_add(s, prove_tail(p, b));
    sha256_end(s, digest);
}

// Those with the same digest are one. Returns how many are left, which are then first.
static u32 merge_same(carve *c, digested *items, u32 count)
{
    u32 left = 0;
    sort_in_place(items, count, sizeof(*items), by_digest);
    for (u32 i = 0; i < count; i++)
        if (left && memcmp(items[left - 1].digest, items[i].digest, SHA256_BYTES) == 0)
            mark_copy(c, items[i].index, items[left - 1].index);
        else
            items[left++] = items[i];
    return left;
}

// Of a damaged buffer, or one that was copied while it was being filled.
static bool may_be_part(const carve_buffer *part, const carve_buffer *whole)
{
    return part->good_end <= whole->good_end && (!part->intact || part->is_live) && part->type == whole->type &&
           part->processor == whole->processor && part->logger_id == whole->logger_id && part->form == whole->form &&
           (part->sequence == whole->sequence || part->is_live) && (!part->tail || part->used == whole->good_end);
}

// Whether all events of the part are among those of the whole, whose bytes are `all`.
static bool is_part(carve_prover *p, const carve_buffer *part, span all)
{
    span start = span_from(prove_bytes(p, part), BUFFER_HEADER_BYTES);
    if (start.len != part->good_end - BUFFER_HEADER_BYTES || all.len < part->good_end ||
        memcmp(start.at, all.at + BUFFER_HEADER_BYTES, start.len) != 0)
        return false;
    span tail = prove_tail(p, part);
    return !part->tail || (all.len == part->used && tail.len == part->used - part->tail &&
                           memcmp(tail.at, all.at + part->tail, tail.len) == 0);
}

static void merge_parts(carve_prover *p, u32 whole, const digested *items, u32 count)
{
    carve *c = p->carve;
    span bytes = prove_bytes(p, &c->buffers[whole]);
    u8 *copied = mem_alloc(bytes.len + 1);
    memcpy(copied, bytes.at, bytes.len);
    const span all = {copied, bytes.len};
    for (u32 i = 0; i < count; i++) {
        const carve_buffer *b = &c->buffers[items[i].index];
        if (items[i].index != whole && b->duplicate_of == CARVE_NONE && may_be_part(b, &c->buffers[whole]) &&
            is_part(p, b, all))
            mark_copy(c, items[i].index, whole);
    }
    mem_free(copied);
}

// Buffers that begin with the same event.
static void compare_alike(carve_prover *p, const hashed *alike, u32 count)
{
    carve *c = p->carve;
    bool has_parts = false;
    digested *items = mem_alloc(count * sizeof(*items));
    for (u32 i = 0; i < count; i++) {
        const carve_buffer *b = &c->buffers[alike[i].index];
        items[i].index = alike[i].index;
        items[i].good_end = b->good_end;
        digest_of(p, b, items[i].digest);
        items[i].is_unfinished = !b->intact || b->is_live;
        has_parts = has_parts || items[i].is_unfinished;
    }
    count = merge_same(c, items, count);
    if (has_parts) {
        sort_in_place(items, count, sizeof(*items), longest_first);
        for (u32 i = 0, looked_at = 0; i + 1 < count && looked_at < WHOLE_MOST; i++)
            if (c->buffers[items[i].index].duplicate_of == CARVE_NONE) {
                merge_parts(p, items[i].index, items + i + 1, count - i - 1);
                looked_at++;
            }
    }
    mem_free(items);
}

void group_find_copies(grouping *g)
{
    carve *c = g->c;
    image_view view;
    view_begin(&view, c->image);
    carve_prover p = {.carve = c, .view = &view};
    hashed *items = mem_alloc(c->count * sizeof(*items) + 1);
    for (u32 i = 0; i < c->count; i++)
        items[i] = (hashed){c->buffers[i].begins, i};
    sort_in_place(items, c->count, sizeof(*items), by_hash);
    for (u32 i = 0, next; i < c->count; i = next) {
        for (next = i + 1; next < c->count && items[next].hash == items[i].hash;)
            next++;
        if (next > i + 1)
            compare_alike(&p, items + i, next - i);
    }
    mem_free(items);
    prover_free(&p);
    view_end(&view);
}
