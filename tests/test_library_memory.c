// Every allocation fails once while a consumer opens traces, reads them and asks TDH about their events: each function
// then says ERROR_NOT_ENOUGH_MEMORY or what it says else, and all the others say what they always do. Nothing leaks
// (AddressSanitizer), nothing ends the process, and everything works again afterwards.
//
// Of long runs some of the allocations fail; ETWKIT_SWEEP=all in the environment has every single one fail.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "alloc_fail.h"
#include "consumer.h"

enum { POINTS = 200 };

static answers usual, now;

static u32 end_of_event(const answers *a, u32 from)
{
    u32 at = from;
    while (at < a->count && a->list[at].event == a->list[from].event)
        at++;
    return at;
}

// The answers about one event: like the usual ones up to one that there was no memory for, and then whatever the
// consumer made of that. Whether there was one.
static bool check_event(u64 n, u32 from, u32 to, u32 usual_from)
{
    for (u32 i = from; i < to; i++) {
        const answer *is = &now.list[i], *was = &usual.list[usual_from + i - from];
        if (is->status == ERROR_NOT_ENOUGH_MEMORY)
            return true;
        if (is->status != was->status || is->sum != was->sum || is->event != was->event)
            fail_msg("allocation %llu, event %u: status %u instead of %u, or other bytes", (unsigned long long)n,
                     is->event, is->status, was->status);
    }
    return false;
}

// Events may be missing only at the end, and only where ProcessTrace or OpenTraceW say so.
static void same_or_no_memory(u64 n)
{
    bool missed = false;
    for (u32 i = 0, k = 0; i < now.count;) {
        u32 end = end_of_event(&now, i), event = now.list[i].event;
        bool out = check_event(n, i, end,
                               event == ABOUT_PROCESS ? usual.count - 2
                               : event == ABOUT_CLOSE ? usual.count - 1
                                                      : k);
        assert_false(event == ABOUT_CLOSE && out);
        missed |= out;
        k = end_of_event(&usual, k);
        if (event == ABOUT_PROCESS && !out)
            assert_int_equal(k, usual.count - 1);
        i = end;
    }
    assert_true(missed || now.count == usual.count);
}

// Whatever was kept goes: a run that finds all in place would allocate nothing.
static void forget_what_is_kept(void)
{
    WCHAR manifest[] = u"samples/schemas/example-service.man";
    assert_int_equal(TdhLoadManifest(manifest), ERROR_SUCCESS);
    assert_int_equal(TdhUnloadManifest(manifest), ERROR_SUCCESS);
}

static void every_allocation(const char *path)
{
    forget_what_is_kept();
    alloc_fail_at(0);
    consumer_read(&usual, path);
    u64 calls = alloc_calls(), step = getenv("ETWKIT_SWEEP") ? 1 : 1 + calls / POINTS;
    assert_true(usual.count > 3 && calls > 50);
    for (u64 n = 1; n <= calls; n += step) {
        forget_what_is_kept();
        alloc_fail_at(n);
        consumer_read(&now, path);
        assert_true(alloc_failed());
        alloc_fail_at(0);
        same_or_no_memory(n);
        consumer_read(&now, path);
        assert_int_equal(now.count, usual.count);
        assert_memory_equal(now.list, usual.list, usual.count * sizeof(*now.list));
    }
}

static void reading(void **state)
{
    (void)state;
    every_allocation("samples/dns.etl");
    every_allocation("samples/merged.etl");
    every_allocation("samples/tracelogging.etl");
    every_allocation("samples/damaged.etl");
}

static void reading_with_schema_files(void **state)
{
    (void)state;
    WCHAR folder[] = u"samples/schemas";
    assert_int_equal(TdhLoadManifest(folder), ERROR_SUCCESS);
    every_allocation("samples/service.etl");
    every_allocation("samples/driver.etl");
    assert_int_equal(TdhUnloadManifest(folder), ERROR_SUCCESS);
}

static void loading_schema_files(void **state)
{
    (void)state;
    static const char *const PATHS[] = {"samples/schemas", "samples/schemas/example-service.man", "/nonexistent",
                                        "samples/dns.etl"};
    for (u32 i = 0; i < COUNT_OF(PATHS); i++) {
        WCHAR path[256];
        consumer_wide(PATHS[i], path);
        alloc_fail_at(0);
        TDHSTATUS wanted = TdhLoadManifest(path), status = ERROR_SUCCESS;
        u64 calls = alloc_calls();
        TdhUnloadManifest(path);
        for (u64 n = 1; n <= calls; n++) {
            alloc_fail_at(n);
            status = TdhLoadManifest(path);
            alloc_fail_at(0);
            if (status != wanted)
                assert_int_equal(status, ERROR_NOT_ENOUGH_MEMORY);
            assert_int_equal(TdhUnloadManifest(path), status == ERROR_SUCCESS ? ERROR_SUCCESS : ERROR_NOT_FOUND);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(reading_with_schema_files),
        cmocka_unit_test(loading_schema_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
