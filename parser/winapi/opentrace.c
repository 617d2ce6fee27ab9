// OpenTraceW, ProcessTrace and CloseTrace over the engine that `convert` uses: there is no second reader.
//
// OpenTraceW opens one file and looks at its header; ProcessTrace reads all its files as one session, surveys them and
// delivers the merged stream in the caller's thread. Handles are numbers into a table of the process, as on Windows:
// the one state here, guarded by a lock. Callbacks run without the lock, so they may call any of these functions.
//
// Each handle is a pool of memory, and so is what one ProcessTrace call reads. The schemas that it found stay for TDH
// until the last of its handles is closed or read again.
#include "winapi/opentrace_internal.h"

#include <pthread.h>
#include <stdatomic.h>

#include "winapi/wide.h"
#include "winapi/tdh_session.h"
#include "winapi/winapi.h"

enum { HANDLES_A_CALL = 64, SLICE_EVENTS = 256 };

// What a ProcessTrace learnt of its traces.
typedef struct knowledge {
    mem_pool *pool;     // all of it
    tdh_source *source; // NULL: not yet
    u32 handles;        // that hold it
} knowledge;

typedef struct opened {
    mem_pool *pool;           // all of it
    input *file;              // opened by OpenTraceW, read by ProcessTrace
    EVENT_TRACE_LOGFILEW log; // the caller's, with names of our own
    knowledge *knowledge;     // of the last ProcessTrace; NULL: none yet
    u64 number;               // what the handle says; never used again
    bool busy;                // a ProcessTrace delivers it
    atomic_bool closing;      // CloseTrace was called meanwhile
    struct opened *next;
} opened;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static opened *all;
static u64 last_number;

// ---------------------------------------------------------------------------------------------- lifetimes

static void knowledge_release(knowledge *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&lock);
    u32 left = --k->handles;
    pthread_mutex_unlock(&lock);
    if (left)
        return;
    tdh_source_remove(k->source);
    mem_pool_free(k->pool);
}

static void opened_free(opened *o)
{
    knowledge_release(o->knowledge);
    mem_pool_free(o->pool);
}

// ---------------------------------------------------------------------------------------------- opening

static bool is_kernel_session(const trace_facts *facts)
{
    return (facts->log_file_mode & EVENT_TRACE_SYSTEM_LOGGER_MODE) ||
           (facts->session && strcmp(facts->session, "NT Kernel Logger") == 0);
}

static DWORD check_logfile(const EVENT_TRACE_LOGFILEW *log)
{
    if (!log || (log->LogFileName && log->LoggerName) || !log->EventRecordCallback)
        return ERROR_INVALID_PARAMETER;
    if (log->LoggerName || (log->ProcessTraceMode & PROCESS_TRACE_MODE_REAL_TIME))
        return ERROR_NOT_SUPPORTED;
    return log->LogFileName && *log->LogFileName ? ERROR_SUCCESS : ERROR_BAD_PATHNAME;
}

// Fills what a consumer may look at before ProcessTrace.
static bool look_at_file(opened *o, const char *path, error *e)
{
    etl_file file = {0};
    if (!input_open(&o->file, path, e) || !etl_open(&file, o->file, e))
        return false;
    const trace_facts *facts = &file.trace_headers[0];
    (void)show_logfile_header(&file, &o->log.LogfileHeader);
    o->log.LogfileHeader.LoggerName = wide_copy(facts->session ? facts->session : "");
    o->log.LogfileHeader.LogFileName = wide_copy(facts->log_file ? facts->log_file : "");
    o->log.BufferSize = facts->buffer_size;
    o->log.IsKernelTrace = is_kernel_session(facts);
    etl_close(&file);
    return true;
}

typedef struct opening {
    mem_pool *pool;
    EVENT_TRACE_LOGFILEW *log; // the caller's
    opened *made;
    bool ok;
    error e;
} opening;

static void open_work(void *context)
{
    opening *call = context;
    opened *o = call->made = mem_zeroed(1, sizeof(*o));
    o->pool = call->pool;
    o->log = *call->log;
    size_t bytes = (wide_length(call->log->LogFileName) + 1) * sizeof(WCHAR);
    o->log.LogFileName = memcpy(mem_alloc(bytes), call->log->LogFileName, bytes);
    call->ok = look_at_file(o, wide_utf8(o->log.LogFileName), &call->e);
}

static TRACEHANDLE add_handle(opened *o)
{
    pthread_mutex_lock(&lock);
    u64 number = o->number = ++last_number;
    o->next = all;
    all = o;
    pthread_mutex_unlock(&lock);
    return number;
}

