// TdhFormatProperty: one value of a payload as text.
//
// Text is what records have, except for maps (which the caller brings as EVENT_MAP_INFO), floating point numbers (%f
// always) and status codes (words where their meaning is known). Strings are handed on as the 16-bit units they are.
// The value's bytes are input; the structures beside it are the caller's own and believed.
#include "winapi/tdh_internal.h"

#include <stdio.h>

#include "decode/render.h"
#include "schema/tables/error_names.h"

// ---------------------------------------------------------------------------------------------- UTF-16 output

static void put_text(outbuf *out, const char *text)
{
    wide_put(out, text);
    out->len -= sizeof(WCHAR); // its NUL
}

static u64 number_of(span v)
{
    u64 value = 0;
    for (size_t i = 0; i < v.len && i < 8; i++)
        value |= (u64)v.at[i] << 8 * i;
    return value;
}

// ---------------------------------------------------------------------------------------------- maps

// The text of an entry without the blank that manifests' maps end in.
static void put_entry(outbuf *out, const EVENT_MAP_INFO *map, const EVENT_MAP_ENTRY *entry)
{
    const WCHAR *text = (const WCHAR *)(const void *)((const u8 *)map + entry->OutputOffset);
    size_t len = wide_length(text);
    while (len && text[len - 1] == ' ')
        len--;
    outbuf_add(out, text, len * sizeof(*text));
}

static bool map_applies(const field *f, const EVENT_MAP_INFO *map)
{
    if (!map || (map->Flag & EVENTMAP_INFO_FLAG_MANIFEST_PATTERNMAP))
        return false;
    switch (f->in_type) {
    case IN_INT8:
    case IN_UINT8:
    case IN_INT16:
    case IN_UINT16:
    case IN_INT32:
    case IN_UINT32:
    case IN_HEX_INT32:
    case IN_BOOLEAN:
        return true;
    default:
        return false;
    }
}

static u32 entry_value(const EVENT_MAP_INFO *map, u32 i, bool bits)
{
    if (map->Flag & EVENTMAP_INFO_FLAG_WBEM_NO_MAP) // MOF classes may number entries by their place
        return bits ? i < 32 ? 1u << i : 0 : i;
    return map->MapEntryArray[i].Value;
}

// False: the map has no word for the value.
static bool put_mapped(outbuf *out, const EVENT_MAP_INFO *map, u32 value)
{
    bool bits = map->Flag &
                (EVENTMAP_INFO_FLAG_MANIFEST_BITMAP | EVENTMAP_INFO_FLAG_WBEM_BITMAP | EVENTMAP_INFO_FLAG_WBEM_FLAG);
    bool any = false;
    u32 rest = value;
    for (u32 i = 0; i < map->EntryCount; i++) {
        u32 mask = entry_value(map, i, bits);
        if (bits ? (mask ? (value & mask) != mask : value != 0) : mask != value)
            continue;
        if (any)
            put_text(out, "|");
        put_entry(out, map, &map->MapEntryArray[i]);
        any = true;
        rest &= ~mask;
        if (!bits)
            return true;
    }
    if (bits && any && rest) {
        char text[16];
        snprintf(text, sizeof(text), "|0x%X", rest);
        put_text(out, text);
    }
    return any;
}

// ---------------------------------------------------------------------------------------------- TDH's own forms

static void put_double(outbuf *out, double value)
{
    char text[400];
    snprintf(text, sizeof(text), "%f", value);
    char *comma = strchr(text, ','); // a program may have set a locale
    if (comma)
        *comma = '.';
    put_text(out, text);
}

// The messages of the system are not ours to ship: the code's name stands for its message.
static void put_code(outbuf *out, u32 code, const char *name, const char *kind)
{
    char unknown[64];
    snprintf(unknown, sizeof(unknown), "Unknown %s Error code: 0x%x", kind, code);
    put_text(out, name ? name : unknown);
}

static void put_string(outbuf *out, const field *f, span v)
{
    wide_put_logged(out, value_text_bytes(f, v, TEXT_UTF16));
}

