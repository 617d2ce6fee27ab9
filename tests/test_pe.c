// The PE reader: every kind of header, the resource tree, version, message table, and what hostile files may claim.
#include <sys/mman.h>
#include <fcntl.h>
#include <unistd.h>

#include "pe_blob.h"

#include "schema/wevt/pe.h"
#include "schema/wevt/wevt.h"

static const char ROOT_TWO[] =
    "pad:12 u16:1 u16:1 u32:@typename+0x7ffffe00 u32:@w+0x7ffffe00 u32:11 u32:@m+0x7ffffe00\n"
    "here:typename u16:13 utf16:WEVT_TEMPLATE align:8\n";

static outbuf two_resources(arena *a, unsigned machine, bool is_64_bit)
{
    const char *words = arena_format(a, "%s %s %s", ROOT_TWO, pe_branch(a, "w", 1, 1033, "ascii:template"),
                                     pe_branch(a, "m", 1, 0, "ascii:messages"));
    return blob_from(pe_words(a, machine, is_64_bit, words));
}

static void assert_bytes(span have, const char *want)
{
    assert_int_equal(have.len, strlen(want));
    assert_memory_equal(have.at, want, have.len);
}

static void headers_of_every_kind(void **state)
{
    (void)state;
    static const struct {
        unsigned machine;
        bool is_64_bit;
    } kinds[] = {{0x14c, false}, {0x8664, true}, {0xaa64, true}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        arena a = {0};
        outbuf file = two_resources(&a, kinds[i].machine, kinds[i].is_64_bit);
        pe_file pe;
        error e = {0};
        assert_true(pe_open(blob_span(&file), &pe, &e));
        assert_int_equal(pe.machine, kinds[i].machine);
        assert_int_equal(pe.is_64_bit, kinds[i].is_64_bit);
        assert_int_equal(pe.section_count, 1);
        assert_int_equal(pe.resources_rva, 0x1000);
        pe_resource found[4];
        assert_int_equal(pe_resources(&pe, "WEVT_TEMPLATE", 0, found, 4), 1);
        assert_int_equal(found[0].id, 1);
        assert_int_equal(found[0].language, 1033);
        assert_bytes(found[0].data, "template");
        assert_int_equal(pe_resources(&pe, "wevt_Template", 0, found, 4), 1); // Windows compares names without case
        assert_int_equal(pe_resources(&pe, "WEVT_TEMPLAT", 0, found, 4), 0);
        assert_int_equal(pe_resources(&pe, "WEVT_TEMPLATES", 0, found, 4), 0);
        assert_int_equal(pe_resources(&pe, NULL, PE_TYPE_MESSAGETABLE, found, 4), 1);
        assert_bytes(found[0].data, "messages");
        assert_int_equal(pe_resources(&pe, NULL, PE_TYPE_VERSION, found, 4), 0);
        outbuf_free(&file);
        arena_free(&a);
    }
}

static void addresses(void **state)
{
    (void)state;
    arena a = {0};
    outbuf file = two_resources(&a, 0x8664, true);
    pe_file pe;
    span s;
    assert_true(pe_open(blob_span(&file), &pe, NULL));
    assert_true(pe_at(&pe, 0, 2, &s)); // the headers are mapped too
    assert_bytes(s, "MZ");
    assert_true(pe_at(&pe, 0x1000, 16, &s));
    assert_ptr_equal(s.at, file.bytes + 0x200);
    u32 size = (u32)(file.len - 0x200);
    assert_true(pe_at(&pe, 0x1000, size, &s));
    assert_false(pe_at(&pe, 0x1000, size + 1, &s));
    assert_false(pe_at(&pe, 0x1000 + size, 1, &s));
    assert_false(pe_at(&pe, 0x1000, 0xffffffffu, &s));
    assert_false(pe_at(&pe, 0xfffffff0u, 0x20, &s));
    assert_false(pe_at(&pe, 0x200, 1, &s)); // between headers and the first section
    assert_false(pe_at(&pe, 0x1f8, 16, &s));
    outbuf_free(&file);
    arena_free(&a);
}

