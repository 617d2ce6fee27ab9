// The program database reader: annotations and their functions, scattered pages, and what hostile files may claim.
#include "blob.h"

#include "schema/wpp/pdb.h"

enum { PAGE = 512, STREAMS = 6 };

// Streams 0 to 2 are empty, 3 is the debug information, 4 and 5 belong to its modules.
typedef struct msf_plan {
    const char *streams[STREAMS]; // words; NULL: a stream that does not exist
    bool scattered;               // pages from the last to the first, with one unused page between two
} msf_plan;

static const char DBI[] = "u32:0xffffffff u32:19990903 u32:1 pad:12 u32:@end-@mods pad:36 here:mods\n"
                          "pad:34 u16:4 u32:%u pad:24 cstr:first.obj cstr:first.obj align:4\n"
                          "pad:34 u16:0xffff pad:28 cstr:none cstr:none align:4\n"
                          "pad:34 u16:5 u32:%u pad:24 cstr:second.obj cstr:second.lib align:4 here:end";

#define PROC(label, kind, name, end)                                                                                   \
    " here:" label " u16:@" label ".z-@" label "-2 u16:" kind " u32:0 u32:" end " pad:27 cstr:" name                   \
    " align:4 here:" label ".z "
#define NOTE(label, count, texts)                                                                                      \
    " here:" label " u16:@" label ".z-@" label "-2 u16:0x1019 u32:0 u16:1 u16:" count " " texts " align:4 here:" label \
    ".z "
#define CLOSE(label) " here:" label " u16:2 u16:6 "

static const char FIRST[] = "u32:4 u16:6 u16:0x1101 u32:0 " PROC("p", "0x1110", "DriverEntry", "@pe")
    NOTE("n", "6",
         "cstr:TMF: cstr:guid~x cstr:#typev~x_c1~10~\"%0hello\" cstr:{ "
         "cstr:x,~ItemLong~--~10 cstr:}") " here:b u16:2 u16:0x1103 " CLOSE("be") NOTE("n2", "1", "cstr:inner")
        CLOSE("pe") NOTE("o", "2", "cstr:outside cstr:")
            PROC("q", "0x1147", "Second~Function", "@qe") " pad:0 " NOTE("n3", "0", "") CLOSE("qe");
static const char SECOND[] = "u32:4 " PROC("p", "0x110f", "local", "@pe") NOTE("n", "1", "cstr:last") CLOSE("pe");

static void put_u32(u8 *at, u32 value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (u8)(value >> 8 * i);
}

static outbuf msf_from(const msf_plan *plan)
{
    outbuf streams[STREAMS] = {{0}}, file = {0};
    u32 pages = 0, page_of[64];
    for (int i = 0; i < STREAMS; i++)
        if (plan->streams[i]) {
            streams[i] = blob_from(plan->streams[i]);
            pages += (u32)((streams[i].len + PAGE - 1) / PAGE);
        }
    assert_true(pages < 64);
    u32 total = 5 + pages * 2;
    blob_zeros(&file, (u64)total * PAGE);
    for (u32 i = 0; i < pages; i++)
        page_of[i] = plan->scattered ? total - 1 - i * 2 : 5 + i;
    // Page 3 lists the directory's pages, page 4 is the directory.
    memcpy(file.bytes,
           "Microsoft C/C++ MSF 7.00\r\n\x1a"
           "DS\0\0\0",
           32);
    put_u32(file.bytes + 32, PAGE);
    put_u32(file.bytes + 36, 1);
    put_u32(file.bytes + 40, total);
    put_u32(file.bytes + 44, 4 + STREAMS * 4 + pages * 4);
    put_u32(file.bytes + 52, 3);
    put_u32(file.bytes + 3 * PAGE, 4);
    u8 *directory = file.bytes + 4 * PAGE, *list = directory + 4 + STREAMS * 4;
    put_u32(directory, STREAMS);
    for (u32 i = 0, page = 0; i < STREAMS; i++) {
        put_u32(directory + 4 + i * 4, plan->streams[i] ? (u32)streams[i].len : 0xffffffffu);
        for (size_t at = 0; at < streams[i].len; at += PAGE, page++, list += 4) {
            size_t len = streams[i].len - at < PAGE ? streams[i].len - at : PAGE;
            memcpy(file.bytes + (size_t)page_of[page] * PAGE, streams[i].bytes + at, len);
            put_u32(list, page_of[page]);
        }
        outbuf_free(&streams[i]);
    }
    return file;
}

