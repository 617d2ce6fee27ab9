// base/map.h against a plain list: what was added is found, what was removed is not, for keys of any length.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/map.h"

enum { ITEMS = 5000, ROUNDS = 60000 };

static bool same_number(const void *items, u32 index, const void *key)
{
    return ((const u64 *)items)[index] == *(const u64 *)key;
}

static u32 find_number(const map *m, const u64 *items, u64 number)
{
    return map_find(m, hash_u64(number), same_number, items, &number);
}

static void agrees_with_a_list(void **state)
{
    (void)state;
    static u64 items[ITEMS];
    static bool present[ITEMS];
    map m = {0};
    u32 seed = 1, count = 0;
    for (u32 i = 0; i < ITEMS; i++)
        items[i] = (u64)i << 32 | (i * 0x01000193u & 0xff); // alike in most bits
    assert_int_equal(find_number(&m, items, 3), MAP_NONE);
    for (u32 i = 0; i < ROUNDS; i++) {
        seed = seed * 1664525u + 1013904223u;
        u32 at = (seed >> 8) % ITEMS;
        assert_int_equal(find_number(&m, items, items[at]), present[at] ? at : MAP_NONE);
        if (present[at])
            map_remove(&m, hash_u64(items[at]), at);
        else
            map_add(&m, hash_u64(items[at]), at);
        present[at] = !present[at];
        count += present[at] ? 1 : (u32)-1;
        assert_int_equal(m.count, count);
    }
    for (u32 i = 0; i < ITEMS; i++)
        assert_int_equal(find_number(&m, items, items[i]), present[i] ? i : MAP_NONE);
    map_free(&m);
}

// A hash that leaves out a byte of its key cannot tell 256 keys apart that differ in it alone.
static void every_byte_counts(void **state)
{
    (void)state;
    static const size_t LENGTHS[] = {1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 300};
    for (u32 l = 0; l < COUNT_OF(LENGTHS); l++)
        for (size_t at = 0; at < LENGTHS[l]; at++) {
            u8 key[300] = {0};
            u64 first = hash_bytes(key, LENGTHS[l]);
            key[at] = 1;
            assert_true(hash_bytes(key, LENGTHS[l]) != first);
        }
}

static void length_counts(void **state)
{
    (void)state;
    u8 zeros[64] = {0};
    for (size_t len = 0; len < sizeof(zeros); len++)
        for (size_t other = 0; other < len; other++)
            assert_true(hash_bytes(zeros, len) != hash_bytes(zeros, other));
}

// Chains of slots stay short for keys made of few bits, which sum or mask alike.
static void keys_spread(void **state)
{
    (void)state;
    enum { KEYS = 1 << 14, BUCKETS = 1 << 14, MOST = 12 };
    static u8 buckets[BUCKETS];
    for (u64 i = 0; i < KEYS; i++) {
        u8 key[40] = {0};
        memcpy(key + 16, &(u64){i << 40}, 8);
        u8 *bucket = &buckets[hash_bytes(key, sizeof(key)) >> 32 & (BUCKETS - 1)];
        assert_true(++*bucket <= MOST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_list),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(length_counts),
        cmocka_unit_test(keys_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
