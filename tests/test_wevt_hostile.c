// Compiled manifests that claim what cannot be: wrong places, counts and types, and bytes used many times over. What is
// sound beside them is read, the rest is told, and nothing takes more memory than its file allows.
#include "wevt_blob.h"

static void what_is_no_manifest(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "ascii:CRIM",
        "ascii:CRIM pad:11",
        "ascii:MIRC pad:64",
        "ascii:CRIM u32:52 u16:4 u16:1 u32:1 " PROVIDER " u32:36 ascii:WEVT u32:16 " NONE " u32:0", // no such version
        "ascii:CRIM u32:16 u16:5 u16:1 u32:0",                                                      // no provider
        "ascii:CRIM u32:36 u16:5 u16:1 u32:1 " PROVIDER " u32:36",                                  // at the end
        "ascii:CRIM u32:36 u16:5 u16:1 u32:1 " PROVIDER " u32:0xfffffff8",                          // after it
        "ascii:CRIM u32:36 u16:5 u16:1 u32:1 " PROVIDER " u32:0",                                   // the wrong block
        "ascii:CRIM u32:16 u16:5 u16:1 u32:0xffffffff " PROVIDER " u32:36",                         // 4 G of them
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        reading r = read_words(cases[i]);
        assert_false(r.ok);
        assert_null(r.p);
        assert_true(r.e.message[0]);
        reading_free(&r);
    }
}

typedef struct item_case {
    const char *item, *note;
} item_case;

// A broken template takes its own event along and no other.
static void broken_templates(void **state)
{
    (void)state;
    static const item_case cases[] = {
        {"u32:0 u8:99 u8:1 pad:10 u32:@n", "in type 99"},
        {"u32:0 u8:24 u8:1 pad:10 u32:0", "has no name"},
        {"u32:0 u8:8 u8:1 pad:10 u32:0xfffffffe", "has no name"},
        {"u32:0 u8:8 u8:1 pad:10 u32:@end-4", "has no name"},
        {"u32:1 u16:0 u16:1 pad:8 u32:@n", "struct x"}, // a struct within itself
        {"u32:1 u16:1 u16:0 pad:8 u32:@n", "struct x"}, // without members
        {"u32:1 u16:1 u16:2 pad:8 u32:@n", "struct x"}, // with members after the end
        {"u32:1 u16:0xffff u16:0xffff pad:8 u32:@n", "struct x"},
        {"u32:0x10 u8:8 u8:1 pad:6 u16:2 u16:0 u32:@n", "count"},
        {"u32:4 u8:1 u8:1 pad:6 u16:0 u16:0xffff u32:@n", "length"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char words[2048];
        snprintf(words, sizeof(words),
                 "ascii:CRIM u32:@end u16:3 u16:1 u32:1 " PROVIDER " u32:@w\n"
                 "here:w ascii:WEVT u32:24 " NONE " u32:1 u32:4 u32:@e\n"
                 "here:t ascii:TEMP u32:40 u32:1 u32:2 u32:@i u32:1 pad:16 here:i %s u32:0 u8:8 u8:1 pad:10 u32:@n\n"
                 "here:e ascii:EVNT u32:112 u32:2 u32:0 u16:1 pad:14 " NONE " u32:@t pad:24\n"
                 "u16:2 pad:14 " NONE " pad:28 here:n name:x ascii:XXXX here:end",
                 cases[i].item);
        reading r = read_words(words);
        assert_true(r.ok);
        assert_int_equal(r.load.events, 1);
        assert_null(event_of(&r, 1));
        assert_non_null(event_of(&r, 2));
        assert_true(r.load.note_count > 0);
        bool said = false;
        for (u32 n = 0; n < r.load.note_count; n++)
            said = said || strstr(r.load.notes[n], cases[i].note);
        if (!said)
            fail_msg("case %zu: %s", i, r.load.notes[0]);
        reading_free(&r);
    }
}

// Templates whose place or number of items cannot be.
static void misplaced_templates(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "ascii:TEMP u32:40 u32:2 u32:1 u32:@w u32:1 pad:16",          // more on top than there are
        "ascii:TEMP u32:40 u32:1 u32:0xffffffff u32:@w u32:1 pad:16", // 4 G
        "ascii:TEMP u32:40 u32:1 u32:5000 u32:@w u32:1 pad:100016",   // more than a schema may have
        "ascii:TEMP u32:40 u32:1 u32:1 u32:0xfffffff0 u32:1 pad:16",  // items after the end
        "ascii:PMET u32:40 u32:1 u32:1 u32:@w u32:1 pad:16",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char words[1024];
        snprintf(words, sizeof(words),
                 "ascii:CRIM u32:@end u16:3 u16:1 u32:1 " PROVIDER " u32:@w\n"
                 "here:w ascii:WEVT u32:24 " NONE " u32:1 u32:4 u32:@e here:t %s\n"
                 "here:e ascii:EVNT u32:112 u32:2 u32:0 u16:1 pad:14 " NONE " u32:@t pad:24\n"
                 "u16:2 pad:14 " NONE " pad:28 here:end",
                 cases[i]);
        reading r = read_words(words);
        assert_true(r.ok);
        assert_int_equal(r.load.events, 1);
        assert_non_null(event_of(&r, 2));
        assert_true(r.load.refused >= 2); // the template, and the event that names it
        reading_free(&r);
    }
}

