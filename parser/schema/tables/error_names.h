// Names of the status codes events carry: facts of ntstatus.h, winerror.h and wuerror.h (error_names.def).
//
// Only symbolic names: the texts Windows shows for them are Microsoft's. All functions return static text, or NULL
// where the code has no name here. No preconditions; any thread.
#ifndef ETWKIT_ERROR_NAMES_H
#define ETWKIT_ERROR_NAMES_H

#include "base/base.h"

// 0xC0000022: "STATUS_ACCESS_DENIED". A code made of a Win32 error (facility NTWIN32, 0xC007xxxx) has that error's
// name.
const char *ntstatus_name(u32 code);
// 5: "ERROR_ACCESS_DENIED".
const char *win32_error_name(u32 code);
// 0x80070005: "E_ACCESSDENIED". Codes made of a Win32 error (0x8007xxxx) or of an NTSTATUS (bit 28) have that one's
// name where they have none of their own.
const char *hresult_name(u32 code);

#endif
