// libpcre2, loaded when the first regular expression is met.
#ifndef ETWKIT_LIBPCRE2_H
#define ETWKIT_LIBPCRE2_H

#include "base/base.h"

// The library's version; NULL: this program was built without it, or it is not installed here.
const char *libpcre2_version(void);

#if !defined(_WIN32) && __has_include(<pcre2.h>)
#define HAS_LIBPCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define LIBPCRE2_FUNCTIONS(X)                                                                                          \
    X(pcre2_config_8)                                                                                                  \
    X(pcre2_compile_8)                                                                                                 \
    X(pcre2_jit_compile_8)                                                                                             \
    X(pcre2_code_free_8)                                                                                               \
    X(pcre2_get_error_message_8)                                                                                       \
    X(pcre2_match_8)                                                                                                   \
    X(pcre2_match_data_create_8)                                                                                       \
    X(pcre2_match_data_free_8)                                                                                         \
    X(pcre2_match_context_create_8)                                                                                    \
    X(pcre2_match_context_free_8)                                                                                      \
    X(pcre2_set_match_limit_8)                                                                                         \
    X(pcre2_set_depth_limit_8)                                                                                         \
    X(pcre2_set_heap_limit_8)                                                                                          \
    X(pcre2_compile_context_create_8)                                                                                  \
    X(pcre2_compile_context_free_8)                                                                                    \
    X(pcre2_set_max_pattern_length_8)                                                                                  \
    X(pcre2_set_parens_nest_limit_8)

typedef struct libpcre2_functions {
#define MEMBER(name) __typeof__(name) *name;
    LIBPCRE2_FUNCTIONS(MEMBER)
#undef MEMBER
} libpcre2_functions;

// Valid once libpcre2_is_there() was true.
extern libpcre2_functions libpcre2;
bool libpcre2_is_there(void); // before there are threads
#endif

#endif
