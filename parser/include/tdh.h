// Describing and printing events with Windows' own names: the Trace Data Helper functions over etwkit's schemas.
//
// The answers come from the same schemas and plans as `etwkit convert`, on every thread, at any time:
//   - what an opened trace says of its events: from the first event that ProcessTrace delivers until the last handle of
//     that call is closed. Where several opened traces describe an event, those of the trace that this thread is
//     delivering go first, and the layout is chosen that the payload fits;
//   - what was loaded with TdhLoadManifest*, until it is unloaded;
//   - the library's own: kernel classes, TraceLogging, the built-in Windows providers, and the schema cache (made by
//     `etwkit schemas add`) that the environment variable ETWKIT_CACHE names.
// There is no registry of providers. Calls run side by side; TdhLoadManifest*, TdhUnloadManifest, CloseTrace and the
// beginning of ProcessTrace wait for those under way. ERROR_NOT_ENOUGH_MEMORY: as everywhere, nothing is left behind.
// On Windows this header steps aside for the system's tdh.h. Names, numbers and layouts are facts of that header as
// learn.microsoft.com documents them; string order and trailing blanks of the structures were observed in
// TRACE_EVENT_INFO blobs that Windows itself put into traces. The prose is ours.
//
// Buffer protocol of every function that takes a size by pointer: bytes there are on input, bytes needed on output;
// ERROR_INSUFFICIENT_BUFFER where that was more, and then nothing is written. The buffer may be NULL where the size is
// 0. All offsets count bytes from the start of the structure; 0 means that there is no such thing.
#ifndef ETWKIT_TDH_H
#define ETWKIT_TDH_H

#include "opentrace.h"

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC system_header
#endif

#ifdef _WIN32

// This file has the system header's name: the next one on the search path is meant.
#if defined(__GNUC__) || defined(__clang__)
#include_next <tdh.h>
#else
#include <../um/tdh.h>
#endif

#ifdef __MINGW32__
// mingw-w64 up to 10 exports these from its import library but does not declare them. Repeating a declaration is
// allowed.
typedef ULONG TDHSTATUS;
#ifdef __cplusplus
extern "C" {
#endif
TDHSTATUS __stdcall TdhFormatProperty(PTRACE_EVENT_INFO EventInfo, PEVENT_MAP_INFO MapInfo, ULONG PointerSize,
                                      USHORT PropertyInType, USHORT PropertyOutType, USHORT PropertyLength,
                                      USHORT UserDataLength, PBYTE UserData, PULONG BufferSize, PWCHAR Buffer,
                                      PUSHORT UserDataConsumed);
TDHSTATUS __stdcall TdhLoadManifest(PWSTR Manifest);
TDHSTATUS __stdcall TdhLoadManifestFromBinary(PWSTR BinaryPath);
TDHSTATUS __stdcall TdhUnloadManifest(PWSTR Manifest);
#ifdef __cplusplus
}
#endif
#define PropertyParamFixedCount 0x20
#define DecodingSourceTlg 3
#define TDH_INTYPE_UNICODESTRING 1
#define TDH_INTYPE_ANSISTRING 2
#define TDH_INTYPE_INT8 3
#define TDH_INTYPE_UINT8 4
#define TDH_INTYPE_INT16 5
#define TDH_INTYPE_UINT16 6
#define TDH_INTYPE_INT32 7
#define TDH_INTYPE_UINT32 8
#define TDH_INTYPE_INT64 9
#define TDH_INTYPE_UINT64 10
#define TDH_INTYPE_BINARY 14
#define TDH_INTYPE_HEXINT32 20
#define TDH_INTYPE_HEXINT64 21
#define TDH_OUTTYPE_IPV6 24
#endif

#else

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

typedef ULONG TDHSTATUS;
typedef HANDLE TDH_HANDLE, *PTDH_HANDLE;

// ---------------------------------------------------------------------------------------------- types of properties

