// etwkit: Windows event traces (.etl) read and decoded anywhere.
//
// opentrace.h and tdh.h have the same engine with Windows' own functions.
#ifndef ETWKIT_H
#define ETWKIT_H

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(default)
#endif

#define ETWKIT_VERSION "1.0.0"

// The version of the library that is linked in or loaded; ETWKIT_VERSION is that of this header.
const char *etwkit_version(void);

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
