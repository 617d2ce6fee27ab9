#include "base/guid.h"

// Where each pair of hex digits of the text form lands: the first three groups are little-endian integers.
static const u8 TEXT_ORDER[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool dash_before(unsigned pair)
{
    return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

bool guid_from_text(const char *text, size_t len, guid *out)
{
    if (len == 38 && text[0] == '{' && text[37] == '}') {
        text++;
        len = 36;
    }
    if (len != 36)
        return false;
    guid g;
    for (unsigned pair = 0; pair < 16; pair++) {
        if (dash_before(pair) && *text++ != '-')
            return false;
        int high = hex_digit(text[0]), low = hex_digit(text[1]);
        if (high < 0 || low < 0)
            return false;
        g.bytes[TEXT_ORDER[pair]] = (u8)(high << 4 | low);
        text += 2;
    }
    *out = g;
    return true;
}

char *guid_to_text(const guid *g, char text[GUID_TEXT])
{
    static const char DIGITS[] = "0123456789abcdef";
    char *p = text;
    for (unsigned pair = 0; pair < 16; pair++) {
        if (dash_before(pair))
            *p++ = '-';
        u8 byte = g->bytes[TEXT_ORDER[pair]];
        *p++ = DIGITS[byte >> 4];
        *p++ = DIGITS[byte & 15];
    }
    *p = 0;
    return text;
}