static outbuf whole_file(bool scattered)
{
    char dbi[1024], first[4096];
    outbuf a = blob_from(FIRST), b = blob_from(SECOND);
    // A long name lets the first module's symbols cross pages.
    char name[600];
    memset(name, 'n', sizeof(name));
    name[250] = 0;
    snprintf(first, sizeof(first), "%s here:y u16:@z-@y-2 u16:0x1101 cstr:%s cstr:%s align:4 here:z", FIRST, name,
             name);
    outbuf_free(&a);
    a = blob_from(first);
    snprintf(dbi, sizeof(dbi), DBI, (unsigned)a.len, (unsigned)b.len);
    outbuf_free(&a);
    outbuf_free(&b);
    msf_plan plan = {{"", "", NULL, dbi, first, SECOND}, scattered};
    return msf_from(&plan);
}

// ---------------------------------------------------------------------------------------------- what was visited

typedef struct seen {
    char text[4096];
    u32 count, stop_at;
} seen;

static bool note(void *context, const char *const *strings, u32 count, const char *function)
{
    seen *s = context;
    size_t len = strlen(s->text);
    len += (size_t)snprintf(s->text + len, sizeof(s->text) - len, "%s:", function ? function : "-");
    for (u32 i = 0; i < count && len < sizeof(s->text); i++)
        len += (size_t)snprintf(s->text + len, sizeof(s->text) - len, "[%s]", strings[i]);
    if (len < sizeof(s->text))
        snprintf(s->text + len, sizeof(s->text) - len, "\n");
    return ++s->count != s->stop_at;
}

static const char WANT[] = "DriverEntry:[TMF:][guid x][#typev x_c1 10 \"%0hello\"][{][x, ItemLong -- 10][}]\n"
                           "DriverEntry:[inner]\n"
                           "-:[outside][]\n"
                           "Second Function:\n"
                           "local:[last]\n";

static void annotations(void **state)
{
    (void)state;
    for (int scattered = 0; scattered < 2; scattered++) {
        outbuf file = whole_file(scattered);
        seen s = {.count = 0};
        error e = {0};
        assert_true(pdb_is(blob_span(&file)));
        assert_true(pdb_each_annotation(blob_span(&file), note, &s, &e));
        assert_string_equal(s.text, WANT);
        assert_string_equal(e.message, "");
        outbuf_free(&file);
    }
}

static void the_visitor_may_stop(void **state)
{
    (void)state;
    outbuf file = whole_file(true);
    seen s = {.stop_at = 2};
    assert_true(pdb_each_annotation(blob_span(&file), note, &s, NULL));
    assert_int_equal(s.count, 2);
    outbuf_free(&file);
}

static void what_is_no_program_database(void **state)
{
    (void)state;
    outbuf file = whole_file(false);
    seen s = {.count = 0};
    error e;
    static const struct {
        size_t at;
        u32 value;
    } changes[] = {
        {0, 0},                       // signature
        {32, 0},                      // page size
        {32, 513},                    //
        {32, 256},                    //
        {32, 0x80000000u},            //
        {44, 3},                      // directory too small for its count
        {44, 0xffffffffu},            // directory larger than the file
        {52, 0xffffffffu},            // its page list after the file
        {3 * PAGE, 0xffffffffu},      // its page after the file
        {4 * PAGE, 0xffffffffu},      // number of streams
        {4 * PAGE, 3},                // no stream 3
        {4 * PAGE + 16, 0xffffffffu}, // stream 3 does not exist
        {4 * PAGE + 16, 40},          // shorter than its header
        {4 * PAGE + 28, 0x7fffffff},  // its page after the file
        {5 * PAGE, 0},                // header of stream 3
        {5 * PAGE + 24, 0x7fffffff},  // module descriptions longer than the stream
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        u8 *bytes = blob_cut(&file, file.len);
        put_u32(bytes + changes[i].at, changes[i].value);
        e.message[0] = 0;
        assert_false(pdb_each_annotation((span){bytes, file.len}, note, &s, &e));
        assert_true(e.message[0]);
        free(bytes);
    }
    assert_int_equal(s.count, 0);
    outbuf_free(&file);
}

// A damaged module does not take the others along, and is told.
static void damage_in_one_module(void **state)
{
    (void)state;
    outbuf file = whole_file(false);
    static const struct {
        size_t at;
        u32 value;
        u32 count;
    } changes[] = {
        {5 * PAGE + 64 + 34, 0x12340063, 1}, // a stream that is not there (its symbol size changes along)
        {5 * PAGE + 64 + 36, 0x7fffffff, 5}, // more symbols than the stream has: all of it
        {6 * PAGE + 4, 0xffff, 1},           // a record longer than the stream
        {6 * PAGE + 4, 0, 1},                // a record shorter than its kind
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        u8 *bytes = blob_cut(&file, file.len);
        put_u32(bytes + changes[i].at, changes[i].value);
        seen s = {.count = 0};
        error e = {0};
        assert_true(pdb_each_annotation((span){bytes, file.len}, note, &s, &e));
        assert_int_equal(s.count, changes[i].count);
        assert_non_null(strstr(s.text, "local:[last]\n"));
        assert_true(e.message[0]);
        free(bytes);
    }
    outbuf_free(&file);
}

