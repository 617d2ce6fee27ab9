#include "winapi/winapi.h"

#include <errno.h>

#include "base/text.h"

static _Thread_local DWORD last_error;

DWORD GetLastError(void)
{
    return last_error;
}

// errno too: it is where callers through other languages' bridges find the code (.NET's GetLastWin32Error, Python's
// ctypes.get_errno).
void SetLastError(DWORD code)
{
    last_error = code;
    errno = (int)code;
}

BOOL FileTimeToSystemTime(const FILETIME *lpFileTime, LPSYSTEMTIME lpSystemTime)
{
    const u64 AFTER_30827 = 0x7fff35f4f06c8000; // 30828-01-01
    u64 ticks = (u64)lpFileTime->dwHighDateTime << 32 | lpFileTime->dwLowDateTime;
    if (ticks >= AFTER_30827) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    calendar_time c = time_calendar(ticks);
    *lpSystemTime = (SYSTEMTIME){(WORD)c.year, (WORD)c.month,  (WORD)((c.days + 1) % 7), (WORD)c.day,
                                 (WORD)c.hour, (WORD)c.minute, (WORD)c.second,           (WORD)(c.ticks / 10000)};
    return TRUE;
}

DWORD winapi_code(const error *e)
{
    switch (e->code) {
    case ERR_MISSING:
        return ERROR_FILE_NOT_FOUND;
    case ERR_PERMISSION:
    case ERR_NOT_A_FILE:
        return ERROR_ACCESS_DENIED;
    case ERR_MEMORY:
        return ERROR_NOT_ENOUGH_MEMORY;
    case ERR_IO:
        return ERROR_READ_FAULT;
    case ERR_SPACE:
        return ERROR_DISK_FULL;
    case ERR_LIMIT:
        return ERROR_NO_SYSTEM_RESOURCES;
    case ERR_NONE:
    case ERR_BROKEN:
    case ERR_NOT_A_TRACE:
    case ERR_EMPTY:
    case ERR_ENCRYPTED:
        break;
    }
    return ERROR_FILE_CORRUPT;
}

guid winapi_guid_bytes(const GUID *g)
{
    guid out;
    for (u32 i = 0; i < 4; i++)
        out.bytes[i] = (u8)(g->Data1 >> 8 * i);
    for (u32 i = 0; i < 2; i++) {
        out.bytes[4 + i] = (u8)(g->Data2 >> 8 * i);
        out.bytes[6 + i] = (u8)(g->Data3 >> 8 * i);
    }
    memcpy(out.bytes + 8, g->Data4, 8);
    return out;
}

DWORD winapi_try(void (*work)(void *context), void *context)
{
    mem_pool *pool = mem_pool_new();
    bool done = pool && mem_try(pool, work, context, NULL);
    mem_pool_free(pool);
    return done ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}
