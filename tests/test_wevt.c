// Compiled manifests from words: every block of both versions, and messages from the file itself, its language file or
// nowhere. test_wevt_hostile.c has what cannot be, test_wevt_manifest.c compares real DLLs with their manifests.
#include "wevt_blob.h"

static void assert_name(const name_list *list, u64 value, const char *name, const char *message)
{
    const schema_name *n = schema_find_name(list, value);
    assert_non_null(n);
    assert_string_equal(n->name, name);
    assert_string_equal(n->message ? n->message : "", message);
}

static void assert_definitions(const reading *r)
{
    assert_true(r->ok);
    assert_int_equal(r->load.refused, 0);
    assert_int_equal(r->load.providers, 1);
    assert_int_equal(r->load.events, 2);
    assert_int_equal(r->p->origin, ORIGIN_WEVT);
    assert_string_equal(r->p->path, "shop.dll");
    char id[GUID_TEXT];
    assert_string_equal(guid_to_text(&r->p->id, id), "6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394");
    assert_int_equal(r->p->channels.count, 2);
    assert_int_equal(r->p->opcodes.count, 3);
    assert_name(&r->p->opcodes, 30 | 3 << 16, "Ring", "");
    assert_name(&r->p->opcodes, 30 | 4 << 16, "Other", "");
    assert_name(&r->p->keywords, 0x400000000000, "Goods", "");
    assert_name(&r->p->channels, 17, "Corner-Shop/Sales", "");
    const event_schema *ring = event_of(r, 7), *start = event_of(r, 8);
    assert_non_null(ring);
    assert_non_null(start);
    assert_template(ring);
    assert_int_equal(ring->key, KEY_MANIFEST);
    assert_int_equal(ring->descriptor.version, 2);
    assert_int_equal(ring->descriptor.channel, 17);
    assert_int_equal(ring->descriptor.level, 4);
    assert_int_equal(ring->descriptor.opcode, 30);
    assert_int_equal(ring->descriptor.task, 3);
    assert_true(ring->descriptor.keyword == 0x8000000000000001u);
    assert_string_equal(guid_to_text(&ring->event_guid, id), TASK_GUID);
    assert_string_equal(ring->opcode_name, "Ring");
    assert_string_equal(ring->channel_name, "Corner-Shop/Sales");
    assert_int_equal(start->property_count, 0);
    assert_string_equal(start->level_name, "Chatty");
    assert_string_equal(start->opcode_name, "Start");
    assert_string_equal(start->task_name, "Stock");
    assert_null(start->message);
    assert_null(start->channel_name);
}

static void without_messages(void **state)
{
    (void)state;
    reading r = read_words(version_3());
    assert_definitions(&r);
    assert_string_equal(r.p->name, "Corner-Shop"); // after its own channel, not the imported one
    assert_int_equal(r.p->map_count, 0);
    const event_schema *ring = event_of(&r, 7);
    assert_null(ring->message);
    assert_null(ring->properties[1].map);
    assert_string_equal(ring->task_name, "Sale");
    assert_string_equal(ring->level_name, "Informational"); // the standard name without its prefix
    assert_null(ring->event_name);
    assert_name(&r.p->levels, 4, "win:Informational", "");
    reading_free(&r);
}

static void assert_messages(const reading *r)
{
    const event_schema *ring = event_of(r, 7);
    assert_definitions(r);
    assert_string_equal(ring->message, "%1 coins for %6"); // UTF-8 in the table, trimmed
    assert_string_equal(ring->level_name, "Information");
    assert_string_equal(ring->task_name, "A Sale"); // ANSI
    assert_name(&r->p->levels, 4, "win:Informational", "Information");
    assert_int_equal(r->load.maps, 2);
    assert_int_equal(r->p->map_count, 2);
    const value_map *coin = schema_find_map(r->p, "Coin"), *taste = schema_find_map(r->p, "Taste");
    assert_ptr_equal(ring->properties[1].map, coin);
    assert_ptr_equal(ring->properties[7].map, taste);
    assert_false(coin->is_bitmap);
    assert_int_equal(coin->count, 2);
    assert_int_equal(coin->entries[0].value, 1);
    assert_string_equal(coin->entries[0].text, "penny");
    assert_int_equal(coin->entries[1].value, 5);
    assert_string_equal(coin->entries[1].text, "five");
    assert_true(taste->is_bitmap);
    assert_int_equal(taste->count, 1); // the second entry has no message
    assert_string_equal(taste->entries[0].text, "sweet");
}

