// Floating-point numbers as text: %f where that reads back as the same number, else the fewest digits that do. All of
// it in whole numbers, so that every digit and every rounding is exact and the locale has no say.
#include "base/text.h"
#include "base/text_put.h"

// ------------------------------------------------------------------------------------- large whole numbers

// Enough for the 309 digits of the largest double and for the smallest one times 10^342. The lowest limb is the first.
enum { LIMBS = 40 };

typedef struct large {
    u32 count;
    u32 limb[LIMBS];
} large;

static void large_multiply(large *n, u32 factor)
{
    u64 carry = 0;
    for (u32 i = 0; i < n->count; i++) {
        carry += (u64)n->limb[i] * factor;
        n->limb[i] = (u32)carry;
        carry >>= 32;
    }
    if (carry)
        n->limb[n->count++] = (u32)carry;
}

static u32 large_divide(large *n, u32 divisor)
{
    u64 rest = 0;
    for (u32 i = n->count; i--;) {
        rest = rest << 32 | n->limb[i];
        n->limb[i] = (u32)(rest / divisor);
        rest %= divisor;
    }
    while (n->count && !n->limb[n->count - 1])
        n->count--;
    return (u32)rest;
}

// value * 2^bits
static large large_shifted(u64 value, u32 bits)
{
    large n = {.count = bits / 32 + 3};
    u32 *at = n.limb + bits / 32;
    u32 middle = (u32)(value >> 32);
    bits %= 32;
    at[0] = (u32)value << bits;
    at[1] = (u32)((value << bits) >> 32);
    at[2] = bits ? middle >> (32 - bits) : 0;
    return n;
}

// ------------------------------------------------------------------------------------- the fewest digits

static const u64 TEN_TO[20] = {1,
                               10,
                               100,
                               1000,
                               10000,
                               100000,
                               1000000,
                               10000000,
                               100000000,
                               1000000000,
                               10000000000,
                               100000000000,
                               1000000000000,
                               10000000000000,
                               100000000000000,
                               1000000000000000,
                               10000000000000000,
                               100000000000000000,
                               1000000000000000000,
                               10000000000000000000u};

static u32 digits_of(u64 value)
{
    u32 digits = 1;
    while (digits < 20 && value >= TEN_TO[digits])
        digits++;
    return digits;
}

// A number cut off after its last whole digit; `more` where something was cut off.
typedef struct cut {
    u64 whole;
    bool more;
} cut;

// n * 2^exponent * 10^decimals, which is below 2^64, for an exponent not above -decimals.
static cut scaled(u64 n, i32 exponent, u32 decimals)
{
    enum { FIVES = 13, FIVE_TO_13 = 1220703125 };
    static const u32 FIVE_TO[FIVES] = {1,     5,      25,      125,     625,      3125,     15625,
                                       78125, 390625, 1953125, 9765625, 48828125, 244140625};
    u32 bits = (u32)-exponent - decimals; // to shift by: 10^d is 5^d * 2^d
    large product = {.count = 2, .limb = {(u32)n, (u32)(n >> 32)}};
    for (; decimals >= FIVES; decimals -= FIVES)
        large_multiply(&product, FIVE_TO_13);
    large_multiply(&product, FIVE_TO[decimals]);
    const u32 *limb = product.limb;
    u32 first = bits / 32, shift = bits % 32;
    u64 low = limb[first] | (u64)limb[first + 1] << 32;
    u64 whole = shift ? low >> shift | (u64)limb[first + 2] << (64 - shift) : low;
    bool more = limb[first] & (((u32)1 << shift) - 1);
    for (u32 i = 0; i < first; i++)
        more |= limb[i] != 0;
    return (cut){whole, more};
}

// A finite number without its sign: mantissa * 2^exponent.
typedef struct binary {
    u64 mantissa;
    i32 exponent;
    u32 most;             // digits that always tell it from its neighbours: 9 of a float, 17 of a double
    bool lowest_of_power; // of two: the neighbour below has a smaller exponent
} binary;