// How a value stands in the payload. Sizes in bytes; "counted": a USHORT length in bytes stands in front.
typedef enum _TDH_IN_TYPE {
    TDH_INTYPE_NULL = 0,
    TDH_INTYPE_UNICODESTRING = 1, // to the NUL, or `length` characters
    TDH_INTYPE_ANSISTRING = 2,
    TDH_INTYPE_INT8 = 3,
    TDH_INTYPE_UINT8 = 4,
    TDH_INTYPE_INT16 = 5,
    TDH_INTYPE_UINT16 = 6,
    TDH_INTYPE_INT32 = 7,
    TDH_INTYPE_UINT32 = 8,
    TDH_INTYPE_INT64 = 9,
    TDH_INTYPE_UINT64 = 10,
    TDH_INTYPE_FLOAT = 11,
    TDH_INTYPE_DOUBLE = 12,
    TDH_INTYPE_BOOLEAN = 13, // 4
    TDH_INTYPE_BINARY = 14,  // `length`
    TDH_INTYPE_GUID = 15,
    TDH_INTYPE_POINTER = 16, // 4 or 8, as the event's header says
    TDH_INTYPE_FILETIME = 17,
    TDH_INTYPE_SYSTEMTIME = 18,
    TDH_INTYPE_SID = 19, // 8 + 4 * count
    TDH_INTYPE_HEXINT32 = 20,
    TDH_INTYPE_HEXINT64 = 21,
    TDH_INTYPE_MANIFEST_COUNTEDSTRING = 22,
    TDH_INTYPE_MANIFEST_COUNTEDANSISTRING = 23,
    TDH_INTYPE_RESERVED24 = 24,
    TDH_INTYPE_MANIFEST_COUNTEDBINARY = 25,
    TDH_INTYPE_COUNTEDSTRING = 300, // these and the following occur in MOF classes only
    TDH_INTYPE_COUNTEDANSISTRING = 301,
    TDH_INTYPE_REVERSEDCOUNTEDSTRING = 302, // the length is big-endian
    TDH_INTYPE_REVERSEDCOUNTEDANSISTRING = 303,
    TDH_INTYPE_NONNULLTERMINATEDSTRING = 304, // the rest of the payload
    TDH_INTYPE_NONNULLTERMINATEDANSISTRING = 305,
    TDH_INTYPE_UNICODECHAR = 306,
    TDH_INTYPE_ANSICHAR = 307,
    TDH_INTYPE_SIZET = 308,
    TDH_INTYPE_HEXDUMP = 309, // a ULONG length in front
    TDH_INTYPE_WBEMSID = 310, // TOKEN_USER and SID, or four zero bytes
} TDH_IN_TYPE;

// How a value is shown. TDH_OUTTYPE_NULL: as the in type is by default.
typedef enum _TDH_OUT_TYPE {
    TDH_OUTTYPE_NULL = 0,
    TDH_OUTTYPE_STRING = 1,
    TDH_OUTTYPE_DATETIME = 2,
    TDH_OUTTYPE_BYTE = 3,
    TDH_OUTTYPE_UNSIGNEDBYTE = 4,
    TDH_OUTTYPE_SHORT = 5,
    TDH_OUTTYPE_UNSIGNEDSHORT = 6,
    TDH_OUTTYPE_INT = 7,
    TDH_OUTTYPE_UNSIGNEDINT = 8,
    TDH_OUTTYPE_LONG = 9,
    TDH_OUTTYPE_UNSIGNEDLONG = 10,
    TDH_OUTTYPE_FLOAT = 11,
    TDH_OUTTYPE_DOUBLE = 12,
    TDH_OUTTYPE_BOOLEAN = 13,
    TDH_OUTTYPE_GUID = 14,
    TDH_OUTTYPE_HEXBINARY = 15,
    TDH_OUTTYPE_HEXINT8 = 16,
    TDH_OUTTYPE_HEXINT16 = 17,
    TDH_OUTTYPE_HEXINT32 = 18,
    TDH_OUTTYPE_HEXINT64 = 19,
    TDH_OUTTYPE_PID = 20,
    TDH_OUTTYPE_TID = 21,
    TDH_OUTTYPE_PORT = 22,
    TDH_OUTTYPE_IPV4 = 23,
    TDH_OUTTYPE_IPV6 = 24,
    TDH_OUTTYPE_SOCKETADDRESS = 25,
    TDH_OUTTYPE_CIMDATETIME = 26,
    TDH_OUTTYPE_ETWTIME = 27,
    TDH_OUTTYPE_XML = 28,
    TDH_OUTTYPE_ERRORCODE = 29,
    TDH_OUTTYPE_WIN32ERROR = 30,
    TDH_OUTTYPE_NTSTATUS = 31,
    TDH_OUTTYPE_HRESULT = 32,
    TDH_OUTTYPE_CULTURE_INSENSITIVE_DATETIME = 33,
    TDH_OUTTYPE_JSON = 34,
    TDH_OUTTYPE_UTF8 = 35,
    TDH_OUTTYPE_PKCS7_WITH_TYPE_INFO = 36,
    TDH_OUTTYPE_CODE_POINTER = 37,
    TDH_OUTTYPE_DATETIME_UTC = 38,
    TDH_OUTTYPE_REDUCEDSTRING = 300,
    TDH_OUTTYPE_NOPRINT = 301,
} TDH_OUT_TYPE;

