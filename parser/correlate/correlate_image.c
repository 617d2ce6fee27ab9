// Modules: what lay where in a process's memory and when, and which PDB belongs to an image.
//
// Image Load, UnLoad, DCStart and DCEnd (kernel), ImageLoad and ImageUnload (Microsoft-Windows-Kernel-Process), and the
// ImageID events that trace merging writes. Kernel modules are loaded once for all processes.
#include <strings.h>

#include "base/bisect.h"
#include "correlate/correlate_internal.h"

typedef struct image_fact {
    u64 base, size;
    i64 time;
    const char *path;
    u32 process_id;
    u32 source; // once closed: the machine
    fact_kind kind;
} image_fact;

typedef struct image {
    u64 base, size;
    u64 reach; // the highest end of all images of the process up to this one
    i64 from, until;
    const char *path, *name;
    u32 machine, process_id;
    guid pdb_id; // where `has_pdb`
    bool has_pdb;
    const public_symbols *symbols; // NULL: none were given
    const image_version *version;  // NULL: not told
} image;

typedef struct pdb_fact {
    u64 base;
    i64 time;
    const char *pdb, *original; // one of them
    guid id;
    u32 age, process_id, source;
    u32 size, stamp; // with `original`
    bool managed;
} pdb_fact;

enum { OPCODE_UNLOAD = 2, OPCODE_DC_START = 3, OPCODE_DC_END = 4, OPCODE_LOAD = 10 };
enum { ID_IMAGE_LOAD = 5, ID_IMAGE_UNLOAD = 6 };
enum { OPCODE_INFO = 0, OPCODE_RSDS = 36, OPCODE_ILRSDS = 37 };

// Kernel modules stand under this id: no process has it.
static const u32 KERNEL_MODULES = UINT32_MAX;

static bool is_kernel_base(u64 base, bool is_64_bit)
{
    return is_64_bit ? base >> 63 : base >= 0x80000000u;
}

static fact_kind kind_of(const event_class *cls)
{
    if (!cls->classic)
        return cls->descriptor.id == ID_IMAGE_LOAD ? FACT_START : FACT_END;
    switch (cls->descriptor.opcode) {
    case OPCODE_LOAD:
        return FACT_START;
    case OPCODE_UNLOAD:
        return FACT_END;
    default:
        return FACT_EXISTS;
    }
}

static void see_pdb(correlator *c, const sighting *s, const seen *v, u32 source)
{
    image_book *b = &c->images;
    u8 opcode = s->cls->descriptor.opcode;
    pdb_fact f = {.time = s->time, .source = source, .managed = opcode == OPCODE_ILRSDS};
    span id;
    if (!seen_number(v, WANT_OBJECT, &f.base) || !seen_u32(v, WANT_PROCESS, &f.process_id))
        return;
    if (opcode == OPCODE_INFO) {
        f.original = seen_text(v, WANT_PATH);
        (void)seen_u32(v, WANT_SIZE, &f.size);
        (void)seen_u32(v, WANT_STAMP, &f.stamp);
    } else if (seen_value(v, WANT_GUID, &id) && id.len == 16 && seen_u32(v, WANT_AGE, &f.age)) {
        f.id = guid_load(id.at);
        f.pdb = seen_text(v, WANT_PATH);
    }
    if (!f.pdb && !f.original)
        return;
    if (b->pdb_count >= LIMIT_IMAGE_FACTS) {
        b->pdbs_refused++;
        return;
    }
    SPILL_GROW(b->pdb_fact_block, b->pdb_facts, b->pdb_count, b->pdb_cap);
    b->pdb_facts[b->pdb_count++] = f;
}

void image_see(correlator *c, const sighting *s, const seen *v, topic t, u32 source)
{
    image_book *b = &c->images;
    if (t == TOPIC_IMAGE_VERSION) {
        version_see(c, v, source);
        return;
    }
    if (t == TOPIC_IMAGE_ID) {
        see_pdb(c, s, v, source);
        return;
    }
    image_fact f = {.time = s->time, .source = source, .kind = kind_of(s->cls)};
    span base;
    if (!seen_number(v, WANT_OBJECT, &f.base) || !f.base || !seen_number(v, WANT_SIZE, &f.size) || !f.size)
        return;
    // The oldest layout names no process: the header does.
    if (!seen_u32(v, WANT_PROCESS, &f.process_id))
        f.process_id = s->ev->process_id;
    f.path = seen_text(v, WANT_PATH);
    if (!f.path || f.base + f.size < f.base)
        return;
    bool is_64_bit = seen_value(v, WANT_OBJECT, &base) && base.len == 8;
    if (is_kernel_base(f.base, is_64_bit))
        f.process_id = KERNEL_MODULES;
    if (b->fact_count >= LIMIT_IMAGE_FACTS) {
        b->refused++;
        return;
    }
    SPILL_GROW(b->fact_block, b->facts, b->fact_count, b->fact_cap);
    b->facts[b->fact_count++] = f;
}

