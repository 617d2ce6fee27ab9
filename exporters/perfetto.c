// `perfetto`: a timeline for ui.perfetto.dev, as the TracePackets of its trace.proto: what runs on each processor, CPU
// samples with their stacks, disk transfers, network traffic and marks.
//
// Numbers of fields are those of perfetto_trace.proto. Times are nanoseconds since 1970.
#include <stdio.h>

#include "base/known_guids.h"
#include "base/map.h"
#include "etwkit.h"
#include "etwkit_engine.h"
#include "exporter.h"
#include "output.h"
#include "profile.h"
#include "protobuf.h"

typedef enum item_kind { ITEM_NONE, ITEM_SWITCH, ITEM_SAMPLE, ITEM_DISK, ITEM_NETWORK, ITEM_MARK } item_kind;

#define NO_ID UINT32_MAX

enum { LANES = 64 }; // LANES: transfers of one disk that are shown at the same time

// What a record gives; the process's name, a text and, of a sample, the frames follow, these each after its length.
typedef struct item {
    u32 kind, process_id, thread_id, processor;
    i64 time;  // nanoseconds
    u64 value; // of a switch: the old thread; of disk and network: bytes
    u64 more;  // of a switch: priorities and whether the old thread waits; of a disk: nanoseconds, and its number
    u32 disk, name_len, text_len, count;
} item;

typedef struct named_thread {
    u32 thread, process;
    u64 name; // a hash of its process's
} named_thread;

typedef struct lane {
    u32 disk, number;
    i64 end;
} lane;

struct sink {
    output out;
    arena memory;
    u8 *kinds; // by class
    const session *session;
    outbuf packets;
    named_thread *threads;
    u32 thread_count, thread_cap;
    span *names; // interned: modules, functions, stacks, by what they are made of
    u32 name_count, name_cap;
    map thread_map, name_map;
    lane *lanes;
    u32 lane_count, lane_cap;
    bool any, network, marks;
    u64 counts[ITEM_MARK + 1];
};

// ---------------------------------------------------------------------------------------------- records to items

static item_kind kind_of(const event_class *cls)
{
    static const struct {
        guid id;
        u8 first, last;
        u8 kind;
    } KINDS[] = {
        {GUID_CLASS_THREAD, 36, 36, ITEM_SWITCH},  {GUID_CLASS_PERF_INFO, 46, 46, ITEM_SAMPLE},
        {GUID_CLASS_PERF_INFO, 34, 34, ITEM_MARK}, {GUID_CLASS_DISK_IO, 10, 11, ITEM_DISK},
        {GUID_CLASS_TCP_IP, 10, 11, ITEM_NETWORK}, {GUID_CLASS_TCP_IP, 26, 27, ITEM_NETWORK},
        {GUID_CLASS_UDP_IP, 10, 11, ITEM_NETWORK}, {GUID_CLASS_UDP_IP, 26, 27, ITEM_NETWORK},
    };
    for (size_t i = 0; cls->classic && i < COUNT_OF(KINDS); i++)
        if (guid_equal(&cls->provider_id, &KINDS[i].id) && cls->descriptor.opcode >= KINDS[i].first &&
            cls->descriptor.opcode <= KINDS[i].last)
            return (item_kind)KINDS[i].kind;
    return ITEM_NONE;
}

static i64 nanoseconds(i64 filetime)
{
    static const i64 YEAR_1970 = 116444736000000000, MOST = INT64_MAX / 100;
    i64 ticks = filetime < YEAR_1970 ? 0 : filetime - YEAR_1970;
    return (ticks < MOST ? ticks : MOST) * 100;
}

static u64 number_of(const record *rec, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    return value_is_integer(&v) ? v.number : 0;
}

