// Text files of schema sources: encodings, and Windows builds in paths.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "schema/model/source_text.h"

static void encodings(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *utf8;
    } CASES[] = {
        {"", 0, ""},
        {"abc", 3, "abc"},
        {"\xef\xbb\xbf"
         "abc",
         6, "abc"},
        {"\xff\xfe"
         "a\0b\0",
         6, "ab"},
        {"\xfe\xff\0a\0b", 6, "ab"},
        {"<\0?\0", 4, "<?"},
        {"\0<\0?", 4, "<?"},
        {"\xff\xfe\xac\x20\x3d\xd8\x00\xde", 8, "\xe2\x82\xac\xf0\x9f\x98\x80"}, // Euro sign, U+1F600
        {"\xff\xfe\x3d\xd8\x61\0", 6,
         "\xef\xbf\xbd"
         "a"}, // a lone surrogate
        {"\xff\xfe"
         "a\0b",
         5, "a"}, // an odd byte at the end
        {"\xc3\xbc", 2, "\xc3\xbc"},
        {"\xfc", 1, "\xc3\xbc"}, // Windows-1252
        {"\x80", 1, "\xe2\x82\xac"},
        {"\xc3", 1, "\xc3\x83"},                 // UTF-8 that ends too early
        {"\xc0\x80", 2, "\xc3\x80\xe2\x82\xac"}, // two bytes for a NUL are no UTF-8
        {"\xed\xa0\x80 ", 4, "\xc3\xad\xc2\xa0\xe2\x82\xac "},
        {"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        source_text text = source_text_of((span){(const u8 *)CASES[i].bytes, CASES[i].len});
        if (text.utf8.len != strlen(CASES[i].utf8) || memcmp(text.utf8.at, CASES[i].utf8, text.utf8.len) != 0)
            fail_msg("case %zu: %.*s", i, (int)text.utf8.len, (const char *)text.utf8.at);
        source_text_free(&text);
    }
}

static void builds(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        u32 build;
    } CASES[] = {
        {"Manifests-Win10-18990/Microsoft-Windows-DNS-Client.xml", 18990},
        {"Win7-7600-Microsoft-Windows-DNS-Client.xml", 7600},
        {"C:\\dumps\\Windows 10 (17134)\\x.man", 17134},
        {"/x/Windows Server 2019 v1809 build 17763/x.man", 17763},
        {"/x/10.0.19041.1/x.dll", 19041},
        {"/x/build_22631/x.dll", 22631},
        {"/Win10-10240/Win11-22000/x.xml", 22000}, // the nearest to the file
        {"Microsoft-Windows-Kernel-File.xml", 0},
        {"Microsoft-Windows-Foo-12345.xml", 0},
        {"/windows/System32/x.dll", 0},
        {"/2015/20151231/Winter/x.xml", 0},
        {"Windows 2016/x.xml", 0}, // a year is no build
        {"darwin-19041/x.xml", 0},
        {"110.0.19041/x", 0},
        {"", 0},
        {NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        if (source_os_build(CASES[i].path) != CASES[i].build)
            fail_msg("%s: %u", CASES[i].path, source_os_build(CASES[i].path));
}

static void names_of_files(void **state)
{
    (void)state;
    assert_string_equal(source_path_base("a/b\\c.man"), "c.man");
    assert_string_equal(source_path_base("c.man"), "c.man");
    assert_string_equal(source_path_base(NULL), "");
    assert_true(source_path_ends("x/A.MAN", ".man"));
    assert_false(source_path_ends("man", ".man"));
    assert_false(source_path_ends(NULL, ".man"));
    char head[8];
    assert_int_equal(source_text_head((span){(const u8 *)"\xff\xfe<\0a\0>\0", 8}, head, sizeof(head)), 5);
    assert_memory_equal(head + 2, "<a>", 3);
    assert_int_equal(source_text_head((span){(const u8 *)"0123456789", 10}, head, sizeof(head)), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings),
        cmocka_unit_test(builds),
        cmocka_unit_test(names_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