// What is claimed and not there is told; what is there is read.
static void too_many_claimed(void **state)
{
    (void)state;
    static const char *const blocks[] = {"here:evnt", "here:chan", "here:levl", "here:opco",
                                         "here:task", "here:keyw", "here:maps"};
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        outbuf crim = blob_from(version_3());
        for (size_t at = 0; at + 12 <= crim.len; at += 4) {
            char upper[5];
            for (int c = 0; c < 4; c++)
                upper[c] = (char)(blocks[i][5 + c] - 32);
            if (memcmp(crim.bytes + at, upper, 4) == 0)
                memset(crim.bytes + at + 8, 0xff, 4);
        }
        reading r = read_both(blob_span(&crim), (span){0});
        assert_true(r.ok);
        assert_true(r.load.note_count > 0);
        assert_non_null(strstr(r.load.notes[0], "claims 4294967295 entries"));
        assert_non_null(event_of(&r, 7));
        assert_template(event_of(&r, 7));
        reading_free(&r);
        outbuf_free(&crim);
    }
}

static void every_prefix(void **state)
{
    (void)state;
    outbuf crim = blob_from(version_5()), table = blob_from(messages());
    outbuf file = pe_around(blob_span(&crim), blob_span(&table));
    for (int which = 0; which < 2; which++) {
        const outbuf *whole = which ? &file : &crim;
        for (size_t len = 0; len <= whole->len; len++) {
            u8 *bytes = blob_cut(whole, len);
            reading r = read_both((span){bytes, len}, (span){0});
            assert_true(r.load.events <= 2 && (r.ok || r.e.message[0]));
            assert_true(len < whole->len || (r.ok && r.load.refused == 0));
            reading_free(&r);
            free(bytes);
        }
    }
    outbuf_free(&crim);
    outbuf_free(&table);
    outbuf_free(&file);
}

static void every_dword_changed(void **state)
{
    (void)state;
    outbuf crim = blob_from(version_5()), table = blob_from(messages());
    outbuf mui = pe_around((span){0}, blob_span(&table));
    u8 *bytes = blob_cut(&crim, crim.len);
    const u32 values[] = {0, 1, 0x24, 0x7fffffff, 0xffffffffu, 0xfffffff0u, (u32)crim.len - 4, 0x10000};
    for (size_t at = 0; at + 4 <= crim.len; at += 2)
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            for (unsigned i = 0; i < 4; i++)
                bytes[at + i] = (u8)(values[v] >> 8 * i);
            reading r = read_both((span){bytes, crim.len}, blob_span(&mui));
            assert_true(schema_arena(r.set)->taken < 1u << 20);
            for (u32 i = 0; r.p && i < r.p->event_count; i++)
                assert_true(schema_event_valid(r.p->events[i], NULL));
            reading_free(&r);
            memcpy(bytes + at, crim.bytes + at, 4);
        }
    free(bytes);
    outbuf_free(&crim);
    outbuf_free(&table);
    outbuf_free(&mui);
}

// ---------------------------------------------------------------------------------------------- shared bytes

static bool was_noted(const reading *r, const char *what)
{
    for (u32 i = 0; i < r->load.note_count; i++)
        if (strstr(r->load.notes[i], what))
            return true;
    return false;
}

