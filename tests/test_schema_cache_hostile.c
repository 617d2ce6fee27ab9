// Caches and packed descriptions from strangers: damaged, forged, of a later version. They give schemas as they were, a
// sentence, or nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/os.h"
#include "cache_world.h"
#include "schemas/cache_file.h"
#include "schema/cache/schema_pack.h"

// ---------------------------------------------------------------------------------------------- tests: strangers'
// files

static void assert_refused(const char *path, const char *sentence)
{
    schema_cache *cache = (schema_cache *)1;
    error e = {0};
    assert_false(schema_cache_open(&cache, path, &e));
    assert_null(cache);
    if (!strstr(e.message, sentence))
        fail_msg("\"%s\" does not say \"%s\"", e.message, sentence);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

static void test_no_cache(void **state)
{
    const world_folder *f = *state;
    assert_refused(f->file, "No such file");
    assert_refused(f->path, "folder");
    world_file_write(f->file, "", 0);
    assert_refused(f->file, "no schema cache");
    world_file_write(f->file, "SQLite format 3", 16);
    assert_refused(f->file, f->file);
    char text[4096];
    memset(text, 'x', sizeof(text));
    world_file_write(f->file, text, sizeof(text));
    assert_refused(f->file, "not a database");
    os_remove(f->file);
    run_sql(f->file, "CREATE TABLE providers(x)");
    assert_refused(f->file, "no schema cache");
}

static void test_later_version(void **state)
{
    const world_folder *f = *state;
    (void)world_cache_add(f->file, world_fill_all);
    run_sql(f->file, "PRAGMA user_version=3");
    assert_refused(f->file, "version 3; this program reads up to version 2");
    run_sql(f->file, "PRAGMA user_version=0");
    assert_refused(f->file, "claims version 0");
    run_sql(f->file, "PRAGMA user_version=1; CREATE TABLE extra(x)");
    assert_refused(f->file, "does not have");
}

static void test_forged_tables(void **state)
{
    static const char *const FORGERIES[] = {
        "DROP TABLE classes; CREATE VIEW classes AS SELECT digest AS class, id AS provider FROM providers",
        "DROP TABLE classes",
        "DROP INDEX providers_by_digest",
        "CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM meta; END",
        "ALTER TABLE meta ADD COLUMN more",
    };
    const world_folder *f = *state;
    for (size_t i = 0; i < COUNT_OF(FORGERIES); i++) {
        os_remove(f->file);
        (void)world_cache_add(f->file, world_fill_all);
        run_sql(f->file, FORGERIES[i]);
        assert_refused(f->file, f->file);
    }
}

// A row that says another digest, another provider or no provider is left out; the others serve.
static void test_damaged_rows(void **state)
{
    static const struct {
        const char *sql, *says;
    } DAMAGES[] = {
        {"UPDATE providers SET body = substr(body, 1, 100) WHERE name = 'Alpha'", "digest"},
        {"UPDATE providers SET body = body || x'00' WHERE name = 'Alpha'", "digest"},
        {"UPDATE providers SET body = '' WHERE name = 'Alpha'", "digest"},
        {"UPDATE providers SET body = zeroblob(1000000) WHERE name = 'Alpha'", "digest"},
        {"UPDATE providers SET id = (SELECT id FROM providers WHERE name = 'driver') WHERE name = 'Alpha'",
         "under another provider"},
    };
    const world_folder *f = *state;
    for (size_t i = 0; i < COUNT_OF(DAMAGES); i++) {
        os_remove(f->file);
        (void)world_cache_add(f->file, world_fill_all);
        run_sql(f->file, DAMAGES[i].sql);
        schema_cache *cache = world_cache_open(f->file);
        schema_set *set = world_set_over(cache);
        const char *first = NULL;
        assert_null(schema_providers(set, &WORLD_ALPHA));
        assert_int_equal(world_chain_length(schema_providers(set, &WORLD_BETA)), 1);
        assert_int_equal(world_chain_length(schema_providers(set, &WORLD_MESSAGE)), 1);
        assert_int_equal(schema_cache_refused(cache, &first), 1);
        assert_non_null(strstr(first, DAMAGES[i].says));
        schema_set_free(set);
        schema_cache_close(cache);
    }
    // Adding to it leaves the row out and says so.
    run_sql(f->file, "UPDATE providers SET body = x'01' WHERE name = 'Alpha'");
    schema_set *empty = schema_set_new();
    cache_addition addition;
    error e = {0};
    assert_true(cache_file_add(f->file, empty, &addition, &e));
    assert_int_equal(addition.events, 0);
    assert_non_null(strstr(addition.remark.message, "it is left out"));
    schema_set_free(empty);
    schema_cache *cache = world_cache_open(f->file);
    assert_int_equal(schema_cache_rows(cache), 2);
    schema_cache_close(cache);
}

// Whatever is left of a cache gives schemas as they were or none.
static void assert_true_or_nothing(const char *path, const schema_set *truth)
{
    schema_cache *cache = NULL;
    error e = {0};
    if (!schema_cache_open(&cache, path, &e)) {
        assert_true(e.message[0] != 0);
        return;
    }
    schema_set *set = world_set_over(cache);
    const guid *ids[] = {&WORLD_ALPHA, &WORLD_BETA, &WORLD_CLASS, &WORLD_MESSAGE};
    world_listing l = {0};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        for (provider_schema *p = schema_providers(set, ids[i]); p; p = p->next) {
            provider_schema *original = schema_providers(truth, &p->id);
            assert_non_null(original);
            assert_true(world_same_provider(original, p));
        }
    }
    if (!schema_cache_list(cache, world_list_row, &l, &e))
        assert_true(e.message[0] != 0);
    schema_set_free(set);
    schema_cache_close(cache);
}

