// The table of columns: found by name, typed values and text of each type, and what only expressions know.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "decode/columns.h"
#include "export_samples.h"

static outbuf text;

static column_id find(const char *name)
{
    column_id id = COLUMN_FACTS;
    if (!column_find(name, strlen(name), &id))
        fail_msg("no column %s", name);
    return id;
}

static const char *text_of(const char *name, const record *rec)
{
    text.len = 0;
    bool has = column_text(find(name), rec, &text);
    outbuf_add(&text, "", 1);
    return has ? (const char *)text.bytes : NULL;
}

static const char *json_of(const char *name, const record *rec)
{
    text.len = 0;
    bool has = column_json(find(name), rec, &text);
    outbuf_add(&text, "", 1);
    return has ? (const char *)text.bytes : NULL;
}

static void are_found_in_any_case(void **state)
{
    (void)state;
    column_id id;
    assert_int_equal(find("Process_ID"), COLUMN_process_id);
    assert_int_equal(find("FILE_PATH"), FACT_file_path);
    assert_false(column_find("process_i", 9, &id));
    assert_false(column_find("process_idx", 11, &id));
    assert_false(column_find("", 0, &id));
    assert_true(column_find("process_idx", 10, &id));
}

// Every column of every sample, in the order of the contract.
static void have_their_texts(void **state)
{
    (void)state;
    sample_set s;
    samples_make(&s);
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (column_id id = 0; id < COLUMN_COUNT; id++) {
            const char *got = text_of(column_names[id], &s.records[i]), *want = sample_expected(i, id);
            assert_int_equal(find(column_names[id]), id);
            if (!want != !got || (want && id != COLUMN_source && strcmp(got, want) != 0))
                fail_msg("record %zu, %s: %s, not %s", i + 1, column_names[id], got ? got : "nothing",
                         want ? want : "nothing");
        }
    samples_free(&s);
}

static void have_their_json(void **state)
{
    (void)state;
    sample_set s;
    samples_make(&s);
    const record *rec = &s.records[0];
    assert_string_equal(json_of("timestamp", rec), "\"2023-03-14T07:46:50.7012345Z\"");
    assert_string_equal(json_of("event_id", rec), "3006");
    assert_string_equal(json_of("keywords", rec), "\"0x8000000000000010\"");
    assert_string_equal(json_of("keyword_names", rec), "[\"ut:Normal\",\"a,b\"]");
    assert_string_equal(json_of("stack", rec), "[\"0xFFFFF80012345678\",\"0x1\"]");
    assert_string_equal(json_of("extended", rec), "{\"session_id\":2}");
    assert_string_equal(json_of("user_sid", rec), "\"S-1-5-18\"");
    assert_string_equal(json_of("data", rec), sample_expected(0, COLUMN_data));
    assert_string_equal(json_of("event_name", &s.records[2]), "\"=cmd|\\\"x\\\"\\n\"");
    assert_null(json_of("raw", rec));
    assert_string_equal(json_of("raw", &s.records[3]), "\"3D20313B0D0A\"");
    samples_free(&s);
}

static void have_typed_values(void **state)
{
    (void)state;
    sample_set s;
    typed_value v;
    outbuf scratch = {0};
    samples_make(&s);
    record rec = s.records[0];
    column_value(COLUMN_timestamp, &rec, &scratch, &v);
    assert_int_equal(v.kind, VALUE_TIME);
    assert_int_equal(v.integer, rec.time);
    column_value(COLUMN_keywords, &rec, &scratch, &v);
    assert_int_equal(v.kind, VALUE_UNSIGNED);
    assert_true(v.number == 0x8000000000000010u);
    column_value(COLUMN_user_sid, &rec, &scratch, &v);
    assert_int_equal(v.kind, VALUE_SID);
    assert_int_equal(v.bytes.len, 12);
    column_value(COLUMN_stack, &rec, &scratch, &v);
    assert_int_equal(v.kind, VALUE_ARRAY);
    value_walk w = value_members(&v);
    assert_true(value_next(&w, &v) && v.number == 0xfffff80012345678u);
    assert_true(value_next(&w, &v) && v.number == 1);
    assert_false(value_next(&w, &v));
    column_value(FACT_file_path, &rec, &scratch, &v);
    assert_int_equal(v.kind, VALUE_NULL);
    rec.file_path = "C:\\a";
    column_value(FACT_file_path, &rec, &scratch, &v);
    assert_int_equal(v.kind, VALUE_TEXT);
    assert_memory_equal(v.bytes.at, "C:\\a", 4);
    column_value(COLUMN_message, &rec, &scratch, &v);
    assert_int_equal(v.bytes.len, 20);
    assert_memory_equal(v.bytes.at, "example.com, type 28", 20);
    outbuf_free(&scratch);
    samples_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_found_in_any_case),
        cmocka_unit_test(have_their_texts),
        cmocka_unit_test(have_their_json),
        cmocka_unit_test(have_typed_values),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    outbuf_free(&text);
    return failed;
}
