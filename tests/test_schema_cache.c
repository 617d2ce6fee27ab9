// The schema cache: what goes in comes out, one content has one identity, writers do not undo each other. Environment:
// ETWKIT_SHARED, the folder of reference files (../shared); what needs it skips without.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "cache_world.h"
#include "outfile.h"
#include "schema/cache/schema_pack.h"
#include "schemas/cache_file.h"

static bool count_one(void *context, const char *path)
{
    (void)path;
    ++*(u32 *)context;
    return true;
}

static u32 files_in(const char *folder)
{
    u32 count = 0;
    assert_true(os_list_folder(folder, count_one, &count, NULL));
    return count;
}

// ---------------------------------------------------------------------------------------------- tests: content

static void test_round_trip(void **state)
{
    const world_folder *f = *state;
    schema_set *set = schema_set_new();
    world_fill_all(set);
    assert_int_equal(world_cache_write(f->file, set), 7);
    world_assert_holds(f->file, set);
    assert_int_equal(files_in(f->path), 1); // complete under its name, and nothing else
    schema_cache *cache = world_cache_open(f->file);
    schema_set *fetched = world_set_over(cache);
    provider_schema *p = schema_providers(fetched, &WORLD_ALPHA);
    assert_string_equal(p->path, "C:/x/alpha.dll");
    assert_non_null(schema_find_map(p, "Unused"));
    assert_null(schema_find_map(p, "Foreign"));
    assert_ptr_equal(p->events[0]->properties, p->events[1]->properties); // one layout, kept once
    schema_set_free(fetched);
    schema_cache_close(cache);
    schema_set_free(set);
}

// Cuts the upper half off the 64-bit values of maps, as blocks of the first form had them. Their rows stand where the
// names (16 bytes), the maps (16) and what is counted from 0x2c on say.
static void to_first_form(outbuf *block)
{
    enum { HEAD = 84, COUNTS = 0x28, NAME_LISTS = 5, MAPS = 6, ENTRIES = 7 };
    size_t at = HEAD;
    for (u32 table = 1; table <= MAPS; table++)
        at += (size_t)load_u32(block->bytes + COUNTS + 4 * table) * 16;
    u32 count = load_u32(block->bytes + COUNTS + 4 * ENTRIES);
    assert_true(count > 2 && NAME_LISTS + 1 == MAPS);
    for (u32 i = 0; i < count; i++, at += 8) {
        memmove(block->bytes + at + 4, block->bytes + at + 8, block->len - at - 8);
        block->len -= 4;
    }
    block->bytes[3] = '1';
}

static void test_first_form(void **state)
{
    (void)state;
    schema_set *set = schema_set_new(), *other = schema_set_new();
    outbuf block = {0};
    world_add_rich(set);
    provider_schema *p = schema_providers(set, &WORLD_ALPHA);
    schema_sort(p);
    assert_true(schema_pack(p, 0, p->event_count, &block));
    to_first_form(&block);
    error e = {0};
    provider_schema *q = schema_unpack(other, (span){block.bytes, block.len}, RANK_CACHE, "C:/x/alpha.dll", false, &e);
    assert_string_equal(e.message, "");
    assert_non_null(q);
    const value_map *want = schema_find_map(p, "Colours"), *got = schema_find_map(q, "Colours");
    assert_int_equal(got->count, want->count);
    for (u32 i = 0; i < want->count; i++) {
        assert_int_equal(got->entries[i].value, want->entries[i].value);
        assert_string_equal(got->entries[i].text, want->entries[i].text);
    }
    outbuf_free(&block);
    schema_set_free(other);
    schema_set_free(set);
}

