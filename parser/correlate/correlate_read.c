// Which events tell what, and where in their payloads it stands. Everything that knows a provider's field names is
// here.
#include "correlate/correlate_internal.h"

#include "base/known_guids.h"
#include "decode/render.h"

// ---------------------------------------------------------------------------------------------- topics

typedef enum origin_class {
    CLASS_PROCESS,
    CLASS_THREAD,
    CLASS_IMAGE,
    CLASS_FILE,
    CLASS_DISK,
    CLASS_FAULT,
    CLASS_REGISTRY,
    CLASS_STACK,
    CLASS_TCP,
    CLASS_UDP,
    CLASS_PERF,
    CLASS_IMAGE_ID,
    CLASS_CONFIG_EX,
    KERNEL_PROCESS,
    KERNEL_FILE,
    KERNEL_REGISTRY,
    KERNEL_NETWORK,
    TCPIP,
    SECURITY,
    DOTNET,
    JAVASCRIPT,
} origin_class;

static const struct {
    origin_class which;
    bool classic;
    guid id;
} ORIGINS[] = {
    {CLASS_PROCESS, true, GUID_CLASS_PROCESS},
    {CLASS_THREAD, true, GUID_CLASS_THREAD},
    {CLASS_FAULT, true, GUID_CLASS_PAGE_FAULT},
    {CLASS_DISK, true, GUID_CLASS_DISK_IO},
    {CLASS_IMAGE, true, GUID_CLASS_IMAGE},
    {CLASS_FILE, true, GUID_CLASS_FILE_IO},
    {CLASS_REGISTRY, true, GUID_CLASS_REGISTRY},
    {CLASS_STACK, true, GUID_CLASS_STACK_WALK},
    {CLASS_TCP, true, GUID_CLASS_TCP_IP},
    {CLASS_UDP, true, GUID_CLASS_UDP_IP},
    {CLASS_PERF, true, GUID_CLASS_PERF_INFO},
    {CLASS_IMAGE_ID, true, GUID_OF(0xb3e675d7, 0x2554, 0x4f18, 0x83, 0x0b, 0x27, 0x62, 0x73, 0x25, 0x60, 0xde)},
    {CLASS_CONFIG_EX, true, GUID_CLASS_SYSTEM_CONFIG_EX},
    {KERNEL_PROCESS, false, GUID_KERNEL_PROCESS},
    {KERNEL_FILE, false, GUID_KERNEL_FILE},
    {KERNEL_REGISTRY, false, GUID_KERNEL_REGISTRY},
    {KERNEL_NETWORK, false, GUID_KERNEL_NETWORK},
    {TCPIP, false, GUID_OF(0x2f07e2ee, 0x15db, 0x40f1, 0x90, 0xef, 0x9d, 0x7b, 0xa2, 0x82, 0x18, 0x8a)},
    {SECURITY, false, GUID_SECURITY_AUDITING},
    {DOTNET, false, GUID_DOTNET_RUNTIME},
    {DOTNET, false, GUID_DOTNET_RUNDOWN},
    {JAVASCRIPT, false, GUID_JAVASCRIPT},
};

static bool origin_find(const event_class *cls, origin_class *which)
{
    for (size_t i = 0; i < COUNT_OF(ORIGINS); i++) {
        if (ORIGINS[i].classic == cls->classic && guid_equal(&ORIGINS[i].id, &cls->provider_id)) {
            *which = ORIGINS[i].which;
            return true;
        }
    }
    return false;
}

static bool one_of(u32 number, const char *list)
{
    char text[16];
    u8 *end = (u8 *)text;
    *end++ = ' ';
    for (u32 unit = 10000; unit; unit /= 10)
        if (number >= unit || unit == 1)
            *end++ = (u8)('0' + number / unit % 10);
    *end++ = ' ';
    *end = 0;
    return strstr(list, text) != NULL;
}

static topic process_topic(u32 n)
{
    return one_of(n, " 1 2 15 ") ? TOPIC_PROCESS : one_of(n, " 3 4 ") ? TOPIC_THREAD : TOPIC_NONE;
}