// 4,096 providers that are all the same 2,000 events of the same 4,000 properties: 8 million events unless stopped.
static void shared_providers(void **state)
{
    (void)state;
    outbuf crim = {0};
    u32 wevt = 16 + 4096 * 20, temp = wevt + 24, names = temp + 40 + 4000 * 20, events = names + 8;
    u32 end = events + 16 + 2000 * 48;
    blob_text(&crim, "CRIM");
    blob_number(&crim, end, 4);
    blob_number(&crim, 0x10005, 4);
    blob_number(&crim, 4096, 4);
    for (u32 i = 0; i < 4096; i++) {
        blob_number(&crim, i, 8);
        blob_number(&crim, 1, 8);
        blob_number(&crim, wevt, 4);
    }
    blob_text(&crim, "WEVT");
    const u32 head[] = {24, 0xffffffffu, 1, 4, events};
    for (size_t i = 0; i < COUNT_OF(head); i++)
        blob_number(&crim, head[i], 4);
    blob_text(&crim, "TEMP");
    const u32 template_head[] = {40, 4000, 4000, temp + 40, 1};
    for (size_t i = 0; i < COUNT_OF(template_head); i++)
        blob_number(&crim, template_head[i], 4);
    blob_zeros(&crim, 16);
    for (u32 i = 0; i < 4000; i++) {
        blob_number(&crim, 0, 4);
        blob_number(&crim, 0x808, 4);
        blob_zeros(&crim, 8);
        blob_number(&crim, names, 4);
    }
    blob_name(&crim, "x");
    blob_text(&crim, "EVNT");
    blob_number(&crim, 0, 4);
    blob_number(&crim, 2000, 4);
    blob_number(&crim, 0, 4);
    for (u32 i = 0; i < 2000; i++) {
        blob_number(&crim, i, 8);
        blob_number(&crim, 0, 8);
        blob_number(&crim, 0xffffffffu, 4);
        blob_number(&crim, temp, 4);
        blob_zeros(&crim, 24);
    }
    assert_int_equal(crim.len, end);
    reading r = read_both(blob_span(&crim), (span){0});
    assert_true(r.ok);
    assert_true(r.load.events > 0 && r.load.events < 8000);
    assert_true(schema_arena(r.set)->taken < 64u << 20);
    assert_true(was_noted(&r, "share more bytes"));
    reading_free(&r);
    outbuf_free(&crim);
}

// One message of 60,000 characters after each of 30,000 map entries: 1.8 GB unless stopped.
static void shared_messages(void **state)
{
    (void)state;
    outbuf crim =
        blob_from("ascii:CRIM u32:@end u16:5 u16:1 u32:1 " PROVIDER " u32:@w\n"
                  "here:w ascii:WEVT u32:24 " NONE " u32:1 u32:6 u32:@m here:n name:Big align:4\n"
                  "here:m ascii:MAPS u32:16 u32:1 u32:@v here:v ascii:VMAP u32:240020 u32:@n u32:0 u32:30000\n"
                  "pad:240000 here:end");
    for (u32 i = 0; i < 30000; i++) {
        u8 *entry = crim.bytes + crim.len - 240000 + i * 8;
        entry[0] = (u8)i;
        entry[1] = (u8)(i >> 8);
        entry[4] = 7;
    }
    outbuf table = blob_from("u32:1 u32:7 u32:7 u32:16 u16:60004 u16:0");
    size_t from = table.len;
    blob_zeros(&table, 60000);
    memset(table.bytes + from, 'm', 60000);
    outbuf file = pe_around(blob_span(&crim), blob_span(&table));
    reading r = read_both(blob_span(&file), (span){0});
    assert_true(r.ok);
    assert_int_equal(r.load.maps, 0);
    assert_true(schema_arena(r.set)->taken < 64u << 20);
    assert_true(was_noted(&r, "share more bytes"));
    reading_free(&r);
    outbuf_free(&crim);
    outbuf_free(&table);
    outbuf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_manifest), cmocka_unit_test(broken_templates),
        cmocka_unit_test(misplaced_templates), cmocka_unit_test(too_many_claimed),
        cmocka_unit_test(every_prefix),        cmocka_unit_test(every_dword_changed),
        cmocka_unit_test(shared_providers),    cmocka_unit_test(shared_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