// Strings that do not end inside their record are not handed out.
static void cut_strings(void **state)
{
    (void)state;
    static const char symbols[] = "u32:4 u16:16 u16:0x1019 u32:0 u16:1 u16:0xffff cstr:whole ascii:cu u16:2 u16:6";
    char dbi[1024];
    snprintf(dbi, sizeof(dbi), DBI, 26u, 0u);
    msf_plan plan = {{"", "", "", dbi, symbols, "u32:4"}, false};
    outbuf file = msf_from(&plan);
    seen s = {.count = 0};
    assert_true(pdb_each_annotation(blob_span(&file), note, &s, NULL));
    assert_string_equal(s.text, "-:[whole]\n");
    outbuf_free(&file);
}

// One page under many numbers: 60,000 modules that share a stream must end.
static void shared_streams(void **state)
{
    (void)state;
    outbuf dbi = {0}, file = whole_file(false), big = {0};
    blob_number(&dbi, 0xffffffffu, 4);
    blob_zeros(&dbi, 20);
    blob_number(&dbi, 60000u * 68, 4);
    blob_zeros(&dbi, 36);
    for (u32 i = 0; i < 60000; i++) {
        blob_zeros(&dbi, 34);
        blob_number(&dbi, 4, 2);
        blob_number(&dbi, 64, 4);
        blob_zeros(&dbi, 28);
    }
    // Everything from page 5 on is the debug information; stream 4 claims all of it, with one page again and again.
    u32 pages = (u32)((dbi.len + PAGE - 1) / PAGE);
    u32 directory = 4 + STREAMS * 4 + pages * 8, directory_pages = (directory + PAGE - 1) / PAGE;
    u32 first = 4, list_pages = (directory_pages * 4 + PAGE - 1) / PAGE;
    blob_zeros(&big, (u64)(first + list_pages + directory_pages + pages) * PAGE);
    memcpy(big.bytes, file.bytes, PAGE);
    put_u32(big.bytes + 44, directory);
    put_u32(big.bytes + 52, first);
    for (u32 i = 0; i < directory_pages; i++)
        put_u32(big.bytes + first * PAGE + i * 4, first + list_pages + i);
    u8 *d = big.bytes + (first + list_pages) * PAGE;
    put_u32(d, STREAMS);
    put_u32(d + 16, (u32)dbi.len);
    put_u32(d + 20, (u32)dbi.len);
    for (u32 i = 0; i < pages; i++) {
        put_u32(d + 28 + i * 4, first + list_pages + directory_pages + i);
        put_u32(d + 28 + (pages + i) * 4, first + list_pages + directory_pages + i % 2);
    }
    memcpy(big.bytes + (first + list_pages + directory_pages) * PAGE, dbi.bytes, dbi.len);
    seen s = {.count = 0};
    error e = {0};
    assert_true(pdb_each_annotation(blob_span(&big), note, &s, &e));
    assert_int_equal(s.count, 0);
    assert_non_null(strstr(e.message, "more than the file's pages hold"));
    outbuf_free(&dbi);
    outbuf_free(&file);
    outbuf_free(&big);
}

static void every_prefix(void **state)
{
    (void)state;
    outbuf file = whole_file(true);
    u32 most = 0;
    for (size_t len = 0; len <= file.len; len += len < 600 ? 1 : 61) {
        u8 *bytes = blob_cut(&file, len);
        seen s = {.count = 0};
        if (pdb_each_annotation((span){bytes, len}, note, &s, NULL))
            most = s.count > most ? s.count : most;
        free(bytes);
    }
    assert_true(most <= 5);
    outbuf_free(&file);
}

static void every_dword_changed(void **state)
{
    (void)state;
    outbuf file = whole_file(false);
    u8 *bytes = blob_cut(&file, file.len);
    static const u32 values[] = {0, 1, 0xffff, 0x10000, 0x7fffffff, 0xffffffffu, 0xfffffff0u};
    for (size_t at = 0; at + 4 <= file.len; at += at == 54 ? 3 * PAGE - 54 : 2)
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            put_u32(bytes + at, values[v]);
            seen s = {.count = 0};
            bool read = pdb_each_annotation((span){bytes, file.len}, note, &s, NULL);
            assert_true(s.count <= 16 && (read || s.count == 0));
            memcpy(bytes + at, file.bytes + at, 4);
        }
    free(bytes);
    outbuf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(annotations),
        cmocka_unit_test(the_visitor_may_stop),
        cmocka_unit_test(what_is_no_program_database),
        cmocka_unit_test(damage_in_one_module),
        cmocka_unit_test(cut_strings),
        cmocka_unit_test(shared_streams),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(every_dword_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
