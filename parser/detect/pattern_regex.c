#include "detect/pattern_regex.h"

#include <stdatomic.h>

#include "base/limits.h"
#include "base/memory.h"
#include "detect/libpcre2.h"

#ifdef HAS_LIBPCRE2

struct regex {
    pcre2_code_8 *code;
    pcre2_match_context_8 *bounds;
    _Atomic u64 gave_up;
};

static bool compile(regex *r, span text, u32 flags, error *e)
{
    mem_watch_begin();
    int number;
    PCRE2_SIZE at;
    PCRE2_UCHAR8 why[128];
    pcre2_compile_context_8 *limits = libpcre2.pcre2_compile_context_create_8(NULL);
    if (!limits)
        mem_run_out(0);
    libpcre2.pcre2_set_max_pattern_length_8(limits, LIMIT_REGEX_BYTES);
    libpcre2.pcre2_set_parens_nest_limit_8(limits, LIMIT_REGEX_NESTING);
    r->code = libpcre2.pcre2_compile_8(text.at, text.len, flags, &number, &at, limits);
    libpcre2.pcre2_compile_context_free_8(limits);
    if (!r->code) {
        mem_watch_end();
        libpcre2.pcre2_get_error_message_8(number, why, sizeof(why));
        return error_set(e, "not a regular expression: %s at character %zu", (const char *)why, (size_t)at + 1);
    }
    libpcre2.pcre2_jit_compile_8(r->code, PCRE2_JIT_COMPLETE); // where memory may not be executed, it is interpreted
    return true;
}

bool regex_compile(regex **out, span text, bool i, bool m, bool s, error *e)
{
    *out = NULL;
    if (!libpcre2_is_there())
        return error_code_set(e, ERR_MISSING, "PCRE2 is needed for regular expressions, and is not installed");
    regex *r = mem_zeroed(1, sizeof(*r));
    u32 flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | (i ? PCRE2_CASELESS : 0) | (m ? PCRE2_MULTILINE : 0) |
                (s ? PCRE2_DOTALL : 0);
    r->bounds = libpcre2.pcre2_match_context_create_8(NULL);
    if (!r->bounds)
        mem_run_out(0);
    if (!compile(r, text, flags, e)) {
        regex_free(r);
        return false;
    }
    libpcre2.pcre2_set_match_limit_8(r->bounds, LIMIT_REGEX_STEPS);
    libpcre2.pcre2_set_depth_limit_8(r->bounds, LIMIT_REGEX_STEPS);
    libpcre2.pcre2_set_heap_limit_8(r->bounds, LIMIT_REGEX_HEAP >> 10);
    *out = r;
    return true;
}

void regex_free(regex *r)
{
    if (!r)
        return;
    if (r->code)
        libpcre2.pcre2_code_free_8(r->code);
    if (r->bounds)
        libpcre2.pcre2_match_context_free_8(r->bounds);
    mem_free(r);
}

bool regex_found(const regex *r, span text, bool *gave_up)
{
    pcre2_match_data_8 *data = libpcre2.pcre2_match_data_create_8(1, NULL);
    if (!data)
        mem_run_out(0);
    int found = libpcre2.pcre2_match_8(r->code, text.at, text.len, 0, 0, data, r->bounds);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) // what is interpreted has the heap
        found = libpcre2.pcre2_match_8(r->code, text.at, text.len, 0, PCRE2_NO_JIT, data, r->bounds);
    libpcre2.pcre2_match_data_free_8(data);
    if (found == PCRE2_ERROR_NOMEMORY)
        mem_run_out(0);
    *gave_up = found < 0 && found != PCRE2_ERROR_NOMATCH;
    if (*gave_up)
        atomic_fetch_add(&((regex *)(uintptr_t)r)->gave_up, 1);
    return found >= 0;
}

u64 regex_gave_up(const regex *r)
{
    return atomic_load(&((regex *)(uintptr_t)r)->gave_up);
}

#else

bool regex_compile(regex **out, span text, bool i, bool m, bool s, error *e)
{
    (void)text, (void)i, (void)m, (void)s;
    *out = NULL;
    return error_code_set(e, ERR_MISSING, "this program was built without PCRE2, which regular expressions need");
}

void regex_free(regex *r)
{
    (void)r;
}

bool regex_found(const regex *r, span text, bool *gave_up)
{
    (void)r, (void)text;
    *gave_up = false;
    return false;
}

u64 regex_gave_up(const regex *r)
{
    (void)r;
    return 0;
}

#endif
