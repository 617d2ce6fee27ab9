// Stacks that are events of their own, and which event each belongs to.
//
// StackWalk events (FORMAT.md, section 5.5) name their event by its time stamp in ticks and the thread that ran:
//
//   0x1820 Stack              u64 EventTimeStamp, u32 StackProcess, u32 StackThread, pointers
//   0x1822 KeyCreate, 0x1823 KeyDelete, 0x1824 KeyRundown   pointer StackKey, pointers
//   0x1825 StackKeyKernel, 0x1826 StackKeyUser   u64 EventTimeStamp, u32 StackProcess, u32 StackThread, pointer
//   StackKey
//
// Payloads are read here at these offsets. Stacks are often more than all else in a trace, so most are only noted, and
// their addresses read together with the event they belong to, nearly always from the same buffer. Kept with their
// addresses are those after keys and those of events in earlier buffers. Definitions of keys come after their uses as
// well as before, so uses are resolved when all is known.
//
// An event takes a stack where its thread is the stack's; where nothing tells its thread, where the stack's kernel part
// was taken on its processor and no other event of that time has the stack's thread. Of several such events in a buffer
// the last one before the stack's record takes it.
#include <stdlib.h>

#include "base/bisect.h"
#include "base/text.h"
#include "correlate/correlate_internal.h"

typedef struct stack_place {
    size_t at; // in frames
    u32 count;
    u32 hash;
} stack_place;

// There may be millions: 32 bytes each.
typedef struct stack_part {
    i64 target; // time stamp of the event it belongs to, ticks
    u32 source, thread;
    u32 stack;      // its index; of a keyed one, until all is known, that of the key's use; IN_RECORD: not kept
    u32 buffer;     // where its record stands, and
    u32 place : 21; // how many times 8 bytes in it
    u32 processor : 11;
    u32 delay : 30; // ticks from the event to its own record, or LONGEST_DELAY
    u32 user : 1, keyed : 1;
} stack_part;
static_assert(sizeof(stack_part) == 32, "as small as it says");

enum { LONGEST_DELAY = (1 << 30) - 1, PROCESSORS = 1 << 11 }; // Windows knows 2048 processors at most

typedef struct key_use {
    u64 key;
    i64 time;
} key_use;

typedef struct key_definition {
    u64 key;
    i64 time;
    u32 source, stack;
    bool ends; // KeyDelete and KeyRundown: it was so until now
} key_definition;

enum {
    OPCODE_STACK = 32,
    OPCODE_KEY_CREATE = 34,
    OPCODE_KEY_DELETE = 35,
    OPCODE_KEY_RUNDOWN = 36,
    OPCODE_KERNEL = 37,
    OPCODE_USER = 38
};
enum { TARGET_AT = STACK_TARGET_AT, THREAD_AT = STACK_THREAD_AT, FRAMES_AT = 16 };
enum { LARGE_BUFFER = 1 << 20 }; // of such a room holds one more only

static const u32 NO_STACK = UINT32_MAX, IN_RECORD = UINT32_MAX - 1;

bool correlator_stack_owner(const event_class *cls, span payload, stack_owner *out)
{
    u8 opcode = cls->descriptor.opcode;
    if ((opcode != OPCODE_STACK && opcode != OPCODE_KERNEL && opcode != OPCODE_USER) || payload.len < FRAMES_AT)
        return false;
    *out = (stack_owner){load_i64(payload.at + TARGET_AT), load_u32(payload.at + STACK_PROCESS_AT),
                         load_u32(payload.at + THREAD_AT)};
    return true;
}

// ---------------------------------------------------------------------------------------------- storing

static u32 hash_frames(const u64 *frames, u32 count)
{
    return (u32)(hash_bytes(frames, count * sizeof(*frames)) >> 32);
}

static void slots_grow(stack_book *b)
{
    mem_free(b->slots);
    b->slot_cap = b->slot_cap ? b->slot_cap * 2 : 1024;
    b->slots = mem_zeroed(b->slot_cap, sizeof(*b->slots));
    for (u32 i = 0; i < b->stack_count; i++) {
        u32 at = b->stacks[i].hash & (b->slot_cap - 1);
        while (b->slots[at])
            at = (at + 1) & (b->slot_cap - 1);
        b->slots[at] = i + 1;
    }
}

