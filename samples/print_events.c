// Prints every property of every event of a trace: a consumer written against opentrace.h and tdh.h only, as one would
// be written for Windows, where it compiles unchanged (link advapi32 and tdh).
//
//     cc -Iparser/include samples/print_events.c build/libetwkit.a … -o print_events
//     x86_64-w64-mingw32-gcc -Iparser/include samples/print_events.c -ltdh -ladvapi32 -o print_events.exe
//     print_events trace.etl [provider.man | provider.dll …]
#ifdef _WIN32
#define _WIN32_WINNT 0x0602
#endif

#include <stdio.h>
#include <stdlib.h>

#include "opentrace.h"
#include "tdh.h"

enum { VALUES = 4096, NESTING = 16 };

typedef struct printer {
    unsigned long long events, described, unknown;
    TRACE_EVENT_INFO *info;
    ULONG info_room;
    WCHAR *text;
    ULONG text_room;
    EVENT_MAP_INFO *map;
    ULONG map_bound;
} printer;

// One event being printed. Integers are remembered by property index, since lengths and counts refer to them.
typedef struct walk {
    printer *out;
    EVENT_RECORD *record;
    BYTE *data;
    USHORT left;
    ULONG pointer;
    ULONG values[VALUES];
} walk;

static void *grow(void *block, ULONG *capacity, ULONG need)
{
    if (need > *capacity) {
        block = realloc(block, need);
        if (!block)
            exit(1);
        *capacity = need;
    }
    return block;
}