static void languages(void **state)
{
    (void)state;
    pe_resource all[] = {{1, 1031, {(const u8 *)"d", 1}},
                         {1, 0, {(const u8 *)"n", 1}},
                         {1, 1033, {(const u8 *)"e", 1}},
                         {2, 1036, {(const u8 *)"f", 1}},
                         {2, 1031, {(const u8 *)"g", 1}}};
    assert_ptr_equal(pe_resource_choose(all, 5, 1), &all[2]);
    assert_ptr_equal(pe_resource_choose(all, 2, 1), &all[1]);
    assert_ptr_equal(pe_resource_choose(all, 1, 1), &all[0]);
    assert_ptr_equal(pe_resource_choose(all, 5, 2), &all[3]);
    assert_null(pe_resource_choose(all, 5, 3));
}

static void version_number(void **state)
{
    (void)state;
    arena a = {0};
    const char *root = "pad:12 u16:0 u16:1 u32:16 u32:@v+0x7ffffe00\n";
    const char *info = "u16:92 u16:52 u16:0 utf16:VS_VERSION_INFO align:8 u32:0xfeef04bd u32:0x10000 u32:0xa0000 "
                       "u32:0x4a651f40 pad:36"; // 10.0.19045.8000
    outbuf file =
        blob_from(pe_words(&a, 0x8664, true, arena_format(&a, "%s %s", root, pe_branch(&a, "v", 1, 1033, info))));
    pe_file pe;
    u16 v[4];
    assert_true(pe_open(blob_span(&file), &pe, NULL));
    assert_true(pe_version(&pe, v));
    assert_int_equal(v[0], 10);
    assert_int_equal(v[1], 0);
    assert_int_equal(v[2], 19045);
    assert_int_equal(v[3], 8000);
    file.bytes[file.len - 92 + 40 + 4] = 0; // other bytes than the signature do not matter
    assert_true(pe_version(&pe, v));
    outbuf_free(&file);
    info = "u16:92 u16:52 u16:0 utf16:VS_VERSION_INFO align:8 u32:0xfeef04be u32:0x10000 u32:0xa0000 pad:40";
    file = blob_from(pe_words(&a, 0x8664, true, arena_format(&a, "%s %s", root, pe_branch(&a, "v", 1, 1033, info))));
    assert_true(pe_open(blob_span(&file), &pe, NULL));
    assert_false(pe_version(&pe, v));
    outbuf_free(&file);
    arena_free(&a);
}

// ---------------------------------------------------------------------------------------------- messages

static void assert_message(const pe_messages *m, u32 id, u16 want_flags, const char *want, size_t len)
{
    u16 flags;
    span text;
    assert_true(pe_messages_find(m, id, &flags, &text));
    assert_int_equal(flags, want_flags);
    assert_int_equal(text.len, len);
    assert_memory_equal(text.at, want, len);
}

static void message_table(void **state)
{
    (void)state;
    outbuf table = blob_from("u32:3  u32:1 u32:2 u32:@a  u32:0xb0000001 u32:0xb0000001 u32:@b  u32:5 u32:5 u32:@c\n"
                             "here:a u16:8 u16:1 u16:0x41 u16:0  u16:8 u16:0 cstr:abc\n"
                             "here:b u16:6 u16:2 ascii:xy here:c u16:4 u16:1");
    pe_messages m;
    pe_messages_open(&m, blob_span(&table));
    assert_int_equal(m.count, 4);
    assert_message(&m, 1, 1, "A\0\0", 4);
    assert_message(&m, 2, 0, "abc", 4);
    assert_message(&m, 0xb0000001u, 2, "xy", 2);
    assert_message(&m, 5, 1, "", 0);
    u16 flags;
    span text;
    assert_false(pe_messages_find(&m, 0, &flags, &text));
    assert_false(pe_messages_find(&m, 3, &flags, &text));
    assert_false(pe_messages_find(&m, 0xffffffffu, &flags, &text));
    pe_messages_close(&m);
    outbuf_free(&table);
}