// The index of a stack that holds these addresses; NO_STACK where there is no room for it.
static u32 stack_add(stack_book *b, span pointers, bool is_64_bit)
{
    u32 each = is_64_bit ? 8 : 4, count = (u32)(pointers.len / each);
    if (b->frame_count + count > LIMIT_STACK_FRAMES || b->stack_count >= LIMIT_KEPT_STACKS)
        return NO_STACK;
    b->frames = spill_reserve(&b->frame_block, b->frame_count + count + 1, sizeof(*b->frames));
    u64 *frames = b->frames + b->frame_count;
    for (u32 i = 0; i < count; i++)
        frames[i] = is_64_bit ? load_u64(pointers.at + i * 8u) : load_u32(pointers.at + i * 4u);
    if ((b->stack_count + 1) * 2 > b->slot_cap)
        slots_grow(b);
    u32 hash = hash_frames(frames, count), at = hash & (b->slot_cap - 1);
    for (; b->slots[at]; at = (at + 1) & (b->slot_cap - 1)) {
        const stack_place *p = &b->stacks[b->slots[at] - 1];
        if (p->hash == hash && p->count == count && memcmp(b->frames + p->at, frames, count * sizeof(*frames)) == 0)
            return b->slots[at] - 1;
    }
    SPILL_GROW(b->stack_block, b->stacks, b->stack_count, b->stack_cap);
    b->stacks[b->stack_count] = (stack_place){b->frame_count, count, hash};
    b->frame_count += count;
    b->slots[at] = ++b->stack_count;
    return b->stack_count - 1;
}

static bool is_kernel_address(u64 address, bool is_64_bit)
{
    return is_64_bit ? address >> 63 : address >= 0x80000000u;
}

static u64 load_pointer(const u8 *p, bool is_64_bit)
{
    return is_64_bit ? load_u64(p) : load_u32(p);
}

static void define_key(stack_book *b, const sighting *s, u32 source)
{
    u32 pointer = s->ev->is_64_bit ? 8 : 4;
    if (s->ev->payload.len < pointer)
        return;
    u32 stack = b->definition_count < LIMIT_KEPT_STACKS
                    ? stack_add(b, span_from(s->ev->payload, pointer), s->ev->is_64_bit)
                    : NO_STACK;
    if (stack == NO_STACK) {
        b->refused++;
        return;
    }
    SPILL_GROW(b->definition_block, b->definitions, b->definition_count, b->definition_cap);
    b->definitions[b->definition_count++] =
        (key_definition){load_pointer(s->ev->payload.at, s->ev->is_64_bit), s->ev->time, source, stack,
                         s->cls->descriptor.opcode != OPCODE_KEY_CREATE};
}

static u32 delay_of(i64 target, i64 time)
{
    if (time <= target)
        return 0;
    i64 delay = time_apart(time, target);
    return delay < LONGEST_DELAY ? (u32)delay : LONGEST_DELAY;
}

// A stack's record as it stands in a buffer; `stack` and `user` are the caller's to settle.
static stack_part part_of(const correlator *c, const loaded_buffer *b, const event_ref *ref, span payload)
{
    i64 target = load_i64(payload.at + TARGET_AT);
    return (stack_part){.target = target,
                        .source = source_of(c, b->file_index, b->desc->trace_header),
                        .thread = load_u32(payload.at + THREAD_AT),
                        .buffer = (u32)(b->desc - b->file->buffers),
                        .place = ref->offset / 8 & ((1u << 21) - 1),
                        .processor = b->desc->processor & (PROCESSORS - 1u),
                        .delay = delay_of(target, ref->time) & LONGEST_DELAY};
}

static bool is_asked_for(const correlator *c, const loaded_buffer *b, i64 target)
{
    if (c->since == INT64_MIN && c->until == INT64_MAX)
        return true;
    i64 time = clock_filetime(etl_clock(b->file, b->desc), target);
    return time >= c->since && time <= c->until;
}

bool correlator_note_stack(const correlator *c, const event_class *cls, const loaded_buffer *b, const event_ref *ref,
                           stack_notes *notes)
{
    span payload = loaded_payload(b, ref);
    // What belongs to an event of an earlier buffer is kept with its addresses.
    if (cls->descriptor.opcode != OPCODE_STACK || payload.len < FRAMES_AT + 8 ||
        load_i64(payload.at + TARGET_AT) < b->refs[0].time)
        return false;
    stack_note_thread(c, b, payload, notes);
    stack_part p = part_of(c, b, ref, payload);
    if (!is_asked_for(c, b, p.target))
        return true;
    p.stack = IN_RECORD;
    p.user = !is_kernel_address(load_pointer(payload.at + FRAMES_AT, cls->is_64_bit), cls->is_64_bit);
    GROW(notes->list, notes->count, notes->cap);
    notes->list[notes->count++] = p;
    return true;
}