// ---------------------------------------------------------------------------------------------- folding

static int compare_numbers(u64 a, u64 b)
{
    return a < b ? -1 : a > b;
}

static int by_place_and_time(const void *a, const void *b)
{
    const image_fact *x = a, *y = b;
    int order = compare_numbers(x->source, y->source);
    if (!order)
        order = compare_numbers(x->process_id, y->process_id);
    if (!order)
        order = compare_numbers(x->base, y->base);
    if (!order && x->time != y->time)
        order = x->time < y->time ? -1 : 1;
    if (!order)
        order = compare_numbers(x->kind, y->kind);
    if (!order)
        order = compare_numbers(x->size, y->size);
    return order ? order : x->path == y->path ? 0 : strcmp(x->path, y->path);
}

static void put(correlator *c, const image_fact *f, i64 from, i64 until, life_doubts doubts)
{
    image_book *b = &c->images;
    spill_pass(&b->passed, sizeof(*f) + sizeof(*b->list) + strlen(f->path), SPILL_ITEMS);
    count_life(c, &b->counts, f->source, from, until, doubts);
    SPILL_GROW(b->list_block, b->list, b->count, b->cap);
    const char *path = file_dos_path(c, f->source, f->path);
    drive_note(c, f->source, path);
    b->list[b->count++] = (image){.base = f->base,
                                  .size = f->size,
                                  .from = from,
                                  .until = until,
                                  .path = path,
                                  .name = path_name(path),
                                  .machine = f->source,
                                  .process_id = f->process_id};
}

static bool same_place(const image_fact *a, const image_fact *b)
{
    return a->source == b->source && a->process_id == b->process_id && a->base == b->base;
}

// What is at one base address in one process.
typedef struct folding {
    correlator *c;
    const image_fact *now; // NULL: nothing
    i64 from, last;        // of it: it cannot be there behind `last`, when its process is gone
    i64 ended;             // what was there before
    bool inferred;         // nothing tells when it came
} folding;

static void end_image(folding *f, i64 until, bool is_told)
{
    until = until < f->last ? until : f->last;
    put(f->c, f->now, f->from, until, (life_doubts){f->inferred, !is_told && until != INT64_MAX});
    f->ended = until;
    f->now = NULL;
}

// Rundown entries reach back to what was unloaded before, or to the start of the process.
static void begin_image(folding *f, const image_fact *by)
{
    const process_life *p = process_at(f->c, by->source, by->process_id, by->time);
    f->now = by;
    f->inferred = by->kind != FACT_START;
    f->from = f->inferred ? f->ended : by->time;
    if (p && f->from < p->since)
        f->from = p->since;
    f->last = p && p->until != INT64_MAX ? p->until - 1 : INT64_MAX;
}

// All facts of one base address in one process, in order.
static void fold(correlator *c, const image_fact *facts, u32 count)
{
    folding f = {.c = c, .ended = INT64_MIN};
    for (u32 i = 0; i < count; i++) {
        const image_fact *by = &facts[i];
        if (f.now && by->time > f.last)
            end_image(&f, f.last, false);
        bool same = f.now && f.now->path == by->path && f.now->size == by->size;
        bool ends = by->kind == FACT_END;
        if (same && !ends)
            continue;
        if (f.now)
            end_image(&f, by->time, same);
        if (same)
            continue;
        begin_image(&f, by);
        if (ends)
            end_image(&f, by->time, true);
    }
    if (f.now)
        end_image(&f, INT64_MAX, false);
}

void image_close(correlator *c)
{
    image_book *b = &c->images;
    u64 passed = 0;
    for (u32 i = 0; i < b->fact_count; i++) {
        b->facts[i].source = c->machines[b->facts[i].source];
        spill_pass(&passed, sizeof(*b->facts), SPILL_ITEMS);
    }
    b->facts = spill_sort(&b->fact_block, b->fact_count, sizeof(*b->facts), by_place_and_time);
    for (u32 i = 0, next; i < b->fact_count; i = next) {
        for (next = i + 1; next < b->fact_count && same_place(&b->facts[next], &b->facts[i]); next++)
            continue;
        fold(c, &b->facts[i], next - i);
    }
    spill_free(&b->fact_block);
    b->facts = NULL;
    b->fact_count = b->fact_cap = 0;
    for (u32 i = 0; i < b->count; i++) {
        image *m = &b->list[i];
        const image *before = i ? &b->list[i - 1] : NULL;
        bool together = before && before->machine == m->machine && before->process_id == m->process_id;
        m->reach = m->base + m->size;
        if (together && before->reach > m->reach)
            m->reach = before->reach;
        spill_pass(&passed, sizeof(*m), SPILL_ITEMS);
    }
    spill_seal(b->list_block);
}

