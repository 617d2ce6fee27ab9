// OpenTraceW, ProcessTrace and CloseTrace over the engine that `convert` uses: there is no second reader behind them.
//
// OpenTraceW looks at one file and remembers its name; ProcessTrace opens all its files as one session, surveys them
// and delivers the merged stream in the caller's thread. Handles are numbers into a table of the process, as on
// Windows: the one state here, behind a lock. Callbacks run without the lock, so they may call any of these functions.
#include "winapi/opentrace_internal.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/os.h"
#include "base/wide.h"
#include "winapi/tdh_session.h"

enum { HANDLES_A_CALL = 64, SLICE_EVENTS = 256 };

typedef struct opened {
    char *path;               // UTF-8
    input *file;              // opened by OpenTraceW, read by ProcessTrace
    EVENT_TRACE_LOGFILEW log; // the caller's, with names of our own
    WCHAR *file_name, *session_name, *logged_name;
    u64 number;          // what the handle says; never used again
    bool busy;           // a ProcessTrace delivers it
    atomic_bool closing; // CloseTrace was called meanwhile
    struct opened *next;
} opened;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static opened *all;
static u64 last_number;
static _Thread_local DWORD last_error;

DWORD GetLastError(void)
{
    return last_error;
}

void SetLastError(DWORD code)
{
    last_error = code;
}

// ---------------------------------------------------------------------------------------------- names

static WCHAR *copy_of(const WCHAR *text)
{
    size_t bytes = (wide_length(text) + 1) * sizeof(*text);
    return memcpy(mem_alloc(bytes), text, bytes);
}

static void opened_free(opened *o)
{
    input_close(o->file);
    mem_free(o->path);
    mem_free(o->file_name);
    mem_free(o->session_name);
    mem_free(o->logged_name);
    mem_free(o);
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
static DWORD look_at_file(opened *o)
{
    etl_file file = {0};
    if (!os_exists(o->path))
        return ERROR_FILE_NOT_FOUND;
    if (!input_open(&o->file, o->path, NULL) || !etl_open(&file, o->file, NULL))
        return ERROR_FILE_CORRUPT;
    const trace_facts *facts = &file.epochs[0];
    (void)show_logfile_header(&file, &o->log.LogfileHeader);
    o->session_name = wide_copy(facts->session ? facts->session : "");
    o->logged_name = wide_copy(facts->log_file ? facts->log_file : "");
    o->log.LogfileHeader.LoggerName = o->session_name;
    o->log.LogfileHeader.LogFileName = o->logged_name;
    o->log.BufferSize = facts->buffer_size;
    o->log.IsKernelTrace = is_kernel_session(facts);
    etl_close(&file);
    return ERROR_SUCCESS;
}

TRACEHANDLE OpenTraceW(PEVENT_TRACE_LOGFILEW Logfile)
{
    DWORD status = check_logfile(Logfile);
    if (status != ERROR_SUCCESS) {
        SetLastError(status);
        return INVALID_PROCESSTRACE_HANDLE;
    }
    opened *o = mem_zeroed(1, sizeof(*o));
    o->log = *Logfile;
    o->path = wide_utf8(Logfile->LogFileName);
    o->file_name = copy_of(Logfile->LogFileName);
    o->log.LogFileName = o->file_name;
    status = look_at_file(o);
    if (status != ERROR_SUCCESS) {
        opened_free(o);
        SetLastError(status);
        return INVALID_PROCESSTRACE_HANDLE;
    }
    Logfile->LogfileHeader = o->log.LogfileHeader;
    Logfile->BufferSize = o->log.BufferSize;
    Logfile->IsKernelTrace = o->log.IsKernelTrace;
    pthread_mutex_lock(&lock);
    o->number = ++last_number;
    o->next = all;
    all = o;
    pthread_mutex_unlock(&lock);
    return o->number;
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
    session *session;
    merge *merge;
    buffer_reader reader;
    merge_buffer *spare;
    merge_buffer **live; // by buffer order: loaded and not yet given back
    bool *told;          // by buffer order: its BufferCallback was called
    shown_event shown;
    bool cancelled;
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

static void buffer_done(delivery *d, const merge_buffer *b)
{
    const loaded_buffer *l = &b->loaded;
    if (d->told[b->order] || !l->desc)
        return;
    d->told[b->order] = true;
    opened *o = d->traces[l->file_index];
    o->log.BuffersRead++;
    o->log.Filled = l->desc->used;
    if (o->log.BufferCallback && !d->cancelled && !atomic_load(&o->closing) && !o->log.BufferCallback(&o->log))
        d->cancelled = true;
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
    buffer_done(d, b);
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
    show_trace(&d->shown, &ev, b->desc, time);
    o->log.CurrentEvent = d->shown.trace;
    if (o->log.ProcessTraceMode & PROCESS_TRACE_MODE_EVENT_RECORD) {
        show_record(&d->shown, &ev, b->desc, time, o->log.Context);
        o->log.EventRecordCallback(&d->shown.record);
    } else {
        o->log.EventCallback(&d->shown.trace);
    }
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

static void deliver_all(delivery *d, const merge_filter *filter)
{
    slice s = {0};
    d->merge = merge_new(d->session, filter);
    u32 buffers = merge_buffer_count(d->merge);
    d->live = mem_zeroed(buffers, sizeof(*d->live));
    d->told = mem_zeroed(buffers, sizeof(*d->told));
    merge_on_release(d->merge, put_buffer, d);
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
    mem_free(d->told);
    buffer_reader_free(&d->reader);
}

static ULONG process(delivery *d, const merge_filter *filter)
{
    d->session = session_new();
    ULONG status = ERROR_SUCCESS;
    for (u32 i = 0; i < d->count && status == ERROR_SUCCESS; i++)
        if (!session_add(d->session, d->traces[i]->file, NULL))
            status = ERROR_FILE_CORRUPT;
    if (status == ERROR_SUCCESS) {
        bool whole = session_survey(d->session, NULL, NULL);
        assert(whole); // nobody can break it off
        (void)whole;
        tdh_session *tdh = tdh_session_new(d->session->schemas, session_os_build(d->session));
        tdh_session *before = tdh_session_enter(tdh);
        deliver_all(d, filter);
        tdh_session_enter(before);
        tdh_session_free(tdh);
        if (d->cancelled)
            status = ERROR_CANCELLED;
    }
    session_free(d->session);
    return status;
}

static i64 filetime_of(const FILETIME *time, i64 otherwise)
{
    return time ? (i64)((u64)time->dwHighDateTime << 32 | time->dwLowDateTime) : otherwise;
}

ULONG ProcessTrace(PTRACEHANDLE HandleArray, ULONG HandleCount, LPFILETIME StartTime, LPFILETIME EndTime)
{
    merge_filter filter = {
        .unknown = true, .since = filetime_of(StartTime, INT64_MIN), .until = filetime_of(EndTime, INT64_MAX)};
    if (HandleCount == 0 || HandleCount > HANDLES_A_CALL)
        return ERROR_BAD_LENGTH;
    if (!HandleArray)
        return ERROR_INVALID_PARAMETER;
    if (filter.until < filter.since)
        return ERROR_INVALID_TIME;
    delivery *d = mem_zeroed(1, sizeof(*d));
    ULONG status = ERROR_INVALID_HANDLE;
    if (claim(d, HandleArray, HandleCount)) {
        status = process(d, &filter);
        unclaim(d);
    }
    mem_free(d);
    return status;
}