static void put_scalar(unsigned c)
{
    if (c < 0x80) {
        putchar((int)c);
    } else if (c < 0x800) {
        putchar((int)(0xc0 | c >> 6));
        putchar((int)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        putchar((int)(0xe0 | c >> 12));
        putchar((int)(0x80 | (c >> 6 & 0x3f)));
        putchar((int)(0x80 | (c & 0x3f)));
    } else {
        putchar((int)(0xf0 | c >> 18));
        putchar((int)(0x80 | (c >> 12 & 0x3f)));
        putchar((int)(0x80 | (c >> 6 & 0x3f)));
        putchar((int)(0x80 | (c & 0x3f)));
    }
}

// UTF-16 as UTF-8, on one line.
static void put_wide(const WCHAR *text)
{
    for (; *text; text++) {
        unsigned c = *text;
        if (c >= 0xd800 && c < 0xdc00 && text[1] >= 0xdc00 && text[1] < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (text[1] - 0xdc00u);
            text++;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        } else if (c < 0x20) {
            c = ' ';
        }
        put_scalar(c);
    }
}

static WCHAR *at_offset(void *structure, ULONG offset)
{
    return (WCHAR *)(void *)((BYTE *)structure + offset);
}

static void put_guid(const GUID *g)
{
    printf("{%08lx-%04x-%04x-%02x%02x-", (unsigned long)g->Data1, g->Data2, g->Data3, g->Data4[0], g->Data4[1]);
    for (int i = 2; i < 8; i++)
        printf("%02x", g->Data4[i]);
    printf("}");
}

// The map of a property, NULL where it has none or nothing knows it.
static EVENT_MAP_INFO *find_map(walk *w, const EVENT_PROPERTY_INFO *p)
{
    if (!p->nonStructType.MapNameOffset)
        return NULL;
    WCHAR *name = at_offset(w->out->info, p->nonStructType.MapNameOffset);
    ULONG size = w->out->map_bound;
    ULONG status = TdhGetEventMapInformation(w->record, name, w->out->map, &size);
    if (status == ERROR_INSUFFICIENT_BUFFER) {
        w->out->map = grow(w->out->map, &w->out->map_bound, size);
        status = TdhGetEventMapInformation(w->record, name, w->out->map, &size);
    }
    return status == ERROR_SUCCESS ? w->out->map : NULL;
}

static void remember(walk *w, ULONG index, const EVENT_PROPERTY_INFO *p)
{
    ULONG bytes = 0;
    switch (p->nonStructType.InType) {
    case TDH_INTYPE_INT8:
    case TDH_INTYPE_UINT8:
        bytes = 1;
        break;
    case TDH_INTYPE_INT16:
    case TDH_INTYPE_UINT16:
        bytes = 2;
        break;
    case TDH_INTYPE_INT32:
    case TDH_INTYPE_UINT32:
    case TDH_INTYPE_HEXINT32:
        bytes = 4;
        break;
    default:
        return;
    }
    if (index >= VALUES || w->left < bytes)
        return;
    ULONG value = 0;
    for (ULONG i = 0; i < bytes; i++)
        value |= (ULONG)w->data[i] << 8 * i;
    w->values[index] = value;
}

static ULONG value_of(const walk *w, USHORT index)
{
    return index < VALUES ? w->values[index] : 0;
}

static ULONG format(walk *w, const EVENT_PROPERTY_INFO *p, EVENT_MAP_INFO *map, USHORT length, USHORT *consumed)
{
    ULONG size = w->out->text_room;
    ULONG status = TdhFormatProperty(w->out->info, map, w->pointer, p->nonStructType.InType, p->nonStructType.OutType,
                                     length, w->left, w->data, &size, w->out->text, consumed);
    if (status == ERROR_INSUFFICIENT_BUFFER) {
        w->out->text = grow(w->out->text, &w->out->text_room, size);
        status = TdhFormatProperty(w->out->info, map, w->pointer, p->nonStructType.InType, p->nonStructType.OutType,
                                   length, w->left, w->data, &size, w->out->text, consumed);
    }
    return status;
}

// One value at w->data; 0 where the data does not hold it.
static int put_value(walk *w, ULONG index, const EVENT_PROPERTY_INFO *p)
{
    ULONG length = p->Flags & PropertyParamLength ? value_of(w, p->lengthPropertyIndex) : p->length;
    int is_ipv6 = p->nonStructType.InType == TDH_INTYPE_BINARY && p->nonStructType.OutType == TDH_OUTTYPE_IPV6;
    USHORT consumed = 0;
    if (length == 0 && is_ipv6)
        length = 16;
    remember(w, index, p);
    if (length == 0 && (p->Flags & (PropertyParamLength | PropertyParamFixedLength)))
        return 1; // a string or binary of no length: 0 would ask for the terminator
    if (length > 0xffff)
        return 0;
    EVENT_MAP_INFO *map = find_map(w, p);
    ULONG status = format(w, p, map, (USHORT)length, &consumed);
    if (status != ERROR_SUCCESS && map)
        status = format(w, p, NULL, (USHORT)length, &consumed); // a value the map does not hold
    if (status != ERROR_SUCCESS)
        return 0;
    put_wide(w->out->text);
    w->data += consumed;
    w->left = (USHORT)(w->left - consumed);
    return 1;
}

static int put_properties(walk *w, ULONG first, ULONG count, int depth);

static int put_property(walk *w, ULONG index, int depth)
{
    const EVENT_PROPERTY_INFO *p = &w->out->info->EventPropertyInfoArray[index];
    ULONG count = p->Flags & PropertyParamCount ? value_of(w, p->countPropertyIndex) : p->count;
    int is_array = count != 1 || (p->Flags & (PropertyParamCount | PropertyParamFixedCount)) != 0;
    printf("%*s", 4 + 2 * depth, "");
    put_wide(at_offset(w->out->info, p->NameOffset));
    printf(is_array ? " = [" : " = ");
    for (ULONG i = 0; i < count; i++) {
        if (i)
            printf(", ");
        if (p->Flags & PropertyStruct) {
            printf("{\n");
            if (depth >= NESTING ||
                !put_properties(w, p->structType.StructStartIndex, p->structType.NumOfStructMembers, depth + 1))
                return 0;
            printf("%*s}", 4 + 2 * depth, "");
        } else if (!put_value(w, index, p)) {
            return 0;
        }
    }
    printf(is_array ? "]\n" : "\n");
    return 1;
}

static int put_properties(walk *w, ULONG first, ULONG count, int depth)
{
    for (ULONG i = 0; i < count; i++)
        if (first + i >= w->out->info->PropertyCount || !put_property(w, first + i, depth))
            return 0;
    return 1;
}

static void put_name(const char *label, TRACE_EVENT_INFO *info, ULONG offset)
{
    if (!offset)
        return;
    printf("%s", label);
    put_wide(at_offset(info, offset));
}

static void put_header(const EVENT_RECORD *record)
{
    const EVENT_HEADER *h = &record->EventHeader;
    printf("%lld pid %lu tid %lu cpu %lu ", (long long)h->TimeStamp.QuadPart, (unsigned long)h->ProcessId,
           (unsigned long)h->ThreadId, (unsigned long)GetEventProcessorIndex(record));
}

static void put_string_only(const EVENT_RECORD *record)
{
    printf("    ");
    for (USHORT i = 0; i + 1 < record->UserDataLength; i = (USHORT)(i + 2)) {
        WCHAR unit[2] = {0, 0};
        memcpy(unit, (const BYTE *)record->UserData + i, 2);
        put_wide(unit);
    }
    printf("\n");
}

static VOID WINAPI on_event(PEVENT_RECORD record)
{
    printer *out = record->UserContext;
    ULONG size = out->info_room;
    out->events++;
    put_header(record);
    ULONG status = TdhGetEventInformation(record, 0, NULL, out->info, &size);
    if (status == ERROR_INSUFFICIENT_BUFFER) {
        out->info = grow(out->info, &out->info_room, size);
        status = TdhGetEventInformation(record, 0, NULL, out->info, &size);
    }
    if (status != ERROR_SUCCESS) {
        put_guid(&record->EventHeader.ProviderId);
        printf(" id %u opcode %u: %u bytes\n", record->EventHeader.EventDescriptor.Id,
               record->EventHeader.EventDescriptor.Opcode, record->UserDataLength);
        if (record->EventHeader.Flags & EVENT_HEADER_FLAG_STRING_ONLY)
            put_string_only(record);
        out->unknown++;
        return;
    }
    out->described++;
    put_name("", out->info, out->info->ProviderNameOffset);
    printf(" id %u", record->EventHeader.EventDescriptor.Id);
    put_name(" ", out->info, out->info->TaskNameOffset);
    put_name("/", out->info, out->info->OpcodeNameOffset);
    printf("\n");
    static walk w; // large, and callbacks come one at a time
    memset(&w, 0, sizeof(w));
    w.out = out;
    w.record = record;
    w.data = record->UserData;
    w.left = record->UserDataLength;
    w.pointer = record->EventHeader.Flags & EVENT_HEADER_FLAG_32_BIT_HEADER ? 4 : 8;
    if (!put_properties(&w, 0, out->info->TopLevelPropertyCount, 0))
        printf(" … the data ends here\n");
    else if (w.left)
        printf("    (%u bytes more)\n", w.left);
}

static ULONG WINAPI on_buffer(PEVENT_TRACE_LOGFILEW log)
{
    (void)log;
    return TRUE;
}

// A path of the command line in UTF-16.
static void widen(const char *path, WCHAR *wide)
{
#ifdef _WIN32
    if (!MultiByteToWideChar(CP_ACP, 0, path, -1, wide, MAX_PATH))
        *wide = 0;
#else
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)path; *p && n + 2 < MAX_PATH;) {
        unsigned c = *p++;
        int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
        c &= more ? 0x3fu >> more : 0x7fu;
        while (more-- && (*p & 0xc0) == 0x80)
            c = c << 6 | (*p++ & 0x3fu);
        if (c >= 0x10000) {
            wide[n++] = (WCHAR)(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + (c & 0x3ff);
        }
        wide[n++] = (WCHAR)c;
    }
    wide[n] = 0;
#endif
}