TRACEHANDLE OpenTraceW(PEVENT_TRACE_LOGFILEW Logfile)
{
    DWORD status = check_logfile(Logfile);
    if (status != ERROR_SUCCESS) {
        SetLastError(status);
        return INVALID_PROCESSTRACE_HANDLE;
    }
    opening call = {.pool = mem_pool_new(), .log = Logfile, .e = {.code = ERR_MEMORY}};
    if (!call.pool || !mem_try(call.pool, open_work, &call, &call.e) || !call.ok) {
        mem_pool_free(call.pool);
        SetLastError(winapi_code(&call.e));
        return INVALID_PROCESSTRACE_HANDLE;
    }
    Logfile->LogfileHeader = call.made->log.LogfileHeader;
    Logfile->BufferSize = call.made->log.BufferSize;
    Logfile->IsKernelTrace = call.made->log.IsKernelTrace;
    return add_handle(call.made);
}

ULONG CloseTrace(TRACEHANDLE TraceHandle)
{
    ULONG status = ERROR_INVALID_HANDLE;
    opened *gone = NULL;
    pthread_mutex_lock(&lock);
    for (opened **at = &all; *at; at = &(*at)->next) {
        opened *o = *at;
        if (o->number != TraceHandle || atomic_load(&o->closing))
            continue;
        if (o->busy) {
            atomic_store(&o->closing, true);
            status = ERROR_CTX_CLOSE_PENDING;
        } else {
            *at = o->next;
            gone = o;
            status = ERROR_SUCCESS;
        }
        break;
    }
    pthread_mutex_unlock(&lock);
    if (gone)
        opened_free(gone);
    return status;
}

// ---------------------------------------------------------------------------------------------- delivery

// One ProcessTrace call.
typedef struct delivery {
    opened *traces[HANDLES_A_CALL];
    u32 count;
    mem_pool *pool;
    merge_filter filter;
    knowledge *knowledge;
    session *session;
    merge *merge;
    buffer_reader reader;
    merge_buffer *spare;
    merge_buffer **live; // by buffer order: loaded and not yet given back
    bool *called_back;   // by buffer order: its BufferCallback was called
    shown_event *shown;
    bool cancelled;
    ULONG status;
} delivery;

// Marks the handles as in use. False: one of them is none, in use, or there twice.
static bool claim(delivery *d, const TRACEHANDLE *handles, u32 count)
{
    pthread_mutex_lock(&lock);
    for (u32 i = 0; i < count; i++) {
        opened *o = all;
        while (o && (o->number != handles[i] || o->busy || atomic_load(&o->closing)))
            o = o->next;
        if (!o)
            break;
        o->busy = true;
        d->traces[d->count++] = o;
    }
    if (d->count < count)
        for (u32 i = 0; i < d->count; i++)
            d->traces[i]->busy = false;
    pthread_mutex_unlock(&lock);
    return d->count == count;
}

// The handles may be used again, except those closed meanwhile: they go.
static void unclaim(delivery *d)
{
    opened *gone = NULL;
    pthread_mutex_lock(&lock);
    for (u32 i = 0; i < d->count; i++)
        d->traces[i]->busy = false;
    for (opened **at = &all; *at;) {
        opened *o = *at;
        if (!o->busy && atomic_load(&o->closing)) {
            *at = o->next;
            o->next = gone;
            gone = o;
        } else {
            at = &o->next;
        }
    }
    pthread_mutex_unlock(&lock);
    while (gone) {
        opened *next = gone->next;
        opened_free(gone);
        gone = next;
    }
}

static void buffer_done(void *context, const merge_buffer *b)
{
    delivery *d = context;
    const loaded_buffer *l = &b->loaded;
    if (d->called_back[b->order] || !l->desc)
        return;
    d->called_back[b->order] = true;
    opened *o = d->traces[l->file_index];
    o->log.BuffersRead++;
    o->log.Filled = l->desc->used;
    if (!o->log.BufferCallback || d->cancelled || atomic_load(&o->closing))
        return;
    mem_attempt *ours = mem_suspend();
    d->cancelled = !o->log.BufferCallback(&o->log);
    mem_resume(ours);
}

static merge_buffer *get_buffer(void *context, u32 order)
{
    delivery *d = context;
    merge_buffer *spare = d->spare;
    d->spare = NULL;
    return d->live[order] = merge_load(d->merge, order, spare, &d->reader);
}

static void put_buffer(void *context, merge_buffer *b)
{
    delivery *d = context;
    d->live[b->order] = NULL;
    merge_buffer_free(d->spare);
    d->spare = b; // its memory serves the next one
}

static void deliver(delivery *d, const slice_item *item)
{
    const loaded_buffer *b = &item->buffer->loaded;
    const event_ref *ref = &b->refs[item->ref];
    opened *o = d->traces[b->file_index];
    if (atomic_load(&o->closing))
        return;
    event ev;
    loaded_event(b, ref, &ev);
    i64 filetime = session_time(b, ref->time);
    bool raw = (o->log.ProcessTraceMode & PROCESS_TRACE_MODE_RAW_TIMESTAMP) != 0;
    i64 time = raw ? ref->time : filetime;
    o->log.CurrentTime = filetime;
    show_trace(d->shown, &ev, b->desc, time);
    o->log.CurrentEvent = d->shown->trace;
    bool as_record = (o->log.ProcessTraceMode & PROCESS_TRACE_MODE_EVENT_RECORD) != 0;
    if (as_record)
        show_record(d->shown, &ev, b->desc, time, o->log.Context);
    mem_attempt *ours = mem_suspend();
    if (as_record)
        o->log.EventRecordCallback(&d->shown->record);
    else
        o->log.EventCallback(&d->shown->trace);
    mem_resume(ours);
    if (item->ref + 1 == b->count)
        buffer_done(d, item->buffer);
}