// ---------------------------------------------------------------------------------------------- looking up

static bool is_up_to(const image *m, u32 machine, u32 process_id, u64 address)
{
    return m->machine != machine         ? m->machine < machine
           : m->process_id != process_id ? m->process_id < process_id
                                         : m->base <= address;
}

// The first image after an address, and with it the end of those that may hold it.
static u32 images_up_to(const image_book *b, u32 machine, u32 process_id, u64 address)
{
    u32 count;
    BISECT(count, 0, b->count, is_up_to(&b->list[index_], machine, process_id, address));
    return count;
}

static const image *image_at(const image_book *b, u32 machine, u32 process_id, i64 time, u64 address)
{
    u32 end = images_up_to(b, machine, process_id, address);
    for (u32 i = end; i-- > 0 && end - i <= LIMIT_IMAGES_LOOKED_AT;) {
        const image *m = &b->list[i];
        if (m->machine != machine || m->process_id != process_id || m->reach <= address)
            return NULL;
        if (address - m->base < m->size && m->from <= time && time <= m->until)
            return m;
    }
    return NULL;
}

static const image *image_of(const correlator *c, u32 machine, u32 process_id, i64 time, u64 address)
{
    const image *m = address >= 0x80000000u ? image_at(&c->images, machine, KERNEL_MODULES, time, address) : NULL;
    return m ? m : image_at(&c->images, machine, process_id, time, address);
}

bool correlator_module(const correlator *c, u32 trace, u32 epoch, u32 process_id, i64 filetime, u64 address,
                       stack_frame *out)
{
    u32 machine = c->machines[source_of(c, trace, epoch)];
    const image *m = image_of(c, machine, process_id, filetime, address);
    *out = (stack_frame){m ? m->name : NULL, NULL, m ? address - m->base : address};
    if (m && m->symbols)
        out->function = public_symbol_at(m->symbols, address - m->base, &out->offset);
    return method_at(c, machine, process_id, filetime, address, out) || m;
}

bool correlator_has_versions(const correlator *c)
{
    return c->images.has_versions;
}

const image_version *correlator_version(const correlator *c, u32 trace, u32 epoch, u32 process_id, i64 filetime,
                                        u64 base)
{
    const image *m = image_of(c, c->machines[source_of(c, trace, epoch)], process_id, filetime, base);
    return m && m->base == base ? m->version : NULL;
}

void correlator_frames(const correlator *c, u32 trace, u32 epoch, correlate_scratch *scratch, record *rec)
{
    for (u32 i = 0; i < rec->stack_count; i++) {
        GROW(scratch->frames, i, scratch->frame_cap);
        (void)correlator_module(c, trace, epoch, rec->has_process ? rec->process_id : KERNEL_MODULES, rec->time,
                                rec->stack[i], &scratch->frames[i]);
    }
    rec->frames = rec->stack_count ? scratch->frames : NULL;
}

named_image image_named(const correlator *c, u32 machine, u32 process_id, const char *name, i64 from, i64 until)
{
    const image_book *b = &c->images;
    u32 end = images_up_to(b, machine, process_id, UINT64_MAX);
    for (u32 i = end; i-- > 0 && end - i <= LIMIT_IMAGES_LOOKED_AT;) {
        const image *m = &b->list[i];
        if (m->machine != machine || m->process_id != process_id)
            break;
        if (m->from <= until && m->until >= from && strcasecmp(m->name, name) == 0)
            return (named_image){m->path, m->version};
    }
    return (named_image){0};
}

// ---------------------------------------------------------------------------------------------- symbols

static int by_identity(const void *a, const void *b)
{
    const pdb_identity *x = a, *y = b;
    int order =
        !x->image || !y->image ? compare_numbers(x->image != NULL, y->image != NULL) : strcmp(x->image, y->image);
    if (!order)
        order = strcmp(x->pdb, y->pdb);
    if (!order)
        order = memcmp(&x->id, &y->id, sizeof(x->id));
    if (!order)
        order = compare_numbers(x->age, y->age);
    return order ? order : compare_numbers(x->managed, y->managed);
}