// What events of a class tell the survey. Numbers: opcodes of classic events, ids of the others (kernel_events.def and
// builtin_events.def name them).
static topic kernel_or_public_topic(origin_class which, u32 n)
{
    switch (which) {
    case CLASS_PROCESS:
        return one_of(n, " 1 2 3 4 39 ") ? TOPIC_PROCESS : TOPIC_NONE;
    case CLASS_THREAD:
        return one_of(n, " 1 2 3 4 ") ? TOPIC_THREAD : TOPIC_NONE;
    case CLASS_IMAGE:
        return one_of(n, " 2 3 4 10 ") ? TOPIC_IMAGE : TOPIC_NONE;
    case CLASS_FILE:
        return one_of(n, " 0 32 35 36 64 66 ") ? TOPIC_FILE : TOPIC_NONE;
    case CLASS_REGISTRY:
        return one_of(n, " 22 23 24 25 ") ? TOPIC_KEY : TOPIC_NONE;
    case CLASS_STACK:
        return one_of(n, " 32 34 35 36 37 38 ") ? TOPIC_STACK : TOPIC_NONE;
    case CLASS_IMAGE_ID:
        return one_of(n, " 0 36 37 ") ? TOPIC_IMAGE_ID : n == 64 ? TOPIC_IMAGE_VERSION : TOPIC_NONE;
    case CLASS_CONFIG_EX:
        return one_of(n, " 33 35 ") ? TOPIC_VOLUME : TOPIC_NONE;
    case CLASS_TCP:
        return one_of(n, " 10 11 12 13 14 15 16 26 27 28 29 30 31 32 ") ? TOPIC_NETWORK : TOPIC_NONE;
    case CLASS_UDP:
        return one_of(n, " 10 11 26 27 ") ? TOPIC_NETWORK : TOPIC_NONE;
    case KERNEL_PROCESS:
        return one_of(n, " 5 6 ") ? TOPIC_IMAGE : process_topic(n);
    case KERNEL_FILE:
        return one_of(n, " 10 11 12 14 30 ") ? TOPIC_FILE : TOPIC_NONE;
    case KERNEL_REGISTRY:
        return n >= 1 && n <= 15 ? TOPIC_KEY : TOPIC_NONE;
    case KERNEL_NETWORK:
        return one_of(n, " 10 11 12 13 14 15 16 26 27 28 29 30 31 32 42 43 58 59 ") ? TOPIC_NETWORK : TOPIC_NONE;
    case TCPIP:
        return one_of(n, " 1017 1033 1038 1074 1169 1170 1332 ") ? TOPIC_TCB : TOPIC_NONE;
    case SECURITY:
        return n == 4688 ? TOPIC_AUDIT_START : n == 4689 ? TOPIC_AUDIT_STOP : TOPIC_NONE;
    case DOTNET: // MethodLoadVerbose and MethodUnloadVerbose; of rundowns, at their start and their end
        return one_of(n, " 143 144 ") ? TOPIC_METHOD : TOPIC_NONE;
    case JAVASCRIPT: // MethodLoad, MethodUnload
        return one_of(n, " 9 10 ") ? TOPIC_METHOD : TOPIC_NONE;
    case CLASS_DISK:
    case CLASS_FAULT:
    case CLASS_PERF:
        break;
    }
    return TOPIC_NONE;
}

static unsigned flag_of(topic t)
{
    switch (t) {
    case TOPIC_PROCESS:
    case TOPIC_AUDIT_START:
    case TOPIC_AUDIT_STOP:
    case TOPIC_THREAD:
        return CORRELATE_PROCESSES;
    case TOPIC_FILE:
    case TOPIC_FILE_USE:
        return CORRELATE_FILES;
    case TOPIC_VOLUME:
        return CORRELATE_FILES | CORRELATE_IMAGES;
    case TOPIC_KEY:
    case TOPIC_KEY_USE:
        return CORRELATE_KEYS;
    case TOPIC_STACK:
        return CORRELATE_STACKS;
    case TOPIC_IMAGE:
    case TOPIC_IMAGE_ID:
    case TOPIC_IMAGE_VERSION:
        return CORRELATE_IMAGES;
    case TOPIC_METHOD:
        return CORRELATE_FRAMES;
    case TOPIC_NETWORK:
    case TOPIC_TCB:
        return CORRELATE_NETWORK;
    case TOPIC_NONE:
    case TOPIC_IDENTITY:
        break;
    }
    return 0;
}

static u32 number_of(const event_class *cls)
{
    return cls->classic ? cls->descriptor.opcode : cls->descriptor.id;
}

topic topic_of(const correlator *c, const event_class *cls)
{
    origin_class which;
    topic t = origin_find(cls, &which) ? kernel_or_public_topic(which, number_of(cls)) : TOPIC_NONE;
    return flag_of(t) & c->flags ? t : TOPIC_NONE;
}