// A record of a classic event names its class only, one of WPP its message GUID.
static void test_found_by_class(void **state)
{
    const world_folder *f = *state;
    (void)world_cache_add(f->file, world_fill_all);
    schema_cache *cache = world_cache_open(f->file);
    schema_set *set = world_set_over(cache);
    schema_find_result found[4];
    event_descriptor d = {.opcode = 1, .version = 2};
    assert_int_equal(schema_find(set, KEY_CLASSIC, &WORLD_CLASS, &d, 0, found, 4), 1);
    assert_true(found[0].exact);
    assert_string_equal(found[0].event->event_name, "Thing");
    assert_string_equal(found[0].event->provider->name, "Beta");
    d = (event_descriptor){.id = 11};
    assert_int_equal(schema_find(set, KEY_WPP, &WORLD_MESSAGE, &d, 0, found, 4), 1);
    assert_string_equal(found[0].event->wpp_source, "d.c");
    assert_int_equal(world_chain_length(schema_providers(set, &WORLD_BETA)),
                     1); // asked by class and by provider, added once
    assert_null(schema_providers(set, &WORLD_CLASS));
    schema_set_free(set);
    schema_cache_close(cache);
}

static void test_identity_of_content(void **state)
{
    const world_folder *f = *state;
    char one[65], two[65], three[65];
    (void)world_cache_add(f->file, world_fill_all);
    (void)world_cache_add(f->other, world_add_wpp);
    world_identity(f->other, three);
    (void)world_cache_add(f->other, world_add_classic);
    (void)world_cache_add(f->other, world_fill_reversed);
    world_identity(f->file, one);
    world_identity(f->other, two);
    assert_string_equal(one, two);
    assert_string_not_equal(one, three);
}

static void fill_elsewhere(schema_set *set)
{
    schema_add_provider(set, &WORLD_BETA, "Elsewhere", ORIGIN_MANIFEST, RANK_USER, "/one/place/e.man");
}

static void fill_elsewhere_again(schema_set *set)
{
    schema_add_provider(set, &WORLD_BETA, "Elsewhere", ORIGIN_MANIFEST, RANK_TRACE, "D:/another/e.man");
}

// The same file from another folder is the same content.
static void test_path_is_no_content(void **state)
{
    const world_folder *f = *state;
    char one[65], two[65];
    (void)world_cache_add(f->file, fill_elsewhere);
    (void)world_cache_add(f->other, fill_elsewhere_again);
    world_identity(f->file, one);
    world_identity(f->other, two);
    assert_string_equal(one, two);
    (void)world_cache_add(f->file, fill_elsewhere_again);
    schema_cache *cache = world_cache_open(f->file);
    assert_int_equal(schema_cache_rows(cache), 1);
    schema_cache_close(cache);
}

static void test_idempotent(void **state)
{
    const world_folder *f = *state;
    assert_int_equal(world_cache_add(f->file, world_fill_all), 7);
    outbuf before = world_file_read(f->file);
    struct stat first, second;
    assert_int_equal(stat(f->file, &first), 0);
    assert_int_equal(world_cache_add(f->file, world_fill_reversed), 0);
    assert_int_equal(stat(f->file, &second), 0);
    assert_true(first.st_ino == second.st_ino); // not even replaced
    outbuf after = world_file_read(f->file);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.bytes, after.bytes, before.len);
    outbuf_free(&before);
    outbuf_free(&after);
}

static void test_builds_side_by_side(void **state)
{
    static const struct {
        u32 build;
        const char *message;
    } NEAREST[] = {{7601, "of 7600"}, {17134, "of 17134"}, {22631, "of 18990"}};
    const world_folder *f = *state;
    assert_int_equal(world_cache_add(f->file, world_fill_builds), 3);
    schema_cache *cache = world_cache_open(f->file);
    assert_int_equal(schema_cache_rows(cache), 3);
    schema_set *set = world_set_over(cache);
    schema_find_result found[8];
    event_descriptor d = {.id = 1};
    for (size_t i = 0; i < COUNT_OF(NEAREST); i++) {
        assert_int_equal(schema_find(set, KEY_MANIFEST, &WORLD_ALPHA, &d, NEAREST[i].build, found, 8), 3);
        assert_string_equal(found[0].event->message, NEAREST[i].message);
    }
    schema_set_free(set);
    schema_cache_close(cache);
}