// A number and the two that lie in the middle between it and its neighbours, all times 10^decimals: what lies between
// those reads back as the number, and so do they themselves where its last bit is 0 (ties go to even).
typedef struct interval {
    cut low, number, high;
    u32 digits, decimals; // of the number
    bool closed;
} interval;

// A number above 0 and below 2^33 (for a float, below 2^7: larger ones never come here). One digit more than `most` or
// two, so that the last of them is rounded.
static interval interval_of(const binary *b)
{
    // The number lies from 2^power to below 2^(power + 1), its first digit at 10^n or 10^(n + 1): 1233 / 4096 is
    // log10(2).
    i32 power = b->exponent + 63 - __builtin_clzll(b->mantissa);
    i32 n = (power * 1233 - (power < 0 ? 4095 : 0)) / 4096;
    u32 decimals = (u32)((i32)b->most - n);
    interval i = {.decimals = decimals, .closed = !(b->mantissa & 1)};
    // The neighbour below is half as far away where the number is the lowest of its power of two: quarters are counted.
    i.low = scaled(4 * b->mantissa - (b->lowest_of_power ? 1 : 2), b->exponent - 2, decimals);
    i.number = scaled(4 * b->mantissa, b->exponent - 2, decimals);
    i.high = scaled(4 * b->mantissa + 2, b->exponent - 2, decimals);
    i.digits = digits_of(i.number.whole);
    return i;
}

// The number rounded to so many digits, ties to even.
static u64 rounded(const interval *i, u32 digits)
{
    u64 unit = TEN_TO[i->digits - digits], count = i->number.whole / unit, rest = i->number.whole - count * unit;
    if (rest > unit / 2 || (rest == unit / 2 && (i->number.more || (count & 1))))
        count++;
    return count * unit;
}

static bool reads_back(const interval *i, u64 text)
{
    if (text == i->low.whole)
        return i->closed && !i->low.more;
    if (text == i->high.whole)
        return i->closed || i->high.more;
    return i->low.whole < text && text < i->high.whole;
}

// As %g with so many digits writes it, but 1e-7 for 1e-07 and 1e15 for 1e+15.
static u8 *put_general(u8 *p, const interval *i, u64 text, u32 precision)
{
    i32 first = (i32)digits_of(text) - 1 - (i32)i->decimals; // the first digit stands at 10^first
    while (text % 10 == 0)
        text /= 10;
    u8 digits[20];
    u32 count = (u32)(put_u64(digits, text) - digits), before = first < 0 ? 0 : (u32)first + 1;
    if (first < -4 || first >= (i32)precision) {
        p = put_char(p, (char)digits[0]);
        if (count > 1) {
            p = put_char(p, '.');
            memcpy(p, digits + 1, count - 1);
            p += count - 1;
        }
        return put_i64(put_char(p, 'e'), first);
    }
    if (before >= count) {
        memcpy(p, digits, count);
        memset(p + count, '0', before - count);
        return p + before;
    }
    if (before) {
        memcpy(p, digits, before);
        p = put_char(p + before, '.');
    } else {
        p = put_text(p, "0.");
        for (i32 zero = -1; zero > first; zero--)
            p = put_char(p, '0');
    }
    memcpy(p, digits + before, count - before);
    return p + count - before;
}

static u8 *put_shortest(u8 *p, const binary *b)
{
    interval i = interval_of(b);
    u32 too_few = 0, enough = b->most;
    // Most numbers that come here need all they have, or two less (a decimal fraction of that many digits): those are
    // tried first.
    for (u32 next = b->most - 2; enough - too_few > 1; next = (enough + too_few) / 2) {
        if (reads_back(&i, rounded(&i, next)))
            enough = next;
        else
            too_few = next;
    }
    return put_general(p, &i, rounded(&i, enough), enough);
}

