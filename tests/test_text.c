// Value writers. Expected values: TDH's own output (the golden values of elastic/beats), RFC 5952, the conformance
// tables of the Unicode standard, printf and iconv of the C library, and a calendar counted day by day.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iconv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void expect(const u8 *start, const u8 *end, const char *text)
{
    size_t len = (size_t)(end - start);
    if (len != strlen(text) || memcmp(start, text, len) != 0)
        fail_msg("got \"%.*s\", expected \"%s\"", (int)len, (const char *)start, text);
}

#define EXPECT(call, text)                                                                                             \
    do {                                                                                                               \
        u8 p[4096];                                                                                                    \
        expect(p, (call), (text));                                                                                     \
    } while (0)

static u64 random_next(u64 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// ------------------------------------------------------------------------------------- numbers

static void check_integer(u64 v)
{
    char text[64];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
    EXPECT(text_u64(p, v), text);
    snprintf(text, sizeof(text), "%lld", (long long)v);
    EXPECT(text_i64(p, (i64)v), text);
    snprintf(text, sizeof(text), "0x%llX", (unsigned long long)v);
    EXPECT(text_hex(p, v), text);
    snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
    EXPECT(text_hex_lower(p, v), text);
}

static void integers(void **state)
{
    (void)state;
    for (u64 v = 0; v < 20000; v++)
        check_integer(v);
    u64 power = 1;
    for (int i = 0; i < 20; i++, power *= 10)
        for (u64 d = 0; d < 5; d++)
            check_integer(power + d - 2);
    for (int i = 0; i < 64; i++)
        for (u64 d = 0; d < 5; d++)
            check_integer(((u64)1 << i) + d - 2);
    u64 seed = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        u64 v = random_next(&seed);
        check_integer(v >> (v & 63));
    }
    EXPECT(text_i64(p, INT64_MIN), "-9223372036854775808");
    EXPECT(text_u64(p, UINT64_MAX), "18446744073709551615");
}

static void integers_stay_in_their_room(void **state)
{
    (void)state;
    u8 *p = malloc(20);
    assert_ptr_equal(text_u64(p, UINT64_MAX), p + 20);
    assert_ptr_equal(text_i64(p, INT64_MIN), p + 20);
    free(p);
    p = malloc(18);
    assert_ptr_equal(text_hex(p, UINT64_MAX), p + 18);
    free(p);
    // What is written beyond the digits stays in the room, too.
    for (u64 v = UINT64_MAX; v; v /= 3) {
        p = malloc(20);
        (void)text_u64(p, v);
        free(p);
        p = malloc(18);
        (void)text_hex(p, v);
        free(p);
    }
}

static void hex_forms(void **state)
{
    (void)state;
    EXPECT(text_hex(p, 0), "0x0");
    EXPECT(text_hex(p, 0x9EA919CD), "0x9EA919CD");
    EXPECT(text_hex(p, 0xAAA9496030288014), "0xAAA9496030288014");
    EXPECT(text_hex(p, 0x1AB000), "0x1AB000");
    EXPECT(text_hex_lower(p, 0xddcd), "0xddcd");
    EXPECT(text_hex_fixed(p, 0x1f, 4), "001f");
    EXPECT(text_hex_fixed(p, 0x12345, 3), "345");
    static const u8 BYTES[] = {0x3e, 0xaf, 0x0f, 0xde, 0x88, 0xcf, 0xf4, 0xee, 0xb8, 0x91, 0xb5};
    EXPECT(text_bytes(p, (span){BYTES, sizeof(BYTES)}), "3EAF0FDE88CFF4EEB891B5");
    EXPECT(text_bytes(p, (span){NULL, 0}), "");
}