static void fill_switch(item *it, const record *rec)
{
    enum { WAITING = 5 };
    it->thread_id = (u32)number_of(rec, "NewThreadId");
    it->value = number_of(rec, "OldThreadId");
    it->more = (number_of(rec, "NewThreadPriority") & 0xff) | (number_of(rec, "OldThreadPriority") & 0xff) << 8 |
               (u64)(number_of(rec, "OldThreadState") == WAITING) << 16;
}

static void fill_disk(const sink *s, item *it, const record *rec)
{
    const session_clock *clock = &s->session->traces[rec->source_index]->file.trace_headers[0].clock;
    i64 took = clock_duration(clock, (i64)number_of(rec, "HighResResponseTime"));
    it->disk = (u32)number_of(rec, "DiskNumber");
    it->value = number_of(rec, "TransferSize");
    it->more = took > 0 && took < it->time / 100 ? (u64)took * 100 : 0;
}

static void put_text(outbuf *out, const item *it, const record *rec)
{
    typed_value v;
    const char *opcode = rec->cls->opcode_name ? rec->cls->opcode_name : "";
    if (it->kind == ITEM_MARK) {
        record_value(rec, "Message", &v);
        if (v.kind == VALUE_NULL)
            record_value(rec, "Mark", &v);
        render_text(out, &v);
    } else if (it->kind == ITEM_DISK || it->kind == ITEM_NETWORK) {
        outbuf_text(out, opcode);
        outbuf_text(out, rec->file_path ? " " : "");
        outbuf_text(out, rec->file_path ? rec->file_path : "");
    }
}

static void put_frames(outbuf *out, const record *rec)
{
    for (u32 i = 0; i < rec->stack_count; i++)
        profile_put_frame(out, rec, i);
}

static void perfetto_render(const sink *s, const record *rec, outbuf *out)
{
    span name = text_span(rec->process_name ? rec->process_name : "");
    item it = {.kind = s->kinds[rec->cls->index],
               .process_id = rec->has_process ? rec->process_id : NO_ID,
               .thread_id = rec->has_thread ? rec->thread_id : NO_ID,
               .processor = rec->processor,
               .time = nanoseconds(rec->time),
               .name_len = (u32)name.len};
    if (it.kind == ITEM_NONE || !rec->plan)
        return;
    if (it.kind == ITEM_SWITCH)
        fill_switch(&it, rec);
    else if (it.kind == ITEM_DISK)
        fill_disk(s, &it, rec);
    else if (it.kind == ITEM_NETWORK)
        it.value = number_of(rec, "size");
    else if (it.kind == ITEM_SAMPLE)
        it.count = rec->stack_count;
    size_t start = out->len;
    outbuf_add(out, &it, sizeof(it));
    outbuf_add(out, name.at, name.len);
    put_text(out, &it, rec);
    it.text_len = (u32)(out->len - start - sizeof(it) - name.len);
    memcpy(out->bytes + start, &it, sizeof(it));
    if (it.kind == ITEM_SAMPLE)
        put_frames(out, rec);
}

// ---------------------------------------------------------------------------------------------- packets

enum {
    PACKET = 1, // of Trace
    PACKET_FTRACE = 1,
    PACKET_PROCESS_TREE = 2,
    PACKET_CLOCKS = 6,
    PACKET_TIME = 8,
    PACKET_SEQUENCE = 10,
    PACKET_TRACK_EVENT = 11,
    PACKET_INTERNED = 12,
    PACKET_SEQUENCE_FLAGS = 13,
    PACKET_TRACK = 60,
    PACKET_SAMPLE = 66,
    SEQUENCE_CLEARED = 1,
    SEQUENCE_NEEDS = 2,
};

static size_t open_packet(sink *s, i64 time)
{
    size_t packet = pb_open(&s->packets, PACKET);
    pb_number(&s->packets, PACKET_TIME, (u64)time);
    pb_number(&s->packets, PACKET_SEQUENCE, 1);
    pb_number(&s->packets, PACKET_SEQUENCE_FLAGS, s->any ? SEQUENCE_NEEDS : SEQUENCE_CLEARED);
    s->any = true;
    return packet;
}

