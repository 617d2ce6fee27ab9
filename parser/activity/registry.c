#include "activity/registry.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "decode/render.h"

// Of values, as winnt.h numbers them.
enum { REG_SZ = 1, REG_EXPAND_SZ = 2, REG_DWORD = 4, REG_LINK = 6, REG_MULTI_SZ = 7, REG_QWORD = 11 };

// ---------------------------------------------------------------------------------------------- keys

static bool begins(span text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && strncasecmp((const char *)text.at, with, len) == 0;
}

// "\SYSTEM\ControlSet001": its length; 0: it is none.
static size_t control_set(span key)
{
    static const char SETS[] = "\\SYSTEM\\ControlSet";
    size_t at = sizeof(SETS) - 1;
    if (!begins(key, SETS))
        return 0;
    while (at < key.len && key.at[at] >= '0' && key.at[at] <= '9')
        at++;
    bool ends = at == key.len || key.at[at] == '\\';
    return at > sizeof(SETS) - 1 && ends ? at : 0;
}

void registry_put_key(span key, bool as_sysmon, outbuf *out)
{
    static const char MACHINE[] = "\\REGISTRY\\MACHINE", USER[] = "\\REGISTRY\\USER";
    if (begins(key, MACHINE)) {
        key = span_from(key, sizeof(MACHINE) - 1);
        outbuf_text(out, "HKLM");
        size_t set = as_sysmon ? control_set(key) : 0;
        if (set)
            outbuf_text(out, "\\System\\CurrentControlSet");
        key = span_from(key, set);
    } else if (begins(key, USER)) {
        key = span_from(key, sizeof(USER) - 1);
        outbuf_text(out, "HKU");
    }
    outbuf_add(out, key.at, key.len);
}

// ---------------------------------------------------------------------------------------------- data

static u64 number_at(const record *rec, const char *name)
{
    typed_value value;
    record_value(rec, name, &value);
    return value_is_integer(&value) ? value.number : 0;
}

// UTF-16 up to its NUL; strings of a list up to the empty one, with a blank between them.
static void put_text(span data, bool is_list, outbuf *out)
{
    size_t start = out->len, len;
    for (bool more = data.len > 0; more; more = is_list && len && data.len) {
        (void)utf16_length(data, &len);
        if (out->len > start && len)
            outbuf_text(out, " ");
        outbuf_written(out, text_utf16(outbuf_reserve(out, 3 * len + 1), (span){data.at, len}));
        data = span_from(data, len + 2 < data.len ? len + 2 : data.len);
    }
    if (out->len == start)
        outbuf_text(out, "(Empty)");
}

// False: less of it was captured than a number has.
static bool put_number(span data, bool is_long, outbuf *out)
{
    char text[40];
    int len;
    if (data.len < (is_long ? 8 : 4))
        return false;
    if (is_long)
        len = snprintf(text, sizeof(text), "QWORD (0x%08x-0x%08x)", load_u32(data.at + 4), load_u32(data.at));
    else
        len = snprintf(text, sizeof(text), "DWORD (0x%08x)", load_u32(data.at));
    outbuf_add(out, text, (size_t)len);
    return true;
}

bool registry_put_data(const record *rec, const typed_value *captured, bool as_sysmon, outbuf *out)
{
    u64 type = number_at(rec, "Type");
    bool text = type == REG_SZ || type == REG_EXPAND_SZ || type == REG_LINK || type == REG_MULTI_SZ;
    bool number = type == REG_DWORD || type == REG_QWORD;
    if (as_sysmon && !text && !number) {
        outbuf_text(out, "Binary Data");
        return true;
    }
    // Sessions that do not ask for data have none of it.
    if (captured->kind != VALUE_BYTES || (!captured->bytes.len && number_at(rec, "DataSize")))
        return false;
    if (number)
        return put_number(captured->bytes, type == REG_QWORD, out);
    if (text || !captured->bytes.len)
        put_text(captured->bytes, type == REG_MULTI_SZ, out);
    else
        render_text(out, captured);
    return true;
}