// Forms as messages have them: every conversion with every set of flags, widths and precisions around the digits there
// are.
static void number_forms(void **state)
{
    (void)state;
    static const i64 VALUES[] = {0, 1, -1, 7, 8, 255, -128, 65535, 123456789, INT64_MAX, INT64_MIN};
    static const char *const SIZES[] = {"",   "1",  "5",   "12",   "30",  "100", ".",    ".0",
                                        ".1", ".9", ".25", ".100", "9.4", "4.9", "30.20"};
    static const char CONVERSIONS[] = "diuxXo", FLAGS[] = "-+ 0#";
    for (u32 flags = 0; flags < 32; flags++)
        for (u32 size = 0; size < COUNT_OF(SIZES); size++)
            for (const char *c = CONVERSIONS; *c; c++)
                for (u32 i = 0; i < COUNT_OF(VALUES); i++) {
                    char form[32] = "%", text[200], got[200], *end = form + 1;
                    for (u32 bit = 0; bit < 5; bit++)
                        if (flags >> bit & 1)
                            *end++ = FLAGS[bit];
                    sprintf(end, "%sll%c", SIZES[size], *c);
                    snprintf(text, sizeof(text), form, (long long)VALUES[i]);
                    number_form read = number_form_read(form + 1);
                    bool negative = VALUES[i] < 0 && strchr("di", *c);
                    u64 value = negative ? 0 - (u64)VALUES[i] : (u64)VALUES[i];
                    *text_number((u8 *)got, value, negative, &read) = 0;
                    assert_string_equal(got, text);
                }
    assert_int_equal(number_form_read("I64x").conversion, 'x');
    assert_int_equal(number_form_read("-5").conversion, 'd');
    assert_int_equal(number_form_read("s").conversion, 's');
    assert_int_equal(number_form_read("4000000000d").width, LIMIT_NUMBER_WIDTH);
    assert_int_equal(number_form_read("0.99999999999X").precision, LIMIT_NUMBER_WIDTH);
}

static u32 bits32(float v)
{
    u32 b;
    memcpy(&b, &v, 4);
    return b;
}

static u64 bits64(double v)
{
    u64 b;
    memcpy(&b, &v, 8);
    return b;
}

static void floats(void **state)
{
    (void)state;
    EXPECT(text_f32(p, bits32(85.589996f)), "85.589996");
    EXPECT(text_f64(p, bits64(232.535)), "232.535000");
    EXPECT(text_f64(p, bits64(0)), "0.000000");
    EXPECT(text_f64(p, bits64(-0.0)), "-0.000000");
    EXPECT(text_f32(p, bits32(-1.5f)), "-1.500000");
    EXPECT(text_f64(p, bits64(0.1)), "0.100000");
    EXPECT(text_f64(p, bits64(0.1 + 0.2)), "0.30000000000000004");
    EXPECT(text_f64(p, bits64(3.141592653589793)), "3.141592653589793");
    EXPECT(text_f32(p, bits32(3.14159274f)), "3.1415927");
    EXPECT(text_f64(p, bits64(1e-7)), "1e-7");
    EXPECT(text_f64(p, bits64(-1.25e-10)), "-1.25e-10");
    EXPECT(text_f64(p, 1), "5e-324");
    EXPECT(text_f32(p, 1), "1e-45");
    EXPECT(text_f64(p, bits64(4294967296.5)), "4294967296.500000");
    EXPECT(text_f64(p, bits64(2147483647.999999)), "2147483647.999999");
    EXPECT(text_f64(p, bits64(1e22)), "10000000000000000000000.000000");
    EXPECT(text_f32(p, bits32(3.40282347e38f)), "340282346638528859811704183484516925440.000000");
    EXPECT(text_f32(p, 0x7f800000), "Infinity");
    EXPECT(text_f32(p, 0xff800000), "-Infinity");
    EXPECT(text_f32(p, 0x7fc00000), "NaN");
    EXPECT(text_f64(p, 0x7ff0000000000000), "Infinity");
    EXPECT(text_f64(p, 0xfff0000000000000), "-Infinity");
    EXPECT(text_f64(p, 0xfff8000000000001), "NaN");
}

static bool reads_back(const char *text, double v, bool single)
{
    return single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v;
}

// %f where strtod gives the number back from it; else %g with the fewest digits from which it does, and exponents
// without zeros in front or a plus.
static void check_float(double v, bool single)
{
    char text[400], got[400];
    u8 *end = single ? text_f32((u8 *)got, bits32((float)v)) : text_f64((u8 *)got, bits64(v));
    *end = 0;
    snprintf(text, sizeof(text), "%f", v);
    for (int digits = 1; !reads_back(text, v, single); digits++)
        snprintf(text, sizeof(text), "%.*g", digits, v);
    char *e = strchr(text, 'e');
    if (e)
        sprintf(e + 1, "%d", atoi(e + 1));
    assert_string_equal(got, text);
}