stack_note stack_note_at(const stack_notes *notes, u32 i)
{
    return (stack_note){notes->list[i].target, notes->list[i].place * 8u};
}

// Capacity for so many more parts: for how many there is.
static u32 parts_bound(stack_book *b, u32 count)
{
    u32 most = LIMIT_STACKS - b->part_count;
    count = count < most ? count : most;
    b->parts = spill_reserve(&b->part_block, (size_t)b->part_count + count, sizeof(*b->parts));
    return count;
}

void correlator_take_stacks(correlator *c, const stack_notes *notes)
{
    stack_book *b = &c->stacks;
    u32 count = notes->count ? parts_bound(b, notes->count) : 0;
    b->refused += notes->count - count;
    for (u32 i = 0; i < notes->thread_count; i++)
        stack_add_thread(b, &notes->threads[i]);
    if (count)
        memcpy(b->parts + b->part_count, notes->list, count * sizeof(*b->parts));
    b->part_count += count;
}

void stack_see(correlator *c, const sighting *s, u32 source)
{
    stack_book *b = &c->stacks;
    const event *ev = s->ev;
    u8 opcode = s->cls->descriptor.opcode;
    if (opcode == OPCODE_KEY_CREATE || opcode == OPCODE_KEY_DELETE || opcode == OPCODE_KEY_RUNDOWN) {
        define_key(b, s, source_of(c, s->from->file_index, s->from->desc->trace_header));
        return;
    }
    if (ev->payload.len < FRAMES_AT + (ev->is_64_bit ? 8u : 4u))
        return;
    stack_thread thread = stack_thread_of(c, s->from, ev->payload);
    thread.source = source;
    stack_add_thread(b, &thread);
    stack_part p = part_of(c, s->from, s->ref, ev->payload);
    if (!is_asked_for(c, s->from, p.target))
        return;
    u64 first = load_pointer(ev->payload.at + FRAMES_AT, ev->is_64_bit);
    p.keyed = opcode != OPCODE_STACK;
    if (!parts_bound(b, 1)) {
        b->refused++;
        return;
    }
    if (p.keyed) {
        p.user = opcode == OPCODE_USER;
        p.stack = b->use_count;
        SPILL_GROW(b->use_block, b->uses, b->use_count, b->use_cap);
        b->uses[b->use_count++] = (key_use){first, ev->time};
    } else {
        p.user = !is_kernel_address(first, ev->is_64_bit);
        p.stack = stack_add(b, span_from(ev->payload, FRAMES_AT), ev->is_64_bit);
        if (p.stack == NO_STACK) {
            b->refused++;
            return;
        }
    }
    b->parts[b->part_count++] = p;
}

// ---------------------------------------------------------------------------------------------- closing

// About a bit for each event there may be: where one of a hundred is asked for, one stack of a hundred is kept for
// nothing.
enum { FEWEST_ASKED_BITS = 10, MOST_ASKED_BITS = 23, EVENT_BYTES = 128 };

static u32 asked_place(const stack_book *b, i64 time)
{
    return (u32)((u64)time * 0x9e3779b97f4a7c15u >> (64 - b->asked_bits));
}

void correlator_ask_few(correlator *c, u64 bytes)
{
    stack_book *b = &c->stacks;
    b->asked_bits = FEWEST_ASKED_BITS;
    while (b->asked_bits < MOST_ASKED_BITS && bytes / EVENT_BYTES >> b->asked_bits)
        b->asked_bits++;
    b->asked = mem_zeroed((size_t)1 << (b->asked_bits - 6), sizeof(*b->asked));
}

void correlator_ask(correlator *c, i64 time)
{
    u32 place = asked_place(&c->stacks, time);
    c->stacks.asked[place / 64] |= (u64)1 << place % 64;
}

static void drop_unasked(stack_book *b)
{
    u32 kept = 0;
    u64 passed = 0;
    for (u32 i = 0; i < b->part_count; i++) {
        u32 place = asked_place(b, b->parts[i].target);
        if (b->asked[place / 64] >> place % 64 & 1)
            b->parts[kept++] = b->parts[i];
        spill_pass(&passed, sizeof(*b->parts), SPILL_ITEMS);
    }
    b->dropped = b->part_count - kept;
    b->part_count = kept;
}