static void hostile_message_tables(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        u32 count;
    } cases[] = {
        {"", 0},
        {"u16:1", 0},
        {"u32:0xffffffff", 0},
        {"u32:0xffffffff u32:7 u32:7 u32:16 u16:4 u16:0", 1},             // more blocks than there are
        {"u32:1 u32:0 u32:0xffffffff u32:16 u16:4 u16:0 u16:4 u16:0", 2}, // 4 G ids, two entries
        {"u32:1 u32:0xfffffffe u32:0xffffffff u32:16 u16:4 u16:0 u16:4 u16:0", 2},
        {"u32:1 u32:9 u32:3 u32:16 u16:4 u16:0", 0},             // last before first
        {"u32:1 u32:1 u32:1 u32:0xfffffff0 u16:4 u16:0", 0},     // offset after the end
        {"u32:1 u32:1 u32:9 u32:16 u16:0 u16:0 u16:4 u16:0", 0}, // an entry without its header
        {"u32:1 u32:1 u32:9 u32:16 u16:4 u16:0 u16:5 u16:0", 1}, // an entry longer than the table
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        outbuf table = blob_from(cases[i].words);
        u8 *bytes = blob_cut(&table, table.len);
        pe_messages m;
        pe_messages_open(&m, (span){bytes, table.len});
        assert_int_equal(m.count, cases[i].count);
        pe_messages_close(&m);
        free(bytes);
        outbuf_free(&table);
    }
    // The same block under many ids ends at the limit: 8,000 blocks of 4 G ids over one run of 4,000 entries.
    outbuf table = {0};
    blob_number(&table, 8000, 4);
    for (u32 i = 0; i < 8000; i++) {
        blob_number(&table, 0, 4);
        blob_number(&table, 0xffffffffu, 4);
        blob_number(&table, 4 + 8000 * 12, 4);
    }
    for (u32 i = 0; i < 4000; i++)
        blob_number(&table, 4, 4);
    pe_messages m;
    pe_messages_open(&m, blob_span(&table));
    assert_true(m.count <= 1u << 20);
    pe_messages_close(&m);
    outbuf_free(&table);
}

// ---------------------------------------------------------------------------------------------- hostile files

static void what_is_no_pe_file(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "ascii:MZ",
        "ascii:ZM pad:62",
        "ascii:MZ pad:62",                                                       // signature expected at 0
        "ascii:MZ pad:58 u32:0xfffffff0 pad:512",                                // far after the end
        "ascii:MZ pad:58 u32:64 ascii:NE pad:512",                               // 16-bit Windows
        "ascii:MZ pad:58 u32:64 ascii:PE pad:2 u16:0x8664 u16:1 pad:12 u16:240", // ends in the file header
        "ascii:MZ pad:58 u32:64 ascii:PE pad:2 u16:0x8664 u16:1 pad:12 u16:0xffff pad:400",
        "ascii:MZ pad:58 u32:64 ascii:PE pad:2 u16:0x8664 u16:1 pad:12 u16:16 pad:400",
        "ascii:MZ pad:58 u32:64 ascii:PE pad:2 u16:0x8664 u16:1 pad:12 u16:240 u16:0 u16:0x107 pad:400",
        "ascii:MZ pad:58 u32:64 ascii:PE pad:2 u16:0x8664 u16:0xffff pad:12 u16:240 u16:0 u16:0x20b pad:65536",
        "ascii:MZ pad:58 u32:64 ascii:PE pad:2 u16:0x8664 u16:9 pad:12 u16:240 u16:0 u16:0x20b pad:238 pad:359",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        outbuf file = blob_from(cases[i]);
        u8 *bytes = blob_cut(&file, file.len);
        pe_file pe;
        error e = {0};
        assert_false(pe_open((span){bytes, file.len}, &pe, &e));
        assert_true(e.message[0]);
        free(bytes);
        outbuf_free(&file);
    }
}

static u32 count_all(span file)
{
    pe_file pe;
    pe_resource found[8];
    u16 v[4];
    if (!pe_open(file, &pe, NULL))
        return 0;
    if (pe_version(&pe, v))
        return 100;
    return pe_resources(&pe, "WEVT_TEMPLATE", 0, found, 8) + pe_resources(&pe, NULL, PE_TYPE_MESSAGETABLE, found, 8);
}

static void every_prefix(void **state)
{
    (void)state;
    arena a = {0};
    outbuf file = two_resources(&a, 0x14c, false);
    u32 before = 0;
    for (size_t len = 0; len <= file.len; len++) {
        u8 *bytes = blob_cut(&file, len);
        u32 count = count_all((span){bytes, len});
        assert_true(count >= before); // what is there is found as soon as it is whole
        before = count;
        free(bytes);
    }
    assert_int_equal(before, 2);
    outbuf_free(&file);
    arena_free(&a);
}

