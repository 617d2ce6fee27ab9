// Reading traces with Windows' own names: OpenTraceW, ProcessTrace, CloseTrace and the structures they fill.
//
// The engine's public face. What a consumer wrote for Windows compiles against this header elsewhere; on Windows it
// steps aside for evntrace.h and evntcons.h. Names, numbers and layouts are facts of those headers as
// learn.microsoft.com documents them, and are those of 64-bit Windows whatever the machine: static asserts below,
// compared with mingw-w64's headers wherever this header is compiled for Windows. The prose is ours.
//
// Differences from Windows that a consumer meets:
//   - Types must be Windows' own (ULONG, WCHAR) throughout: `unsigned long` has 64 bits here, and a structure or a
//     pointer with one in it compiles and is wrong. ULONG_MAX of <limits.h> likewise: MAXULONG is 0xffffffff.
//   - WCHAR has 16 bits everywhere, so wide literals are u"trace.etl" and not L"trace.etl". With -fshort-wchar L""
//     has the same type in C, and in C++ where ETWKIT_WCHAR_T is defined, which makes WCHAR wchar_t; std::wstring of
//     a C++ library that was compiled without that option must not be used then.
//   - Numbers in structures are in the machine's byte order; payloads, property values and what items of extended data
//     point to are as they were logged, little-endian.
//   - Paths are the system's: LogFileName is converted from UTF-16 to UTF-8 and opened as it is.
//   - There are no sessions to attach to: LoggerName must be NULL, PROCESS_TRACE_MODE_REAL_TIME is refused.
//
// Threads: every function may be called by any thread at any time, from inside callbacks too. A handle is read by one
// ProcessTrace at a time. Callbacks come on the thread that called ProcessTrace; they must return (no exception, no
// longjmp through ProcessTrace).
// Memory: where there is none, a function says ERROR_NOT_ENOUGH_MEMORY and leaves nothing behind; handles stay usable
// and are closed as always. The library ends no process, writes to no stream and installs no handlers.
#ifndef ETWKIT_OPENTRACE_H
#define ETWKIT_OPENTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define ETWKIT_ASSERT static_assert
#else
#define ETWKIT_ASSERT _Static_assert
#endif

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC system_header // anonymous structs and the like, which Windows' headers have too
#endif

#ifdef _WIN32

#include <windows.h>

#include <evntrace.h>

#include <evntcons.h>

#else

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

// ---------------------------------------------------------------------------------------------- windef.h, winnt.h

typedef void VOID, *PVOID, *LPVOID, *HANDLE;
typedef const void *LPCVOID;
typedef char CHAR, *PCHAR, *LPSTR;
typedef const char *LPCSTR;
typedef int8_t INT8;
typedef uint8_t UCHAR, BYTE, BOOLEAN, UINT8, *PUCHAR, *PBYTE, *LPBYTE;
typedef int16_t SHORT, INT16;
typedef uint16_t USHORT, WORD, UINT16, *PUSHORT, *PWORD, *LPWORD;
typedef int32_t INT, LONG, LONG32, INT32, BOOL, HRESULT, *PLONG, *PBOOL, *LPBOOL;
typedef uint32_t UINT, ULONG, DWORD, ULONG32, DWORD32, UINT32, *PUINT, *PULONG, *PDWORD, *LPDWORD;
typedef int64_t LONGLONG, LONG64, INT64;
typedef uint64_t ULONGLONG, ULONG64, DWORD64, DWORDLONG, UINT64, *PULONGLONG;
typedef intptr_t INT_PTR, LONG_PTR;
typedef uintptr_t UINT_PTR, ULONG_PTR, DWORD_PTR;
typedef size_t SIZE_T;
#if defined(__cplusplus) && defined(ETWKIT_WCHAR_T)
static_assert(sizeof(wchar_t) == 2, "ETWKIT_WCHAR_T needs -fshort-wchar");
typedef wchar_t WCHAR;
#elif defined(__cplusplus)
typedef char16_t WCHAR; // UTF-16 code unit
#else
typedef uint16_t WCHAR;
#endif
typedef WCHAR *PWCHAR, *PWSTR, *LPWSTR;
typedef const WCHAR *PCWSTR, *LPCWSTR;
typedef void *PSID;

// Bytes of an integer, the lowest first.
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ETWKIT_BYTES(a, b, c, d) d, c, b, a
#else
#define ETWKIT_BYTES(a, b, c, d) a, b, c, d
#endif

#ifndef FALSE
#define FALSE 0
#endif
#ifndef TRUE
#define TRUE 1
#endif
#define ANYSIZE_ARRAY 1
#define MAX_PATH 260
#define MAXULONG 0xffffffffu // what Windows' limits.h calls ULONG_MAX
#define WINAPI
#define WMIAPI
#define CALLBACK

