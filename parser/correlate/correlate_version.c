// What images say of themselves: original name, description, version, product and company, from the FileVersion events
// that trace merging writes once for each file. The file of an image is found by its size and link time, which its Info
// event has too.
#include "base/bisect.h"
#include "correlate/correlate_internal.h"

typedef struct version_fact {
    u32 source; // once closed: the machine
    u32 size, stamp;
    image_version told;
} version_fact;

void version_see(correlator *c, const seen *v, u32 source)
{
    version_book *b = &c->versions;
    version_fact f = {.source = source};
    if (!seen_u32(v, WANT_SIZE, &f.size) || !seen_u32(v, WANT_STAMP, &f.stamp))
        return;
    if (b->count >= LIMIT_IMAGE_FACTS) {
        c->images.refused++;
        return;
    }
    f.told = (image_version){.original_name = seen_text(v, WANT_PATH),
                             .description = seen_text(v, WANT_DESCRIPTION),
                             .version = seen_text(v, WANT_VERSION),
                             .product = seen_text(v, WANT_PRODUCT),
                             .company = seen_text(v, WANT_COMPANY)};
    SPILL_GROW(b->list_block, b->list, b->count, b->cap);
    b->list[b->count++] = f;
}

static int compare(const version_fact *a, const version_fact *b)
{
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->stamp < b->stamp ? -1 : a->stamp > b->stamp;
}

static int compare_texts(const char *a, const char *b)
{
    return a == b ? 0 : !a ? -1 : !b ? 1 : strcmp(a, b);
}

static int by_file(const void *a, const void *b)
{
    const version_fact *x = a, *y = b;
    const image_version *s = &x->told, *t = &y->told;
    int order = compare(x, y);
    order = order ? order : compare_texts(s->original_name, t->original_name);
    order = order ? order : compare_texts(s->description, t->description);
    order = order ? order : compare_texts(s->version, t->version);
    order = order ? order : compare_texts(s->product, t->product);
    return order ? order : compare_texts(s->company, t->company);
}

void version_close(correlator *c)
{
    version_book *b = &c->versions;
    for (u32 i = 0; i < b->count; i++)
        b->list[i].source = c->machines[b->list[i].source];
    b->list = spill_sort(&b->list_block, b->count, sizeof(*b->list), by_file);
    spill_seal(b->list_block);
}

const image_version *version_of(correlator *c, u32 machine, u32 size, u32 stamp, const char *original)
{
    const version_book *b = &c->versions;
    const version_fact wanted = {.source = machine, .size = size, .stamp = stamp};
    u32 at;
    BISECT(at, 0, b->count, compare(&b->list[index_], &wanted) < 0);
    if (at < b->count && compare(&b->list[at], &wanted) == 0)
        return &b->list[at].told;
    if (!original)
        return NULL;
    image_version *made = arena_new(&c->arena, image_version);
    *made = (image_version){.original_name = original};
    return made;
}

void version_free(version_book *b)
{
    spill_free(&b->list_block);
}