// The trace's clock is the time of day.
static void put_clocks(sink *s, i64 time)
{
    enum { REALTIME = 1, BOOTTIME = 6 };
    outbuf *out = &s->packets;
    size_t packet = open_packet(s, time), clocks = pb_open(out, PACKET_CLOCKS);
    for (u32 i = 0; i < 2; i++) {
        size_t clock = pb_open(out, 1);
        pb_number(out, 1, i ? REALTIME : BOOTTIME);
        pb_number(out, 2, (u64)time);
        pb_close(out, clock);
    }
    pb_close(out, clocks);
    pb_close(out, packet);
}

// ---------------------------------------------------------------------------------------------- threads

// A thread's process, told before its first event, and again where its id has become another's.
static void tell_thread(sink *s, const item *it, span name)
{
    outbuf *out = &s->packets;
    u32 found;
    u64 hash = hash_u64(it->thread_id), name_hash = hash_bytes(name.at, name.len);
    if (it->thread_id == NO_ID || it->process_id == NO_ID || !it->thread_id)
        return;
    MAP_FIND(found, &s->thread_map, hash, s->threads[index_].thread == it->thread_id);
    if (found != MAP_NONE && s->threads[found].process == it->process_id && s->threads[found].name == name_hash)
        return;
    if (found == MAP_NONE) {
        GROW(s->threads, s->thread_count, s->thread_cap);
        map_add(&s->thread_map, hash, found = s->thread_count++);
    }
    s->threads[found] = (named_thread){it->thread_id, it->process_id, name_hash};
    size_t packet = open_packet(s, it->time), tree = pb_open(out, PACKET_PROCESS_TREE), part = pb_open(out, 1);
    pb_number(out, 1, it->process_id);
    pb_text(out, 3, name);
    pb_close(out, part);
    part = pb_open(out, 2);
    pb_number(out, 1, it->thread_id);
    pb_number(out, 3, it->process_id);
    pb_close(out, part);
    pb_close(out, tree);
    pb_close(out, packet);
}

// As Linux's sched_switch, which is what Perfetto's scheduling is made of.
static void put_switch(sink *s, const item *it, span name)
{
    enum { SCHED_SWITCH = 4, INTERRUPTIBLE = 1 };
    outbuf *out = &s->packets;
    size_t packet = open_packet(s, it->time), bundle = pb_open(out, PACKET_FTRACE);
    pb_number(out, 1, it->processor);
    size_t one = pb_open(out, 2);
    pb_number(out, 1, (u64)it->time);
    pb_number(out, 2, it->value);
    size_t change = pb_open(out, SCHED_SWITCH);
    pb_number(out, 2, it->value);
    pb_number(out, 3, it->more >> 8 & 0xff);
    pb_number(out, 4, it->more >> 16 ? INTERRUPTIBLE : 0);
    pb_text(out, 5, it->thread_id ? name : text_span("Idle"));
    pb_number(out, 6, it->thread_id);
    pb_number(out, 7, it->more & 0xff);
    pb_close(out, change);
    pb_close(out, one);
    pb_close(out, bundle);
    pb_close(out, packet);
}

// ---------------------------------------------------------------------------------------------- stacks

// A number for each thing that is told once, from 1 on. `what` keeps names of different things apart.
static u64 intern(sink *s, char what, span text, bool *is_new)
{
    u32 found;
    outbuf key = {0};
    outbuf_add(&key, &what, 1);
    outbuf_add(&key, text.at, text.len);
    span whole = {key.bytes, key.len};
    u64 hash = hash_bytes(whole.at, whole.len);
    MAP_FIND(found, &s->name_map, hash,
             s->names[index_].len == whole.len && memcmp(s->names[index_].at, whole.at, whole.len) == 0);
    *is_new = found == MAP_NONE;
    if (*is_new) {
        GROW(s->names, s->name_count, s->name_cap);
        s->names[s->name_count] = arena_bytes(&s->memory, whole);
        map_add(&s->name_map, hash, found = s->name_count++);
    }
    outbuf_free(&key);
    return (u64)found + 1;
}