static void fill_sizes(schema_set *set)
{
    for (u16 size = 1; size <= 9; size++) {
        provider_schema *p = world_add_manifest(set, &WORLD_ALPHA, 0, "of many");
        for (u16 i = 1; i < 1 + size * 4 % 9; i++)
            world_add_event(p, (u16)(100 + i), 0, NULL);
    }
}

// Which of equals is met first is no matter of luck: the one that says more.
static void test_larger_first(void **state)
{
    const world_folder *f = *state;
    (void)world_cache_add(f->file, fill_sizes);
    schema_cache *cache = world_cache_open(f->file);
    schema_set *set = world_set_over(cache);
    u32 last = 9;
    for (const provider_schema *p = schema_providers(set, &WORLD_ALPHA); p; p = p->next)
        assert_int_equal(p->event_count, last--);
    assert_int_equal(last, 0);
    schema_set_free(set);
    schema_cache_close(cache);
}

static void add_embedded(schema_set *set, const u16 *ids, u32 count)
{
    provider_schema *p = schema_add_provider(set, &WORLD_ALPHA, "Carried", ORIGIN_EMBEDDED, RANK_TRACE, NULL);
    for (u32 i = 0; i < count; i++)
        world_add_event(p, ids[i], 0, "carried");
}

static void fill_first_trace(schema_set *set)
{
    add_embedded(set, (const u16[]){9, 1, 2}, 3);
}

static void fill_second_trace(schema_set *set)
{
    add_embedded(set, (const u16[]){2, 3, 1}, 3);
}

// Traces carry the events they use; what several carry of a provider adds up to one description.
static void test_traces_add_up(void **state)
{
    const world_folder *f = *state;
    char one[65], two[65];
    assert_int_equal(world_cache_add(f->file, fill_first_trace), 3);
    assert_int_equal(world_cache_add(f->file, fill_second_trace), 1);
    (void)world_cache_add(f->other, fill_second_trace);
    (void)world_cache_add(f->other, fill_first_trace);
    world_identity(f->file, one);
    world_identity(f->other, two);
    assert_string_equal(one, two);
    schema_cache *cache = world_cache_open(f->file);
    schema_set *set = world_set_over(cache);
    provider_schema *p = schema_providers(set, &WORLD_ALPHA);
    assert_non_null(p);
    assert_null(p->next);
    assert_int_equal(p->event_count, 4);
    schema_set_free(set);
    schema_cache_close(cache);
}

static void test_list(void **state)
{
    const world_folder *f = *state;
    error e = {0};
    (void)world_cache_add(f->file, world_fill_all);
    (void)world_cache_add(f->file, fill_first_trace);
    schema_cache *cache = world_cache_open(f->file);
    world_listing l = {0}, first = {.stop_at = 1};
    assert_true(schema_cache_list(cache, world_list_row, &l, &e));
    assert_string_equal(l.names, "Alpha wevt 17134;Beta mof 0;Carried embedded 0;driver wpp 0;");
    assert_int_equal(l.events, 3 + 3 + 3 + 1);
    assert_int_equal(l.maps, 2);
    assert_true(schema_cache_list(cache, world_list_row, &first, &e));
    assert_int_equal(first.rows, 1);
    schema_cache_close(cache);
}

static void fill_not_utf8(schema_set *set)
{
    provider_schema *p = schema_add_provider(set, &WORLD_ALPHA, "bad \xff name", ORIGIN_MANIFEST, RANK_USER, NULL);
    world_add_event(p, 1, 0, "half \xe2\x82");
}

