// The smallest pieces text.c, text_time.c and text_string.c are made of; nobody else includes this.
#ifndef ETWKIT_TEXT_PUT_H
#define ETWKIT_TEXT_PUT_H

#include <string.h>

#include "base/base.h"

extern const char TEXT_PAIRS[201]; // "00" "01" … "99"

static inline u8 *put_char(u8 *p, char c)
{
    *p = (u8)c;
    return p + 1;
}

// value < 100
static inline u8 *put_pair(u8 *p, u32 value)
{
    memcpy(p, TEXT_PAIRS + (size_t)2 * value, 2);
    return p + 2;
}

#endif