static int by_image(const void *a, const void *b)
{
    const pdb_fact *x = a, *y = b;
    int order = compare_numbers(x->source, y->source);
    if (!order)
        order = compare_numbers(x->process_id, y->process_id);
    if (!order)
        order = compare_numbers(x->base, y->base);
    if (!order && x->time != y->time)
        order = x->time < y->time ? -1 : 1;
    if (!order)
        order = compare_numbers(x->original != NULL, y->original != NULL);
    const char *s = x->original ? x->original : x->pdb, *t = y->original ? y->original : y->pdb;
    return order || s == t ? order : strcmp(s, t);
}

// Before processes are put together, and image_close_pdbs.
void image_give_versions(correlator *c)
{
    image_book *b = &c->images;
    for (u32 i = 0; i < b->pdb_count; i++)
        b->pdb_facts[i].source = c->machines[b->pdb_facts[i].source];
    b->pdb_facts = spill_sort(&b->pdb_fact_block, b->pdb_count, sizeof(*b->pdb_facts), by_image);
    for (u32 i = 0; i < b->pdb_count; i++) {
        spill_pass(&b->passed, SPILL_LOOKUP, SPILL_LOOKUPS);
        const pdb_fact *f = &b->pdb_facts[i];
        const image *m = f->original ? image_of(c, f->source, f->process_id, f->time, f->base) : NULL;
        if (m && !m->version)
            b->list[m - b->list].version = version_of(c, f->source, f->size, f->stamp, f->original);
        b->has_versions |= m && m->version;
    }
}

// The original name told for the same image: the nearest in time among its facts.
static const char *original_near(const pdb_fact *facts, u32 count, u32 at)
{
    const char *found = NULL;
    u64 nearest = UINT64_MAX;
    for (u32 i = 0; i < count; i++) {
        u64 apart = (u64)(facts[i].time > facts[at].time ? time_apart(facts[i].time, facts[at].time)
                                                         : time_apart(facts[at].time, facts[i].time));
        if (facts[i].original && apart < nearest) {
            nearest = apart;
            found = facts[i].original;
        }
    }
    return found;
}

enum { FACTS_LOOKED_AT = 64 }; // of one image: it has two, for each time it was loaded

void image_close_pdbs(correlator *c)
{
    image_book *b = &c->images;
    b->pdbs = spill_zeroed(&b->pdb_block, b->pdb_count, sizeof(*b->pdbs));
    u32 kept = 0;
    for (u32 i = 0; i < b->pdb_count; i++) {
        const pdb_fact *f = &b->pdb_facts[i];
        spill_pass(&b->passed, SPILL_LOOKUP, SPILL_LOOKUPS);
        if (!f->pdb)
            continue;
        u32 low = i, high = i + 1;
        while (low > 0 && i - low < FACTS_LOOKED_AT && b->pdb_facts[low - 1].base == f->base &&
               b->pdb_facts[low - 1].process_id == f->process_id && b->pdb_facts[low - 1].source == f->source)
            low--;
        while (high < b->pdb_count && high - i < FACTS_LOOKED_AT && b->pdb_facts[high].base == f->base &&
               b->pdb_facts[high].process_id == f->process_id && b->pdb_facts[high].source == f->source)
            high++;
        const image *m = image_of(c, f->source, f->process_id, f->time, f->base);
        if (m && !f->managed) {
            image *of = &b->list[m - b->list];
            of->pdb_id = f->id;
            of->has_pdb = true;
        }
        const char *original = m ? NULL : original_near(b->pdb_facts + low, high - low, i - low);
        b->pdbs[kept++] = (pdb_identity){
            m ? m->path : original, m && !f->managed ? m->version : NULL, f->pdb, f->id, f->age, f->managed};
    }
    b->pdbs = spill_sort(&b->pdb_block, kept, sizeof(*b->pdbs), by_identity);
    spill_seal(b->pdb_block);
    for (u32 i = 0; i < kept; i++)
        if (!b->identity_count || by_identity(&b->pdbs[b->identity_count - 1], &b->pdbs[i]) != 0)
            b->pdbs[b->identity_count++] = b->pdbs[i];
    spill_free(&b->pdb_fact_block);
    b->pdb_facts = NULL;
    b->pdb_count = b->pdb_cap = 0;
}

const pdb_identity *correlator_pdbs(const correlator *c, u32 *count)
{
    *count = c->images.identity_count;
    return c->images.pdbs;
}

void correlator_set_symbols(correlator *c, const pdb_identity *of, const public_symbols *symbols)
{
    image_book *b = &c->images;
    for (u32 i = 0; i < b->count; i++)
        if (b->list[i].has_pdb && guid_equal(&b->list[i].pdb_id, &of->id))
            b->list[i].symbols = symbols;
}

void image_free(image_book *b)
{
    spill_free(&b->fact_block);
    spill_free(&b->list_block);
    spill_free(&b->pdb_fact_block);
    spill_free(&b->pdb_block);
}