static void test_text_is_utf8(void **state)
{
    const world_folder *f = *state;
    (void)world_cache_add(f->file, fill_not_utf8);
    schema_cache *cache = world_cache_open(f->file);
    schema_set *set = world_set_over(cache);
    provider_schema *p = schema_providers(set, &WORLD_ALPHA);
    assert_non_null(p);
    assert_string_equal(p->name, "bad \xef\xbf\xbd name");
    assert_string_equal(p->events[0]->message, "half \xef\xbf\xbd");
    schema_set_free(set);
    schema_cache_close(cache);
}

// Real files of every source.
static void test_shared_files(void **state)
{
    const world_folder *f = *state;
    const char *shared = getenv("ETWKIT_SHARED");
    char path[512];
    snprintf(path, sizeof(path), "%s/schemas", shared ? shared : "../shared");
    if (!os_is_folder(path)) {
        print_message("skipped: no schema files to compare with (ETWKIT_SHARED)\n");
        skip();
    }
    schema_set *set = schema_set_new();
    schema_load load = {0};
    assert_true(schema_load_path(set, path, RANK_USER, &load, NULL));
    assert_true(load.providers > 100);
    bool origins[ORIGIN_STRING + 1] = {false}; // files of each kind were recognised among all the others
    u32 at = 0;
    for (const provider_schema *p; (p = schema_each(set, &at)) != NULL;)
        origins[p->origin] = true;
    assert_true(origins[ORIGIN_MANIFEST] && origins[ORIGIN_WEVT] && origins[ORIGIN_WPP]);
    (void)world_cache_write(f->file, set);
    world_assert_holds(f->file, set);
    schema_load_free(&load);
    schema_set_free(set);
}

// ---------------------------------------------------------------------------------------------- tests: the set

