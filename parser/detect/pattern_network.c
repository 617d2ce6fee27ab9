#include "detect/pattern_network.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 64, MAPPED = 96 };

// The groups of hexadecimal digits up to a "::", or to the end.
static const char *read_groups(const char *p, u16 *groups, u32 *count)
{
    while (*p && *count < 8 && !(p[0] == ':' && p[1] == ':')) {
        char *end;
        unsigned long group = strtoul(p, &end, 16);
        if (end == p || end - p > 4 || *p == '-' || *p == '+' || *p == ' ')
            return NULL;
        groups[(*count)++] = (u16)group;
        p = end;
        if (*p == ':' && p[1] != ':')
            p++;
        else if (*p && *p != ':')
            return NULL;
    }
    return p;
}

static bool read_ipv4(const char *p, u8 out[4])
{
    for (u32 i = 0; i < 4; i++) {
        char *end;
        if (*p < '0' || *p > '9')
            return false;
        unsigned long part = strtoul(p, &end, 10);
        if (part > 255 || end - p > 3 || *end != (i < 3 ? '.' : '\0'))
            return false;
        out[i] = (u8)part;
        p = end + 1;
    }
    return true;
}

static bool read_ipv6(const char *p, u8 out[16])
{
    u16 head[8], tail[8];
    u32 heads = 0, tails = 0;
    p = read_groups(p, head, &heads);
    bool gap = p && p[0] == ':' && p[1] == ':';
    if (gap)
        p = read_groups(p + 2, tail, &tails);
    if (!p || *p || heads + tails > 8 || (!gap && heads != 8))
        return false;
    memset(out, 0, 16);
    for (u32 i = 0; i < heads + tails; i++) {
        u16 group = i < heads ? head[i] : tail[i - heads];
        u32 at = (i < heads ? i : 8 - tails + i - heads) & 7;
        out[2 * at] = (u8)(group >> 8);
        out[2 * at + 1] = (u8)group;
    }
    return true;
}

// Without what follows a '%' (its interface).
static bool read_address(const char *text, size_t len, u8 out[16])
{
    char copy[LONGEST];
    if (len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    copy[strcspn(copy, "%")] = 0;
    memset(out, 0, 10);
    memset(out + 10, 0xff, 2);
    return read_ipv4(copy, out + 12) || read_ipv6(copy, out);
}

bool network_read(const char *text, u8 address[16], u32 *bits)
{
    size_t len = strcspn(text, "/");
    char *end = NULL;
    if (!read_address(text, len, address))
        return false;
    bool ipv4 = memchr(text, '.', len) && !memchr(text, ':', len);
    unsigned long given = text[len] ? strtoul(text + len + 1, &end, 10) : ipv4 ? 32 : 128;
    if ((end && (*end || end == text + len + 1)) || given > (ipv4 ? 32 : 128))
        return false;
    *bits = (u32)given + (ipv4 ? MAPPED : 0);
    return true;
}

bool network_has(const u8 network[16], u32 bits, span text)
{
    u8 address[16];
    if (!read_address((const char *)text.at, text.len, address))
        return false;
    u32 whole = bits / 8, rest = bits % 8;
    return memcmp(network, address, whole) == 0 && (!rest || ((network[whole] ^ address[whole]) >> (8 - rest)) == 0);
}