static void floats_read_back(void **state)
{
    (void)state;
    u64 seed = 2463534242u;
    for (int i = 0; i < 20000; i++) {
        u64 r = random_next(&seed);
        u32 low = (u32)r;
        double d;
        float f;
        memcpy(&d, &r, 8);
        memcpy(&f, &low, 4);
        if (d - d == 0) // finite
            check_float(d, false);
        if (f - f == 0)
            check_float((double)f, true);
        check_float((double)(i64)r / 1e6 / 4e6, false);
        check_float((double)(r >> 40) / 1000, false);
        check_float((double)(float)((double)(r >> 44) / 1000), true);
        check_float((double)(r >> 36) / 128, false); // halves of a millionth: ties
        check_float((double)(r >> 48) / 128, true);
        check_float((double)(r >> 11) / 0x1p20, false); // 2^33 at most, where millionths cease to be enough
        check_float(0x1p33 - (double)(r >> 58) / 0x1p20, false);
    }
    // The neighbours of a power of two are not equally far away.
    for (int power = -1074; power < 1024; power++) {
        double v = ldexp(1, power);
        for (int i = 0; i < 3; i++, v = nextafter(v, INFINITY))
            check_float(v, false);
        check_float(nextafter(ldexp(1, power), 0), false);
        if (power < -149 || power >= 128)
            continue;
        float f = ldexpf(1, power);
        check_float((double)f, true);
        check_float((double)nextafterf(f, INFINITY), true);
        check_float((double)nextafterf(f, 0), true);
    }
}

// ------------------------------------------------------------------------------------- identities and addresses

static void guids(void **state)
{
    (void)state;
    static const u8 BYTES[16] = {0xd6, 0x51, 0x0b, 0x70, 0xef, 0x54, 0xd3, 0x45,
                                 0xad, 0xf3, 0x60, 0xca, 0xd2, 0x77, 0xd1, 0xbd};
    EXPECT(text_guid(p, BYTES), "700b51d6-54ef-45d3-adf3-60cad277d1bd");
    guid g = guid_load(BYTES);
    char text[GUID_TEXT];
    assert_string_equal(guid_to_text(&g, text), "700b51d6-54ef-45d3-adf3-60cad277d1bd");
}

