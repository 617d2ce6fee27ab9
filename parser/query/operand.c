#include "query/operand.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/fold.h"

// ---------------------------------------------------------------------------------------------- of what

bool operand_whole_number(const char *text, size_t len, operand *out)
{
    char copy[32], *end;
    if (len == 0 || len >= sizeof(copy) || !((text[0] >= '0' && text[0] <= '9') || text[0] == '-'))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    bool negative = copy[0] == '-',
         hex = strncmp(copy + negative, "0x", 2) == 0 || strncmp(copy + negative, "0X", 2) == 0;
    errno = 0;
    u64 size = strtoull(copy + negative, &end, hex ? 16 : 10);
    if (*end || errno || end == copy + negative)
        return false;
    *out = (operand){.kind = OPERAND_WHOLE, .negative = negative && size, .whole = size};
    return true;
}

static operand null_operand(void)
{
    return (operand){.kind = OPERAND_NULL};
}

static operand whole_operand(u64 number)
{
    return (operand){.kind = OPERAND_WHOLE, .whole = number};
}

static operand signed_operand(i64 number)
{
    operand o = whole_operand(number < 0 ? 0 - (u64)number : (u64)number);
    o.negative = number < 0;
    return o;
}

static operand written_operand(const outbuf *texts, size_t start)
{
    return (operand){.kind = OPERAND_TEXT, .text = (const char *)texts->bytes + start, .len = texts->len - start};
}

static operand text_operand(const typed_value *v, outbuf *texts)
{
    size_t start = texts->len;
    render_text(texts, v);
    return written_operand(texts, start);
}

// Numbers that are shown by a name are that text, and the number too.
static operand named_operand(const typed_value *v, outbuf *texts, operand number)
{
    bool is_bitmap = v->field && v->field->show == SHOW_MAP && v->field->map->is_bitmap;
    if (v->kind != VALUE_BOOL && !is_bitmap && !value_name(v))
        return number;
    operand o = text_operand(v, texts);
    o.has_number = true;
    o.negative = number.negative;
    o.whole = number.whole;
    return o;
}

operand operand_of_value(const typed_value *v, outbuf *texts)
{
    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_STRUCT:
    case VALUE_ARRAY:
        return null_operand();
    case VALUE_UNSIGNED:
    case VALUE_BOOL:
        return named_operand(v, texts, whole_operand(v->number));
    case VALUE_SIGNED:
        return named_operand(v, texts, signed_operand(v->integer));
    case VALUE_FLOAT:
        return (operand){.kind = OPERAND_FRACTION, .fraction = v->real};
    default:
        return text_operand(v, texts);
    }
}

// Texts that are in memory as they are, and numbers.
static bool is_at_hand(column_type type)
{
    return type == TYPE_NUMBER || type == TYPE_FLAGS || type == TYPE_TEXT || type == TYPE_ORIGIN || type == TYPE_STATE;
}

operand operand_of_column(column_id column, const record *rec, outbuf *texts, outbuf *scratch)
{
    if (is_at_hand(column_table[column].type)) {
        typed_value v;
        column_value(column, rec, scratch, &v);
        if (v.kind == VALUE_TEXT)
            return (operand){.kind = OPERAND_TEXT, .text = (const char *)v.bytes.at, .len = v.bytes.len};
        return v.kind == VALUE_NULL ? null_operand() : whole_operand(v.number);
    }
    size_t start = texts->len;
    return column_text(column, rec, texts) ? written_operand(texts, start) : null_operand();
}

// ---------------------------------------------------------------------------------------------- comparing

// As the number that it is, or that its text is; other texts as they are.
static operand as_number(const operand *v)
{
    operand number;
    if (v->kind != OPERAND_TEXT)
        return *v;
    if (v->has_number)
        return (operand){.kind = OPERAND_WHOLE, .negative = v->negative, .whole = v->whole};
    return operand_whole_number(v->text, v->len, &number) ? number : *v;
}

