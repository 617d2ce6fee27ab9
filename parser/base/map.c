// Hashing: 16 bytes a step, folded by a full 64 x 64 bit product, with secrets drawn once in each process.
#include "base/map.h"

#include "base/arena.h"
#include "base/os.h"
#include "base/span.h"

enum { FEWEST_SLOTS = 16, SECRETS = 3 };

// Odd, since drawn ones may be even: a product loses nothing then.
static u64 secrets[SECRETS] = {0x9e3779b97f4a7c15, 0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53};

__attribute__((constructor)) static void draw_secrets(void)
{
    u64 drawn[SECRETS];
    if (!os_random(drawn, sizeof(drawn)))
        return;
    for (u32 i = 0; i < SECRETS; i++)
        secrets[i] = drawn[i] | 1;
}

// Both halves of the product, folded.
static inline u64 fold(u64 a, u64 b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)a * b;
    return (u64)product ^ (u64)(product >> 64);
#else
    u64 low = (a & 0xffffffff) * (b & 0xffffffff), high = (a >> 32) * (b >> 32);
    u64 cross = (a >> 32) * (b & 0xffffffff), other = (a & 0xffffffff) * (b >> 32);
    u64 middle = (low >> 32) + (cross & 0xffffffff) + (other & 0xffffffff);
    return ((middle << 32) | (low & 0xffffffff)) ^ (high + (cross >> 32) + (other >> 32) + (middle >> 32));
#endif
}

// The last 1 to 16 bytes as two words, which overlap where there are fewer: their number is hashed as well.
static inline void load_last(const u8 *p, size_t len, u64 last[2])
{
    if (len >= 8) {
        last[0] = load_u64(p);
        last[1] = load_u64(p + len - 8);
    } else if (len >= 4) {
        last[0] = load_u32(p);
        last[1] = load_u32(p + len - 4);
    } else if (len) {
        last[0] = p[0] | (u64)p[len / 2] << 8;
        last[1] = p[len - 1];
    }
}

u64 hash_more(u64 hash, const void *bytes, size_t len)
{
    const u8 *p = bytes;
    size_t left = len;
    u64 last[2] = {0, 0};
    hash ^= secrets[0];
    for (; left > 16; p += 16, left -= 16)
        hash = fold(load_u64(p) ^ secrets[1], load_u64(p + 8) ^ hash);
    load_last(p, left, last);
    hash = fold(last[0] ^ secrets[1], last[1] ^ hash);
    return fold(hash ^ secrets[2], (u64)len ^ secrets[1]);
}

u64 hash_bytes(const void *bytes, size_t len)
{
    return hash_more(0, bytes, len);
}

u64 hash_u64(u64 value)
{
    return fold(value ^ secrets[0], fold(value ^ secrets[1], secrets[2]));
}

u32 map_find(const map *m, u64 hash, map_same *same, const void *items, const void *key)
{
    u32 found;
    MAP_FIND(found, m, hash, same(items, index_, key));
    return found;
}

static void place(map *m, map_slot slot)
{
    u32 mask = m->capacity - 1, at = slot.hash & mask;
    while (m->slots[at].index)
        at = (at + 1) & mask;
    m->slots[at] = slot;
}

static void grow(map *m)
{
    map old = *m;
    *m = (map){.capacity = old.capacity ? old.capacity * 2 : FEWEST_SLOTS, .count = old.count};
    m->slots = mem_zeroed(m->capacity, sizeof(*m->slots));
    for (u32 i = 0; i < old.capacity; i++)
        if (old.slots[i].index)
            place(m, old.slots[i]);
    mem_free(old.slots);
}

void map_add(map *m, u64 hash, u32 index)
{
    if ((m->count + 1) * (u64)2 > m->capacity)
        grow(m);
    m->count++;
    place(m, (map_slot){(u32)(hash >> 32), index + 1});
}

// Those after the free slot that would no longer be found move up.
void map_remove(map *m, u64 hash, u32 index)
{
    u32 mask = m->capacity - 1, at = (u32)(hash >> 32) & mask;
    while (m->slots[at].index != index + 1)
        at = (at + 1) & mask;
    m->count--;
    for (u32 next = (at + 1) & mask; m->slots[next].index; next = (next + 1) & mask) {
        u32 home = m->slots[next].hash & mask;
        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        m->slots[at] = m->slots[next];
        at = next;
    }
    m->slots[at] = (map_slot){0};
}

void map_free(map *m)
{
    mem_free(m->slots);
    *m = (map){0};
}
