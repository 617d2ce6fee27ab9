#include "container/trace_header.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "container/event.h"

void buffer_header_read(const u8 *b, buffer_header *out)
{
    *out = (buffer_header){
        .claimed_size = load_u32(b),
        .saved_offset = load_u32(b + 0x04),
        .time_stamp = load_i64(b + 0x10),
        .sequence = load_u64(b + 0x18),
        .logger_id = load_u16(b + 0x2a),
        .state = load_u32(b + 0x2c),
        .filled = load_u32(b + 0x30),
        .flags = b[0x34],
        .type = b[0x36],
        .reference_filetime = load_i64(b + 0x38),
        .reference_time = load_i64(b + 0x40),
    };
    // Before Windows 8.1 the low byte is the processor and the high byte an alignment.
    u16 index = load_u16(b + 0x28);
    out->processor = out->flags & BUFFER_FLAG_PROCESSOR_INDEX ? index & 0x07ff : index & 0xff;
}

bool buffer_header_plausible(span at, u64 capacity, u32 largest)
{
    span head;
    if (!span_sub(at, 0, BUFFER_HEADER_BYTES, &head))
        return false;
    buffer_header h;
    buffer_header_read(head.at, &h);
    u32 flags = load_u16(head.at + 0x34), type = load_u16(head.at + 0x36);
    if (h.claimed_size < BUFFER_HEADER_BYTES || h.claimed_size > LIMIT_BUFFER_BYTES || capacity < BUFFER_HEADER_BYTES)
        return false;
    if (type > BUFFER_TYPE_LAST || flags > 0x7f || load_u32(head.at + 0x0c) > 0xffff)
        return false;
    bool compressed = flags & BUFFER_FLAG_COMPRESSED;
    if (!compressed && h.claimed_size % 8 != 0)
        return false;
    u32 limit = compressed ? (largest ? largest : LIMIT_BUFFER_BYTES) : h.claimed_size;
    u32 used = h.filled ? h.filled : h.saved_offset;
    if (used < BUFFER_HEADER_BYTES || used > limit)
        return false;
    // The first event's mark, where one stands there uncompressed.
    if (!compressed && used >= BUFFER_HEADER_BYTES + 8 && at.len >= BUFFER_HEADER_BYTES + 4 &&
        type != BUFFER_TYPE_CONTEXT_SWAP) {
        u8 mark = at.at[BUFFER_HEADER_BYTES + 3];
        return (mark & 0x80) != 0;
    }
    return true;
}

static const char *utf8_text(arena *a, span utf16)
{
    size_t len = 0;
    (void)utf16_length(utf16, &len);
    u8 *text = arena_take(a, len * 3 + 1);
    text_utf16(text, (span){utf16.at, len});
    return (const char *)text;
}