static void messages_of_the_same_file(void **state)
{
    (void)state;
    outbuf crim = blob_from(version_3()), table = blob_from(messages());
    outbuf file = pe_around(blob_span(&crim), blob_span(&table));
    assert_true(wevt_present(blob_span(&file)));
    assert_true(schema_source_wevt.recognise(blob_span(&file), "shop.dll"));
    reading r = read_both(blob_span(&file), (span){0});
    assert_messages(&r);
    assert_int_equal(r.p->os_build, 0);
    reading_free(&r);
    outbuf_free(&crim);
    outbuf_free(&table);
    outbuf_free(&file);
}

static void messages_of_the_language_file(void **state)
{
    (void)state;
    outbuf crim = blob_from(version_5()), table = blob_from(messages());
    outbuf file = pe_around(blob_span(&crim), (span){0}), mui = pe_around((span){0}, blob_span(&table));
    reading r = read_both(blob_span(&file), blob_span(&mui));
    assert_messages(&r);
    reading_free(&r);
    // A language file says what the file itself does not; where both speak, the file does.
    outbuf own = blob_from("u32:1 u32:0x50000004 u32:0x50000004 u32:@a here:a u16:16 u16:0 cstr:Own~words align:4");
    outbuf both = pe_around(blob_span(&crim), blob_span(&own));
    r = read_both(blob_span(&both), blob_span(&mui));
    assert_string_equal(event_of(&r, 7)->level_name, "Own words");
    assert_string_equal(event_of(&r, 7)->message, "%1 coins for %6");
    reading_free(&r);
    // What is no language file is as none.
    r = read_both(blob_span(&file), blob_span(&table));
    assert_definitions(&r);
    assert_int_equal(r.p->map_count, 0);
    reading_free(&r);
    // Alone it has nothing to say.
    assert_false(wevt_present(blob_span(&mui)));
    r = read_both(blob_span(&mui), (span){0});
    assert_false(r.ok);
    assert_null(r.p);
    assert_string_equal(r.e.message, "this PE file has no WEVT_TEMPLATE resource");
    reading_free(&r);
    outbuf_free(&crim);
    outbuf_free(&table);
    outbuf_free(&file);
    outbuf_free(&mui);
    outbuf_free(&own);
    outbuf_free(&both);
}

static void names_of_version_5(void **state)
{
    (void)state;
    reading r = read_words(version_5());
    assert_definitions(&r);
    assert_string_equal(r.p->name, "The Corner Shop");
    assert_string_equal(event_of(&r, 7)->event_name, "RingUp");
    assert_null(event_of(&r, 8)->event_name); // named in another version only
    reading_free(&r);
}

// Names of events belong to the provider whose block they stand in, whatever another calls the same id.
static void names_of_another_provider(void **state)
{
    (void)state;
    reading r =
        read_words("ascii:CRIM u32:@end u16:5 u16:1 u32:2 " PROVIDER " u32:@a guid:" TASK_GUID " u32:@b\n"
                   "here:a ascii:WEVT u32:24 " NONE " u32:1 u32:4 u32:@e\n"
                   "here:b ascii:WEVT u32:24 " NONE " u32:1 u32:12 u32:@n\n"
                   "here:e ascii:EVNT u32:64 u32:1 u32:0 u16:7 pad:14 " NONE " pad:28\n"
                   "here:n ascii:EVTA u32:20 u32:1 u8:0x11 u8:0 u16:7 u32:@t here:t utf16:Wrong align:4 here:end");
    assert_true(r.ok);
    assert_int_equal(r.load.events, 1);
    u32 at = 0;
    for (provider_schema *p; (p = schema_each(r.set, &at)) != NULL;)
        if (p->event_count)
            assert_null(p->events[0]->event_name);
    reading_free(&r);
}