int main(int argc, char **argv)
{
    static WCHAR path[MAX_PATH + 1];
    printer out = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: print_events TRACE.etl [MANIFEST | BINARY]...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        widen(argv[i], path);
        if (TdhLoadManifest(path) != ERROR_SUCCESS && TdhLoadManifestFromBinary(path) != ERROR_SUCCESS)
            fprintf(stderr, "%s: no event descriptions in it\n", argv[i]);
    }
    widen(argv[1], path);
    EVENT_TRACE_LOGFILEW log;
    memset(&log, 0, sizeof(log));
    log.LogFileName = path;
    log.ProcessTraceMode = PROCESS_TRACE_MODE_EVENT_RECORD;
    log.EventRecordCallback = on_event;
    log.BufferCallback = on_buffer;
    log.Context = &out;
    TRACEHANDLE trace = OpenTraceW(&log);
    if (trace == INVALID_PROCESSTRACE_HANDLE) {
        fprintf(stderr, "%s: OpenTrace failed with %lu\n", argv[1], (unsigned long)GetLastError());
        return 1;
    }
    ULONG status = ProcessTrace(&trace, 1, NULL, NULL);
    CloseTrace(trace);
    printf("%llu events, %llu described, %llu not\n", out.events, out.described, out.unknown);
    free(out.info);
    free(out.text);
    free(out.map);
    return status == ERROR_SUCCESS ? 0 : 1;
}