static void put_value(tdh_call *call, outbuf *out, const field *f, span v)
{
    switch (f->show) {
    case SHOW_UTF16:
    case SHOW_CHAR16:
        put_string(out, f, v);
        return;
    case SHOW_F32: {
        u32 bits = load_u32(v.at);
        float value;
        memcpy(&value, &bits, sizeof(value));
        put_double(out, (double)value);
        return;
    }
    case SHOW_F64: {
        u64 bits = load_u64(v.at);
        double value;
        memcpy(&value, &bits, sizeof(value));
        put_double(out, value);
        return;
    }
    case SHOW_WIN32_ERROR:
        put_code(out, (u32)number_of(v), win32_error_name((u32)number_of(v)), "Win32");
        return;
    case SHOW_NTSTATUS:
        put_code(out, (u32)number_of(v), ntstatus_name((u32)number_of(v)), "NTSTATUS");
        return;
    case SHOW_HRESULT:
        put_code(out, (u32)number_of(v), hresult_name((u32)number_of(v)), "HResult");
        return;
    default:
        break;
    }
    outbuf *text = tdh_call_text(call, 1);
    typed_value typed;
    value_of(f, v, &typed);
    render_text(text, &typed);
    outbuf_add(text, "", 1);
    put_text(out, (const char *)text->bytes);
}

// ---------------------------------------------------------------------------------------------- the function

static bool length_counts(u16 in)
{
    return in == IN_UNICODE_STRING || in == IN_ANSI_STRING || in == IN_BINARY || in == IN_REST_STRING ||
           in == IN_REST_ANSI_STRING;
}

// Finds the value: *f describes it, *consumed is what it takes of the data.
static TDHSTATUS find_value(tdh_call *call, const plan *compiled, u16 length, bool explicit_length, span data, field *f,
                            span *value, u32 *consumed)
{
    *f = compiled->fields[0];
    if (explicit_length) {
        *consumed = (u32)length * f->unit;
        return span_sub(data, 0, *consumed, value) ? ERROR_SUCCESS : ERROR_EVT_INVALID_EVENT_DATA;
    }
    decoded at;
    decode_run(tdh_call_decoder(call), compiled, data, &at);
    if (at.top_done != 1)
        return ERROR_EVT_INVALID_EVENT_DATA;
    *consumed = at.consumed;
    *value = (span){data.at + at.slots[0].offset, at.slots[0].len};
    return ERROR_SUCCESS;
}

typedef struct request {
    const EVENT_MAP_INFO *map;
    ULONG pointer;
    u16 in, form, length; // PropertyInType, PropertyOutType, PropertyLength
    span data;
    WCHAR *buffer;
    ULONG *size;
    USHORT *consumed;
} request;

static TDHSTATUS format(tdh_call *call, void *arguments)
{
    const request *r = arguments;
    // Nobody else says how long a binary value is: of length 0 it is empty. Addresses have their own.
    bool binary = r->in == IN_BINARY && r->form != OUT_IPV6 && r->form != OUT_SOCKET_ADDRESS;
    bool explicit_length = (r->length || binary) && length_counts(r->in);
    u16 shown = r->form == OUT_NO_PRINT ? OUT_NULL : r->form; // a hint to show nothing is not for whoever asks
    const plan *compiled = tdh_call_value_plan(call, r->in, shown, explicit_length, r->pointer != 4);
    if (!compiled || (compiled->has_pointer && r->pointer != 4 && r->pointer != 8))
        return ERROR_INVALID_PARAMETER;
    field f;
    span value;
    u32 consumed = 0;
    TDHSTATUS status = find_value(call, compiled, r->length, explicit_length, r->data, &f, &value, &consumed);
    if (status != ERROR_SUCCESS)
        return status;
    outbuf *out = tdh_call_text(call, 0);
    if (!map_applies(&f, r->map) || !put_mapped(out, r->map, (u32)number_of(value)))
        put_value(call, out, &f, value);
    outbuf_add(out, "\0", 2);
    status = tdh_give((span){out->bytes, out->len}, r->buffer, r->size);
    *r->consumed = (USHORT)consumed;
    return status;
}

TDHSTATUS TdhFormatProperty(PTRACE_EVENT_INFO EventInfo, PEVENT_MAP_INFO MapInfo, ULONG PointerSize,
                            USHORT PropertyInType, USHORT PropertyOutType, USHORT PropertyLength, USHORT UserDataLength,
                            PBYTE UserData, PULONG BufferSize, PWCHAR Buffer, PUSHORT UserDataConsumed)
{
    static const u8 nothing[1];
    (void)EventInfo;
    if (!BufferSize || !UserDataConsumed || (!UserData && UserDataLength) || (!Buffer && *BufferSize))
        return ERROR_INVALID_PARAMETER;
    request r = {.map = MapInfo,
                 .pointer = PointerSize,
                 .in = PropertyInType,
                 .form = PropertyOutType,
                 .length = PropertyLength,
                 .data = {UserData ? UserData : nothing, UserDataLength},
                 .buffer = Buffer,
                 .size = BufferSize,
                 .consumed = UserDataConsumed};
    return tdh_run(format, &r);
}
