// The table of provider names: ordered (or look-ups would miss), and right for pairs everybody knows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "schema/tables/provider_names.h"

static const char *name_of(const char *text)
{
    guid id;
    assert_true(guid_from_text(text, strlen(text), &id));
    return provider_name_builtin(&id);
}

static void known_pairs(void **state)
{
    (void)state;
    assert_string_equal(name_of("1c95126e-7eea-49a9-a3fe-a378b03ddb4d"), "Microsoft-Windows-DNS-Client");
    assert_string_equal(name_of("22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716"), "Microsoft-Windows-Kernel-Process");
    assert_string_equal(name_of("edd08927-9cc4-4e65-b970-c2560fb5c289"), "Microsoft-Windows-Kernel-File");
    assert_string_equal(name_of("54849625-5478-4994-a5ba-3e3b0328c30d"), "Microsoft-Windows-Security-Auditing");
    assert_string_equal(name_of("a0c1853b-5c40-4b15-8766-3cf1c58f985a"), "Microsoft-Windows-PowerShell");
    assert_string_equal(name_of("e13c0d23-ccbc-4e12-931b-d9cc2eee27e4"), "Microsoft-Windows-DotNETRuntime");
    assert_string_equal(name_of("5770385f-c22a-43e0-bf4c-06f5698ffbd9"), "Microsoft-Windows-Sysmon");
    assert_string_equal(name_of("222962ab-6180-4b88-a825-346b75f2a24a"), "Heap Trace Provider");
    assert_string_equal(name_of("c861d0e2-a2c1-4d36-9f9c-970bab943a12"), "Thread Pool");
    assert_string_equal(name_of("3ac66736-cc59-4cff-8115-8df50e39816b"), "Critical Section Trace Provider");
    assert_null(name_of("00000000-0000-0000-0000-000000000001"));
}

static void every_name_is_found(void **state)
{
    (void)state;
    static const struct {
        u32 a;
        const char *name;
    } TABLE[] = {
#define PROVIDER(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7, name) {a, name},
#include "schema/tables/provider_names.def"
#undef PROVIDER
    };
    assert_true(COUNT_OF(TABLE) > 1100);
    for (size_t i = 0; i < COUNT_OF(TABLE); i++) {
        if (i)
            assert_true(TABLE[i - 1].a <= TABLE[i].a);
        guid id;
        assert_true(provider_guid_builtin(TABLE[i].name, &id));
        assert_non_null(provider_name_builtin(&id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_pairs), cmocka_unit_test(every_name_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