static void put_string(outbuf *out, u32 id, u64 number, span text)
{
    size_t string = pb_open(out, id);
    pb_number(out, 1, number);
    pb_text(out, 2, text);
    pb_close(out, string);
}

// What is before the '!' of a frame, and what is after it.
static u64 intern_mapping(sink *s, outbuf *out, span module)
{
    enum { MAPPING_PATHS = 17, MAPPINGS = 19 };
    bool is_new;
    u64 number = intern(s, 'm', module, &is_new);
    if (!is_new)
        return number;
    put_string(out, MAPPING_PATHS, number, module);
    size_t mapping = pb_open(out, MAPPINGS);
    pb_number(out, 1, number);
    pb_number(out, 7, number);
    pb_close(out, mapping);
    return number;
}

static u64 intern_frame(sink *s, outbuf *out, span text)
{
    enum { FUNCTION_NAMES = 5, FRAMES = 6 };
    bool is_new;
    u64 number = intern(s, 'f', text, &is_new);
    if (!is_new)
        return number;
    const u8 *mark = text.len ? memchr(text.at, '!', text.len) : NULL;
    span module = mark ? (span){text.at, (size_t)(mark - text.at)} : text_span("(no module)");
    u64 mapping = intern_mapping(s, out, module);
    put_string(out, FUNCTION_NAMES, number, mark ? span_from(text, module.len + 1) : text);
    size_t frame = pb_open(out, FRAMES);
    pb_number(out, 1, number);
    pb_number(out, 2, number);
    pb_number(out, 3, mapping);
    pb_close(out, frame);
    return number;
}

static span take_bytes(span *rest, size_t len)
{
    span taken = {rest->at, len};
    *rest = span_from(*rest, len);
    return taken;
}

// Perfetto has the outermost frame first. Returns the stack's number, 0 where there is none.
static u64 intern_stack(sink *s, outbuf *out, span frames, u32 count)
{
    enum { CALLSTACKS = 7 };
    bool is_new;
    if (!count)
        return 0;
    u64 number = intern(s, 's', frames, &is_new);
    if (!is_new)
        return number;
    u64 *numbers = mem_zeroed(count, sizeof(*numbers));
    for (u32 i = 0; i < count; i++) {
        u32 len;
        memcpy(&len, frames.at, sizeof(len));
        frames = span_from(frames, sizeof(len));
        numbers[i] = intern_frame(s, out, take_bytes(&frames, len));
    }
    size_t stack = pb_open(out, CALLSTACKS);
    pb_number(out, 1, number);
    for (u32 i = count; i-- > 0;)
        pb_number(out, 2, numbers[i]);
    pb_close(out, stack);
    mem_free(numbers);
    return number;
}

static void put_sample(sink *s, const item *it, span frames)
{
    enum { CPU_MODE_UNKNOWN = 0 };
    outbuf *out = &s->packets;
    bool full = s->name_count > LIMIT_PROFILE_FRAMES / 8;
    size_t packet = open_packet(s, it->time), interned = pb_open(out, PACKET_INTERNED);
    u64 stack = full ? 0 : intern_stack(s, out, frames, it->count);
    pb_close(out, interned);
    size_t sample = pb_open(out, PACKET_SAMPLE);
    pb_number(out, 1, it->processor);
    pb_number(out, 2, it->process_id == NO_ID ? 0 : it->process_id);
    pb_number(out, 3, it->thread_id == NO_ID ? 0 : it->thread_id);
    if (stack)
        pb_number(out, 4, stack);
    pb_number(out, 5, CPU_MODE_UNKNOWN);
    pb_close(out, sample);
    pb_close(out, packet);
}