typedef struct _GUID {
    uint32_t Data1;
    uint16_t Data2, Data3;
    uint8_t Data4[8];
} GUID, *LPGUID;
typedef const GUID *LPCGUID;

static inline int IsEqualGUID(const GUID *a, const GUID *b)
{
    return memcmp(a, b, sizeof(GUID)) == 0;
}

static const GUID GUID_NULL = {0, 0, 0, {0, 0, 0, 0, 0, 0, 0, 0}};

#ifdef __cplusplus
extern "C++" {
typedef const GUID &REFGUID;

inline bool operator==(REFGUID a, REFGUID b)
{
    return memcmp(&a, &b, sizeof(GUID)) == 0;
}

inline bool operator!=(REFGUID a, REFGUID b)
{
    return !(a == b);
}

inline int IsEqualGUID(REFGUID a, REFGUID b)
{
    return a == b;
}
}
#else
typedef const GUID *REFGUID;
#endif

// Parts of a 64-bit integer, the lower first.
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ETWKIT_PARTS(low, high) high low
#else
#define ETWKIT_PARTS(low, high) low high
#endif

typedef union _LARGE_INTEGER {
    struct {
        ETWKIT_PARTS(DWORD LowPart;, LONG HighPart;)
    };
    struct {
        ETWKIT_PARTS(DWORD LowPart;, LONG HighPart;)
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    struct {
        ETWKIT_PARTS(DWORD LowPart;, DWORD HighPart;)
    };
    struct {
        ETWKIT_PARTS(DWORD LowPart;, DWORD HighPart;)
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _FILETIME { // 100 ns since 1601-01-01, UTC
    DWORD dwLowDateTime, dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;

typedef struct _SYSTEMTIME {
    WORD wYear, wMonth, wDayOfWeek, wDay, wHour, wMinute, wSecond, wMilliseconds;
} SYSTEMTIME, *PSYSTEMTIME, *LPSYSTEMTIME;

typedef struct _TIME_ZONE_INFORMATION {
    LONG Bias; // minutes; UTC = local time + Bias
    WCHAR StandardName[32];
    SYSTEMTIME StandardDate;
    LONG StandardBias;
    WCHAR DaylightName[32];
    SYSTEMTIME DaylightDate;
    LONG DaylightBias;
} TIME_ZONE_INFORMATION, *PTIME_ZONE_INFORMATION;

ETWKIT_ASSERT(sizeof(GUID) == 16, "GUID");
ETWKIT_ASSERT(sizeof(LARGE_INTEGER) == 8, "LARGE_INTEGER");
ETWKIT_ASSERT(sizeof(SYSTEMTIME) == 16, "SYSTEMTIME");
ETWKIT_ASSERT(sizeof(TIME_ZONE_INFORMATION) == 172, "TIME_ZONE_INFORMATION");

// ---------------------------------------------------------------------------------------------- winerror.h

#define ERROR_SUCCESS 0
#define ERROR_FILE_NOT_FOUND 2
#define ERROR_PATH_NOT_FOUND 3
#define ERROR_ACCESS_DENIED 5
#define ERROR_INVALID_HANDLE 6
#define ERROR_NOT_ENOUGH_MEMORY 8
#define ERROR_INVALID_DATA 13
#define ERROR_BAD_LENGTH 24
#define ERROR_READ_FAULT 30
#define ERROR_NOT_SUPPORTED 50
#define ERROR_INVALID_PARAMETER 87
#define ERROR_DISK_FULL 112
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_BAD_PATHNAME 161
#define ERROR_BUSY 170
#define ERROR_ALREADY_EXISTS 183
#define ERROR_MORE_DATA 234
#define ERROR_NOACCESS 998
#define ERROR_NOT_FOUND 1168
#define ERROR_CANCELLED 1223
#define ERROR_FILE_CORRUPT 1392
#define ERROR_NO_SYSTEM_RESOURCES 1450
#define ERROR_XML_PARSE_ERROR 1465
#define ERROR_RESOURCE_TYPE_NOT_FOUND 1813
#define ERROR_INVALID_TIME 1901
#define ERROR_WMI_INSTANCE_NOT_FOUND 4201
#define ERROR_WMI_ALREADY_ENABLED 4206
#define ERROR_WMI_SERVER_UNAVAILABLE 4208
#define ERROR_EMPTY 4306
#define ERROR_RESOURCE_NOT_FOUND 5007
#define ERROR_CTX_CLOSE_PENDING 7007
#define ERROR_EVT_INVALID_EVENT_DATA 15005

#define S_OK ((HRESULT)0)
#define S_FALSE ((HRESULT)1)
#define SUCCEEDED(result) ((HRESULT)(result) >= 0)
#define FAILED(result) ((HRESULT)(result) < 0)
#define HRESULT_FROM_WIN32(code)                                                                                       \
    ((HRESULT)((HRESULT)(code) <= 0 ? (ULONG)(code) : ((ULONG)(code)&0xffffu) | 0x80070000u))

// Calendar of a FILETIME, in UTC. FALSE and ERROR_INVALID_PARAMETER: it is negative, or after the year 30827.
BOOL WINAPI FileTimeToSystemTime(const FILETIME *lpFileTime, LPSYSTEMTIME lpSystemTime);

// Why the last function of this thread that failed did so, where it cannot return the code itself (OpenTraceW). errno
// has the same number then, for callers through .NET (SetLastError = true) and Python (use_errno).
DWORD GetLastError(void);
void SetLastError(DWORD code);

// ---------------------------------------------------------------------------------------------- evntrace.h

typedef ULONG64 TRACEHANDLE, *PTRACEHANDLE;
typedef TRACEHANDLE PROCESSTRACE_HANDLE, CONTROLTRACE_ID;
#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)
#define INVALID_PROCESSTRACE_HANDLE ((TRACEHANDLE)0xffffffffffffffffu)

// The class of the first event of every trace, whose data is a TRACE_LOGFILE_HEADER (opcode EVENT_TRACE_TYPE_INFO).
static const GUID EventTraceGuid = {0x68fdd900, 0x4a3e, 0x11d1, {0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3}};
static const GUID SystemTraceControlGuid = {
    0x9e814aad, 0x3204, 0x11d2, {0x9a, 0x82, 0x00, 0x60, 0x08, 0xa8, 0x69, 0x39}};
static const GUID EventTraceConfigGuid = {0x01853a65, 0x418f, 0x4f36, {0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35}};

#define EVENT_TRACE_TYPE_INFO 0x00
#define EVENT_TRACE_TYPE_START 0x01
#define EVENT_TRACE_TYPE_END 0x02
#define EVENT_TRACE_TYPE_STOP 0x02
#define EVENT_TRACE_TYPE_DC_START 0x03
#define EVENT_TRACE_TYPE_DC_END 0x04
#define EVENT_TRACE_TYPE_EXTENSION 0x05
#define EVENT_TRACE_TYPE_REPLY 0x06
#define EVENT_TRACE_TYPE_DEQUEUE 0x07
#define EVENT_TRACE_TYPE_RESUME 0x07
#define EVENT_TRACE_TYPE_CHECKPOINT 0x08
#define EVENT_TRACE_TYPE_SUSPEND 0x08
#define EVENT_TRACE_TYPE_WINEVT_SEND 0x09
#define EVENT_TRACE_TYPE_WINEVT_RECEIVE 0xf0

#define TRACE_LEVEL_NONE 0
#define TRACE_LEVEL_CRITICAL 1
#define TRACE_LEVEL_FATAL 1
#define TRACE_LEVEL_ERROR 2
#define TRACE_LEVEL_WARNING 3
#define TRACE_LEVEL_INFORMATION 4
#define TRACE_LEVEL_VERBOSE 5

// TRACE_LOGFILE_HEADER.LogFileMode
#define EVENT_TRACE_FILE_MODE_NONE 0x00000000
#define EVENT_TRACE_FILE_MODE_SEQUENTIAL 0x00000001
#define EVENT_TRACE_FILE_MODE_CIRCULAR 0x00000002
#define EVENT_TRACE_FILE_MODE_APPEND 0x00000004
#define EVENT_TRACE_FILE_MODE_NEWFILE 0x00000008
#define EVENT_TRACE_FILE_MODE_PREALLOCATE 0x00000020
#define EVENT_TRACE_REAL_TIME_MODE 0x00000100
#define EVENT_TRACE_BUFFERING_MODE 0x00000400
#define EVENT_TRACE_PRIVATE_LOGGER_MODE 0x00000800
#define EVENT_TRACE_USE_KBYTES_FOR_SIZE 0x00002000
#define EVENT_TRACE_USE_GLOBAL_SEQUENCE 0x00004000
#define EVENT_TRACE_USE_LOCAL_SEQUENCE 0x00008000
#define EVENT_TRACE_RELOG_MODE 0x00010000
#define EVENT_TRACE_SYSTEM_LOGGER_MODE 0x02000000
#define EVENT_TRACE_COMPRESSED_MODE 0x04000000
#define EVENT_TRACE_INDEPENDENT_SESSION_MODE 0x08000000
#define EVENT_TRACE_NO_PER_PROCESSOR_BUFFERING 0x10000000

// Header of a classic event, as consumers without PROCESS_TRACE_MODE_EVENT_RECORD see it.
typedef struct _EVENT_TRACE_HEADER {
    USHORT Size;
    union {
        USHORT FieldTypeFlags;
        struct {
            UCHAR HeaderType, MarkerFlags;
        };
    };
    union {
        ULONG Version;
        struct {
            UCHAR Type, Level;
            USHORT Version;
        } Class;
    };
    ULONG ThreadId;
    ULONG ProcessId;
    LARGE_INTEGER TimeStamp;
    union {
        GUID Guid; // the event class
        ULONGLONG GuidPtr;
    };
    union {
        struct {
            ULONG KernelTime, UserTime; // timer ticks of TRACE_LOGFILE_HEADER.TimerResolution
        };
        ULONG64 ProcessorTime;
        struct {
            ULONG ClientContext, Flags;
        };
    };
} EVENT_TRACE_HEADER, *PEVENT_TRACE_HEADER;

typedef struct _ETW_BUFFER_CONTEXT {
    union {
        struct {
            UCHAR ProcessorNumber, Alignment;
        };
        USHORT ProcessorIndex; // where EVENT_HEADER_FLAG_PROCESSOR_INDEX is set
    };
    USHORT LoggerId;
} ETW_BUFFER_CONTEXT, *PETW_BUFFER_CONTEXT;

typedef struct _EVENT_TRACE {
    EVENT_TRACE_HEADER Header;
    ULONG InstanceId, ParentInstanceId;
    GUID ParentGuid;
    PVOID MofData; // the payload
    ULONG MofLength;
    union {
        ULONG ClientContext;
        ETW_BUFFER_CONTEXT BufferContext;
    };
} EVENT_TRACE, *PEVENT_TRACE;

typedef struct _TRACE_LOGFILE_HEADER {
    ULONG BufferSize; // bytes
    union {
        ULONG Version;
        struct {
            UCHAR ETWKIT_BYTES(MajorVersion, MinorVersion, SubVersion, SubMinorVersion);
        } VersionDetail;
    };
    ULONG ProviderVersion; // the OS build
    ULONG NumberOfProcessors;
    LARGE_INTEGER EndTime;
    ULONG TimerResolution; // 100 ns
    ULONG MaximumFileSize; // MiB, or KiB with EVENT_TRACE_USE_KBYTES_FOR_SIZE
    ULONG LogFileMode;
    ULONG BuffersWritten;
    union {
        GUID LogInstanceGuid;
        struct {
            ULONG StartBuffers;
            ULONG PointerSize; // of the OS that logged, not of each event
            ULONG EventsLost;
            ULONG CpuSpeedInMHz;
        };
    };
    LPWSTR LoggerName, LogFileName; // not to be used: what stood in memory when the file was written
    TIME_ZONE_INFORMATION TimeZone;
    LARGE_INTEGER BootTime;
    LARGE_INTEGER PerfFreq;
    LARGE_INTEGER StartTime;
    ULONG ReservedFlags; // the session's clock: 1 performance counter, 2 system time, 3 processor cycles
    ULONG BuffersLost;
} TRACE_LOGFILE_HEADER, *PTRACE_LOGFILE_HEADER;

// The same as it stands in the payload of the first event, whose header says which of the two it is.
typedef struct _TRACE_LOGFILE_HEADER32 {
    ULONG BufferSize;
    union {
        ULONG Version;
        struct {
            UCHAR ETWKIT_BYTES(MajorVersion, MinorVersion, SubVersion, SubMinorVersion);
        } VersionDetail;
    };
    ULONG ProviderVersion, NumberOfProcessors;
    LARGE_INTEGER EndTime;
    ULONG TimerResolution, MaximumFileSize, LogFileMode, BuffersWritten;
    union {
        GUID LogInstanceGuid;
        struct {
            ULONG StartBuffers, PointerSize, EventsLost, CpuSpeedInMHz;
        };
    };
    ULONG32 LoggerName, LogFileName;
    TIME_ZONE_INFORMATION TimeZone;
    LARGE_INTEGER BootTime, PerfFreq, StartTime;
    ULONG ReservedFlags, BuffersLost;
} TRACE_LOGFILE_HEADER32, *PTRACE_LOGFILE_HEADER32;

typedef struct _TRACE_LOGFILE_HEADER64 {
    ULONG BufferSize;
    union {
        ULONG Version;
        struct {
            UCHAR ETWKIT_BYTES(MajorVersion, MinorVersion, SubVersion, SubMinorVersion);
        } VersionDetail;
    };
    ULONG ProviderVersion, NumberOfProcessors;
    LARGE_INTEGER EndTime;
    ULONG TimerResolution, MaximumFileSize, LogFileMode, BuffersWritten;
    union {
        GUID LogInstanceGuid;
        struct {
            ULONG StartBuffers, PointerSize, EventsLost, CpuSpeedInMHz;
        };
    };
    ULONG64 LoggerName, LogFileName;
    TIME_ZONE_INFORMATION TimeZone;
    LARGE_INTEGER BootTime, PerfFreq, StartTime;
    ULONG ReservedFlags, BuffersLost;
} TRACE_LOGFILE_HEADER64, *PTRACE_LOGFILE_HEADER64;

// ---------------------------------------------------------------------------------------------- evntprov.h, evntcons.h

typedef struct _EVENT_DESCRIPTOR {
    USHORT Id;
    UCHAR Version, Channel, Level, Opcode;
    USHORT Task;
    ULONGLONG Keyword;
} EVENT_DESCRIPTOR, *PEVENT_DESCRIPTOR;
typedef const EVENT_DESCRIPTOR *PCEVENT_DESCRIPTOR;

// For what a program does with live sessions besides.
typedef struct _EVENT_DATA_DESCRIPTOR {
    ULONGLONG Ptr;
    ULONG Size;
    ULONG Reserved;
} EVENT_DATA_DESCRIPTOR, *PEVENT_DATA_DESCRIPTOR;

typedef struct _EVENT_FILTER_DESCRIPTOR {
    ULONGLONG Ptr;
    ULONG Size;
    ULONG Type;
} EVENT_FILTER_DESCRIPTOR, *PEVENT_FILTER_DESCRIPTOR;

// EVENT_HEADER.Flags
#define EVENT_HEADER_FLAG_EXTENDED_INFO 0x0001
#define EVENT_HEADER_FLAG_PRIVATE_SESSION 0x0002
#define EVENT_HEADER_FLAG_STRING_ONLY 0x0004   // the payload is one UTF-16 string
#define EVENT_HEADER_FLAG_TRACE_MESSAGE 0x0008 // WPP
#define EVENT_HEADER_FLAG_NO_CPUTIME 0x0010
#define EVENT_HEADER_FLAG_32_BIT_HEADER 0x0020
#define EVENT_HEADER_FLAG_64_BIT_HEADER 0x0040
#define EVENT_HEADER_FLAG_DECODE_GUID 0x0080
#define EVENT_HEADER_FLAG_CLASSIC_HEADER 0x0100
#define EVENT_HEADER_FLAG_PROCESSOR_INDEX 0x0200

// EVENT_HEADER.EventProperty
#define EVENT_HEADER_PROPERTY_XML 0x0001
#define EVENT_HEADER_PROPERTY_FORWARDED_XML 0x0002
#define EVENT_HEADER_PROPERTY_LEGACY_EVENTLOG 0x0004
#define EVENT_HEADER_PROPERTY_RELOGGABLE 0x0008

// EVENT_HEADER_EXTENDED_DATA_ITEM.ExtType
#define EVENT_HEADER_EXT_TYPE_RELATED_ACTIVITYID 0x0001
#define EVENT_HEADER_EXT_TYPE_SID 0x0002
#define EVENT_HEADER_EXT_TYPE_TS_ID 0x0003
#define EVENT_HEADER_EXT_TYPE_INSTANCE_INFO 0x0004
#define EVENT_HEADER_EXT_TYPE_STACK_TRACE32 0x0005
#define EVENT_HEADER_EXT_TYPE_STACK_TRACE64 0x0006
#define EVENT_HEADER_EXT_TYPE_PEBS_INDEX 0x0007
#define EVENT_HEADER_EXT_TYPE_PMC_COUNTERS 0x0008
#define EVENT_HEADER_EXT_TYPE_PSM_KEY 0x0009
#define EVENT_HEADER_EXT_TYPE_EVENT_KEY 0x000a
#define EVENT_HEADER_EXT_TYPE_EVENT_SCHEMA_TL 0x000b
#define EVENT_HEADER_EXT_TYPE_PROV_TRAITS 0x000c
#define EVENT_HEADER_EXT_TYPE_PROCESS_START_KEY 0x000d
#define EVENT_HEADER_EXT_TYPE_CONTROL_GUID 0x000e
#define EVENT_HEADER_EXT_TYPE_QPC_DELTA 0x000f
#define EVENT_HEADER_EXT_TYPE_CONTAINER_ID 0x0010
#define EVENT_HEADER_EXT_TYPE_STACK_KEY32 0x0011
#define EVENT_HEADER_EXT_TYPE_STACK_KEY64 0x0012
#define EVENT_HEADER_EXT_TYPE_MAX 0x0013

typedef struct _EVENT_HEADER {
    USHORT Size;
    USHORT HeaderType;
    USHORT Flags;
    USHORT EventProperty;
    ULONG ThreadId; // 0xffffffff where the trace does not say (compact kernel records)
    ULONG ProcessId;
    LARGE_INTEGER TimeStamp; // FILETIME; the session's clock with PROCESS_TRACE_MODE_RAW_TIMESTAMP
    GUID ProviderId;         // classic events: the class GUID
    EVENT_DESCRIPTOR EventDescriptor;
    union {
        struct {
            ULONG KernelTime, UserTime;
        };
        ULONG64 ProcessorTime;
    };
    GUID ActivityId;
} EVENT_HEADER, *PEVENT_HEADER;

typedef struct _EVENT_HEADER_EXTENDED_DATA_ITEM {
    USHORT Reserved1;
    USHORT ExtType;
    __extension__ struct { // 16-bit fields: another item follows
        __extension__ USHORT Linkage : 1;
        __extension__ USHORT Reserved2 : 15;
    };
    USHORT DataSize;
    ULONGLONG DataPtr; // the data's address
} EVENT_HEADER_EXTENDED_DATA_ITEM, *PEVENT_HEADER_EXTENDED_DATA_ITEM;

typedef struct _EVENT_EXTENDED_ITEM_INSTANCE {
    ULONG InstanceId, ParentInstanceId;
    GUID ParentGuid;
} EVENT_EXTENDED_ITEM_INSTANCE, *PEVENT_EXTENDED_ITEM_INSTANCE;

typedef struct _EVENT_EXTENDED_ITEM_RELATED_ACTIVITYID {
    GUID RelatedActivityId;
} EVENT_EXTENDED_ITEM_RELATED_ACTIVITYID, *PEVENT_EXTENDED_ITEM_RELATED_ACTIVITYID;

typedef struct _EVENT_EXTENDED_ITEM_TS_ID {
    ULONG SessionId;
} EVENT_EXTENDED_ITEM_TS_ID, *PEVENT_EXTENDED_ITEM_TS_ID;

typedef struct _EVENT_EXTENDED_ITEM_STACK_TRACE32 {
    ULONG64 MatchId;
    ULONG Address[ANYSIZE_ARRAY];
} EVENT_EXTENDED_ITEM_STACK_TRACE32, *PEVENT_EXTENDED_ITEM_STACK_TRACE32;

typedef struct _EVENT_EXTENDED_ITEM_STACK_TRACE64 {
    ULONG64 MatchId;
    ULONG64 Address[ANYSIZE_ARRAY];
} EVENT_EXTENDED_ITEM_STACK_TRACE64, *PEVENT_EXTENDED_ITEM_STACK_TRACE64;

typedef struct _EVENT_EXTENDED_ITEM_STACK_KEY32 {
    ULONG64 MatchId;
    ULONG StackKey, Padding;
} EVENT_EXTENDED_ITEM_STACK_KEY32, *PEVENT_EXTENDED_ITEM_STACK_KEY32;

typedef struct _EVENT_EXTENDED_ITEM_STACK_KEY64 {
    ULONG64 MatchId, StackKey;
} EVENT_EXTENDED_ITEM_STACK_KEY64, *PEVENT_EXTENDED_ITEM_STACK_KEY64;

typedef struct _EVENT_EXTENDED_ITEM_PEBS_INDEX {
    ULONG64 PebsIndex;
} EVENT_EXTENDED_ITEM_PEBS_INDEX, *PEVENT_EXTENDED_ITEM_PEBS_INDEX;

typedef struct _EVENT_EXTENDED_ITEM_PMC_COUNTERS {
    ULONG64 Counter[ANYSIZE_ARRAY];
} EVENT_EXTENDED_ITEM_PMC_COUNTERS, *PEVENT_EXTENDED_ITEM_PMC_COUNTERS;

typedef struct _EVENT_EXTENDED_ITEM_PROCESS_START_KEY {
    ULONG64 ProcessStartKey;
} EVENT_EXTENDED_ITEM_PROCESS_START_KEY, *PEVENT_EXTENDED_ITEM_PROCESS_START_KEY;

typedef struct _EVENT_EXTENDED_ITEM_EVENT_KEY {
    ULONG64 Key;
} EVENT_EXTENDED_ITEM_EVENT_KEY, *PEVENT_EXTENDED_ITEM_EVENT_KEY;

// One event. The record and all it points to are the engine's and valid until the callback returns: copy what is to be
// kept, extended data and payload included.
typedef struct _EVENT_RECORD {
    EVENT_HEADER EventHeader;
    ETW_BUFFER_CONTEXT BufferContext;
    USHORT ExtendedDataCount;
    USHORT UserDataLength;
    PEVENT_HEADER_EXTENDED_DATA_ITEM ExtendedData;
    PVOID UserData;    // the payload; not aligned
    PVOID UserContext; // EVENT_TRACE_LOGFILEW.Context
} EVENT_RECORD, *PEVENT_RECORD;
typedef const EVENT_RECORD *PCEVENT_RECORD;

static inline ULONG GetEventProcessorIndex(PCEVENT_RECORD EventRecord)
{
    return EventRecord->EventHeader.Flags & EVENT_HEADER_FLAG_PROCESSOR_INDEX
               ? EventRecord->BufferContext.ProcessorIndex
               : EventRecord->BufferContext.ProcessorNumber;
}

// ---------------------------------------------------------------------------------------------- consuming

typedef struct _EVENT_TRACE_LOGFILEW EVENT_TRACE_LOGFILEW, *PEVENT_TRACE_LOGFILEW;

// Called when all events of a buffer were delivered; FALSE ends ProcessTrace with ERROR_CANCELLED.
typedef ULONG(WINAPI *PEVENT_TRACE_BUFFER_CALLBACKW)(PEVENT_TRACE_LOGFILEW Logfile);
typedef VOID(WINAPI *PEVENT_CALLBACK)(PEVENT_TRACE Event);
typedef VOID(WINAPI *PEVENT_RECORD_CALLBACK)(PEVENT_RECORD EventRecord);

// EVENT_TRACE_LOGFILEW.ProcessTraceMode
#define PROCESS_TRACE_MODE_REAL_TIME 0x00000100
#define PROCESS_TRACE_MODE_RAW_TIMESTAMP 0x00001000 // TimeStamp stays in the session's clock
#define PROCESS_TRACE_MODE_EVENT_RECORD 0x10000000  // EventRecordCallback gets an EVENT_RECORD

// What to read and whom to tell. To be zeroed by the caller, who sets the members marked "in".
struct _EVENT_TRACE_LOGFILEW {
    LPWSTR LogFileName;   // in: the trace file
    LPWSTR LoggerName;    // in: must be NULL
    LONGLONG CurrentTime; // FILETIME of the last event delivered
    ULONG BuffersRead;
    union {
        ULONG LogFileMode;
        ULONG ProcessTraceMode; // in
    };
    EVENT_TRACE CurrentEvent; // the last event delivered, for consumers of EVENT_TRACE
    TRACE_LOGFILE_HEADER LogfileHeader;
    PEVENT_TRACE_BUFFER_CALLBACKW BufferCallback; // in: may be NULL
    ULONG BufferSize;
    ULONG Filled; // bytes in use of the buffer just done
    ULONG EventsLost;
    union {
        PEVENT_CALLBACK EventCallback;              // in: without PROCESS_TRACE_MODE_EVENT_RECORD
        PEVENT_RECORD_CALLBACK EventRecordCallback; // in: with it
    };
    ULONG IsKernelTrace; // TRUE: the NT Kernel Logger wrote it
    PVOID Context;       // in: becomes EVENT_RECORD.UserContext
};

// Opens a trace file, reads its header and fills LogfileHeader, BufferSize and IsKernelTrace. The handle is to be given
// to CloseTrace; the structure is copied, its name needs to live only during the call.
// INVALID_PROCESSTRACE_HANDLE and GetLastError():
//   ERROR_INVALID_PARAMETER  Logfile is NULL, no callback is set, or both names are
//   ERROR_BAD_PATHNAME       neither name is set, or the file name is empty
//   ERROR_NOT_SUPPORTED      LoggerName or PROCESS_TRACE_MODE_REAL_TIME: there are no sessions here
//   ERROR_FILE_NOT_FOUND     no such file
//   ERROR_ACCESS_DENIED      the system does not let it be read, or it is a folder
//   ERROR_READ_FAULT         the medium or the network fails
//   ERROR_NO_SYSTEM_RESOURCES  too many open files, or more bytes from a pipe than are spooled
//   ERROR_FILE_CORRUPT       it is not a trace, or empty
//   ERROR_NOT_ENOUGH_MEMORY
// A pipe, a character device or "-" (standard input) is read to its end here and kept.
TRACEHANDLE WMIAPI OpenTraceW(PEVENT_TRACE_LOGFILEW Logfile);

// Delivers the events of up to 64 opened files, merged in time order, to their callbacks, in the caller's thread.
// StartTime and EndTime (inclusive, NULL: no bound) limit what is delivered.
//   ERROR_SUCCESS            all events were delivered; damaged ranges of a file are passed over
//   ERROR_BAD_LENGTH         HandleCount is 0 or over 64
//   ERROR_INVALID_PARAMETER  HandleArray is NULL
//   ERROR_INVALID_HANDLE     one of the handles is none, was closed, is in use, or stands there twice
//   ERROR_INVALID_TIME       EndTime is before StartTime
//   ERROR_CANCELLED          a BufferCallback returned FALSE
//   ERROR_FILE_CORRUPT       a file can no longer be read as the trace it was
//   ERROR_NOT_ENOUGH_MEMORY  some events were delivered perhaps; the handles are as usable as before
// Afterwards TDH knows what the traces say of their events, on every thread, until the last of the handles is closed.
ULONG WMIAPI ProcessTrace(PTRACEHANDLE HandleArray, ULONG HandleCount, LPFILETIME StartTime, LPFILETIME EndTime);

// Frees what OpenTraceW opened. Inside a callback of the same trace it ends ProcessTrace after that event, and says so
// with ERROR_CTX_CLOSE_PENDING. ERROR_INVALID_HANDLE: not a handle of OpenTraceW, or closed before.
ULONG WMIAPI CloseTrace(TRACEHANDLE TraceHandle);

#if defined(UNICODE) || defined(_UNICODE)
#define OpenTrace OpenTraceW
#define EVENT_TRACE_LOGFILE EVENT_TRACE_LOGFILEW
#define PEVENT_TRACE_LOGFILE PEVENT_TRACE_LOGFILEW
#endif

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif // _WIN32

// Facts of 64-bit Windows; on Windows they are asked of its own headers.
#if UINTPTR_MAX == 0xffffffffffffffffu
ETWKIT_ASSERT(sizeof(EVENT_TRACE_HEADER) == 48, "EVENT_TRACE_HEADER");
ETWKIT_ASSERT(offsetof(EVENT_TRACE_HEADER, Guid) == 24, "EVENT_TRACE_HEADER.Guid");
ETWKIT_ASSERT(sizeof(ETW_BUFFER_CONTEXT) == 4, "ETW_BUFFER_CONTEXT");
ETWKIT_ASSERT(sizeof(EVENT_TRACE) == 88, "EVENT_TRACE");
ETWKIT_ASSERT(offsetof(EVENT_TRACE, MofData) == 72, "EVENT_TRACE.MofData");
ETWKIT_ASSERT(sizeof(TRACE_LOGFILE_HEADER) == 280, "TRACE_LOGFILE_HEADER");
ETWKIT_ASSERT(offsetof(TRACE_LOGFILE_HEADER, TimeZone) == 72, "TRACE_LOGFILE_HEADER.TimeZone");
ETWKIT_ASSERT(offsetof(TRACE_LOGFILE_HEADER, BootTime) == 248, "TRACE_LOGFILE_HEADER.BootTime");
ETWKIT_ASSERT(sizeof(TRACE_LOGFILE_HEADER32) == 272, "TRACE_LOGFILE_HEADER32");
ETWKIT_ASSERT(sizeof(TRACE_LOGFILE_HEADER64) == 280, "TRACE_LOGFILE_HEADER64");
ETWKIT_ASSERT(sizeof(EVENT_DESCRIPTOR) == 16, "EVENT_DESCRIPTOR");
ETWKIT_ASSERT(sizeof(EVENT_HEADER) == 80, "EVENT_HEADER");
ETWKIT_ASSERT(offsetof(EVENT_HEADER, ProviderId) == 24, "EVENT_HEADER.ProviderId");
ETWKIT_ASSERT(offsetof(EVENT_HEADER, EventDescriptor) == 40, "EVENT_HEADER.EventDescriptor");
ETWKIT_ASSERT(offsetof(EVENT_HEADER, ActivityId) == 64, "EVENT_HEADER.ActivityId");
ETWKIT_ASSERT(sizeof(EVENT_HEADER_EXTENDED_DATA_ITEM) == 16, "EVENT_HEADER_EXTENDED_DATA_ITEM");
ETWKIT_ASSERT(offsetof(EVENT_HEADER_EXTENDED_DATA_ITEM, DataSize) == 6, "EVENT_HEADER_EXTENDED_DATA_ITEM.DataSize");
ETWKIT_ASSERT(sizeof(EVENT_EXTENDED_ITEM_INSTANCE) == 24, "EVENT_EXTENDED_ITEM_INSTANCE");
ETWKIT_ASSERT(sizeof(EVENT_RECORD) == 112, "EVENT_RECORD");
ETWKIT_ASSERT(offsetof(EVENT_RECORD, ExtendedDataCount) == 84, "EVENT_RECORD.ExtendedDataCount");
ETWKIT_ASSERT(offsetof(EVENT_RECORD, ExtendedData) == 88, "EVENT_RECORD.ExtendedData");
ETWKIT_ASSERT(offsetof(EVENT_RECORD, UserContext) == 104, "EVENT_RECORD.UserContext");
ETWKIT_ASSERT(sizeof(EVENT_TRACE_LOGFILEW) == 448, "EVENT_TRACE_LOGFILEW");
ETWKIT_ASSERT(offsetof(EVENT_TRACE_LOGFILEW, CurrentEvent) == 32, "EVENT_TRACE_LOGFILEW.CurrentEvent");
ETWKIT_ASSERT(offsetof(EVENT_TRACE_LOGFILEW, LogfileHeader) == 120, "EVENT_TRACE_LOGFILEW.LogfileHeader");
ETWKIT_ASSERT(offsetof(EVENT_TRACE_LOGFILEW, BufferCallback) == 400, "EVENT_TRACE_LOGFILEW.BufferCallback");
ETWKIT_ASSERT(offsetof(EVENT_TRACE_LOGFILEW, EventRecordCallback) == 424, "EVENT_TRACE_LOGFILEW.EventRecordCallback");
ETWKIT_ASSERT(offsetof(EVENT_TRACE_LOGFILEW, Context) == 440, "EVENT_TRACE_LOGFILEW.Context");
#endif

#endif