static int by_key(const void *a, const void *b)
{
    const key_definition *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->stack < y->stack ? -1 : x->stack > y->stack;
}

static int by_target(const void *a, const void *b)
{
    const stack_part *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->target != y->target)
        return x->target < y->target ? -1 : 1;
    if (x->thread != y->thread)
        return x->thread < y->thread ? -1 : 1;
    if (x->user != y->user)
        return x->user ? 1 : -1;
    if (x->delay != y->delay)
        return x->delay < y->delay ? -1 : 1;
    if (x->buffer != y->buffer)
        return x->buffer < y->buffer ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static bool is_before(const key_definition *d, u32 source, u64 key, i64 time)
{
    return d->source != source ? d->source < source : d->key != key ? d->key < key : d->time < time;
}

static bool is_of(const key_definition *d, u32 source, u64 key)
{
    return d->source == source && d->key == key;
}

// What a key stood for at a time: the next definition, if it ends one, since it says what was; else the last one made.
static u32 stack_of_key(const stack_book *b, u32 source, u64 key, i64 time)
{
    const key_definition *list = b->definitions;
    u32 at;
    BISECT(at, 0, b->definition_count, is_before(&list[index_], source, key, time));
    if (at < b->definition_count && is_of(&list[at], source, key) && list[at].ends)
        return list[at].stack;
    // Made again before it ended: the end was lost.
    return at > 0 && is_of(&list[at - 1], source, key) && !list[at - 1].ends ? list[at - 1].stack : NO_STACK;
}

static void resolve_keys(stack_book *b)
{
    u64 passed = 0;
    for (u32 i = 0; i < b->part_count; i++) {
        stack_part *p = &b->parts[i];
        if (p->keyed)
            p->stack = stack_of_key(b, p->source, b->uses[p->stack].key, b->uses[p->stack].time);
        spill_pass(&passed, sizeof(*p), SPILL_ITEMS);
    }
}

static u32 first_of_source(const stack_book *b, u32 source)
{
    u32 low;
    BISECT(low, 0, b->part_count, b->parts[index_].source < source);
    return low;
}

void correlator_settle_stacks(correlator *c)
{
    stack_book *b = &c->stacks;
    if (b->asked)
        drop_unasked(b);
    b->definitions = spill_sort(&b->definition_block, b->definition_count, sizeof(*b->definitions), by_key);
    if (b->use_count)
        resolve_keys(b);
    spill_free(&b->use_block);
    b->uses = NULL;
    b->parts = spill_sort(&b->part_block, b->part_count, sizeof(*b->parts), by_target);
    spill_seal(b->part_block);
    b->first = mem_zeroed(c->source_count + 1, sizeof(*b->first));
    for (u32 i = 0; i <= c->source_count; i++)
        b->first[i] = first_of_source(b, i);
    b->taken = spill_zeroed(&b->taken_block, b->part_count, sizeof(*b->taken));
    mem_free(b->slots);
    b->slots = NULL;
    b->slot_cap = 0;
}

void stack_free(stack_book *b)
{
    spill_free(&b->part_block);
    spill_free(&b->use_block);
    spill_free(&b->definition_block);
    spill_free(&b->frame_block);
    spill_free(&b->stack_block);
    spill_free(&b->taken_block);
    mem_free(b->asked);
    stack_free_threads(b);
    mem_free(b->slots);
    mem_free(b->first);
}

void correlator_stack_counts(const correlator *c, u64 *recorded, u64 *joined)
{
    *recorded = c->stacks.part_count + c->stacks.dropped + c->stacks.refused;
    *joined = 0;
    for (u32 i = 0; c->stacks.taken && i < c->stacks.part_count; i++)
        *joined += atomic_load_explicit(&c->stacks.taken[i], memory_order_relaxed);
}

// ---------------------------------------------------------------------------------------------- records

static u32 append(const stack_book *b, u32 stack, u64 **out, u32 count, u32 *cap)
{
    if (stack >= b->stack_count)
        return count;
    const stack_place *p = &b->stacks[stack];
    for (u32 i = 0; i < p->count; i++) {
        GROW(*out, count, *cap);
        (*out)[count++] = b->frames[p->at + i];
    }
    return count;
}