// ------------------------------------------------------------------------------------- %f

static u8 *put_large(u8 *p, const binary *b)
{
    enum { NINE_DIGITS = 1000000000, GROUPS = 309 / 9 + 1 };
    large n = large_shifted(b->mantissa, (u32)b->exponent);
    u32 groups[GROUPS], count = 0;
    while (n.count)
        groups[count++] = large_divide(&n, NINE_DIGITS);
    p = put_u64(p, groups[--count]);
    while (count--) {
        u8 padded[20];
        put_u64(padded, (u64)NINE_DIGITS + groups[count]);
        memcpy(p, padded + 1, 9);
        p += 9;
    }
    return put_text(p, ".000000");
}

// 0 <= value < 2^52, to the nearest whole number, ties to even: the sum has no room for a fraction.
static inline double nearest(double value)
{
    return value + 0x1p52 - 0x1p52;
}

// A number not below 0 as %f prints it; false where that does not read back, or has more digits than u64 holds. From
// 2^33 on doubles are more than a millionth apart and it always reads back; below, n / 10^6, rounded once by the
// division, is what the text of n millionths reads back as: where that is the value, n is what %f prints, and where it
// is not, nor does %f's text read back (where the product was rounded to the wrong side of a tie, the texts of neither
// side do). For a float the double in between does no harm, n / 10^6 is never so close to the middle of two floats
// without being it.
static inline bool put_fixed(u8 **p, double value, bool single)
{
    if (value >= 0x1p53)
        return false;
    i64 whole = (i64)value; // signed: processors convert nothing else in one step
    i64 millionths = (i64)nearest((value - (double)whole) * 1e6);
    if (value < 0x1p33) {
        double back = (double)(whole * 1000000 + millionths) / 1e6;
        if (single ? (float)back != (float)value : back != value)
            return false;
    }
    u32 carry = millionths == 1000000, rest = (u32)millionths - carry * 1000000;
    u8 *to = put_char(put_u64(*p, (u64)whole + carry), '.');
    to = put_pair(to, rest / 10000);
    to = put_pair(to, rest / 100 % 100);
    *p = put_pair(to, rest % 100);
    return true;
}

static __attribute__((noinline)) u8 *put_binary(u8 *p, binary b)
{
    return b.exponent > 0 ? put_large(p, &b) : put_shortest(p, &b);
}

static u8 *put_no_number(u8 *p, bool infinite, bool negative)
{
    return put_text(p, !infinite ? "NaN" : negative ? "-Infinity" : "Infinity");
}

// `value` is the number without its sign.
ALWAYS_INLINE u8 *put_float(u8 *p, u64 bits, double value, u32 fraction_bits, u32 power_bits, u32 most)
{
    const u32 no_number = ((u32)1 << power_bits) - 1, bias = no_number / 2 + fraction_bits;
    const u64 one = (u64)1 << fraction_bits;
    u64 fraction = bits & (one - 1);
    u32 power = (u32)(bits >> fraction_bits) & no_number;
    bool negative = bits >> (fraction_bits + power_bits);
    if (power == no_number)
        return put_no_number(p, !fraction, negative);
    *p = '-';
    p += negative;
    if (put_fixed(&p, value, power_bits == 8))
        return p;
    return put_binary(p, (binary){power ? fraction | one : fraction, (i32)(power ? power : 1) - (i32)bias, most,
                                  !fraction && power > 1});
}

u8 *text_f32(u8 *p, u32 bits)
{
    float value;
    memcpy(&value, &(u32){bits & 0x7fffffff}, 4);
    return put_float(p, bits, (double)value, 23, 8, 9);
}

u8 *text_f64(u8 *p, u64 bits)
{
    double value;
    memcpy(&value, &(u64){bits & 0x7fffffffffffffff}, 8);
    return put_float(p, bits, value, 52, 11, 17);
}