static void every_dword_changed(void **state)
{
    (void)state;
    arena a = {0};
    outbuf file = two_resources(&a, 0x8664, true);
    u8 *bytes = blob_cut(&file, file.len);
    static const u32 values[] = {0, 1, 0x7fffffff, 0x80000000u, 0xffffffffu, 0xfffffff0u, 0x1000, 0x800000ffu};
    for (size_t at = 0; at + 4 <= file.len; at += 2)
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            for (unsigned i = 0; i < 4; i++)
                bytes[at + i] = (u8)(values[v] >> 8 * i);
            assert_true(count_all((span){bytes, file.len}) <= 16);
            memcpy(bytes + at, file.bytes + at, 4);
        }
    free(bytes);
    outbuf_free(&file);
    arena_free(&a);
}

static u32 count_in(arena *a, const char *resources)
{
    outbuf file = blob_from(pe_words(a, 0x8664, true, resources));
    u8 *bytes = blob_cut(&file, file.len);
    u32 count = count_all((span){bytes, file.len});
    free(bytes);
    outbuf_free(&file);
    return count;
}

static void hostile_trees(void **state)
{
    (void)state;
    arena a = {0};
    // A type that leads back to the root: its "ids" are types, their "languages" ids; nothing of that is data.
    assert_int_equal(count_in(&a, "pad:12 u16:0 u16:1 u32:11 u32:@rsrc+0x7ffffe00"), 0);
    // 65,535 entries are claimed, each level's all lead to itself.
    assert_int_equal(count_in(&a, "pad:12 u16:0xffff u16:0xffff u32:11 u32:@rsrc+0x7ffffe00 pad:64"), 0);
    // Directories outside the section; a data entry outside; data without an id level.
    assert_int_equal(count_in(&a, "pad:12 u16:0 u16:1 u32:11 u32:0xffffffff"), 0);
    assert_int_equal(count_in(&a, "pad:12 u16:0 u16:1 u32:11 u32:@end+0x7ffffe00"), 0);
    assert_int_equal(count_in(&a, "pad:12 u16:0 u16:1 u32:11 u32:@e-0x200 here:e u32:0x1000 u32:4 pad:8"), 0);
    static const char *const data[] = {
        "u32:0xfffffff0 u32:0x20", "u32:0x1000 u32:0xffffffff", "u32:0x900 u32:4",
        "u32:@end+0xe00 u32:1",    "u32:0 u32:0x201",
    };
    for (size_t i = 0; i < COUNT_OF(data); i++)
        assert_int_equal(count_in(&a, arena_format(&a,
                                                   "pad:12 u16:0 u16:1 u32:11 u32:@i+0x7ffffe00\n"
                                                   "here:i pad:12 u16:0 u16:1 u32:1 u32:@l+0x7ffffe00\n"
                                                   "here:l pad:12 u16:0 u16:1 u32:1033 u32:@e-0x200 here:e %s pad:8",
                                                   data[i])),
                         0);
    // A name that ends after the section.
    assert_int_equal(count_in(&a, "pad:12 u16:1 u16:0 u32:@n+0x7ffffe00 u32:@rsrc+0x7ffffe00 here:n u16:13 u16:0x57"),
                     0);
    arena_free(&a);
}

// Wide trees stop at the limit: 256 ids of 256 languages of nothing, each type listed 200 times.
static void wide_trees(void **state)
{
    (void)state;
    outbuf tree = {0};
    arena a = {0};
    const char *root =
        "pad:12 u16:0 u16:200 here:types pad:1600 here:ids pad:12 u16:0 u16:256 pad:2048 here:langs pad:12 "
        "u16:0 u16:256 pad:2048";
    tree = blob_from(pe_words(&a, 0x8664, true, root));
    u8 *types = tree.bytes + 0x210, *ids = types + 1600 + 16, *langs = ids + 2048 + 16;
    for (u32 i = 0; i < 200; i++) {
        types[i * 8] = 11;
        types[i * 8 + 4] = (u8)(16 + 1600);
        types[i * 8 + 5] = (16 + 1600) >> 8;
        types[i * 8 + 7] = 0x80;
    }
    u32 langs_at = 16 + 1600 + 16 + 2048;
    for (u32 i = 0; i < 256; i++) {
        ids[i * 8 + 4] = (u8)langs_at;
        ids[i * 8 + 5] = (u8)(langs_at >> 8);
        ids[i * 8 + 7] = 0x80;
        langs[i * 8 + 4] = 0xff; // a data entry outside the section
        langs[i * 8 + 6] = 0xff;
    }
    assert_int_equal(count_all(blob_span(&tree)), 0); // 200 * 256 * 256 entries without the limit
    outbuf_free(&tree);
    arena_free(&a);
}