static void test_each_and_sort(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    schema_set *set = schema_set_new();
    for (u32 i = 0; i < MANY; i++) {
        guid id = WORLD_ALPHA;
        memcpy(id.bytes, &i, sizeof(i));
        schema_add_provider(set, &id, "x", ORIGIN_MANIFEST, RANK_USER, NULL);
    }
    u32 at = 0, count = 0;
    for (const provider_schema *p; (p = schema_each(set, &at)) != NULL; count++)
        assert_memory_equal(p->id.bytes, &count, sizeof(count));
    assert_int_equal(count, MANY);
    provider_schema *p = schema_add_provider(set, &WORLD_BETA, "sorted", ORIGIN_MANIFEST, RANK_USER, NULL);
    static const char *const MESSAGES[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    for (u32 i = 0; i < 1000; i++)
        world_add_event(p, (u16)(i * 7919 % 13), (u8)(i % 3), MESSAGES[i / 100]);
    schema_sort(p);
    for (u32 i = 1; i < p->event_count; i++) {
        const event_schema *a = p->events[i - 1], *b = p->events[i];
        u32 x = a->descriptor.id * 256u + a->descriptor.version, y = b->descriptor.id * 256u + b->descriptor.version;
        assert_true(x < y || (x == y && a->message[0] <= b->message[0]));
    }
    schema_set_free(set);
}

// ---------------------------------------------------------------------------------------------- tests: writers

// Whatever a killed run left there, by whatever name, is nobody's business.
static void test_left_behind(void **state)
{
    const world_folder *f = *state;
    char part[128];
    snprintf(part, sizeof(part), "%s.part", f->file);
    world_file_write(part, "what a killed run left behind", 29);
    assert_int_equal(world_cache_add(f->file, world_fill_all), 7);
    assert_int_equal(world_cache_add(f->file, fill_first_trace), 3);
    assert_int_equal(files_in(f->path), 2);
}

// A cache that another run replaces between reading and writing is read again: file systems without locks.
static void test_replaced_meanwhile(void **state)
{
    const world_folder *f = *state;
    const outfile_request request = {.path = f->file, .what = "a schema cache", .shared = true, .updates = true};
    outfile late, *const list = &late;
    error e = {0};
    (void)world_cache_add(f->file, world_fill_all);
    assert_true(outfile_begin(&late, &request, &e));
    assert_int_equal(world_cache_add(f->file, fill_first_trace), 3);
    assert_false(outfile_commit(&list, 1, &e));
    assert_true(late.overtaken);
    assert_non_null(strstr(e.message, "another run has replaced it"));
    assert_int_equal(files_in(f->path), 1);
    schema_cache *cache = world_cache_open(f->file);
    assert_int_equal(schema_cache_rows(cache), 6);
    schema_cache_close(cache);
}

static void test_nowhere_to_write(void **state)
{
    const world_folder *f = *state;
    char path[160];
    error e = {0};
    cache_addition addition;
    schema_set *set = schema_set_new();
    world_fill_all(set);
    world_file_write(f->other, "x", 1);
    snprintf(path, sizeof(path), "%s/c.db", f->other); // below a file
    assert_false(cache_file_add(path, set, &addition, &e));
    assert_true(e.message[0] != 0);
    assert_int_equal(addition.events, 0);
    schema_set_free(set);
}

static void add_in_child(const char *path, u32 number)
{
    cache_addition addition;
    guid id = WORLD_ALPHA;
    memcpy(id.bytes, &number, sizeof(number));
    schema_set *set = schema_set_new();
    (void)world_add_manifest(set, &id, 0, "from a child");
    bool ok = cache_file_add(path, set, &addition, NULL) && addition.events == 1;
    schema_set_free(set);
    _exit(ok ? 0 : 1);
}

// Runs that add to one cache at the same time: none undoes another.
enum { WRITERS = 6 };

static void writers_at_once(const char *path, bool first)
{
    pid_t children[WRITERS];
    for (u32 i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            add_in_child(path, i);
    }
    for (u32 i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    schema_cache *cache = world_cache_open(path);
    assert_int_equal(schema_cache_rows(cache), (first ? 0 : 3) + WRITERS);
    schema_cache_close(cache);
}

static void test_writers_at_once(void **state)
{
    const world_folder *f = *state;
    (void)world_cache_add(f->file, world_fill_all);
    writers_at_once(f->file, false);
}

// Runs that found no cache when they began.
static void test_first_writers_at_once(void **state)
{
    const world_folder *f = *state;
    writers_at_once(f->file, true);
}

// A cache keeps serving whoever opened it while it is replaced.
static void test_reader_while_replaced(void **state)
{
    const world_folder *f = *state;
    (void)world_cache_add(f->file, world_fill_all);
    schema_cache *reader = world_cache_open(f->file);
    (void)world_cache_add(f->file, world_fill_builds);
    schema_set *set = world_set_over(reader);
    assert_int_equal(world_chain_length(schema_providers(set, &WORLD_ALPHA)), 1);
    assert_int_equal(schema_cache_rows(reader), 3);
    schema_set_free(set);
    schema_cache_close(reader);
}

int main(void)
{
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, world_folder_make, world_folder_remove)
    const struct CMUnitTest tests[] = {
        CACHE_TEST(test_round_trip),
        CACHE_TEST(test_found_by_class),
        CACHE_TEST(test_identity_of_content),
        CACHE_TEST(test_path_is_no_content),
        CACHE_TEST(test_idempotent),
        CACHE_TEST(test_builds_side_by_side),
        CACHE_TEST(test_larger_first),
        CACHE_TEST(test_traces_add_up),
        CACHE_TEST(test_list),
        CACHE_TEST(test_text_is_utf8),
        CACHE_TEST(test_shared_files),
        cmocka_unit_test(test_first_form),
        cmocka_unit_test(test_each_and_sort),
        CACHE_TEST(test_left_behind),
        CACHE_TEST(test_replaced_meanwhile),
        CACHE_TEST(test_nowhere_to_write),
        CACHE_TEST(test_writers_at_once),
        CACHE_TEST(test_first_writers_at_once),
        CACHE_TEST(test_reader_while_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