// ---------------------------------------------------------------------------------------------- fields

static const struct {
    topic topic;
    want want;
    const char *names; // the first that is there; " A B "
} FIELDS[] = {
    {TOPIC_PROCESS, WANT_PROCESS, "ProcessId ProcessID"},
    {TOPIC_PROCESS, WANT_PARENT, "ParentId ParentProcessID"},
    {TOPIC_PROCESS, WANT_SESSION, "SessionId SessionID"},
    {TOPIC_PROCESS, WANT_EXIT, "ExitStatus ExitCode"},
    {TOPIC_PROCESS, WANT_KEY, "UniqueProcessKey"},
    {TOPIC_PROCESS, WANT_SID, "UserSID"},
    {TOPIC_PROCESS, WANT_NAME, "ImageFileName ImageName"},
    {TOPIC_PROCESS, WANT_COMMAND, "CommandLine"},
    {TOPIC_PROCESS, WANT_PACKAGE, "PackageFullName"},
    {TOPIC_PROCESS, WANT_APPLICATION, "ApplicationId PackageRelativeAppId"},
    {TOPIC_PROCESS, WANT_CREATED, "CreateTime"},
    {TOPIC_PROCESS, WANT_EXITED, "ExitTime"},
    {TOPIC_AUDIT_START, WANT_PROCESS, "NewProcessId"},
    {TOPIC_AUDIT_START, WANT_PARENT, "ProcessId"},
    {TOPIC_AUDIT_START, WANT_NAME, "NewProcessName"},
    {TOPIC_AUDIT_START, WANT_COMMAND, "CommandLine"},
    {TOPIC_AUDIT_START, WANT_SID, "TargetUserSid"},
    {TOPIC_AUDIT_START, WANT_SUBJECT, "SubjectUserSid"},
    {TOPIC_AUDIT_STOP, WANT_PROCESS, "ProcessId"},
    {TOPIC_AUDIT_STOP, WANT_NAME, "ProcessName"},
    {TOPIC_AUDIT_STOP, WANT_EXIT, "Status"},
    {TOPIC_AUDIT_STOP, WANT_SUBJECT, "SubjectUserSid"},
    {TOPIC_THREAD, WANT_PROCESS, "ProcessId ProcessID"},
    {TOPIC_THREAD, WANT_THREAD, "TThreadId ThreadID"},
    {TOPIC_FILE, WANT_OBJECT, "FileObject FileKey"},
    {TOPIC_FILE, WANT_PATH, "FileName OpenPath"},
    {TOPIC_KEY, WANT_OBJECT, "KeyHandle KeyObject"},
    {TOPIC_KEY, WANT_PATH, "KeyName RelativeName"},
    {TOPIC_KEY, WANT_BASE, "BaseObject"},
    {TOPIC_KEY, WANT_BASE_NAME, "BaseName"},
    {TOPIC_KEY, WANT_STATUS, "Status"},
    {TOPIC_VOLUME, WANT_NAME, "NtPath"},
    {TOPIC_VOLUME, WANT_PATH, "DosPath SystemWindowsDirectory"},
    {TOPIC_IMAGE, WANT_OBJECT, "ImageBase BaseAddress"},
    {TOPIC_IMAGE, WANT_SIZE, "ImageSize ModuleSize"},
    {TOPIC_IMAGE, WANT_PROCESS, "ProcessId ProcessID"},
    {TOPIC_IMAGE, WANT_PATH, "FileName ImageFileName ImageName"},
    {TOPIC_IMAGE_ID, WANT_OBJECT, "ImageBase"},
    {TOPIC_IMAGE_ID, WANT_PROCESS, "ProcessId"},
    {TOPIC_IMAGE_ID, WANT_PATH, "OriginalFileName PdbFileName"},
    {TOPIC_IMAGE_ID, WANT_GUID, "GuidSig"},
    {TOPIC_IMAGE_ID, WANT_AGE, "Age"},
    {TOPIC_IMAGE_ID, WANT_SIZE, "ImageSize"},
    {TOPIC_IMAGE_ID, WANT_STAMP, "TimeDateStamp"},
    {TOPIC_IMAGE_VERSION, WANT_SIZE, "ImageSize"},
    {TOPIC_IMAGE_VERSION, WANT_STAMP, "TimeDateStamp"},
    {TOPIC_IMAGE_VERSION, WANT_PATH, "OrigFileName"},
    {TOPIC_IMAGE_VERSION, WANT_DESCRIPTION, "FileDescription"},
    {TOPIC_IMAGE_VERSION, WANT_VERSION, "FileVersion"},
    {TOPIC_IMAGE_VERSION, WANT_PRODUCT, "ProductName"},
    {TOPIC_IMAGE_VERSION, WANT_COMPANY, "CompanyName"},
    {TOPIC_METHOD, WANT_OBJECT, "MethodStartAddress"},
    {TOPIC_METHOD, WANT_SIZE, "MethodSize"},
    {TOPIC_METHOD, WANT_PATH, "MethodNamespace"},
    {TOPIC_METHOD, WANT_NAME, "MethodName"},
    {TOPIC_NETWORK, WANT_PROCESS, "PID"},
    {TOPIC_NETWORK, WANT_BYTES, "size"},
    {TOPIC_NETWORK, WANT_LOCAL, "saddr"},
    {TOPIC_NETWORK, WANT_REMOTE, "daddr"},
    {TOPIC_NETWORK, WANT_LOCAL_PORT, "sport"},
    {TOPIC_NETWORK, WANT_REMOTE_PORT, "dport"},
    {TOPIC_TCB, WANT_OBJECT, "Tcb"},
    {TOPIC_TCB, WANT_PROCESS, "ProcessId Pid"},
    {TOPIC_TCB, WANT_LOCAL, "LocalAddress LocalSockAddr"},
    {TOPIC_TCB, WANT_REMOTE, "RemoteAddress RemoteSockAddr"},
    {TOPIC_TCB, WANT_STATUS, "Status"},
    {TOPIC_TCB, WANT_BYTES, "NumBytes BytesSent"},
    // Thread ids in payloads of records whose header has none: the thread the event is about.
    {TOPIC_IDENTITY, WANT_THREAD, "ThreadId TThreadId NewThreadId IssuingThreadId StackThread TTID ScheduledThreadId"},
    {TOPIC_IDENTITY, WANT_PROCESS, "StackProcess ProcessId CreatingProcessId HRPid PID"},
    {TOPIC_FILE_USE, WANT_KEY, "FileKey"},
    {TOPIC_FILE_USE, WANT_OBJECT, "FileObject"},
    {TOPIC_FILE_USE, WANT_PATH, "OpenPath FileName FilePath"},
    {TOPIC_KEY_USE, WANT_OBJECT, "KeyHandle KeyObject"},
    {TOPIC_KEY_USE, WANT_PATH, "KeyName RelativeName"},
    {TOPIC_KEY_USE, WANT_BASE, "BaseObject"},
    {TOPIC_KEY_USE, WANT_BASE_NAME, "BaseName"},
};

