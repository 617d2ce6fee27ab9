// Words every file uses: fixed-width integers, and the attributes the project relies on.
#ifndef ETWKIT_BASE_H
#define ETWKIT_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;

#define MUST_USE __attribute__((warn_unused_result))
#define ALWAYS_INLINE static inline __attribute__((always_inline)) // where a constant argument shapes the function
#ifdef __MINGW32__ // whose own printf family is checked as C's with __USE_MINGW_ANSI_STDIO
#define PRINTF_LIKE(text, first) __attribute__((format(gnu_printf, text, first)))
#else
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#endif
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// A name of its own for each line, for members made from a table.
#define LINE_NAME(name) LINE_NAME_OF(name, __LINE__)
#define LINE_NAME_OF(name, line) LINE_NAME_PASTED(name, line)
#define LINE_NAME_PASTED(name, line) name##line

#endif
