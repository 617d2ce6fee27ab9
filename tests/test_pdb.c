// The program database reader: annotations and their functions, scattered pages, and what hostile files may claim.
#include "blob.h"

#include "etl_text.h"
#include "program.h"
#include "schema/wpp/pdb.h"
#include "schema/wpp/pdb_publics.h"

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

// ---------------------------------------------------------------------------------------------- public symbols

#define PUBLIC(label, flags, offset, section, name)                                                                    \
    " here:" label " u16:@" label ".z-@" label "-2 u16:0x110e u32:" flags " u32:" offset " u16:" section " cstr:" name \
    " align:4 here:" label ".z "
#define BUILD "{00112233-4455-6677-8899-aabbccddeeff}"

// Two sections at 0x1000 and 0x5000; what is no code, and what lies in no section, is left out.
static outbuf publics_file(void)
{
    static const msf_plan PLAN = {
        .streams = {NULL, "u32:20000404 u32:1 u32:2 guid:00112233-4455-6677-8899-aabbccddeeff", NULL,
                    "u32:0xffffffff u32:19990903 u32:1 pad:8 u16:4 pad:2 pad:24 u32:22 pad:12 pad:10 u16:5 pad:10",
                    PUBLIC("a", "2", "0", "2", "Second") PUBLIC("b", "2", "0x10", "1", "First")
                        PUBLIC("c", "0", "0x20", "1", "Data") PUBLIC("d", "2", "0", "3", "Nowhere")
                            PUBLIC("e", "3", "0x40", "1", "?Third@@YAXXZ") " here:f u16:2 u16:6",
                    "pad:12 u32:0x1000 pad:24 pad:12 u32:0x5000 pad:24"},
        .scattered = true};
    return msf_from(&PLAN);
}

static void publics(void **state)
{
    (void)state;
    static const struct {
        u64 address;
        const char *name;
        u64 offset;
    } WANTED[] = {{0x100f, NULL, 0},       {0x1010, "First", 0},
                  {0x103f, "First", 0x2f}, {0x1044, "?Third@@YAXXZ", 4},
                  {0x5000, "Second", 0},   {UINT64_MAX, "Second", UINT64_MAX - 0x5000}};
    outbuf file = publics_file();
    span bytes = {file.bytes, file.len};
    guid id, other = {{1}};
    public_symbols found;
    error e = {0};
    assert_true(guid_from_text(BUILD, strlen(BUILD), &id));
    assert_true(pdb_publics(bytes, &id, &found, &e));
    assert_int_equal(found.count, 3);
    for (size_t i = 0; i < COUNT_OF(WANTED); i++) {
        u64 offset = 0;
        const char *name = public_symbol_at(&found, WANTED[i].address, &offset);
        if (!WANTED[i].name)
            assert_null(name);
        else
            assert_string_equal(name, WANTED[i].name);
        assert_int_equal(offset, WANTED[i].offset);
    }
    public_symbols_free(&found);
    assert_false(pdb_publics(bytes, &other, &found, &e));
    assert_string_equal(e.message, "program database: it is of another build");
    outbuf_free(&file);
}

static void publics_of_hostile_files(void **state)
{
    (void)state;
    outbuf file = publics_file();
    guid id;
    public_symbols found;
    static const u32 values[] = {0, 1, 0xffff, 0x10000, 0x7fffffff, 0xffffffffu};
    assert_true(guid_from_text(BUILD, strlen(BUILD), &id));
    u8 *bytes = blob_cut(&file, file.len);
    for (size_t at = 0; at + 4 <= file.len; at += 2)
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            error e = {0};
            put_u32(bytes + at, values[v]);
            if (pdb_publics((span){bytes, file.len}, &id, &found, &e))
                assert_true(found.count <= 5);
            public_symbols_free(&found);
            memcpy(bytes + at, file.bytes + at, 4);
        }
    free(bytes);
    for (size_t len = 0; len < file.len; len += 7) {
        error e = {0};
        bytes = blob_cut(&file, len);
        (void)pdb_publics((span){bytes, len}, &id, &found, &e);
        public_symbols_free(&found);
        free(bytes);
    }
    outbuf_free(&file);
}

// A trace that carries the identity, and a folder as symbol servers have it.
static void functions_in_stacks(void **state)
{
    program *p = *state;
    char path[512], line[1024];
    error e = {0};
    outbuf trace = {0}, file = publics_file();
    static const char WORDS[] =
        "trace\nbuffer\n"
        "system hook=0x0303 version=3 time=+1us payload ptr:0x1 u32:100,4,0 i32:0 ptr:0x1000 wbemsid:none "
        "astr:\"app.exe\" wstr:\"\"\n"
        "system hook=0x0503 version=3 time=+2us pid=4 payload u32:100,8 ptr:0 ptr:0 ptr:0 ptr:0 ptr:15 ptr:0 ptr:0 u32:0 "
        "u8:8,5,2,0\n"
        "system hook=0x1403 version=2 time=+3us pid=100 payload ptr:0x400000 ptr:0x8000 u32:100,0,0,0 ptr:0 u32:0,0,0,0 "
        "wstr:\"C:\\\\app\\\\app.exe\"\n"
        "full guid={b3e675d7-2554-4f18-830b-2762732560de} opcode=36 version=2 payload ptr:0x400000 u32:100 "
        "guid:" BUILD " u32:10 astr:\"D:\\\\b\\\\app.pdb\"\n"
        "perfinfo hook=0x0f2e version=2 time=+100us payload ptr:0x401000 u32:8 u16:1,0\n"
        "system hook=0x1820 version=2 time=+400us payload time:+100us u32:100,8 u64:0x401044,0x400008\n";
    if (!etl_text_build(WORDS, strlen(WORDS), &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "in.etl", path), trace.bytes, trace.len);
    const char *const list[] = {"info", "--list-symbols", "{}/in.etl", NULL};
    assert_int_equal(program_run(p, list), 0);
    assert_string_equal((const char *)p->out.bytes,
                        "app.pdb/00112233445566778899AABBCCDDEEFFA/app.pdb  C:\\app\\app.exe\n");
    snprintf(line, sizeof(line), "mkdir -p %s/store/app.pdb/00112233445566778899AABBCCDDEEFFA", p->folder);
    assert_int_equal(system(line), 0);
    bytes_save(program_path(p, "store/app.pdb/00112233445566778899AABBCCDDEEFFA/app.pdb", path), file.bytes, file.len);
    const char *const convert[] = {"convert", "{}/in.etl",         "--symbols", "{}/store",
                                   "--where", "stack is not null", NULL};
    assert_int_equal(program_run(p, convert), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"frames\":[\"app.exe!?Third@@YAXXZ+0x4\",\"app.exe!+0x8\"]"));
    assert_non_null(strstr((const char *)p->err.bytes, "1 of 1 program databases are in "));
    outbuf_free(&trace);
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
        cmocka_unit_test(publics),
        cmocka_unit_test(publics_of_hostile_files),
        cmocka_unit_test_setup_teardown(functions_in_stacks, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