// ---------------------------------------------------------------------------------------------- structures

typedef enum _DECODING_SOURCE {
    DecodingSourceXMLFile = 0, // manifests in every form: XML, compiled into a PE file, embedded in the trace
    DecodingSourceWbem = 1,    // MOF classes, the kernel's included
    DecodingSourceWPP = 2,
    DecodingSourceTlg = 3, // TraceLogging
    DecodingSourceMax = 4,
} DECODING_SOURCE;

typedef enum _PROPERTY_FLAGS {
    PropertyStruct = 0x1,
    PropertyParamLength = 0x2, // lengthPropertyIndex instead of length
    PropertyParamCount = 0x4,  // countPropertyIndex instead of count
    PropertyWBEMXmlFragment = 0x8,
    PropertyParamFixedLength = 0x10,
    PropertyParamFixedCount = 0x20, // an array even where count is 1
    PropertyHasTags = 0x40,
    PropertyHasCustomSchema = 0x80,
} PROPERTY_FLAGS;

typedef enum _TEMPLATE_FLAGS {
    TEMPLATE_EVENT_DATA = 1,
    TEMPLATE_USER_DATA = 2,
    TEMPLATE_CONTROL_GUID = 4,
} TEMPLATE_FLAGS;

typedef struct _EVENT_PROPERTY_INFO {
    PROPERTY_FLAGS Flags;
    ULONG NameOffset;
    union {
        struct {
            USHORT InType, OutType; // TDH_IN_TYPE, TDH_OUT_TYPE
            ULONG MapNameOffset;    // for TdhGetEventMapInformation
        } nonStructType;
        struct {
            USHORT StructStartIndex, NumOfStructMembers; // members stand after all top-level properties
            ULONG padding;
        } structType;
        struct {
            USHORT InType, OutType;
            ULONG CustomSchemaOffset;
        } customSchemaType;
    };
    union {
        USHORT count; // 1 for what is no array
        USHORT countPropertyIndex;
    };
    union {
        USHORT length; // characters of UTF-16 strings, bytes of everything else; 0: by the in type
        USHORT lengthPropertyIndex;
    };
    union {
        ULONG Reserved;
        struct {
            ULONG Tags : 28;
        };
    };
} EVENT_PROPERTY_INFO, *PEVENT_PROPERTY_INFO;