static double as_double(const operand *v)
{
    return v->kind == OPERAND_FRACTION ? v->fraction : v->negative ? -(double)v->whole : (double)v->whole;
}

static int compare_numbers(const operand *a, const operand *b)
{
    if (a->kind == OPERAND_FRACTION || b->kind == OPERAND_FRACTION) {
        double x = as_double(a), y = as_double(b);
        return x < y ? -1 : x > y;
    }
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int order = a->whole < b->whole ? -1 : a->whole > b->whole;
    return a->negative ? -order : order;
}

// {GUID} is GUID: payloads show the one form, columns the other.
static operand without_braces(const operand *v, const operand *other)
{
    enum { BARE = 36, BRACED = 38 };
    operand inner = *v;
    if (v->len == BRACED && other->len == BARE && v->text[0] == '{' && v->text[BRACED - 1] == '}') {
        inner.text++;
        inner.len = BARE;
    }
    return inner;
}

static int compare_letters(const operand *a, const operand *b)
{
    size_t at = 0, other_at = 0;
    while (at < a->len && other_at < b->len) {
        u32 x = text_folded_letter(a->text, a->len, &at), y = text_folded_letter(b->text, b->len, &other_at);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return at < a->len ? 1 : other_at < b->len ? -1 : 0;
}

static int compare_texts(const operand *a, const operand *b)
{
    operand x = without_braces(a, b), y = without_braces(b, a);
    return compare_letters(&x, &y);
}

bool operand_compare(compare_op op, const operand *left, const operand *right)
{
    if (left->kind == OPERAND_NULL || right->kind == OPERAND_NULL)
        return false;
    operand a = left->kind == right->kind ? *left : as_number(left);
    operand b = left->kind == right->kind ? *right : as_number(right);
    bool texts = a.kind == OPERAND_TEXT && b.kind == OPERAND_TEXT;
    if (!texts && (a.kind == OPERAND_TEXT || b.kind == OPERAND_TEXT))
        return op == OP_NE;
    int order = texts ? compare_texts(&a, &b) : compare_numbers(&a, &b);
    switch (op) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    case OP_GE:
        return order >= 0;
    }
    return false;
}

// Behind the character at text[at], of however many bytes.
static size_t behind_character(const char *text, size_t len, size_t at)
{
    do
        at++;
    while (at < len && ((u8)text[at] & 0xc0) == 0x80);
    return at;
}

// % any run, _ one character. Backtracks to the last % only: linear times the number of %.
static bool like(const char *text, size_t len, const char *pattern, size_t pattern_len)
{
    size_t t = 0, p = 0, star = SIZE_MAX, mark = 0;
    while (t < len) {
        size_t next_t = t, next_p = p;
        if (p < pattern_len && pattern[p] == '%') {
            star = p++;
            mark = t;
        } else if (p < pattern_len && pattern[p] == '_') {
            p++;
            t = behind_character(text, len, t);
        } else if (p < pattern_len &&
                   text_folded_letter(text, len, &next_t) == text_folded_letter(pattern, pattern_len, &next_p)) {
            p = next_p;
            t = next_t;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern_len && pattern[p] == '%')
        p++;
    return p == pattern_len;
}

bool operand_like(const operand *text, const operand *pattern)
{
    return text->kind == OPERAND_TEXT && pattern->kind == OPERAND_TEXT &&
           like(text->text, text->len, pattern->text, pattern->len);
}

bool operand_has_bits(const operand *v, const operand *mask)
{
    operand number = as_number(v);
    return number.kind == OPERAND_WHOLE && mask->kind == OPERAND_WHOLE && (number.whole & mask->whole);
}

bool operand_is_true(const operand *v)
{
    operand number = as_number(v);
    if (number.kind == OPERAND_TEXT)
        return number.len == 4 && strncasecmp(number.text, "true", 4) == 0;
    return number.kind == OPERAND_WHOLE ? number.whole != 0 : number.kind == OPERAND_FRACTION && number.fraction != 0;
}
