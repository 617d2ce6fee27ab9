// TDH on other threads and at other times: an opened trace is described from ProcessTrace on until its handle is
// closed, built-in and loaded descriptions serve everybody at any time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/guid.h"
#include "consumer.h"
#include "program.h"
#include "winapi/winapi.h"

enum { THREADS = 4, ROUNDS = 30, MOST_RECORDS = 400 };

// Records as a consumer with a queue keeps them: with all they point to.
typedef struct queue {
    arena memory;
    EVENT_RECORD *records[MOST_RECORDS];
    u32 count;
    void (*at_last)(struct queue *q); // while ProcessTrace is still at work
    u32 last;
} queue;

static EVENT_RECORD *copy_record(arena *a, const EVENT_RECORD *record)
{
    EVENT_RECORD *copy = arena_new(a, EVENT_RECORD);
    *copy = *record;
    copy->UserData = (void *)(uintptr_t)arena_bytes(a, (span){record->UserData, record->UserDataLength}).at;
    copy->ExtendedData = arena_array(a, EVENT_HEADER_EXTENDED_DATA_ITEM, record->ExtendedDataCount);
    for (u32 i = 0; i < record->ExtendedDataCount; i++) {
        span data = {(const u8 *)(uintptr_t)record->ExtendedData[i].DataPtr, record->ExtendedData[i].DataSize};
        copy->ExtendedData[i] = record->ExtendedData[i];
        copy->ExtendedData[i].DataPtr = (ULONGLONG)(uintptr_t)arena_bytes(a, data).at;
    }
    return copy;
}

static VOID WINAPI on_event(PEVENT_RECORD record)
{
    queue *q = record->UserContext;
    assert_true(q->count < MOST_RECORDS);
    q->records[q->count++] = copy_record(&q->memory, record);
    if (q->count == q->last)
        q->at_last(q);
}

static TRACEHANDLE open_trace(queue *q, const char *path)
{
    WCHAR wide[256];
    consumer_wide(path, wide);
    EVENT_TRACE_LOGFILEW log = {.LogFileName = wide,
                                .EventRecordCallback = on_event,
                                .ProcessTraceMode = PROCESS_TRACE_MODE_EVENT_RECORD,
                                .Context = q};
    TRACEHANDLE handle = OpenTraceW(&log);
    assert_true(handle != INVALID_PROCESSTRACE_HANDLE);
    return handle;
}

static u64 ask_all(const queue *q)
{
    answers *a = calloc(1, sizeof(*a));
    u64 sum = 0;
    assert_non_null(a);
    for (u32 i = 0; i < q->count; i++)
        consumer_ask(a, q->records[i]);
    for (u32 i = 0; i < a->count; i++)
        sum = sum * 31 + a->list[i].status * 7u + a->list[i].sum;
    free(a);
    return sum;
}

static u32 undescribed(const queue *q)
{
    u32 count = 0;
    for (u32 i = 0; i < q->count; i++) {
        ULONG size = 0;
        count += TdhGetEventInformation(q->records[i], 0, NULL, NULL, &size) == ERROR_NOT_FOUND;
    }
    return count;
}

// ---------------------------------------------------------------------------------------------- one trace

static void *ask_on_thread(void *context)
{
    u64 *sum = mem_alloc(sizeof(*sum));
    *sum = ask_all(context);
    return sum;
}

static u64 during_delivery, on_another_thread;

static void ask_while_delivering(queue *q)
{
    pthread_t thread;
    void *sum;
    during_delivery = ask_all(q);
    assert_int_equal(pthread_create(&thread, NULL, ask_on_thread, q), 0);
    pthread_join(thread, &sum);
    on_another_thread = *(u64 *)sum;
    mem_free(sum);
}