// What is known of an event. After the property array come the names of the properties, each followed by the name of
// its map, then provider, level, channel, keywords, task, opcode and message.
typedef struct _TRACE_EVENT_INFO {
    GUID ProviderGuid;
    GUID EventGuid; // classic events: the class
    EVENT_DESCRIPTOR EventDescriptor;
    DECODING_SOURCE DecodingSource;
    ULONG ProviderNameOffset;
    ULONG LevelNameOffset;
    ULONG ChannelNameOffset;
    ULONG KeywordsNameOffset; // names one after the other, an empty one ends them
    ULONG TaskNameOffset;     // TraceLogging: the event's name
    ULONG OpcodeNameOffset;
    ULONG EventMessageOffset; // with %1 for the first top-level property; ends in a blank, as on Windows
    ULONG ProviderMessageOffset;
    ULONG BinaryXMLOffset; // always 0 here
    ULONG BinaryXMLSize;
    union {
        ULONG EventNameOffset;
        ULONG ActivityIDNameOffset;
    };
    union {
        ULONG EventAttributesOffset;
        ULONG RelatedActivityIDNameOffset;
    };
    ULONG PropertyCount;
    ULONG TopLevelPropertyCount;
    union {
        TEMPLATE_FLAGS Flags;
        struct {
            ULONG Reserved : 4, Tags : 28;
        };
    };
    EVENT_PROPERTY_INFO EventPropertyInfoArray[ANYSIZE_ARRAY]; // PropertyCount of them
} TRACE_EVENT_INFO, *PTRACE_EVENT_INFO;

typedef enum _MAP_FLAGS {
    EVENTMAP_INFO_FLAG_MANIFEST_VALUEMAP = 0x1,
    EVENTMAP_INFO_FLAG_MANIFEST_BITMAP = 0x2,
    EVENTMAP_INFO_FLAG_MANIFEST_PATTERNMAP = 0x4,
    EVENTMAP_INFO_FLAG_WBEM_VALUEMAP = 0x8,
    EVENTMAP_INFO_FLAG_WBEM_BITMAP = 0x10,
    EVENTMAP_INFO_FLAG_WBEM_FLAG = 0x20,
    EVENTMAP_INFO_FLAG_WBEM_NO_MAP = 0x40,
} MAP_FLAGS;

typedef enum _MAP_VALUETYPE {
    EVENTMAP_ENTRY_VALUETYPE_ULONG = 0,
    EVENTMAP_ENTRY_VALUETYPE_STRING = 1,
} MAP_VALUETYPE;

typedef struct _EVENT_MAP_ENTRY {
    ULONG OutputOffset; // the text; of manifests' maps it ends in a blank, as documented for Windows
    union {
        ULONG Value; // a bit map: the mask
        ULONG InputOffset;
    };
} EVENT_MAP_ENTRY, *PEVENT_MAP_ENTRY;

typedef struct _EVENT_MAP_INFO {
    ULONG NameOffset;
    MAP_FLAGS Flag;
    ULONG EntryCount;
    union {
        MAP_VALUETYPE MapEntryValueType;
        ULONG FormatStringOffset;
    };
    EVENT_MAP_ENTRY MapEntryArray[ANYSIZE_ARRAY];
} EVENT_MAP_INFO, *PEVENT_MAP_INFO;

typedef struct _PROPERTY_DATA_DESCRIPTOR {
    ULONGLONG PropertyName; // address of a UTF-16 string
    ULONG ArrayIndex;       // 0xffffffff: no array, or all of it
    ULONG Reserved;
} PROPERTY_DATA_DESCRIPTOR, *PPROPERTY_DATA_DESCRIPTOR;

typedef enum _TDH_CONTEXT_TYPE {
    TDH_CONTEXT_WPP_TMFFILE = 0,       // address of a UTF-16 path
    TDH_CONTEXT_WPP_TMFSEARCHPATH = 1, // likewise, folders with ';' between them; the file is TDH_CONTEXT_WPP_TMFFILE's
                                       // or "<message GUID>.tmf"
    TDH_CONTEXT_WPP_GMT = 2,
    TDH_CONTEXT_POINTERSIZE = 3, // 4 or 8: for events whose header does not say
    TDH_CONTEXT_PDB_PATH = 4,
    TDH_CONTEXT_MAXIMUM = 5,
} TDH_CONTEXT_TYPE;

typedef struct _TDH_CONTEXT {
    ULONGLONG ParameterValue;
    TDH_CONTEXT_TYPE ParameterType;
    ULONG ParameterSize;
} TDH_CONTEXT, *PTDH_CONTEXT;

typedef struct _TRACE_PROVIDER_INFO {
    GUID ProviderGuid;
    ULONG SchemaSource; // 0 manifest, 1 MOF class
    ULONG ProviderNameOffset;
} TRACE_PROVIDER_INFO;