static i16 field_named(const plan *p, u32 fields, const char *names)
{
    while (*names) {
        size_t len = strcspn(names, " ");
        for (u32 i = 0; i < fields && i < INT16_MAX; i++)
            if (strncmp(p->fields[i].name, names, len) == 0 && p->fields[i].name[len] == 0)
                return (i16)i;
        names += len + (names[len] == ' ');
    }
    return NO_FIELD;
}

// Only fields before the first one that has several slots can be told by their index.
static void reader_take(reader *r, topic t)
{
    u32 fields = 0;
    const plan *p = r->plan;
    while (fields < p->top_count && p->fields[fields].wire != WIRE_STRUCT &&
           (p->fields[fields].count_form == COUNT_ONE || p->fields[fields].wire == WIRE_FIXED))
        fields++;
    for (size_t i = 0; i < COUNT_OF(FIELDS); i++)
        if (FIELDS[i].topic == t)
            r->fields[FIELDS[i].want] = field_named(p, fields, FIELDS[i].names);
}

void reader_make(reader *r, topic t, const plan *p)
{
    r->plan = p;
    for (u32 i = 0; i < WANTS; i++)
        r->fields[i] = NO_FIELD;
    reader_take(r, t);
}

bool seen_value(const seen *s, want w, span *value)
{
    i16 at = s->reader->fields[w];
    if (at == NO_FIELD || (u32)at >= s->decode->values.top_done)
        return false;
    const slot *found = &s->decode->values.slots[at];
    return span_sub(s->payload, found->offset, found->len, value);
}

static bool seen_typed(const seen *s, want w, typed_value *out)
{
    span v;
    if (!seen_value(s, w, &v))
        return false;
    value_of(&s->reader->plan->fields[s->reader->fields[w]], v, out);
    return true;
}