static void answers_from_process_trace_to_close(void **state)
{
    (void)state;
    queue q = {.at_last = ask_while_delivering, .last = 247}; // merged.etl has so many records
    TRACEHANDLE handle = open_trace(&q, "samples/merged.etl");
    assert_int_equal(ProcessTrace(&handle, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(q.count, 247);
    assert_int_equal(undescribed(&q), 0);
    assert_true(during_delivery != 0);
    assert_true(on_another_thread == during_delivery);
    assert_true(ask_all(&q) == during_delivery);
    // Another trace opened, read and closed changes nothing.
    queue other = {.last = 0};
    TRACEHANDLE second = open_trace(&other, "samples/dns.etl");
    assert_int_equal(ProcessTrace(&second, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(undescribed(&other), 0);
    assert_true(ask_all(&q) == during_delivery);
    assert_int_equal(CloseTrace(second), ERROR_SUCCESS);
    assert_true(ask_all(&q) == during_delivery);
    // Read again, with its handle alone: described as before.
    q.count = 0;
    assert_int_equal(ProcessTrace(&handle, 1, NULL, NULL), ERROR_SUCCESS);
    assert_true(ask_all(&q) == during_delivery);
    assert_int_equal(CloseTrace(handle), ERROR_SUCCESS);
    assert_int_equal(undescribed(&q), 240); // all that the trace said of itself; kernel classes are the library's
    arena_free(&q.memory);
    arena_free(&other.memory);
}

// Two traces of one ProcessTrace share what it learnt until both handles are closed.
static void shared_until_the_last_close(void **state)
{
    (void)state;
    queue q = {.last = 0}, other = {.last = 0};
    TRACEHANDLE both[2] = {open_trace(&q, "samples/merged.etl"), open_trace(&other, "samples/tracelogging.etl")};
    assert_int_equal(ProcessTrace(both, 2, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(undescribed(&q), 0);
    assert_int_equal(CloseTrace(both[0]), ERROR_SUCCESS);
    assert_int_equal(undescribed(&q), 0);
    assert_int_equal(CloseTrace(both[1]), ERROR_SUCCESS);
    assert_int_equal(undescribed(&q), 240);
    arena_free(&q.memory);
    arena_free(&other.memory);
}

// ---------------------------------------------------------------------------------------------- at any time

static EVENT_RECORD dns_query(void)
{
    EVENT_RECORD r = {.EventHeader = {.Flags = EVENT_HEADER_FLAG_64_BIT_HEADER, .EventDescriptor = {.Id = 3006}}};
    guid id;
    assert_true(guid_from_text("1c95126e-7eea-49a9-a3fe-a378b03ddb4d", 36, &id)); // Microsoft-Windows-DNS-Client
    r.EventHeader.ProviderId = winapi_guid(id.bytes);
    return r;
}

static void built_in_descriptions_need_no_trace(void **state)
{
    (void)state;
    EVENT_RECORD r = dns_query();
    static u64 capacity[512];
    TRACE_EVENT_INFO *info = (TRACE_EVENT_INFO *)(void *)capacity;
    ULONG size = sizeof(capacity);
    assert_int_equal(TdhGetEventInformation(&r, 0, NULL, info, &size), ERROR_SUCCESS);
    const WCHAR *name = (const WCHAR *)(const void *)((u8 *)info + info->EventPropertyInfoArray[0].NameOffset);
    assert_memory_equal(name, u"QueryName", sizeof(u"QueryName"));
    size = 0;
    assert_int_equal(TdhEnumerateManifestProviderEvents(&r.EventHeader.ProviderId, NULL, &size),
                     ERROR_INSUFFICIENT_BUFFER);
}

// ---------------------------------------------------------------------------------------------- all at once

static queue shared;

static void *ask_again_and_again(void *context)
{
    u64 wanted = *(const u64 *)context;
    for (u32 i = 0; i < ROUNDS; i++)
        if (ask_all(&shared) != wanted)
            return context;
    return NULL;
}

// Traces and manifests come and go while others ask.
static void many_threads_ask(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    shared = (queue){.last = 0};
    TRACEHANDLE handle = open_trace(&shared, "samples/merged.etl");
    assert_int_equal(ProcessTrace(&handle, 1, NULL, NULL), ERROR_SUCCESS);
    u64 wanted = ask_all(&shared);
    for (u32 i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_again_and_again, &wanted), 0);
    WCHAR manifest[] = u"samples/schemas/example-service.man";
    for (u32 i = 0; i < ROUNDS; i++) {
        queue q = {.last = 0};
        TRACEHANDLE other = open_trace(&q, i % 2 ? "samples/dns.etl" : "samples/damaged.etl");
        assert_int_equal(ProcessTrace(&other, 1, NULL, NULL), ERROR_SUCCESS);
        assert_int_equal(TdhLoadManifest(manifest), ERROR_SUCCESS);
        assert_int_equal(CloseTrace(other), ERROR_SUCCESS);
        assert_int_equal(TdhUnloadManifest(manifest), ERROR_SUCCESS);
        arena_free(&q.memory);
    }
    for (u32 i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(CloseTrace(handle), ERROR_SUCCESS);
    arena_free(&shared.memory);
}

// ---------------------------------------------------------------------------------------------- files

static u32 undescribed_of(const char *path)
{
    queue q = {.last = 0};
    TRACEHANDLE handle = open_trace(&q, path);
    assert_int_equal(ProcessTrace(&handle, 1, NULL, NULL), ERROR_SUCCESS);
    u32 count = undescribed(&q);
    assert_int_equal(CloseTrace(handle), ERROR_SUCCESS);
    arena_free(&q.memory);
    return count;
}

// One event of each trace is described nowhere. What `schemas add` put into a cache once: loaded as a file, or named by
// the environment.
static void schema_caches_serve(void **state)
{
    (void)state;
    program p;
    char path[512];
    WCHAR wide[512];
    program_begin(&p);
    program_run(&p, (const char *const[]){"schemas", "--cache", "{}/k.db", "add", "samples/schemas", NULL});
    assert_int_equal(p.code, 0);
    consumer_wide(program_path(&p, "k.db", path), wide);
    assert_int_equal(undescribed_of("samples/driver.etl"), 5);
    assert_int_equal(undescribed_of("samples/service.etl"), 5);
    assert_int_equal(TdhLoadManifest(wide), ERROR_SUCCESS);
    assert_int_equal(undescribed_of("samples/driver.etl"), 1);
    assert_int_equal(undescribed_of("samples/service.etl"), 1);
    assert_int_equal(TdhUnloadManifest(wide), ERROR_SUCCESS);
    assert_int_equal(undescribed_of("samples/driver.etl"), 5);
    setenv("ETWKIT_CACHE", path, 1);
    assert_int_equal(undescribed_of("samples/driver.etl"), 1);
    unsetenv("ETWKIT_CACHE");
    program_end(&p);
}

// The folder alone: the file in it has the name of the message's GUID.
static void search_path_alone_finds_messages(void **state)
{
    (void)state;
    static const WCHAR *const FOLDERS[] = {u"samples/schemas", u"/nonexistent;samples/schemas",
                                           u"samples/schemas;/tmp"};
    for (u32 i = 0; i < COUNT_OF(FOLDERS); i++) {
        queue q = {.last = 0};
        u32 described = 0;
        TRACEHANDLE handle = open_trace(&q, "samples/driver.etl");
        TDH_CONTEXT context = {(ULONGLONG)(uintptr_t)FOLDERS[i], TDH_CONTEXT_WPP_TMFSEARCHPATH, 0};
        assert_int_equal(ProcessTrace(&handle, 1, NULL, NULL), ERROR_SUCCESS);
        for (u32 k = 0; k < q.count; k++) {
            ULONG size = 0;
            described += TdhGetEventInformation(q.records[k], 1, &context, NULL, &size) == ERROR_INSUFFICIENT_BUFFER;
        }
        assert_int_equal(described, 5);
        assert_int_equal(CloseTrace(handle), ERROR_SUCCESS);
        arena_free(&q.memory);
        WCHAR loaded[] = u"samples/schemas/6e0f4a1c-2b3d-4e5f-8a9b-0c1d2e3f4a5b.tmf";
        assert_int_equal(TdhUnloadManifest(loaded), ERROR_SUCCESS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_from_process_trace_to_close),
        cmocka_unit_test(shared_until_the_last_close),
        cmocka_unit_test(built_in_descriptions_need_no_trace),
        cmocka_unit_test(many_threads_ask),
        cmocka_unit_test(schema_caches_serve),
        cmocka_unit_test(search_path_alone_finds_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
