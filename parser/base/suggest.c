#include "base/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 72, FAR = 1000 };

static u32 least_of(u32 a, u32 b, u32 c)
{
    u32 least = a < b ? a : b;
    return least < c ? least : c;
}

// Letters to insert, delete, replace or swap with their neighbour until one word is the other; case does not count.
static u32 distance(const char *a, const char *b)
{
    u32 rows[3][LONGEST + 1], *before = rows[0], *last = rows[1], *row = rows[2];
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > LONGEST || b_len > LONGEST)
        return FAR;
    for (u32 j = 0; j <= b_len; j++)
        last[j] = before[j] = j;
    for (u32 i = 1; i <= a_len; i++) {
        row[0] = i;
        for (u32 j = 1; j <= b_len; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = least_of(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
            bool swapped =
                i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]);
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        u32 *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_len];
}

// What begins a word is nearer to it than what has a letter too many.
static bool begins(const char *word, const char *known)
{
    enum { LETTERS = 3 };
    size_t len = strlen(word);
    return len >= LETTERS && strncasecmp(word, known, len) == 0;
}

void suggest_try(suggestion *s, const char *known)
{
    u32 allowed = (u32)strlen(known) / 3; // a third of the word may be wrong
    u32 d = begins(s->word, known) ? 1 : distance(s->word, known);
    if (d > (allowed ? allowed : 1) || (s->best && d >= s->distance))
        return;
    s->best = known;
    s->distance = d;
}

const char *suggest_text(const suggestion *s, char scratch[96])
{
    if (!s->best)
        return "";
    snprintf(scratch, 96, "; did you mean '%s'?", s->best);
    return scratch;
}