// Sections may overlap, the first counts; a section that reaches after the file's end serves what is there.
static void odd_sections(void **state)
{
    (void)state;
    outbuf file =
        blob_from("ascii:MZ pad:58 u32:@pe here:pe ascii:PE pad:2 u16:0xaa64 u16:3 pad:12 u16:240 u16:0\n"
                  "u16:0x20b pad:58 u32:0x200 pad:44 u32:16 pad:16 u32:0x1000 u32:0x100 pad:104\n"
                  "ascii:one pad:5 u32:0x1000 u32:0x1000 u32:4 u32:0x200 pad:16\n"
                  "ascii:two pad:5 u32:0x1000 u32:0x1000 u32:0xffffffff u32:0x204 pad:16\n"
                  "ascii:three pad:3 u32:0x1000 u32:0xfffff000 u32:0x2000 u32:0x200 pad:16 to:0x200 ascii:aaaabbbb");
    pe_file pe;
    span s;
    assert_true(pe_open(blob_span(&file), &pe, NULL));
    assert_true(pe_at(&pe, 0x1000, 4, &s));
    assert_bytes(s, "aaaa");
    assert_false(pe_at(&pe, 0x1000, 5, &s)); // no bytes of two sections at once
    assert_false(pe_at(&pe, 0x1004, 1, &s)); // section two begins there with byte 4, which the file no longer has
    assert_true(pe_at(&pe, 0xfffff000u, 8, &s));
    assert_false(pe_at(&pe, 0xfffff000u, 9, &s));
    assert_false(pe_at(&pe, 0xffffffffu, 8, &s));
    outbuf_free(&file);
}

// Pages after the headers (and the resource root) that cannot be read: touching one would end the test.
static void nothing_else_is_touched(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), total = page * 16;
    int zero = open("/dev/zero", O_RDWR);
    if (zero < 0) {
        print_message("skipped: no /dev/zero\n");
        skip();
    }
    u8 *file = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    close(zero);
    assert_ptr_not_equal(file, MAP_FAILED);
    arena a = {0};
    // Without the wanted resource: the section's page is readable, nothing after it.
    outbuf head =
        blob_from(pe_words(&a, 0x8664, true, "pad:12 u16:0 u16:2 u32:3 u32:0x80001000 u32:16 u32:0x80002000"));
    memcpy(file, head.bytes, head.len);
    u32 size = (u32)(total - 0x200);
    for (unsigned i = 0; i < 4; i++)
        file[0x58 + 240 + 16 + i] = (u8)(size >> 8 * i); // SizeOfRawData: all of it
    assert_int_equal(mprotect(file + page, total - page, PROT_NONE), 0);
    pe_file pe;
    assert_true(pe_open((span){file, total}, &pe, NULL));
    assert_false(wevt_present((span){file, total}));
    // Without resources at all.
    memset(file + 0x58 + 128, 0, 8);
    assert_true(pe_open((span){file, total}, &pe, NULL));
    assert_int_equal(pe.resources_rva, 0);
    assert_false(schema_source_wevt.recognise((span){file, page}, "x.dll"));
    assert_false(wevt_present((span){file, total}));
    munmap(file, total);
    outbuf_free(&head);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_of_every_kind),
        cmocka_unit_test(addresses),
        cmocka_unit_test(languages),
        cmocka_unit_test(version_number),
        cmocka_unit_test(message_table),
        cmocka_unit_test(hostile_message_tables),
        cmocka_unit_test(what_is_no_pe_file),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(every_dword_changed),
        cmocka_unit_test(hostile_trees),
        cmocka_unit_test(wide_trees),
        cmocka_unit_test(odd_sections),
        cmocka_unit_test(nothing_else_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
