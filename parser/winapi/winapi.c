#include "winapi/winapi.h"

#include <errno.h>

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

DWORD winapi_try(void (*work)(void *context), void *context)
{
    mem_pool *pool = mem_pool_new();
    bool done = pool && mem_try(pool, work, context, NULL);
    mem_pool_free(pool);
    return done ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}