bool seen_number(const seen *s, want w, u64 *number)
{
    typed_value v;
    if (!seen_typed(s, w, &v) || !value_is_integer(&v))
        return false;
    *number = v.number;
    return true;
}

bool seen_u32(const seen *s, want w, u32 *number)
{
    typed_value v;
    if (!seen_typed(s, w, &v) || !value_is_integer(&v) || v.bytes.len < 4)
        return false;
    *number = (u32)v.number;
    return true;
}

const char *seen_text(const seen *s, want w)
{
    typed_value v;
    correlator *c = s->c;
    if (!seen_typed(s, w, &v) || v.bytes.len == 0)
        return NULL;
    c->scratch.len = 0;
    render_text(&c->scratch, &v);
    return c->scratch.len ? text_set_add(&c->texts, (const char *)c->scratch.bytes, c->scratch.len) : NULL;
}

// ---------------------------------------------------------------------------------------------- roles

// Whose payload speaks of files: every event of these classes that has a file object or key.
static topic use_of(origin_class which)
{
    switch ((int)which) {
    case CLASS_FILE:
    case CLASS_DISK:
    case CLASS_FAULT:
    case KERNEL_FILE:
        return TOPIC_FILE_USE;
    case CLASS_REGISTRY:
    case KERNEL_REGISTRY:
        return TOPIC_KEY_USE;
    default:
        return TOPIC_NONE;
    }
}

// Events that name what they act on. Names of rundowns are the mapping itself and are not told twice; a directory's
// events name what is looked for in it, so the directory is told.
static bool names_itself(origin_class which, u32 n)
{
    switch ((int)which) {
    case CLASS_FILE:
        return one_of(n, " 64 79 80 81 ");
    case KERNEL_FILE:
        return one_of(n, " 12 26 27 28 30 ");
    case CLASS_REGISTRY:
        return one_of(n, " 10 11 ");
    case KERNEL_REGISTRY:
        return one_of(n, " 1 2 ");
    default:
        return false;
    }
}

static bool is_mapping(origin_class which, u32 n)
{
    return (which == CLASS_FILE && one_of(n, " 0 32 35 36 ")) || (which == KERNEL_FILE && one_of(n, " 10 11 ")) ||
           (which == CLASS_REGISTRY && one_of(n, " 22 23 24 25 "));
}

// The thread these tell is the one that ran when the event was logged (kernel_events.def: SampleProf, CSwitch, faults,
// waits); others tell one that is acted upon, or that asked earlier.
static bool thread_runs(origin_class which, u32 n)
{
    return (which == CLASS_PERF && n == 46) || (which == CLASS_THREAD && one_of(n, " 36 41 43 44 45 46 47 57 ")) ||
           (which == CLASS_FAULT && n == 32);
}

static bool of_kernel(header_kind kind)
{
    return kind == HEADER_PERFINFO32 || kind == HEADER_PERFINFO64 || kind == HEADER_COMPACT32 ||
           kind == HEADER_COMPACT64 || kind == HEADER_SYSTEM32 || kind == HEADER_SYSTEM64;
}

class_role *role_of(correlator *c, const event_class *cls)
{
    origin_class which;
    bool known = origin_find(cls, &which);
    u32 n = number_of(cls);
    topic use = known && !is_mapping(which, n) ? use_of(which) : TOPIC_NONE;
    if ((use == TOPIC_FILE_USE && !(c->flags & CORRELATE_FILES)) ||
        (use == TOPIC_KEY_USE && !(c->flags & CORRELATE_KEYS)))
        use = TOPIC_NONE;
    bool stack = known && which == CLASS_STACK;
    if (use == TOPIC_NONE && !of_kernel(cls->kind))
        return NULL;
    class_role *role = arena_new(&c->arena, class_role);
    role->topic = stack ? TOPIC_STACK : use == TOPIC_NONE ? TOPIC_IDENTITY : use;
    role->own_name = known && names_itself(which, n);
    role->running = known && thread_runs(which, n);
    role->count = cls->plan_count;
    role->readers = arena_array(&c->arena, reader, cls->plan_count);
    bool useful = stack;
    for (u32 i = 0; i < cls->plan_count; i++) {
        reader *r = &role->readers[i];
        reader_make(r, TOPIC_IDENTITY, cls->plans[i]);
        if (use != TOPIC_NONE)
            reader_take(r, use);
        for (u32 j = 0; j < WANTS; j++)
            useful |= r->fields[j] != NO_FIELD;
    }
    return useful ? role : NULL;
}