typedef struct _PROVIDER_ENUMERATION_INFO {
    ULONG NumberOfProviders;
    ULONG Reserved;
    TRACE_PROVIDER_INFO TraceProviderInfoArray[ANYSIZE_ARRAY];
} PROVIDER_ENUMERATION_INFO, *PPROVIDER_ENUMERATION_INFO;

typedef struct _PROVIDER_EVENT_INFO {
    ULONG NumberOfEvents;
    ULONG Reserved;
    EVENT_DESCRIPTOR EventDescriptorsArray[ANYSIZE_ARRAY];
} PROVIDER_EVENT_INFO, *PPROVIDER_EVENT_INFO;

// Strings of a structure; NULL where it has none.
static inline PWSTR etwkit_text_at(const void *Structure, ULONG Offset)
{
    return Offset ? (PWSTR)((uintptr_t)Structure + Offset) : NULL;
}

#define ETWKIT_TEXT(name, structure, member)                                                                           \
    static inline PWSTR name(const structure *Info)                                                                    \
    {                                                                                                                  \
        return etwkit_text_at(Info, Info->member);                                                                     \
    }
ETWKIT_TEXT(TEI_PROVIDER_NAME, TRACE_EVENT_INFO, ProviderNameOffset)
ETWKIT_TEXT(TEI_LEVEL_NAME, TRACE_EVENT_INFO, LevelNameOffset)
ETWKIT_TEXT(TEI_CHANNEL_NAME, TRACE_EVENT_INFO, ChannelNameOffset)
ETWKIT_TEXT(TEI_KEYWORDS_NAME, TRACE_EVENT_INFO, KeywordsNameOffset)
ETWKIT_TEXT(TEI_TASK_NAME, TRACE_EVENT_INFO, TaskNameOffset)
ETWKIT_TEXT(TEI_OPCODE_NAME, TRACE_EVENT_INFO, OpcodeNameOffset)
ETWKIT_TEXT(TEI_EVENT_MESSAGE, TRACE_EVENT_INFO, EventMessageOffset)
ETWKIT_TEXT(TEI_PROVIDER_MESSAGE, TRACE_EVENT_INFO, ProviderMessageOffset)
ETWKIT_TEXT(TEI_ACTIVITYID_NAME, TRACE_EVENT_INFO, ActivityIDNameOffset)
ETWKIT_TEXT(TEI_RELATEDACTIVITYID_NAME, TRACE_EVENT_INFO, RelatedActivityIDNameOffset)
ETWKIT_TEXT(EMI_MAP_NAME, EVENT_MAP_INFO, NameOffset)
ETWKIT_TEXT(EMI_MAP_FORMAT, EVENT_MAP_INFO, FormatStringOffset)
#undef ETWKIT_TEXT

static inline PWSTR TEI_PROPERTY_NAME(const TRACE_EVENT_INFO *EventInfo, const EVENT_PROPERTY_INFO *Property)
{
    return etwkit_text_at(EventInfo, Property->NameOffset);
}

static inline PWSTR TEI_MAP_NAME(const TRACE_EVENT_INFO *EventInfo, const EVENT_PROPERTY_INFO *Property)
{
    return etwkit_text_at(EventInfo, Property->nonStructType.MapNameOffset);
}

static inline PWSTR EMI_MAP_OUTPUT(const EVENT_MAP_INFO *MapInfo, const EVENT_MAP_ENTRY *MapEntry)
{
    return etwkit_text_at(MapInfo, MapEntry->OutputOffset);
}

static inline PWSTR EMI_MAP_INPUT(const EVENT_MAP_INFO *MapInfo, const EVENT_MAP_ENTRY *MapEntry)
{
    return etwkit_text_at(MapInfo, MapEntry->InputOffset);
}

static inline PWSTR PEI_PROVIDER_NAME(const PROVIDER_ENUMERATION_INFO *ProviderEnum,
                                      const TRACE_PROVIDER_INFO *ProviderInfo)
{
    return etwkit_text_at(ProviderEnum, ProviderInfo->ProviderNameOffset);
}