static void name_from_the_message(void **state)
{
    (void)state;
    outbuf crim = blob_from("ascii:CRIM u32:@end u16:3 u16:1 u32:1 " PROVIDER " u32:@w\n"
                            "here:w ascii:WEVT u32:16 u32:7 u32:0 here:end");
    static const struct {
        const char *message, *name;
    } cases[] = {{"Corner-Shop", "Corner-Shop"}, {"The~corner~shop", NULL}, {"100%", NULL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char words[128];
        snprintf(words, sizeof(words), "u32:1 u32:7 u32:7 u32:@a here:a u16:@z-@a u16:0 cstr:%s here:z",
                 cases[i].message);
        outbuf table = blob_from(words), file = pe_around(blob_span(&crim), blob_span(&table));
        reading r = read_both(blob_span(&file), (span){0});
        assert_true(r.ok);
        assert_string_equal(r.p->name ? r.p->name : "none", cases[i].name ? cases[i].name : "none");
        reading_free(&r);
        outbuf_free(&table);
        outbuf_free(&file);
    }
    outbuf_free(&crim);
}

static void build_of_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *version; // FileVersionMS, FileVersionLS
        u32 build;
    } cases[] = {{"u32:0xa0000 u32:0x4a650001", 19045},
                 {"u32:0x60001 u32:0x1db04a61", 7600},
                 {"u32:0x60004 u32:0x1db00000", 0},
                 {"u32:0x3f0000 u32:0x0cf40000", 0},
                 {"u32:0xa0000 u32:0x00010000", 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena a = {0};
        const char *info = arena_format(&a,
                                        "u16:92 u16:52 u16:0 utf16:VS_VERSION_INFO align:8 u32:0xfeef04bd u32:0x10000 "
                                        "%s pad:36",
                                        cases[i].version);
        const char *tree = arena_format(
            &a,
            "pad:12 u16:1 u16:1 u32:@tn+0x7ffffe00 u32:@w+0x7ffffe00 u32:16 u32:@v+0x7ffffe00 here:tn "
            "u16:13 utf16:WEVT_TEMPLATE align:8 %s %s",
            pe_branch(&a, "w", 1, 1033,
                      "ascii:CRIM u32:52 u16:3 u16:1 u32:1 " PROVIDER " u32:36 ascii:WEVT u32:16 " NONE " u32:0"),
            pe_branch(&a, "v", 1, 1033, info));
        reading r = read_words(pe_words(&a, 0x8664, true, tree));
        assert_true(r.ok);
        assert_int_equal(r.p->os_build, cases[i].build);
        reading_free(&r);
        arena_free(&a);
    }
}

static void path_of_the_language_file(void **state)
{
    (void)state;
    char out[64], small[8];
    assert_true(wevt_mui_path("/a/b/shop.dll", 0, out, sizeof(out)));
    assert_string_equal(out, "/a/b/en-US/shop.dll.mui");
    assert_true(wevt_mui_path("/a/b/shop.dll", 1, out, sizeof(out)));
    assert_string_equal(out, "/a/b/shop.dll.mui");
    assert_true(wevt_mui_path("shop.dll", 0, out, sizeof(out)));
    assert_string_equal(out, "en-US/shop.dll.mui");
    assert_false(wevt_mui_path("shop.dll", 2, out, sizeof(out)));
    assert_false(wevt_mui_path("shop.dll", 0, small, sizeof(small)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_messages),
        cmocka_unit_test(messages_of_the_same_file),
        cmocka_unit_test(messages_of_the_language_file),
        cmocka_unit_test(names_of_version_5),
        cmocka_unit_test(names_of_another_provider),
        cmocka_unit_test(name_from_the_message),
        cmocka_unit_test(build_of_the_file),
        cmocka_unit_test(path_of_the_language_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