// ---------------------------------------------------------------------------------------------- tracks

enum { TRACK_NETWORK = 1, TRACK_MARKS = 2, TRACK_DISKS = 16 };

static void tell_track(sink *s, i64 time, u64 track, const char *name)
{
    outbuf *out = &s->packets;
    size_t packet = open_packet(s, time), descriptor = pb_open(out, PACKET_TRACK);
    pb_number(out, 1, track);
    pb_text(out, 2, text_span(name));
    pb_close(out, descriptor);
    pb_close(out, packet);
}

static void put_argument(outbuf *out, const char *name, const u64 *number, span text)
{
    size_t argument = pb_open(out, 4);
    if (number)
        pb_number(out, 3, *number);
    else
        pb_text(out, 6, text);
    pb_text(out, 10, text_span(name));
    pb_close(out, argument);
}

typedef enum track_event_type { SLICE_BEGIN = 1, SLICE_END, INSTANT } track_event_type;

static void put_event(sink *s, const item *it, i64 time, u64 track, track_event_type type, span text, span name)
{
    outbuf *out = &s->packets;
    size_t packet = open_packet(s, time), one = pb_open(out, PACKET_TRACK_EVENT);
    if (type != SLICE_END && it->kind != ITEM_MARK) {
        put_argument(out, "bytes", &it->value, (span){0});
        if (name.len)
            put_argument(out, "process", NULL, name);
        if (it->process_id != NO_ID)
            put_argument(out, "process_id", &(u64){it->process_id}, (span){0});
    }
    pb_number(out, 9, type);
    pb_number(out, 11, track);
    if (type != SLICE_END)
        pb_text(out, 23, text.len ? text : text_span("(no name)"));
    pb_close(out, one);
    pb_close(out, packet);
}

// The first lane of the disk that was free when the transfer began; slices of one track must not overlap.
static u64 lane_for(sink *s, const item *it, i64 start)
{
    u32 number = 0;
    for (u32 i = 0; i < s->lane_count; i++) {
        lane *l = &s->lanes[i];
        if (l->disk != it->disk)
            continue;
        number++;
        if (l->end <= start) {
            l->end = it->time;
            return TRACK_DISKS + i;
        }
    }
    if (number >= LANES)
        return 0;
    char name[48];
    GROW(s->lanes, s->lane_count, s->lane_cap);
    s->lanes[s->lane_count] = (lane){it->disk, number, it->time};
    snprintf(name, sizeof(name), "Disk %u", it->disk);
    tell_track(s, start, TRACK_DISKS + s->lane_count, name);
    return TRACK_DISKS + s->lane_count++;
}

static void put_disk(sink *s, const item *it, span text, span name)
{
    i64 start = it->time - (i64)it->more;
    u64 track = lane_for(s, it, start);
    if (!track)
        return;
    put_event(s, it, start, track, SLICE_BEGIN, text, name);
    put_event(s, it, it->time, track, SLICE_END, text, name);
}

static void put_instant(sink *s, const item *it, bool *told, u64 track, span text, span name)
{
    if (!*told)
        tell_track(s, it->time, track, track == TRACK_MARKS ? "Marks" : "Network");
    *told = true;
    put_event(s, it, it->time, track, INSTANT, text, name);
}

// ---------------------------------------------------------------------------------------------- the exporter

static size_t frames_bytes(span rest, u32 count)
{
    size_t at = 0;
    for (u32 i = 0; i < count; i++) {
        u32 len;
        memcpy(&len, rest.at + at, sizeof(len));
        at += sizeof(len) + len;
    }
    return at;
}

