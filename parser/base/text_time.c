// FILETIME and SYSTEMTIME as ISO 8601, and back. Dates follow the proleptic Gregorian calendar, as Windows' do.
#include "base/text.h"
#include "base/text_put.h"

#include <string.h>

#define TICKS_A_SECOND 10000000u
#define SECONDS_A_DAY 86400u

// 9999-12-31T23:59:59.9999999Z
static const i64 LAST_FILETIME = 2650467743999999999;

typedef struct date {
    u32 year, month, day;
} date;

// Years are counted from March, so that the leap day is the last of its year, and from 0000-03-01, so that leap years
// repeat every four years and 146,097 days. All divisions are by constants: multiplications.
static inline date date_of(u32 days_since_1601)
{
    u32 days = days_since_1601 + 584694; // 0000-03-01 to 1601-01-01
    u32 quarters = 4 * days + 3;
    u32 century = quarters / 146097;
    u32 of_century = quarters % 146097 | 3;
    u32 year_of_century = of_century / 1461;
    u32 day_of_year = of_century % 1461 / 4;
    u32 month = (5 * day_of_year + 2) / 153; // 0 is March
    u32 day = day_of_year - (153 * month + 2) / 5 + 1;
    u32 next_year = month >= 10;
    return (date){100 * century + year_of_century + next_year, month + 3 - 12 * next_year, day};
}

static inline calendar_time calendar_of(u64 filetime)
{
    u64 seconds = filetime / TICKS_A_SECOND;
    u32 ticks = (u32)(filetime - seconds * TICKS_A_SECOND);
    u32 days = (u32)(seconds / SECONDS_A_DAY);
    u32 second = (u32)(seconds - (u64)days * SECONDS_A_DAY);
    date d = date_of(days);
    u32 minute = second / 60, hour = minute / 60;
    return (calendar_time){d.year, d.month, d.day, hour, minute - 60 * hour, second - 60 * minute, ticks, days};
}

calendar_time time_calendar(u64 filetime)
{
    return calendar_of(filetime);
}

// "2023-03-14T07:46:50."
enum { DATE_TIME = 20 };

static void put_date_time(u8 *p, u64 seconds)
{
    calendar_time c = calendar_of(seconds * TICKS_A_SECOND);
    put_pair(p, c.year / 100);
    put_pair(p + 2, c.year % 100);
    p[4] = p[7] = '-';
    put_pair(p + 5, c.month);
    put_pair(p + 8, c.day);
    p[10] = 'T';
    p[13] = p[16] = ':';
    put_pair(p + 11, c.hour);
    put_pair(p + 14, c.minute);
    put_pair(p + 17, c.second);
    p[19] = '.';
}

static inline u8 *put_ticks(u8 *p, u32 ticks)
{
    u32 high = ticks / 10000, low = ticks - high * 10000;
    p[0] = (u8)('0' + high / 100);
    put_pair(p + 1, high % 100);
    put_pair(p + 3, low / 100);
    put_pair(p + 5, low % 100);
    return p + 7;
}

// Records come in order, so that most times are of the second of the time before: its text is at hand. Room 27.
static inline u8 *put_time(u8 *p, u64 filetime)
{
    static _Thread_local struct {
        u64 second; // and 1, so that none is 0
        u8 text[DATE_TIME];
    } last;
    u64 seconds = filetime / TICKS_A_SECOND;
    if (last.second != seconds + 1) {
        put_date_time(last.text, seconds);
        last.second = seconds + 1;
    }
    memcpy(p, last.text, DATE_TIME);
    return put_ticks(p + DATE_TIME, (u32)(filetime - seconds * TICKS_A_SECOND));
}

u8 *text_time(u8 *p, i64 filetime)
{
    if (filetime < 0 || filetime > LAST_FILETIME)
        return text_i64(p, filetime);
    return put_char(put_time(p, (u64)filetime), 'Z');
}

u8 *text_time_tdh(u8 *p, i64 filetime)
{
    if (filetime < 0 || filetime > LAST_FILETIME)
        return text_i64(p, filetime);
    return put_char(put_pair(put_time(p, (u64)filetime), 0), 'Z');
}

