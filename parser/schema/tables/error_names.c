// Look-up of status codes in three sorted tables. Knows how codes of one kind wrap codes of another; trusts only that
// error_names.def is in order (tested).
#include "schema/tables/error_names.h"

#include "base/bisect.h"

typedef struct error_name {
    u32 code;
    const char *name;
} error_name;

static const error_name NTSTATUS_NAMES[] = {
#define NTSTATUS_NAME(code, name) {code, #name},
#include "schema/tables/error_names.def"
};

static const error_name WIN32_NAMES[] = {
#define WIN32_NAME(code, name) {code, #name},
#include "schema/tables/error_names.def"
};

static const error_name HRESULT_NAMES[] = {
#define HRESULT_NAME(code, name) {code, #name},
#include "schema/tables/error_names.def"
};

// winerror.h
enum {
    WIN32_MASK = 0x0000ffff,
    FACILITY_NT_BIT = 0x10000000,
};
static const u32 NTSTATUS_OF_WIN32 = 0xc0070000, HRESULT_OF_WIN32 = 0x80070000;

static const char *name_find(const error_name *names, u32 count, u32 code)
{
    u32 low;
    BISECT(low, 0, count, names[index_].code < code);
    return low < count && names[low].code == code ? names[low].name : NULL;
}

const char *win32_error_name(u32 code)
{
    return name_find(WIN32_NAMES, COUNT_OF(WIN32_NAMES), code);
}

const char *ntstatus_name(u32 code)
{
    const char *name = name_find(NTSTATUS_NAMES, COUNT_OF(NTSTATUS_NAMES), code);
    if (!name && (code & ~(u32)WIN32_MASK) == NTSTATUS_OF_WIN32)
        name = win32_error_name(code & WIN32_MASK);
    return name;
}

const char *hresult_name(u32 code)
{
    const char *name = name_find(HRESULT_NAMES, COUNT_OF(HRESULT_NAMES), code);
    if (!name && (code & ~(u32)WIN32_MASK) == HRESULT_OF_WIN32)
        name = win32_error_name(code & WIN32_MASK);
    if (!name && (code & FACILITY_NT_BIT))
        name = ntstatus_name(code & ~(u32)FACILITY_NT_BIT);
    return name;
}