static void add_item(sink *s, const item *it, span *rest)
{
    span name = take_bytes(rest, it->name_len), text = take_bytes(rest, it->text_len);
    span frames = take_bytes(rest, frames_bytes(*rest, it->count));
    if (!s->any)
        put_clocks(s, it->time);
    s->counts[it->kind]++;
    if (it->kind == ITEM_SWITCH || it->kind == ITEM_SAMPLE)
        tell_thread(s, it, name);
    if (it->kind == ITEM_SWITCH)
        put_switch(s, it, name);
    else if (it->kind == ITEM_SAMPLE)
        put_sample(s, it, frames);
    else if (it->kind == ITEM_DISK)
        put_disk(s, it, text, name);
    else if (it->kind == ITEM_NETWORK)
        put_instant(s, it, &s->network, TRACK_NETWORK, text, name);
    else
        put_instant(s, it, &s->marks, TRACK_MARKS, text, name);
}

static bool perfetto_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    s->packets.len = 0;
    while (rendered.len) {
        item it;
        memcpy(&it, rendered.at, sizeof(it));
        rendered = span_from(rendered, sizeof(it));
        add_item(s, &it, &rendered);
    }
    return output_write(&s->out, (span){s->packets.bytes, s->packets.len}, e);
}

static bool perfetto_open(sink **out, const export_target *target, error *e)
{
    (void)e;
    sink *s = mem_zeroed(1, sizeof *s);
    *out = s;
    output_open(&s->out, target);
    s->session = target->session;
    s->kinds = arena_array(&s->memory, u8, target->class_count + (size_t)1);
    for (u32 i = 0; i < target->class_count; i++)
        s->kinds[i] = (u8)kind_of(target->classes[i]);
    return true;
}

static bool perfetto_close(sink *s, error *e)
{
    if (e && !s->any) { // an empty trace is one with a clock
        put_clocks(s, 0);
        if (!output_write(&s->out, (span){s->packets.bytes, s->packets.len}, e))
            e = NULL;
    }
    bool wanted = e != NULL, ok = output_close(&s->out, e);
    outbuf_free(&s->packets);
    mem_free(s->threads);
    mem_free(s->names);
    mem_free(s->lanes);
    map_free(&s->thread_map);
    map_free(&s->name_map);
    arena_free(&s->memory);
    mem_free(s);
    return ok && wanted;
}

static void perfetto_remark(const sink *s, char text[EXPORT_REMARK])
{
    snprintf(text, EXPORT_REMARK,
             "%llu context switches, %llu CPU samples, %llu disk transfers, %llu of the network, %llu marks",
             (unsigned long long)s->counts[ITEM_SWITCH], (unsigned long long)s->counts[ITEM_SAMPLE],
             (unsigned long long)s->counts[ITEM_DISK], (unsigned long long)s->counts[ITEM_NETWORK],
             (unsigned long long)s->counts[ITEM_MARK]);
}

static u64 perfetto_count(const sink *s)
{
    u64 events = 0;
    for (item_kind kind = ITEM_SWITCH; kind <= ITEM_MARK; kind++)
        events += s->counts[kind];
    return events;
}

static bool perfetto_passes_over(const sink *s, u32 class_index)
{
    return s->kinds[class_index] == ITEM_NONE;
}

// A TracePacket with the time 0x08 first; its length has four bytes.
static bool perfetto_is_own(span head, int fd)
{
    (void)fd;
    return head.len > 6 && head.at[0] == 0x0a && (head.at[1] & head.at[2] & head.at[3] & 0x80) && head.at[4] == 0 &&
           head.at[5] == (PACKET_TIME << 3);
}

const exporter exporter_perfetto = {
    .name = "perfetto",
    .suffixes = " .pftrace .perfetto ",
    .help = "scheduling, CPU samples, disk, network and marks for ui.perfetto.dev",
    .needs_frames = true,
    .open = perfetto_open,
    .render = perfetto_render,
    .commit = perfetto_commit,
    .remark = perfetto_remark,
    .counts = "events",
    .count = perfetto_count,
    .passes_over = perfetto_passes_over,
    .close = perfetto_close,
    .is_own = perfetto_is_own,
};