// A buffer that holds the stack of an event of another one.
static const loaded_buffer *other_buffer(correlate_scratch *scratch, const etl_file *file, u32 buffer)
{
    const etl_buffer *desc = &file->buffers[buffer];
    for (u32 i = 0; i < OTHER_BUFFERS; i++)
        if (scratch->others[i].file == file && scratch->others[i].desc == desc)
            return &scratch->others[i];
    loaded_buffer *b = &scratch->others[etl_capacity(desc) > LARGE_BUFFER ? 0 : scratch->other_next++ % OTHER_BUFFERS];
    buffer_load_bytes(file, buffer, b, &scratch->reader, NULL);
    return b;
}

// The file may have changed since the survey: the record must still be the one it was.
static u32 append_from_record(const loaded_buffer *b, const stack_part *p, u64 **out, u32 count, u32 *cap)
{
    event ev;
    event_ref ref = {.offset = p->place * 8u};
    loaded_event(b, &ref, &ev);
    u32 each = ev.is_64_bit ? 8 : 4;
    if (ev.payload.len < FRAMES_AT + each || load_i64(ev.payload.at + TARGET_AT) != p->target ||
        load_u32(ev.payload.at + THREAD_AT) != p->thread)
        return count;
    for (size_t i = FRAMES_AT; i + each <= ev.payload.len; i += each) {
        GROW(*out, count, *cap);
        (*out)[count++] = load_pointer(ev.payload.at + i, ev.is_64_bit);
    }
    return count;
}

u32 correlator_stack_of_key(const correlator *c, u32 trace, u32 trace_header, u64 key, i64 raw_time, u64 **stack,
                            u32 count, u32 *cap)
{
    u32 found = stack_of_key(&c->stacks, source_of(c, trace, trace_header), key, raw_time);
    return append(&c->stacks, found, stack, count, cap);
}

// The first part in [low, high) whose target is at or after `time`. Records come in the order of time: the search
// starts where the last one ended.
static u32 first_part(const stack_book *b, u32 low, u32 high, i64 time, u32 near)
{
    if (near > low && near < high && b->parts[near - 1].target < time) {
        u32 step = 1;
        low = near;
        while (low + step < high && b->parts[low + step - 1].target < time) {
            low += step;
            step *= 2;
        }
        if (low + step < high)
            high = low + step;
    }
    BISECT(low, low, high, b->parts[index_].target < time);
    return low;
}

// What is known of the thread an event was logged by.
typedef enum thread_known { THREAD_UNKNOWN, THREAD_LIKELY, THREAD_SURE } thread_known;

typedef struct owner {
    thread_known known;
    u32 thread;
    bool never; // stacks have no stacks
} owner;

// Payloads of fixed layout tell the running thread without being decoded.
static bool payload_thread(const class_role *role, const event *ev, u32 *thread)
{
    for (u32 i = 0; i < role->count; i++) {
        const plan *p = role->readers[i].plan;
        i16 at = role->readers[i].fields[WANT_THREAD];
        span v;
        if (at == NO_FIELD || !p->all_fixed || p->prefix_bytes != ev->payload.len ||
            !span_sub(ev->payload, p->prefix_slots[at].offset, 4, &v))
            continue;
        *thread = load_u32(v.at);
        return true;
    }
    return false;
}

static owner owner_of(const correlator *c, const event *ev, u32 cls)
{
    owner o = {THREAD_UNKNOWN, 0, false};
    const class_role *role = cls < c->role_count ? c->roles[cls] : NULL;
    o.never = role && role->topic == TOPIC_STACK;
    if (ev->thread_id != 0xffffffff)
        return (owner){THREAD_SURE, ev->thread_id, o.never};
    if (role && role->running && payload_thread(role, ev, &o.thread))
        o.known = THREAD_LIKELY;
    return o;
}

// Parts of one thread among those of one target.
typedef struct part_group {
    u32 first, count;
    bool strong;
} part_group;

// Kernel parts are taken on the event's processor, at once; user parts later, wherever the thread runs then.
static bool on_processor(const stack_book *b, u32 first, u32 count, u16 processor)
{
    bool kernel = !b->parts[first].user;
    for (u32 i = first; i < first + count; i++)
        if (b->parts[i].processor == (processor & (PROCESSORS - 1)) && b->parts[i].user != kernel)
            return true;
    return false;
}

