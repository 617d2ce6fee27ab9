// What comes out of a trace and is shown to a person cannot drive the terminal.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etl_text.h"
#include "print.h"
#include "program.h"

static int cleaned(const char *text, char *out, size_t capacity)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    int columns = print_clean(f, text);
    rewind(f);
    size_t len = fread(out, 1, capacity - 1, f);
    out[len] = 0;
    fclose(f);
    return columns;
}

static void control_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        int columns;
    } cases[] = {
        {"plain", "plain", 5},
        {"", "", 0},
        {"\x1b[2J\x1b]0;title\x07", "?[2J?]0;title?", 14},
        {"a\nb\rc\td\x7f", "a b c d?", 8},
        {"\xc2\x9b"
         "31m",
         "?31m", 4},                   // CSI as one C1 character
        {"\xc2\xa0x", "\xc2\xa0x", 2}, // U+00A0 is none
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 4},
        {"exe.\xe2\x80\xae"
         "cod",
         "exe.?cod", 8},                         // right-to-left override
        {"\xe2\x81\xa6x\xe2\x81\xa9", "?x?", 3}, // isolates
        {"\xe2\x80\x94", "\xe2\x80\x94", 1},     // a dash of the same block
        {"\xd8\x9c\xe2\x80\x8f", "??", 2},
        {"pay\xe2\x80\x8bpal\xef\xbb\xbf", "pay?pal?", 8},                 // zero-width space, byte order mark
        {"\xc2\xad\xe2\x81\xa0\xe2\x80\xa8\xf3\xa0\x81\x81.", "????.", 5}, // soft hyphen, joiner, line separator, tag
        {"\xf0\x9f\x98\x80 \xe3\x81\x82", "\xf0\x9f\x98\x80 \xe3\x81\x82", 3},
        {"cut \xe2", "cut ?", 5}, // and not read past
        {"\x9b"
         "31m\xff\xc0\x9b\xe0\x82\x9b\xed\xa0\x80",
         "?31m?????????", 13}, // what is no UTF-8, CSI as one byte among it
        {"x\xef\xb8\x8f\xf0\x9d\x85\xb3\xef\xbc\x80", "x??\xef\xbc\x80",
         4}, // a variation selector, a musical format character
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[64];
        assert_int_equal(cleaned(cases[i].text, out, sizeof(out)), cases[i].columns);
        assert_string_equal(out, cases[i].want);
    }
}

static void padding(void **state)
{
    (void)state;
    char out[32] = {0};
    FILE *f = tmpfile();
    assert_non_null(f);
    print_padded(f, "\xc3\xbc\x1b", 4);
    print_padded(f, "longer", 4);
    rewind(f);
    assert_true(fread(out, 1, sizeof(out) - 1, f) > 0);
    assert_string_equal(out, "\xc3\xbc?   longer ");
    fclose(f);
}

// A session, a provider and a map note whose names hold escapes.
static const char HOSTILE[] = "trace session=\"\\x1b[2Jgone\\x1b]0;owned\\x07\"\n"
                              "buffer\n"
                              "tracelogging provider={a61ea624-4944-55fc-c2a8-37838829438d} traits=\"\\x1b[31mRed\" "
                              "name=\"Event\\x1b[0m\" fields={ u32 A }"
                              " payload u32:1\n";

static void assert_quiet(const outbuf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->bytes[i] < 0x20 && text->bytes[i] != '\n')
            fail_msg("byte 0x%02x at %zu of:\n%s", text->bytes[i], i, (const char *)text->bytes);
}

static void info_text(void **state)
{
    (void)state;
    program p = {.code = 0};
    outbuf file = {0};
    char path[512];
    error e;
    program_begin(&p);
    assert_true(etl_text_build(HOSTILE, strlen(HOSTILE), &file, &e));
    bytes_save(program_path(&p, "x.etl", path), file.bytes, file.len);
    assert_int_equal(program_run(&p, (const char *const[]){"info", "{}/x.etl", NULL}), 0);
    assert_non_null(strstr((const char *)p.out.bytes, "?[2Jgone?]0;owned?"));
    assert_non_null(strstr((const char *)p.out.bytes, "?[31mRed"));
    assert_quiet(&p.out);
    assert_quiet(&p.err);
    // For programs they are kept, as JSON writes them.
    assert_int_equal(program_run(&p, (const char *const[]){"info", "--json", "{}/x.etl", NULL}), 0);
    assert_non_null(strstr((const char *)p.out.bytes, "\\u001b[2Jgone"));
    assert_quiet(&p.out);
    assert_int_equal(program_run(&p, (const char *const[]){"convert", "{}/x.etl", NULL}), 0);
    assert_non_null(strstr((const char *)p.out.bytes, "\\u001b[31mRed"));
    assert_quiet(&p.out);
    outbuf_free(&file);
    program_end(&p);
}

// A line of progress never reaches the last column.
static void bar_fits_terminal(void **state)
{
    (void)state;
    program p;
    char path[512], command[1200];
    outbuf seen = {0};
    const char *etwkit = getenv("ETWKIT");
    if (system("command -v stty >/dev/null && script -qc true /dev/null </dev/null >/dev/null 2>&1") != 0) {
        print_message("skipped: script or stty is not installed, or there are no terminals\n");
        skip();
    }
    program_begin(&p);
    for (u32 columns = 8; columns <= 80; columns += 9) {
        snprintf(command, sizeof(command),
                 "script -qc 'stty cols %u; %s info samples/dns.etl >/dev/null' '%s' >/dev/null 2>&1 </dev/null",
                 columns, etwkit ? etwkit : "build/etwkit", program_path(&p, "seen", path));
        assert_int_equal(system(command), 0);
        seen.len = 0;
        bytes_load(path, &seen);
        outbuf_add(&seen, "", 1);
        char *bar = strstr((char *)seen.bytes, " %\r");
        assert_non_null(bar); // it was drawn
        for (char *line = strtok((char *)seen.bytes, "\r\n"); line; line = strtok(NULL, "\r\n"))
            if (strncmp(line, "Script ", 7) != 0 && strlen(line) >= columns)
                fail_msg("%zu columns of %u: %s", strlen(line), columns, line);
    }
    outbuf_free(&seen);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters),
        cmocka_unit_test(padding),
        cmocka_unit_test(info_text),
        cmocka_unit_test(bar_fits_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
