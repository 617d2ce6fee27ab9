// Filters as a user gives them: info counts what convert writes, and where nothing passes a slip of the pen is named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <string.h>

#include "program.h"

#define RUN(p, ...) program_run(p, (const char *const[]){__VA_ARGS__, NULL})
#define INCIDENT "samples/incident.etl"

static u64 number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(item));
    return (u64)item->valuedouble;
}

static u64 sum_of(const cJSON *list)
{
    u64 sum = 0;
    const cJSON *item;
    cJSON_ArrayForEach (item, list)
        sum += number_of(item, "events");
    return sum;
}

// The events of all providers, and of all their classes, are those that convert writes.
static void info_counts_what_passes(void **state)
{
    static const char *const FILTERS[][2] = {
        {"--pid", "7420"},
        {"--tid", "7424"},
        {"--event-id", "3008"},
        {"--provider", "Microsoft-Windows-DNS-Client"},
        {"--level", "3"},
        {"--since", "2024-09-03T14:02:25"},
        {"--until", "2024-09-03T14:02:22"},
        {"--where", "process_name = 'updater.exe' and event_id = 3008"},
    };
    program *p = *state;
    for (size_t i = 0; i < COUNT_OF(FILTERS); i++) {
        assert_int_equal(RUN(p, "convert", INCIDENT, FILTERS[i][0], FILTERS[i][1]), 0);
        u32 lines = program_lines(&p->out);
        assert_int_not_equal(lines, 0);
        assert_int_equal(RUN(p, "info", "--json", INCIDENT, FILTERS[i][0], FILTERS[i][1]), 0);
        cJSON *root = cJSON_Parse((const char *)p->out.bytes);
        const cJSON *events = cJSON_GetObjectItem(root, "events"), *providers = cJSON_GetObjectItem(root, "providers");
        u64 of_classes = 0;
        const cJSON *provider;
        cJSON_ArrayForEach (provider, providers)
            of_classes += sum_of(cJSON_GetObjectItem(provider, "classes"));
        assert_int_equal(number_of(events, "total"), 63);
        assert_int_equal(number_of(events, "decoded"), lines);
        assert_int_equal(sum_of(providers), lines);
        assert_int_equal(of_classes, lines);
        cJSON_Delete(root);
    }
}

static void finds_nothing(program *p, const char *option, const char *value, const char *says)
{
    assert_int_equal(RUN(p, "convert", "-f", "null", "samples/dns.etl", option, value), 0);
    assert_non_null(strstr((const char *)p->err.bytes, "0 records"));
    bool said = strstr((const char *)p->err.bytes, "no event") != NULL;
    if (said != (says != NULL) || (says && !strstr((const char *)p->err.bytes, says)))
        fail_msg("%s %s: %s", option, value, (const char *)p->err.bytes);
}

static void nothing_passes(void **state)
{
    program *p = *state;
    finds_nothing(p, "--provider", "DNS-Client",
                  "no event is of a provider 'DNS-Client'; did you mean 'Microsoft-Windows-DNS-Client'?");
    finds_nothing(p, "--provider", "Microsoft-Windows-DSN-Client", "did you mean 'Microsoft-Windows-DNS-Client'?");
    finds_nothing(p, "--provider", "Unheard-Of", "'Unheard-Of'\n");
    finds_nothing(p, "--where", "data.QeryName = 'x'", "no event has a field 'QeryName'; did you mean 'QueryName'?");
    finds_nothing(p, "--where", "data.QueryName = 'x'", NULL);
    finds_nothing(p, "--event-id", "9", NULL);
    assert_int_equal(RUN(p, "info", "samples/dns.etl", "--where", "data.Qery is not null"), 0);
    assert_non_null(strstr((const char *)p->err.bytes, "no event has a field 'Qery'"));
    // What one of several is not: the other is.
    assert_int_equal(RUN(p, "convert", "-f", "null", "samples/dns.etl", "--provider", "Microsoft-Windows-DNS-Client",
                         "--provider", "Other"),
                     0);
    assert_null(strstr((const char *)p->err.bytes, "Other"));
}

static void what_cannot_hold_is_refused(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "--event-id", "3008-3006"), 2);
    assert_non_null(strstr((const char *)p->err.bytes, "no range"));
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "--since", "2024-03-15", "--until", "2024-03-14"), 2);
    assert_non_null(strstr((const char *)p->err.bytes, "--since is after --until"));
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "--where", "level = 'Warning'"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(info_counts_what_passes, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(nothing_passes, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_hold_is_refused, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