// Which day of the month a SYSTEMTIME rule of a time zone falls on: year 0 means "the nth weekday".
static u32 rule_day(const u8 *rule, u32 year, u32 month)
{
    static const u8 DAYS[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    u32 weekday = load_u16(rule + 4) % 7, nth = load_u16(rule + 6);
    u32 y = month < 3 ? year - 1 : year;
    static const u8 SHIFT[12] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    u32 first = (y + y / 4 - y / 100 + y / 400 + SHIFT[month - 1] + 1) % 7; // weekday of the month's first day
    u32 day = 1 + (weekday + 7 - first) % 7 + (nth ? nth - 1 : 0) * 7;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    u32 last = DAYS[month - 1] + (month == 2 && leap ? 1u : 0u);
    while (day > last)
        day -= 7;
    return day;
}

// Minutes since the year's start, counted in months of 31 days: good for comparing within one year.
static u32 rule_minute(const u8 *rule, u32 year)
{
    u32 month = load_u16(rule + 2);
    if (month < 1 || month > 12)
        return 0;
    u32 day = load_u16(rule) ? load_u16(rule + 6) : rule_day(rule, year, month);
    return ((month * 31 + day) * 24 + load_u16(rule + 8)) * 60 + load_u16(rule + 10);
}

static const i64 LATEST_TIME = (i64)1 << 61; // some 7,000 years: room to add to

// TIME_ZONE_INFORMATION of 172 bytes: Bias 0, StandardName 4, StandardDate 68, StandardBias 84, DaylightName 88,
// DaylightDate 152, DaylightBias 168.
static i32 zone_bias(const u8 *zone, i64 start_time)
{
    enum { DAY = 24 * 60 };
    i32 bias = (i32)load_u32(zone);
    if (bias < -DAY || bias > DAY)
        return 0; // no place on earth has it
    const u8 *standard = zone + 68, *daylight = zone + 152;
    if (load_u16(standard + 2) == 0 || load_u16(daylight + 2) == 0 || start_time <= 0 || start_time > LATEST_TIME)
        return bias;
    u8 text[40] = {0};
    text_time(text, start_time - (i64)bias * 600000000);
    if (text[4] != '-')
        return bias;
    u32 year = (u32)((text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0'));
    u32 month = (u32)((text[5] - '0') * 10 + text[6] - '0'), day = (u32)((text[8] - '0') * 10 + text[9] - '0');
    u32 hour = (u32)((text[11] - '0') * 10 + text[12] - '0'), minute = (u32)((text[14] - '0') * 10 + text[15] - '0');
    u32 now = ((month * 31 + day) * 24 + hour) * 60 + minute;
    u32 on = rule_minute(daylight, year), off = rule_minute(standard, year);
    bool summer = on < off ? now >= on && now < off : now >= on || now < off;
    i32 more = (i32)load_u32(summer ? zone + 168 : zone + 84);
    return more < -DAY || more > DAY ? bias : bias + more;
}

const char *clock_anchor_name(clock_anchor a)
{
    static const char *const NAMES[] = {"header", "reference", "events", "flush", "none"};
    return NAMES[a];
}

static void anchor(trace_facts *f)
{
    u64 frequency = f->perf_frequency;
    if (f->clock_type == CLOCK_CYCLE)
        frequency = (u64)f->cpu_mhz * 1000000;
    else if (f->clock_type == CLOCK_SYSTEM)
        frequency = 10000000;
    f->clock = (session_clock){f->header_time, f->start_time, frequency ? frequency : 10000000, 0};
    if (f->counter_log)
        f->clock.others_off = (i64)f->utc_bias_minutes * 60 * 10000000;
}

void trace_facts_assume(trace_facts *out)
{
    *out = (trace_facts){.anchor = ANCHOR_NONE,
                         .clock_type = CLOCK_QPC,
                         .clock_kind = CLOCK_QPC,
                         .pointer_size = 8,
                         .session = "",
                         .log_file = "",
                         .standard_name = "",
                         .daylight_name = "",
                         .compression = COMPRESSION_XPRESS};
    out->clock = (session_clock){0, 0, 10000000, 0};
}

bool trace_facts_read(span buffer, arena *a, trace_facts *out)
{
    event_frame frame;
    const char *why = NULL;
    span rest = span_from(buffer, BUFFER_HEADER_BYTES);
    trace_facts_assume(out);
    if (event_frame_at(rest, &frame, &why) != FRAME_OK)
        return false;
    bool is_64_bit = frame.kind == HEADER_SYSTEM64;
    if ((!is_64_bit && frame.kind != HEADER_SYSTEM32) || load_u16(rest.at + 6) != 0)
        return false;
    span h = {rest.at + 32, frame.size - 32};
    size_t p = is_64_bit ? 8 : 0; // two pointer slots at 0x38 shift what follows by 4 bytes each
    if (h.len < 0x110 + p)
        return false;
    buffer_header b;
    buffer_header_read(buffer.at, &b);
    *out = (trace_facts){
        .present = true,
        .is_64_bit = is_64_bit,
        .buffer_size = load_u32(h.at),
        .os_major = h.at[4],
        .os_minor = h.at[5],
        .layout_major = h.at[6],
        .layout_minor = h.at[7],
        .os_build = load_u32(h.at + 0x08),
        .processors = load_u32(h.at + 0x0c),
        .end_time = load_i64(h.at + 0x10),
        .timer_resolution = load_u32(h.at + 0x18),
        .max_file_size = load_u32(h.at + 0x1c),
        .log_file_mode = load_u32(h.at + 0x20),
        .buffers_written = load_u32(h.at + 0x24),
        .start_buffers = load_u32(h.at + 0x28),
        .pointer_size = load_u32(h.at + 0x2c),
        .events_lost = load_u32(h.at + 0x30),
        .cpu_mhz = load_u32(h.at + 0x34),
        .boot_time = load_i64(h.at + 0xf0 + p),
        .perf_frequency = load_u64(h.at + 0xf8 + p),
        .start_time = load_i64(h.at + 0x100 + p),
        .buffers_lost = load_u32(h.at + 0x10c + p),
        .header_time = frame.time,
    };
    u32 clock = load_u32(h.at + 0x108 + p);
    out->clock_type = clock == CLOCK_SYSTEM || clock == CLOCK_CYCLE ? (clock_type)clock : CLOCK_QPC;
    out->clock_kind = clock;
    const u8 *zone = h.at + 0x40 + p;
    out->utc_bias_minutes = zone_bias(zone, out->start_time);
    out->zone_bias_minutes = (i32)load_u32(zone);
    out->standard_name = utf8_text(a, (span){zone + 4, 64});
    out->daylight_name = utf8_text(a, (span){zone + 88, 64});
    span strings = span_from(h, 0x110 + p);
    size_t len = 0;
    (void)utf16_length(strings, &len);
    out->session = utf8_text(a, strings);
    out->log_file = utf8_text(a, span_from(strings, len + 2));
    out->compression = COMPRESSION_XPRESS;
    if ((out->log_file_mode & LOG_FILE_MODE_COMPRESSED) && (b.state & 0xffff))
        out->compression = (compression)(b.state & 0xffff);
    out->counter_log = out->clock_type == CLOCK_SYSTEM && text_ends_in(text_span(out->log_file), ".blg");
    anchor(out);
    return true;
}