static void test_flipped_bits(void **state)
{
    const world_folder *f = *state;
    schema_set *truth = schema_set_new();
    world_fill_all(truth);
    (void)world_cache_write(f->file, truth);
    outbuf good = world_file_read(f->file);
    for (size_t at = 0; at < good.len; at += at < 1000 ? 3 : 61) {
        u8 was = good.bytes[at];
        good.bytes[at] = (u8)(was ^ (1u << at % 8));
        world_file_write(f->other, good.bytes, good.len);
        assert_true_or_nothing(f->other, truth);
        good.bytes[at] = (u8)~was;
        world_file_write(f->other, good.bytes, good.len);
        assert_true_or_nothing(f->other, truth);
        good.bytes[at] = was;
    }
    for (size_t len = 0; len < good.len; len += 997) {
        world_file_write(f->other, good.bytes, len);
        assert_true_or_nothing(f->other, truth);
    }
    outbuf_free(&good);
    schema_set_free(truth);
}

typedef struct digests {
    u8 bytes[4][32];
    u32 count;
} digests;

static digests digests_of(const char *path)
{
    digests out = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT digest FROM providers", -1, &row, NULL), SQLITE_OK);
    while (out.count < 4 && sqlite3_step(row) == SQLITE_ROW)
        memcpy(out.bytes[out.count++], sqlite3_column_blob(row, 0), 32);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return out;
}

// One digest in another's place, in the table and in each index: an index that does not ascend could run in a circle.
static void test_swapped_digests(void **state)
{
    const world_folder *f = *state;
    schema_set *truth = schema_set_new();
    world_fill_all(truth);
    (void)world_cache_write(f->file, truth);
    digests d = digests_of(f->file);
    assert_int_equal(d.count, 3);
    outbuf good = world_file_read(f->file);
    u32 places = 0, refused = 0;
    for (size_t at = 0; at + 32 <= good.len; at++) {
        if (memcmp(good.bytes + at, d.bytes[0], 32) != 0)
            continue;
        schema_cache *cache = NULL;
        error e = {0};
        memcpy(good.bytes + at, d.bytes[1], 32);
        world_file_write(f->other, good.bytes, good.len);
        refused += !schema_cache_open(&cache, f->other, &e) && strstr(e.message, "index of its descriptions");
        schema_cache_close(cache);
        assert_true_or_nothing(f->other, truth);
        memcpy(good.bytes + at, d.bytes[0], 32);
        places++;
    }
    assert_int_equal(places, 3);
    assert_int_equal(refused, 1);
    outbuf_free(&good);
    schema_set_free(truth);
}

// A stranger knows how to make a digest: what stands after a right one is read with the same distrust.
static void unpack_stranger(const u8 *bytes, size_t len)
{
    schema_set *set = schema_set_new();
    error e = {0};
    u8 *copy = mem_alloc(len ? len : 1); // exact, so that a read past the end is seen
    memcpy(copy, bytes, len);
    provider_schema *p = schema_unpack(set, (span){copy, len}, RANK_CACHE, "x", false, &e);
    if (!p)
        assert_true(e.message[0] != 0);
    for (u32 i = 0; p && i < p->event_count; i++)
        assert_true(schema_event_valid(p->events[i], NULL));
    for (u32 i = 0; p && i < p->map_count; i++)
        for (u32 n = 0; n < p->maps[i]->count; n++)
            assert_true(strlen(p->maps[i]->entries[n].text) < len);
    mem_free(copy);
    schema_set_free(set);
}

static void test_strange_blocks(void **state)
{
    (void)state;
    static const u8 VALUES[] = {0, 1, 0x7f, 0x80, 0xff};
    schema_set *set = schema_set_new();
    outbuf block = {0};
    world_add_rich(set);
    provider_schema *p = schema_providers(set, &WORLD_ALPHA);
    schema_sort(p);
    assert_true(schema_pack(p, 0, p->event_count, &block));
    for (size_t at = 0; at < block.len; at++) {
        u8 was = block.bytes[at];
        for (size_t v = 0; v < COUNT_OF(VALUES); v++) {
            block.bytes[at] = VALUES[v];
            unpack_stranger(block.bytes, block.len);
        }
        block.bytes[at] = was;
        unpack_stranger(block.bytes, at);
    }
    // Four bytes at once: counts and references beyond everything.
    for (size_t at = 0; at + 4 <= block.len; at++) {
        u8 was[4];
        memcpy(was, block.bytes + at, 4);
        memset(block.bytes + at, 0xff, 4);
        unpack_stranger(block.bytes, block.len);
        memcpy(block.bytes + at, was, 4);
    }
    block.bytes[block.len - 1] = 'x'; // the last text does not end
    assert_null(schema_unpack(set, (span){block.bytes, block.len}, RANK_CACHE, NULL, false, NULL));
    block.bytes[block.len - 1] = 0;
    assert_non_null(schema_unpack(set, (span){block.bytes, block.len}, RANK_CACHE, NULL, false, NULL));
    outbuf_free(&block);
    schema_set_free(set);
}

int main(void)
{
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, world_folder_make, world_folder_remove)
    const struct CMUnitTest tests[] = {
        CACHE_TEST(test_no_cache),
        CACHE_TEST(test_later_version),
        CACHE_TEST(test_forged_tables),
        CACHE_TEST(test_damaged_rows),
        CACHE_TEST(test_flipped_bits),
        CACHE_TEST(test_swapped_digests),
        cmocka_unit_test(test_strange_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