static void sids(void **state)
{
    (void)state;
    u8 sid[8 + 4 * 255] = {1, 4, 0, 0, 0, 0, 0, 5, 21};
    static const u32 SUBS[3] = {3447473950u, 2840118026u, 1171586998u};
    for (unsigned i = 0; i < 12; i++)
        sid[12 + i] = (u8)(SUBS[i / 4] >> (8 * (i % 4)));
    EXPECT(text_sid(p, (span){sid, 24}), "S-1-5-21-3447473950-2840118026-1171586998");
    EXPECT(text_sid(p, (span){(const u8[]){1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0}, 12}), "S-1-5-18");
    EXPECT(text_sid(p, (span){(const u8[]){1, 0, 0, 0, 0, 0, 0, 0}, 8}), "S-1-0");
    EXPECT(text_sid(p, (span){(const u8[]){1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 8}), "S-1-4294967295");
    EXPECT(text_sid(p, (span){(const u8[]){1, 0, 0, 1, 0, 0, 0, 0x2a}, 8}), "S-1-0x00010000002a");
    // The longest one fits its scratch.
    memset(sid, 0xff, sizeof(sid));
    u8 *scratch = malloc(16 + 11 * 256);
    assert_int_equal(text_sid(scratch, (span){sid, sizeof(sid)}) - scratch,
                     sizeof("S-255-0xffffffffffff") - 1 + 255 * 11);
    free(scratch);
}

static void addresses(void **state)
{
    (void)state;
    EXPECT(text_ipv4(p, (const u8[]){192, 168, 0, 255}), "192.168.0.255");
    static const struct {
        u16 groups[8];
        const char *text;
    } CASES[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0}, "::"},
        {{0, 0, 0, 0, 0, 0, 0, 1}, "::1"},
        {{0x2001, 0xdb8, 0, 0, 0, 0, 0, 1}, "2001:db8::1"},
        {{0x2001, 0xdb8, 0, 1, 1, 1, 1, 1}, "2001:db8:0:1:1:1:1:1"},
        {{0x2001, 0, 0, 1, 0, 0, 0, 1}, "2001:0:0:1::1"},
        {{0x2001, 0xdb8, 0, 0, 1, 0, 0, 1}, "2001:db8::1:0:0:1"},
        {{0x2001, 0xdb8, 0xaaaa, 0xbbbb, 0xcccc, 0xdddd, 0xeeee, 0xaaaa}, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"},
        {{0xfe80, 0, 0, 0, 0, 0, 0, 0}, "fe80::"},
        {{0xff02, 0, 0, 0, 0, 0, 1, 2}, "ff02::1:2"},
        {{0, 0, 1, 0, 0, 0, 0, 0}, "0:0:1::"},
        {{0, 0, 0, 0, 0, 0xffff, 0xc0a8, 0x0102}, "::ffff:192.168.1.2"},
        {{0, 0, 0, 0, 0, 0, 0x0d01, 0x4403}, "::13.1.68.3"},
        {{0xfe80, 0, 0, 0, 0, 0x5efe, 0xc0a8, 0x0102}, "fe80::5efe:192.168.1.2"},
        {{0x2001, 0xdb8, 1, 2, 0x200, 0x5efe, 0x0a00, 1}, "2001:db8:1:2:200:5efe:10.0.0.1"},
        {{1, 0, 2, 0, 3, 0, 4, 0}, "1:0:2:0:3:0:4:0"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        u8 bytes[16];
        for (unsigned k = 0; k < 16; k++)
            bytes[k] = (u8)(CASES[i].groups[k / 2] >> (k % 2 ? 0 : 8));
        EXPECT(text_ipv6(p, bytes), CASES[i].text);
    }
}

static void socket_addresses(void **state)
{
    (void)state;
    static const u8 V4[16] = {2, 0, 0, 80, 1, 2, 3, 4};
    EXPECT(text_socket_address(p, (span){V4, 16}), "1.2.3.4:80");
    EXPECT(text_socket_address(p, (span){V4, 8}), "1.2.3.4:80");
    EXPECT(text_socket_address(p, (span){V4, 7}), "0x02000050010203");
    u8 v6[28] = {23, 0, 0x01, 0xbb, 0, 0, 0, 0, 0xfe, 0x80};
    v6[23] = 1;
    EXPECT(text_socket_address(p, (span){v6, 28}), "[fe80::1]:443");
    v6[24] = 3;
    EXPECT(text_socket_address(p, (span){v6, 28}), "[fe80::1%3]:443");
    EXPECT(text_socket_address(p, (span){v6, 24}), "[fe80::1]:443");
    EXPECT(text_socket_address(p, (span){v6, 1}), "0x17");
    EXPECT(text_socket_address(p, (span){(const u8[]){1, 0, 'a'}, 3}), "0x010061");
    EXPECT(text_socket_address(p, (span){NULL, 0}), "");
}

// Vector forms against the scalar ones, on exactly allocated memory.
static void digits_equal_scalars(void **state)
{
    (void)state;
    u64 seed = 362436069;
    for (size_t len = 0; len < 100; len++) {
        u8 *bytes = malloc(len + 1), *a = malloc(2 * len + 1), *b = malloc(2 * len + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i + 1] = (u8)random_next(&seed);
        u8 *end = text_bytes(a + 1, (span){bytes + 1, len});
        assert_ptr_equal(end, a + 1 + 2 * len);
        assert_ptr_equal(text_bytes_scalar(b, (span){bytes + 1, len}), b + 2 * len);
        assert_memory_equal(a + 1, b, 2 * len);
        free(bytes);
        free(a);
        free(b);
    }
    for (int i = 0; i < 20000; i++) {
        u8 *bytes = malloc(17), *a = malloc(36), b[36];
        for (size_t k = 1; k < 17; k++)
            bytes[k] = (u8)(i % 16 ? random_next(&seed) : (u64)i * k);
        assert_ptr_equal(text_guid(a, bytes + 1), a + 36);
        text_guid_scalar(b, bytes + 1);
        assert_memory_equal(a, b, 36);
        free(bytes);
        free(a);
    }
}

// ------------------------------------------------------------------------------------- times

static void times(void **state)
{
    (void)state;
    // 2017-11-04T02:46:22 is 1509763582 of Unix time; FILETIME of 1970 is 116444736000000000.
    i64 golden = 116444736000000000 + 1509763582LL * 10000000 + 3050459;
    EXPECT(text_time(p, golden), "2017-11-04T02:46:22.3050459Z");
    EXPECT(text_time_tdh(p, golden), "2017-11-04T02:46:22.305045900Z");
    EXPECT(text_time(p, 0), "1601-01-01T00:00:00.0000000Z");
    EXPECT(text_time(p, 116444736000000000), "1970-01-01T00:00:00.0000000Z");
    EXPECT(text_time(p, 2650467743999999999), "9999-12-31T23:59:59.9999999Z");
    EXPECT(text_time(p, 2650467744000000000), "2650467744000000000");
    EXPECT(text_time_tdh(p, -1), "-1");
    EXPECT(text_time(p, INT64_MIN), "-9223372036854775808");
    static const u8 SYSTEMTIME[16] = {0xe1, 7, 11, 0, 6, 0, 4, 0, 3, 0, 46, 0, 22, 0, 0x31, 1};
    EXPECT(text_systemtime(p, SYSTEMTIME), "2017-11-04T03:46:22.305Z");
    u8 wild[16];
    memset(wild, 0xff, sizeof(wild));
    EXPECT(text_systemtime(p, wild), "65535,65535,65535,65535,65535,65535,65535,65535");
    static const u8 NOT_LEAP[16] = {0xdb, 7, 2, 0, 6, 0, 29, 0, 3, 0, 46, 0, 22, 0, 0x31, 1}; // 2011-02-29
    EXPECT(text_systemtime(p, NOT_LEAP), "2011,2,6,29,3,46,22,305");
    static const u8 ZERO[16] = {0};
    EXPECT(text_systemtime(p, ZERO), "0,0,0,0,0,0,0,0");
}

static void every_day(void **state)
{
    (void)state;
    static const unsigned DAYS[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = 1601, month = 1, day = 1;
    for (i64 n = 0; year < 10000; n++) {
        u8 p[32];
        char text[64];
        u32 second = (u32)(n * 7919 % 86400), tick = (u32)((u64)n * 48271 % 10000000);
        u8 *end = text_time(p, (n * 86400 + second) * 10000000 + tick);
        // Every day by its digits; one in sixteen by the whole text, which takes longer.
        assert_int_equal(end - p, 28);
        unsigned got_year = (p[0] - 48u) * 1000 + (p[1] - 48u) * 100 + (p[2] - 48u) * 10 + (p[3] - 48u);
        if (got_year != year || (p[5] - 48u) * 10 + (p[6] - 48u) != month || (p[8] - 48u) * 10 + (p[9] - 48u) != day)
            fail_msg("day %lld of %u-%u-%u is %.28s", (long long)n, year, month, day, (const char *)p);
        if (n % 16 == 0) {
            snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u.%07uZ", year, month, day, second / 3600,
                     second / 60 % 60, second % 60, tick);
            expect(p, end, text);
            i64 back;
            assert_true(time_from_text(text, &back));
            assert_true(back == (n * 86400 + second) * 10000000 + tick);
        }
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (++day > DAYS[month] + (month == 2 && leap ? 1 : 0)) {
            day = 1;
            if (++month > 12) {
                month = 1;
                year++;
            }
        }
    }
}

static void times_read(void **state)
{
    (void)state;
    i64 t, day = 133232256000000000; // 2023-03-14
    assert_true(time_from_text("2023-03-14", &t) && t == day);
    assert_true(time_from_text("2023-03-14T07:46:50.7012345Z", &t) && t == day + 280107012345);
    assert_true(time_from_text("2023-03-14 07:46:50.7", &t) && t == day + 280107000000);
    assert_true(time_from_text("2023-03-14 07:46:50", &t) && t == day + 280100000000);
    assert_true(time_from_text("2023-03-14T07:46Z", &t) && t == day + 279600000000);
    assert_true(time_from_text("2023-03-14T00:00:00.123456789Z", &t) && t == day + 1234567);
    assert_true(time_from_text("2024-02-29", &t));
    static const char *const BAD[] = {
        "",           "2023",        "2023-3-14",        "2023-02-29",         "2023-13-01",
        "2023-00-01", "1600-12-31",  "2023-03-14T24:00", "2023-03-14T07:60",   "2023-03-14T07:46:60",
        "2023-03-00", "1900-02-29",  "2023-03-14T",      "2023-03-14T07:46x",  "2023-03-14T07:46:50.",
        "2023-03-1",  "2023-03-14 ", "2023-03-14Z",      "2023-03-14T07:46ZZ", "+023-03-14"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++)
        if (time_from_text(BAD[i], &t))
            fail_msg("\"%s\" was taken for a time", BAD[i]);
}

// ------------------------------------------------------------------------------------- strings

static span ascii(const char *text)
{
    return (span){(const u8 *)text, strlen(text)};
}

// Units from here, as bytes; static, so one at a time.
static span units(const u16 *from, size_t count)
{
    static u8 bytes[256];
    for (size_t i = 0; i < count; i++) {
        bytes[2 * i] = (u8)from[i];
        bytes[2 * i + 1] = (u8)(from[i] >> 8);
    }
    return (span){bytes, 2 * count};
}

#define UNITS(...) units((const u16[]){__VA_ARGS__}, sizeof((u16[]){__VA_ARGS__}) / 2)

static void utf16_vectors(void **state)
{
    (void)state;
    EXPECT(text_utf16(p, UNITS('a', 0xe9, 0x20ac, 0xd83d, 0xde00, 'z')), "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    EXPECT(text_utf16(p, UNITS(0xd800)), "\xef\xbf\xbd");
    EXPECT(text_utf16(p, UNITS(0xdc00, 'a')), "\xef\xbf\xbd"
                                              "a");
    EXPECT(text_utf16(p, UNITS(0xd800, 0xd800, 0xdc00)), "\xef\xbf\xbd\xf0\x90\x80\x80");
    EXPECT(text_utf16(p, UNITS(0xdc00, 0xdc00)), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT(text_utf16(p, UNITS(0xd800, 'x')), "\xef\xbf\xbdx");
    EXPECT(text_utf16(p, UNITS(0xdbff, 0xdfff)), "\xf4\x8f\xbf\xbf");
    EXPECT(text_utf16(p, ((span){(const u8 *)"a\0b", 3})), "a");
    EXPECT(text_utf16(p, ((span){(const u8 *)"a", 1})), "");
    EXPECT(text_utf16(p, UNITS('a', 0, 'b', 0, 0, 'c', 'd', 'e', 'f', 'g')), "a\xe2\x90\x80"
                                                                             "b\xe2\x90\x80\xe2\x90\x80"
                                                                             "cdefg");
    EXPECT(text_utf16(p, ((span){NULL, 0})), "");
    EXPECT(text_utf16_json(p, UNITS('"', '\\', '/', 8, 9, 10, 11, 12, 13, 0, 0x1f, 0x7f, ' ', 0x80)),
           "\\\"\\\\/\\b\\t\\n\\u000b\\f\\r\xe2\x90\x80\\u001f\\u007f \xc2\x80");
    EXPECT(text_utf16_json(p, UNITS('C', ':', '\\', 'W', 'i', 'n', 'd', 'o', 'w', 's', '\\', 'x', '.', 'e', 'x', 'e')),
           "C:\\\\Windows\\\\x.exe");
}

// Tables 3-8 to 3-11 of the Unicode standard, chapter 3.9.
static void utf8_vectors(void **state)
{
    (void)state;
#define BAD "\xef\xbf\xbd"
    EXPECT(text_utf8(p, ascii("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
                              "A")),
           BAD BAD BAD BAD BAD BAD BAD BAD "A");
    EXPECT(text_utf8(p, ascii("\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
                              "A")),
           BAD BAD BAD BAD BAD BAD BAD BAD "A");
    EXPECT(text_utf8(p, ascii("\xf4\x91\x92\x93\xff"
                              "A\x80\xbf"
                              "B")),
           BAD BAD BAD BAD BAD "A" BAD BAD "B");
    EXPECT(text_utf8(p, ascii("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
                              "A")),
           BAD BAD BAD BAD "A");
    EXPECT(text_utf8(p, ascii("\xf0\x9f\x98")), BAD);
    EXPECT(text_utf8(p, ascii("\xf5\x80\x80\x80")), BAD BAD BAD BAD);
    EXPECT(text_utf8(p, ascii("\xe2\x82\xac\xf4\x8f\xbf\xbf\xed\x9f\xbf")), "\xe2\x82\xac\xf4\x8f\xbf\xbf\xed\x9f\xbf");
    EXPECT(text_utf8_json(p, ascii("say \"hi\"\n\xc3\xa9\x7f")), "say \\\"hi\\\"\\n\xc3\xa9\\u007f");
    EXPECT(text_utf8_json(p, (span){NULL, 0}), "");
    EXPECT(text_ansi(p, ascii("caf\xe9 \x80 \x81 \x9f")), "caf\xc3\xa9 \xe2\x82\xac \xc2\x81 \xc5\xb8");
    EXPECT(text_ansi_json(p, ascii("\"\xff\"")), "\\\"\xc3\xbf\\\"");
}

// The C library's converters as the judge: every code point, every byte of the code page.
static void iconv_agrees(void **state)
{
    (void)state;
    iconv_t cd = iconv_open("UTF-8", "UTF-16LE");
    assert_true(cd != (iconv_t)-1);
    for (u32 c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 13) {
        if ((c & 0x1ff800) == 0xd800)
            continue;
        u32 rest = c - 0x10000;
        span s = c < 0x10000 ? UNITS((u16)c) : UNITS((u16)(0xd800 | rest >> 10), (u16)(0xdc00 | (rest & 0x3ff)));
        char in[4], out[8] = {0}, *ip = in, *op = out;
        memcpy(in, s.at, s.len);
        size_t left = s.len, capacity = 7;
        assert_int_equal(iconv(cd, &ip, &left, &op, &capacity), 0);
        u8 p[16];
        u8 *end = text_utf16(p, s);
        assert_int_equal(end - p, op - out);
        assert_memory_equal(p, out, (size_t)(op - out));
        u8 again[16];
        u8 *again_end = text_utf8(again, (span){p, (size_t)(end - p)}); // what is valid stays
        assert_int_equal(again_end - again, end - p);
        assert_memory_equal(again, p, (size_t)(end - p));
    }
    iconv_close(cd);
    cd = iconv_open("UTF-8", "CP1252");
    assert_true(cd != (iconv_t)-1);
    for (unsigned b = 1; b < 256; b++) {
        char in[1] = {(char)b}, out[8] = {0}, *ip = in, *op = out;
        size_t left = 1, capacity = 7;
        if (iconv(cd, &ip, &left, &op, &capacity) != 0)
            continue;
        EXPECT(text_ansi(p, (span){(const u8[]){(u8)b}, 1}), out);
    }
    iconv_close(cd);
}

typedef u8 *writer(u8 *p, span s, text_escape escape);

// Both on exactly allocated memory, so that the address sanitizer sees a read or write too far.
static void compare(writer *fast, writer *plain, const u8 *bytes, size_t len)
{
    u8 *in = malloc(len + 1), *a = malloc(len * 6 + 1), *b = malloc(len * 6 + 1);
    u8 *at = in + 1 - (len & 1); // odd addresses too
    memcpy(at, bytes, len);
    for (text_escape escape = ESCAPE_NONE; escape <= ESCAPE_JSON_CSV; escape++) {
        size_t capacity = len * (escape == ESCAPE_NONE ? 3 : 6);
        u8 *start = a + len * 6 - capacity; // ends where the allocation does, but for one byte
        size_t na = (size_t)(fast(start, (span){at, len}, escape) - start);
        size_t nb = (size_t)(plain(b, (span){at, len}, escape) - b);
        if (na != nb || memcmp(start, b, na) != 0)
            fail_msg("%zu bytes, escape %d: %zu and %zu come out", len, (int)escape, na, nb);
    }
    free(in);
    free(a);
    free(b);
}

static void compare_bytes(const u8 *bytes, size_t len)
{
    compare(text_utf8_as, text_utf8_scalar, bytes, len);
    compare(text_ansi_as, text_ansi_scalar, bytes, len);
}

static void compare_all(const u8 *bytes, size_t len)
{
    compare(text_utf16_as, text_utf16_scalar, bytes, len);
    compare_bytes(bytes, len);
    size_t a = 1, b = 2;
    bool found = utf16_length((span){bytes, len}, &a);
    assert_int_equal(found, utf16_length_scalar((span){bytes, len}, &b));
    assert_int_equal(a, b);
}

// Every interesting unit at every place of every length around the block sizes.
static void blocks_equal_scalars(void **state)
{
    (void)state;
    static const u16 ODD[] = {0,    1,    8,      9,      0x1f,   0x20,   0x22,   0x27,   0x5b,   0x5c,   0x5d,
                              0x7e, 0x7f, 0x80,   0xff,   0x100,  0x122,  0x7fff, 0x8000, 0x8041, 0xff41, 0xffff,
                              0x41, 0xe2, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0x2241, 0x5c5c, 0x8282};
    u8 bytes[80];
    for (size_t len = 0; len <= 72; len++)
        for (size_t place = 0; place + 2 <= len; place++)
            for (size_t i = 0; i < COUNT_OF(ODD); i += len < 40 ? 1 : 3) {
                for (size_t k = 0; k < sizeof(bytes); k++)
                    bytes[k] = (u8)(k & 1 ? 0 : 'a' + k / 2 % 26);
                bytes[place] = (u8)ODD[i];
                bytes[place + 1] = (u8)(ODD[i] >> 8);
                compare(text_utf16_as, text_utf16_scalar, bytes, len);
                for (size_t k = 0; k < sizeof(bytes); k++)
                    bytes[k] = (u8)('a' + k % 26);
                bytes[place] = (u8)ODD[i];
                compare_bytes(bytes, len);
            }
    // Every byte at every place of 8-bit text shorter than two blocks and a bit.
    for (size_t len = 1; len <= 36; len++)
        for (size_t place = 0; place < len; place++)
            for (unsigned c = 0; c<256; c += len> 20 ? 3 : 1) {
                for (size_t k = 0; k < len; k++)
                    bytes[k] = (u8)('a' + k % 26);
                bytes[place] = (u8)c;
                compare_bytes(bytes, len);
            }
    u64 seed = 123456789;
    for (int i = 0; i < 20000; i++) {
        size_t len = random_next(&seed) % sizeof(bytes);
        u64 kind = random_next(&seed) % 4;
        for (size_t k = 0; k < len; k++) {
            u64 r = random_next(&seed);
            bytes[k] = (u8)(kind == 0 ? r : kind == 1 && (k & 1) ? 0 : kind == 2 ? 0x80 | (r & 0x7f) : 0x20 + r % 95);
        }
        compare_all(bytes, len);
    }
}

static void clean_runs_are_copied(void **state)
{
    (void)state;
    char text[200];
    u8 wide[400];
    for (size_t len = 0; len < sizeof(text); len++) {
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)('0' + i % 70 + (i % 70 >= 44)); // no backslash
            wide[2 * i] = (u8)text[i];
            wide[2 * i + 1] = 0;
        }
        text[len] = 0;
        EXPECT(text_utf16_json(p, (span){wide, 2 * len}), text);
        EXPECT(text_utf16(p, (span){wide, 2 * len}), text);
        EXPECT(text_utf8_json(p, (span){(const u8 *)text, len}), text);
        EXPECT(text_ansi(p, (span){(const u8 *)text, len}), text);
    }
}

static void lengths(void **state)
{
    (void)state;
    u8 bytes[64];
    size_t got;
    for (size_t len = 0; len <= sizeof(bytes); len++)
        for (size_t zero = 0; zero <= len; zero++) {
            for (size_t k = 0; k < sizeof(bytes); k++)
                bytes[k] = (u8)(k & 1); // units 0x0100: a zero byte in each
            u8 *s = malloc(len + 1);
            memset(bytes + zero, 0, zero < len ? 1 : 0);
            if (zero + 1 < len)
                bytes[zero + 1] = 0;
            memcpy(s + 1, bytes, len);
            size_t expected = len & ~(size_t)1;
            for (size_t k = 0; k + 1 < len; k += 2)
                if (!bytes[k] && !bytes[k + 1]) {
                    expected = k;
                    break;
                }
            bool found = utf16_length((span){s + 1, len}, &got);
            assert_int_equal(got, expected);
            assert_int_equal(found, expected < (len & ~(size_t)1));
            free(s);
        }
    assert_true(ansi_length((span){(const u8 *)"ab\0c", 4}, &got) && got == 2);
    assert_false(ansi_length((span){(const u8 *)"abc", 3}, &got));
    assert_int_equal(got, 3);
    assert_false(ansi_length((span){NULL, 0}, &got));
    assert_int_equal(got, 0);
    assert_false(utf16_length((span){NULL, 0}, &got));
    assert_int_equal(got, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(integers_stay_in_their_room),
        cmocka_unit_test(hex_forms),
        cmocka_unit_test(number_forms),
        cmocka_unit_test(floats),
        cmocka_unit_test(floats_read_back),
        cmocka_unit_test(guids),
        cmocka_unit_test(digits_equal_scalars),
        cmocka_unit_test(sids),
        cmocka_unit_test(addresses),
        cmocka_unit_test(socket_addresses),
        cmocka_unit_test(times),
        cmocka_unit_test(every_day),
        cmocka_unit_test(times_read),
        cmocka_unit_test(utf16_vectors),
        cmocka_unit_test(utf8_vectors),
        cmocka_unit_test(iconv_agrees),
        cmocka_unit_test(blocks_equal_scalars),
        cmocka_unit_test(clean_runs_are_copied),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