// At least `width` digits: years may have five.
static u8 *put_field(u8 *p, u32 value, unsigned width)
{
    u8 digits[20];
    size_t len = (size_t)(text_u64(digits, value) - digits);
    for (size_t i = len; i < width; i++)
        p = put_char(p, '0');
    memcpy(p, digits, len);
    return p + len;
}

static bool is_leap(u32 year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static const u8 MONTH_DAYS[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static bool is_date(u32 year, u32 month, u32 day)
{
    return year >= 1601 && month >= 1 && month <= 12 && day >= 1 &&
           day <= MONTH_DAYS[month - 1] + (u32)(month == 2 && is_leap(year));
}

// SYSTEMTIME: 0 year  2 month  4 day of week  6 day  8 hour  10 minute  12 second  14 millisecond, all u16
static bool is_systemtime(const u8 *bytes)
{
    return is_date(load_u16(bytes), load_u16(bytes + 2), load_u16(bytes + 6)) && load_u16(bytes + 8) < 24 &&
           load_u16(bytes + 10) < 60 && load_u16(bytes + 12) < 60 && load_u16(bytes + 14) < 1000;
}

static u8 *put_words(u8 *p, const u8 *bytes, u32 count)
{
    for (u32 i = 0; i < count; i++)
        p = text_u64(i ? put_char(p, ',') : p, load_u16(bytes + 2 * i));
    return p;
}

u8 *text_systemtime(u8 *p, const u8 *bytes)
{
    if (!is_systemtime(bytes))
        return put_words(p, bytes, 8);
    p = put_field(p, load_u16(bytes), 4);
    p = put_field(put_char(p, '-'), load_u16(bytes + 2), 2);
    p = put_field(put_char(p, '-'), load_u16(bytes + 6), 2);
    p = put_field(put_char(p, 'T'), load_u16(bytes + 8), 2);
    p = put_field(put_char(p, ':'), load_u16(bytes + 10), 2);
    p = put_field(put_char(p, ':'), load_u16(bytes + 12), 2);
    p = put_field(put_char(p, '.'), load_u16(bytes + 14), 3);
    return put_char(p, 'Z');
}

// ------------------------------------------------------------------------------------- reading

// Exactly `digits` decimal digits.
static bool read_number(const char **text, unsigned digits, u32 *out)
{
    u32 value = 0;
    for (; digits; digits--, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        value = value * 10 + (u32)(**text - '0');
    }
    *out = value;
    return true;
}

static bool read_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static bool read_date(const char **text, u32 *days_since_1601)
{
    u32 year, month, day;
    if (!read_number(text, 4, &year) || !read_char(text, '-') || !read_number(text, 2, &month) ||
        !read_char(text, '-') || !read_number(text, 2, &day))
        return false;
    if (!is_date(year, month, day))
        return false;
    u32 years = year - 1601, days = years * 365 + years / 4 - years / 100 + years / 400;
    for (u32 m = 1; m < month; m++)
        days += MONTH_DAYS[m - 1] + (u32)(m == 2 && is_leap(year));
    *days_since_1601 = days + day - 1;
    return true;
}

// hh:mm, hh:mm:ss, hh:mm:ss.f...; digits beyond 100 ns are dropped
static bool read_time(const char **text, u32 *seconds, u32 *ticks)
{
    u32 hour, minute, second = 0;
    if (!read_number(text, 2, &hour) || !read_char(text, ':') || !read_number(text, 2, &minute))
        return false;
    if (read_char(text, ':')) {
        if (!read_number(text, 2, &second))
            return false;
        if (read_char(text, '.')) {
            if (**text < '0' || **text > '9')
                return false;
            for (u32 unit = TICKS_A_SECOND / 10; **text >= '0' && **text <= '9'; unit /= 10, (*text)++)
                *ticks += unit * (u32)(**text - '0');
        }
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60;
}

bool time_from_text(const char *text, i64 *filetime)
{
    u32 days, seconds = 0, ticks = 0;
    if (!read_date(&text, &days))
        return false;
    if (read_char(&text, 'T') || read_char(&text, ' ')) {
        if (!read_time(&text, &seconds, &ticks))
            return false;
        (void)read_char(&text, 'Z');
    }
    if (*text)
        return false;
    *filetime = ((i64)days * SECONDS_A_DAY + seconds) * TICKS_A_SECOND + ticks;
    return true;
}