static bool takes(const stack_book *b, const owner *o, u32 first, u32 count, u16 processor, bool *strong)
{
    *strong = o->known != THREAD_UNKNOWN && o->thread == b->parts[first].thread;
    if (o->never || *strong)
        return *strong && !o->never;
    return o->known != THREAD_SURE && on_processor(b, first, count, processor);
}

static bool find_group(const stack_book *b, const owner *o, u32 first, u32 last, u16 processor, part_group *out)
{
    bool found = false;
    for (u32 i = first, next; i < last; i = next) {
        bool strong;
        for (next = i + 1; next < last && b->parts[next].thread == b->parts[i].thread; next++)
            continue;
        if (!takes(b, o, i, next - i, processor, &strong) || (found && !strong))
            continue;
        *out = (part_group){i, next - i, strong};
        found = true;
        if (strong)
            break;
    }
    return found;
}

// Other events of the buffer at the same time that would take the group too: how they limit what this one gets.
typedef struct rivals {
    bool stronger;
    u32 next, before; // offsets of the nearest ones after and in front; UINT32_MAX, 0: none
} rivals;

static void meet(const correlator *c, const loaded_buffer *b, const event_ref *rival, const event_ref *own,
                 const part_group *g, rivals *r)
{
    event ev;
    bool strong;
    loaded_event(b, rival, &ev);
    owner o = owner_of(c, &ev, rival->cls);
    if (!takes(&c->stacks, &o, g->first, g->count, b->desc->processor, &strong))
        return;
    if (strong != g->strong) {
        r->stronger |= strong;
        return;
    }
    if (rival->offset > own->offset && rival->offset < r->next)
        r->next = rival->offset;
    if (rival->offset < own->offset && rival->offset > r->before)
        r->before = rival->offset;
}

static rivals find_rivals(const correlator *c, const loaded_buffer *b, const event_ref *ref, const part_group *g)
{
    rivals r = {false, UINT32_MAX, 0};
    const event_ref *end = b->refs + b->count;
    for (const event_ref *x = ref + 1; x < end && x->time == ref->time && x - ref <= LIMIT_RIVALS_LOOKED_AT; x++)
        meet(c, b, x, ref, g, &r);
    for (const event_ref *x = ref; x > b->refs && x[-1].time == ref->time && ref - x < LIMIT_RIVALS_LOOKED_AT; x--)
        meet(c, b, x - 1, ref, g, &r);
    return r;
}

u32 correlator_stack(const correlator *c, const loaded_buffer *b, const event_ref *ref, correlate_scratch *scratch,
                     const record *rec, u64 **stack, u32 count, u32 *cap)
{
    const stack_book *k = &c->stacks;
    u32 source = source_of(c, b->file_index, b->desc->trace_header);
    u32 start = k->first[source], end = k->first[source + 1], near = scratch->stack_at;
    if (start == end ||
        (near > start && near < end && k->parts[near - 1].target < ref->time && k->parts[near].target > ref->time))
        return count; // by far the most: between the stack before and the next one
    u32 first = scratch->stack_at = first_part(k, start, end, ref->time, near), last = first;
    while (last < end && last - first < LIMIT_PARTS_LOOKED_AT && k->parts[last].target == ref->time)
        last++;
    part_group g;
    owner o;
    if (first == last || (o = owner_of(c, rec->event, ref->cls), o.never) ||
        !find_group(k, &o, first, last, b->desc->processor, &g))
        return count;
    rivals r = find_rivals(c, b, ref, &g);
    u32 buffer = (u32)(b->desc - b->file->buffers);
    for (u32 i = g.first; i < g.first + g.count && !r.stronger; i++) {
        const stack_part *p = &k->parts[i];
        bool here = p->buffer == buffer;
        // The last event before the stack's record: a stack elsewhere stands after all of this buffer.
        u32 offset = p->place * 8u;
        bool ours = here ? (offset < r.next && (offset > ref->offset || !r.before)) : r.next == UINT32_MAX;
        if (!ours || p->stack == NO_STACK)
            continue;
        if (!atomic_load_explicit(&k->taken[i], memory_order_relaxed))
            atomic_store_explicit(&k->taken[i], 1, memory_order_relaxed);
        if (p->stack == IN_RECORD)
            count = append_from_record(here ? b : other_buffer(scratch, b->file, p->buffer), p, stack, count, cap);
        else
            count = append(k, p->stack, stack, count, cap);
    }
    return count;
}
