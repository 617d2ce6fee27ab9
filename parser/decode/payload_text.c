#include "decode/payload_text.h"

// Of fewer bytes all must be text: among so few, chance alone makes three quarters.
enum { LEAST_CHARACTERS = 4, SHORT_BYTES = 16 };

// ASCII as people write it. Other letters count too, but not alone: half of all pairs of bytes are a letter in UTF-16.
static bool is_ascii_text(u32 c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\r' || c == '\n';
}

static bool is_other_letter(u32 c)
{
    return (c >= 0xc0 && c < 0x600) || (c >= 0x2010 && c < 0x2040) || (c >= 0x3000 && c < 0xa000) ||
           (c >= 0xac00 && c < 0xd7a4);
}

typedef struct character_counts {
    size_t all, ascii, other;
} character_counts;

static bool is_text(const character_counts *n, size_t bytes)
{
    size_t text = n->ascii + n->other;
    return text >= LEAST_CHARACTERS && n->ascii >= n->other && text * 4 >= n->all * (bytes < SHORT_BYTES ? 4 : 3);
}

static bool is_utf16(span s)
{
    character_counts n = {.all = s.len / 2};
    for (size_t i = 0; i + 2 <= s.len; i += 2) {
        u32 c = load_u16(s.at + i);
        n.ascii += is_ascii_text(c);
        n.other += is_other_letter(c);
    }
    return s.len % 2 == 0 && is_text(&n, s.len);
}

// The length of the UTF-8 sequence at the start of `s` beyond ASCII; 0: it is not one. Loose: its writer is strict.
static size_t sequence_length(span s)
{
    size_t len = s.at[0] >= 0xf0 ? 4 : s.at[0] >= 0xe0 ? 3 : 2;
    if (s.at[0] < 0xc2 || s.at[0] > 0xf4 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s.at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static bool is_utf8(span s)
{
    character_counts n = {0};
    for (size_t i = 0; i < s.len; n.all++) {
        size_t len = s.at[i] < 0x80 ? 1 : sequence_length(span_from(s, i));
        if (!len)
            return false;
        n.ascii += is_ascii_text(s.at[i]);
        n.other += len > 1;
        i += len;
    }
    return is_text(&n, s.len);
}

static bool is_ansi(span s)
{
    character_counts n = {.all = s.len};
    for (size_t i = 0; i < s.len; i++) {
        n.ascii += is_ascii_text(s.at[i]);
        n.other += s.at[i] >= 0xc0;
    }
    return is_text(&n, s.len);
}

static span without_end(span s, size_t unit)
{
    while (s.len >= unit && s.at[s.len - 1] == 0 && s.at[s.len - unit] == 0)
        s.len -= unit;
    return s;
}

typed_value payload_text(span payload)
{
    span utf16 = without_end(payload, 2), bytes = without_end(payload, 1);
    if (is_utf16(utf16))
        return (typed_value){.kind = VALUE_TEXT, .encoding = TEXT_UTF16, .bytes = utf16};
    if (is_utf8(bytes))
        return (typed_value){.kind = VALUE_TEXT, .encoding = TEXT_UTF8, .bytes = bytes};
    if (is_ansi(bytes))
        return (typed_value){.kind = VALUE_TEXT, .encoding = TEXT_ANSI, .bytes = bytes};
    return (typed_value){.kind = VALUE_NULL};
}