static bool all_closed(const delivery *d)
{
    for (u32 i = 0; i < d->count; i++)
        if (!atomic_load(&d->traces[i]->closing))
            return false;
    return true;
}

static void deliver_all(delivery *d)
{
    slice s = {0};
    d->merge = merge_new(d->session, &d->filter);
    u32 buffers = merge_buffer_count(d->merge);
    d->live = mem_zeroed(buffers, sizeof(*d->live));
    d->called_back = mem_zeroed(buffers, sizeof(*d->called_back));
    d->shown = mem_zeroed(1, sizeof(*d->shown));
    merge_on_release(d->merge, put_buffer, d);
    merge_on_done(d->merge, buffer_done, d);
    bool stop = false;
    while (!stop && merge_next(d->merge, SLICE_EVENTS, &s, get_buffer, d)) {
        for (u32 i = 0; i < s.count && !stop; i++) {
            deliver(d, &s.items[i]);
            stop = d->cancelled || all_closed(d);
        }
        if (!stop)
            slice_release(d->merge, &s);
        stop = stop || d->cancelled;
    }
    for (u32 i = 0; i < buffers; i++) // what an early end left
        merge_buffer_free(d->live[i]);
    merge_buffer_free(d->spare);
    merge_free(d->merge);
    mem_free(s.items);
    mem_free(s.buffers);
    mem_free(d->live);
    mem_free(d->called_back);
    mem_free(d->shown);
    buffer_reader_free(&d->reader);
}

static bool survey(delivery *d, error *e)
{
    for (u32 i = 0; i < d->count; i++)
        if (!session_add(d->session, d->traces[i]->file, e))
            return false;
    bool whole = session_survey(d->session, NULL, NULL);
    assert(whole); // nobody can break it off
    (void)whole;
    return true;
}

// Only the schemas stay.
static void process(void *context)
{
    delivery *d = context;
    error e = {0};
    knowledge *k = d->knowledge = mem_zeroed(1, sizeof(*k));
    k->pool = d->pool;
    d->session = session_new();
    if (!survey(d, &e)) {
        d->status = winapi_code(&e);
        return;
    }
    schema_set *schemas = d->session->schemas;
    schema_freeze(schemas);
    k->source = tdh_source_add(schemas, session_os_build(d->session));
    (void)tdh_source_prefer(k->source);
    deliver_all(d);
    d->session->schemas = NULL;
    session_free(d->session);
    d->status = d->cancelled ? ERROR_CANCELLED : ERROR_SUCCESS;
}

// The handles hold what was learnt instead of what they held.
static void keep_knowledge(delivery *d)
{
    d->knowledge->handles = d->count;
    for (u32 i = 0; i < d->count; i++) {
        knowledge_release(d->traces[i]->knowledge);
        d->traces[i]->knowledge = d->knowledge;
    }
}

static void drop_knowledge(delivery *d)
{
    if (d->knowledge)
        tdh_source_remove(d->knowledge->source);
    mem_pool_free(d->pool);
}

static ULONG process_claimed(delivery *d)
{
    const tdh_source *before = tdh_source_prefer(NULL);
    bool kept = tdh_session_keep(true);
    d->pool = mem_pool_new();
    if (!d->pool || !mem_try(d->pool, process, d, NULL))
        d->status = ERROR_NOT_ENOUGH_MEMORY;
    if (d->status == ERROR_SUCCESS || d->status == ERROR_CANCELLED)
        keep_knowledge(d);
    else
        drop_knowledge(d);
    (void)tdh_source_prefer(before);
    (void)tdh_session_keep(kept);
    return d->status;
}

static i64 filetime_of(const FILETIME *time, i64 otherwise)
{
    return time ? (i64)((u64)time->dwHighDateTime << 32 | time->dwLowDateTime) : otherwise;
}

ULONG ProcessTrace(PTRACEHANDLE HandleArray, ULONG HandleCount, LPFILETIME StartTime, LPFILETIME EndTime)
{
    delivery d = {.filter = {.since = filetime_of(StartTime, INT64_MIN), .until = filetime_of(EndTime, INT64_MAX)}};
    if (HandleCount == 0 || HandleCount > HANDLES_A_CALL)
        return ERROR_BAD_LENGTH;
    if (!HandleArray)
        return ERROR_INVALID_PARAMETER;
    if (d.filter.until < d.filter.since)
        return ERROR_INVALID_TIME;
    if (!claim(&d, HandleArray, HandleCount))
        return ERROR_INVALID_HANDLE;
    ULONG status = process_claimed(&d);
    unclaim(&d);
    return status;
}