// ---------------------------------------------------------------------------------------------- events

// All of these take the record as ProcessTrace delivered it, or a copy whose pointers hold. Contexts may be NULL with
// count 0. Return codes besides ERROR_SUCCESS and ERROR_INSUFFICIENT_BUFFER:
//   ERROR_INVALID_PARAMETER  a pointer that must not be NULL is, or a context is of no known type
//   ERROR_NOT_FOUND          nothing describes the event (its strings-only form included), or it has no such property
//   or map

// The layout chosen is the one the payload fits. Arrays whose count stands inline before them (TraceLogging) are
// described as a UINT16 property "name.Count" and the array, so that a walk with TdhFormatProperty accounts for every
// byte.
TDHSTATUS WINAPI TdhGetEventInformation(PEVENT_RECORD Event, ULONG TdhContextCount, PTDH_CONTEXT TdhContext,
                                        PTRACE_EVENT_INFO Buffer, PULONG BufferSize);

// pMapName: the text at a MapNameOffset. Not for WPP.
TDHSTATUS WINAPI TdhGetEventMapInformation(PEVENT_RECORD pEvent, LPWSTR pMapName, PEVENT_MAP_INFO pBuffer,
                                           ULONG *pBufferSize);

// One property, one element of an array (ArrayIndex), or a member of a struct (a descriptor for each level, the outer
// first). The value is the payload's bytes as they are there: with the terminator or the length of a string, unaligned.
// A string that should end in a NUL and is cut off by the end of the payload is handed out with its NUL, so that it may
// be looked for.
//   ERROR_EVT_INVALID_EVENT_DATA  the payload ends before that property does
//   ERROR_INSUFFICIENT_BUFFER     (TdhGetProperty) BufferSize is less than TdhGetPropertySize says
TDHSTATUS WINAPI TdhGetPropertySize(PEVENT_RECORD pEvent, ULONG TdhContextCount, PTDH_CONTEXT pTdhContext,
                                    ULONG PropertyDataCount, PPROPERTY_DATA_DESCRIPTOR pPropertyData,
                                    ULONG *pPropertySize);
TDHSTATUS WINAPI TdhGetProperty(PEVENT_RECORD pEvent, ULONG TdhContextCount, PTDH_CONTEXT pTdhContext,
                                ULONG PropertyDataCount, PPROPERTY_DATA_DESCRIPTOR pPropertyData, ULONG BufferSize,
                                PBYTE pBuffer);

// One value as text, UTF-16 with a NUL; the size counts bytes. Called for one element of an array after the other,
// UserData and UserDataLength moved on by UserDataConsumed each time. PropertyLength: `length` of the property or the
// value of the property it names; 0 where the in type tells (and 0 may stand for the 16 bytes of an IPv6 address).
// EventInfo may be NULL here. MapInfo: a number the map does not hold is formatted as without it.
//   ERROR_INVALID_PARAMETER       an in type that is none, PointerSize neither 4 nor 8 for a value that has pointers
//   ERROR_EVT_INVALID_EVENT_DATA  fewer than the value's bytes are left
TDHSTATUS WINAPI TdhFormatProperty(PTRACE_EVENT_INFO EventInfo, PEVENT_MAP_INFO MapInfo, ULONG PointerSize,
                                   USHORT PropertyInType, USHORT PropertyOutType, USHORT PropertyLength,
                                   USHORT UserDataLength, PBYTE UserData, PULONG BufferSize, PWCHAR Buffer,
                                   PUSHORT UserDataConsumed);

// ---------------------------------------------------------------------------------------------- manifests

// What these load serves all threads until it is unloaded. Loading a file again replaces it. Manifest: any file or
// folder that `etwkit --schemas` reads, or a schema cache (schemas.db); FromBinary: a PE file.
//   ERROR_INVALID_PARAMETER   NULL, or over MAX_PATH characters
//   ERROR_FILE_NOT_FOUND      no such file
//   ERROR_ACCESS_DENIED, ERROR_READ_FAULT  it cannot be read
//   ERROR_FILE_CORRUPT        an SQLite database that is not a schema cache, or a damaged one
//   ERROR_XML_PARSE_ERROR     (TdhLoadManifest) no usable description in it
//   ERROR_RESOURCE_NOT_FOUND  (TdhLoadManifestFromBinary) likewise
//   ERROR_NOT_FOUND           (TdhUnloadManifest) it is not loaded
TDHSTATUS WINAPI TdhLoadManifest(PWSTR Manifest);
TDHSTATUS WINAPI TdhLoadManifestFromBinary(PWSTR BinaryPath);
TDHSTATUS WINAPI TdhUnloadManifest(PWSTR Manifest);

// The providers that opened traces and loaded files describe, each once, in GUID order.
TDHSTATUS WINAPI TdhEnumerateProviders(PPROVIDER_ENUMERATION_INFO pBuffer, ULONG *pBufferSize);

// The events a provider's manifest defines, by id and version; ERROR_EMPTY: it defines none; ERROR_NOT_FOUND: there is
// no such provider.
TDHSTATUS WINAPI TdhEnumerateManifestProviderEvents(LPGUID ProviderGuid, PPROVIDER_EVENT_INFO Buffer,
                                                    ULONG *BufferSize);
// Id and version choose the event.
TDHSTATUS WINAPI TdhGetManifestEventInformation(LPGUID ProviderGuid, PEVENT_DESCRIPTOR EventDescriptor,
                                                PTRACE_EVENT_INFO Buffer, ULONG *BufferSize);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif // _WIN32

#if UINTPTR_MAX == 0xffffffffffffffffu
ETWKIT_ASSERT(sizeof(EVENT_PROPERTY_INFO) == 24, "EVENT_PROPERTY_INFO");
ETWKIT_ASSERT(offsetof(EVENT_PROPERTY_INFO, nonStructType) == 8, "EVENT_PROPERTY_INFO.nonStructType");
ETWKIT_ASSERT(offsetof(EVENT_PROPERTY_INFO, count) == 16, "EVENT_PROPERTY_INFO.count");
ETWKIT_ASSERT(offsetof(EVENT_PROPERTY_INFO, Reserved) == 20, "EVENT_PROPERTY_INFO.Reserved");
ETWKIT_ASSERT(sizeof(TRACE_EVENT_INFO) == 136, "TRACE_EVENT_INFO");
ETWKIT_ASSERT(offsetof(TRACE_EVENT_INFO, DecodingSource) == 48, "TRACE_EVENT_INFO.DecodingSource");
ETWKIT_ASSERT(offsetof(TRACE_EVENT_INFO, ActivityIDNameOffset) == 92, "TRACE_EVENT_INFO.ActivityIDNameOffset");
ETWKIT_ASSERT(offsetof(TRACE_EVENT_INFO, PropertyCount) == 100, "TRACE_EVENT_INFO.PropertyCount");
ETWKIT_ASSERT(offsetof(TRACE_EVENT_INFO, EventPropertyInfoArray) == 112, "TRACE_EVENT_INFO.EventPropertyInfoArray");
ETWKIT_ASSERT(sizeof(EVENT_MAP_ENTRY) == 8, "EVENT_MAP_ENTRY");
ETWKIT_ASSERT(sizeof(EVENT_MAP_INFO) == 24, "EVENT_MAP_INFO");
ETWKIT_ASSERT(offsetof(EVENT_MAP_INFO, MapEntryArray) == 16, "EVENT_MAP_INFO.MapEntryArray");
ETWKIT_ASSERT(sizeof(PROPERTY_DATA_DESCRIPTOR) == 16, "PROPERTY_DATA_DESCRIPTOR");
ETWKIT_ASSERT(sizeof(TDH_CONTEXT) == 16, "TDH_CONTEXT");
ETWKIT_ASSERT(sizeof(TRACE_PROVIDER_INFO) == 24, "TRACE_PROVIDER_INFO");
ETWKIT_ASSERT(offsetof(PROVIDER_ENUMERATION_INFO, TraceProviderInfoArray) == 8, "PROVIDER_ENUMERATION_INFO");
#endif

#endif
