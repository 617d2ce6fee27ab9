// pcapng (`pcapng`): the packets of a trace, for Wireshark and its kin. Microsoft's etl2pcapng is followed where there
// is a choice: interfaces, the verdict of dropped packets, their processes.
//
// A packet block names its interface by number, and the interface's block must come before it; but what interfaces are
// called is logged at the end of a recording. So packets go to temporary storage, and the file is written at the end.
#include "exporter.h"
#include "literal.h"
#include "output.h"
#include "packets.h"
#include "pcapng_block.h"

#include <stdio.h>

#include "base/map.h"
#include "etwkit.h"
#include "etwkit_engine.h"

enum {
    ADDRESSES_MOST = 64, // of one interface
    COPY_BYTES = 256 << 10,
};
static const i64 YEAR_1970 = 116444736000000000; // as FILETIME

static const char ABOUT[] =
    "Process ids in comments and options are of the process that was running when the packet was logged. Packets are "
    "often logged in a deferred procedure call, where that need not be the one that sent or receives them.";

// A pcapng interface, numbered as they appear.
typedef struct interface {
    packet_place place;
    span name; // where packets carry it
} interface;

// What events say of an interface index or a component.
typedef struct known {
    packet_place place; // source, family, id
    span name, description;
    u8 mac[6];
    bool has_mac;
    u32 count;
    struct address *addresses; // newest first
} known;

typedef struct address {
    struct address *next;
    span bytes; // 4 or 16
} address;

// A frame whose parts come one by one, and what was said of it before: of one processor of one trace.
typedef struct pending {
    u32 source, processor;
    bool started;
    outbuf frame, comment;
    u64 length; // of the frame, also where no more of it is kept
} pending;

struct sink {
    output out;
    arena memory;
    packet_role *roles; // by class
    spool *packets;
    interface *interfaces;
    known *known;
    pending *pending;
    u32 interface_count, interface_cap, known_count, known_cap, pending_count;
    map interface_map, known_map;
    outbuf block;
    u64 written, lost, unfinished;
};

// ---------------------------------------------------------------------------------------------- interfaces

static u64 place_hash(const packet_place *place, span name)
{
    return hash_more(hash_bytes(place, sizeof(*place)), name.at, name.len);
}

static bool same_interface(const interface *i, const packet_place *place, span name)
{
    return memcmp(&i->place, place, sizeof(*place)) == 0 && i->name.len == name.len &&
           (!name.len || memcmp(i->name.at, name.at, name.len) == 0);
}

static void *grown(void *list, u32 count, u32 *cap, size_t each)
{
    if (count < *cap)
        return list;
    *cap = *cap ? 2 * *cap : 16;
    return mem_grow(list, count, *cap, each);
}

// Its number. Beyond LIMIT_PACKET_INTERFACES all share one for each kind of frame.
static u32 interface_of(sink *s, packet_place place, span name)
{
    u32 found;
    if (s->interface_count >= LIMIT_PACKET_INTERFACES) {
        place = (packet_place){.family = place.family, .link = place.link};
        name.len = 0;
    }
    u64 hash = place_hash(&place, name);
    MAP_FIND(found, &s->interface_map, hash, same_interface(&s->interfaces[index_], &place, name));
    if (found != MAP_NONE)
        return found;
    s->interfaces = grown(s->interfaces, s->interface_count, &s->interface_cap, sizeof(*s->interfaces));
    s->interfaces[s->interface_count] = (interface){place, arena_bytes(&s->memory, name)};
    map_add(&s->interface_map, hash, s->interface_count);
    return s->interface_count++;
}

static packet_place known_place(const packet_place *of)
{
    return (packet_place){.source = of->source, .family = of->family, .id = of->id};
}

static known *known_find(const sink *s, const packet_place *place, u64 hash)
{
    u32 found;
    MAP_FIND(found, &s->known_map, hash, memcmp(&s->known[index_].place, place, sizeof(*place)) == 0);
    return found == MAP_NONE ? NULL : &s->known[found];
}

// NULL: there are LIMIT_PACKET_INTERFACES already.
static known *known_of(sink *s, const packet_item *item)
{
    packet_place place = known_place(&item->place);
    u64 hash = hash_bytes(&place, sizeof(place));
    known *k = known_find(s, &place, hash);
    if (k || s->known_count >= LIMIT_PACKET_INTERFACES)
        return k;
    s->known = grown(s->known, s->known_count, &s->known_cap, sizeof(*s->known));
    s->known[s->known_count] = (known){.place = place};
    map_add(&s->known_map, hash, s->known_count);
    return &s->known[s->known_count++];
}

static bool has_address(const known *k, span bytes)
{
    for (const address *a = k->addresses; a; a = a->next)
        if (a->bytes.len == bytes.len && memcmp(a->bytes.at, bytes.at, bytes.len) == 0)
            return true;
    return false;
}

// The first that is said of each counts; rundowns repeat themselves.
static void note(sink *s, const packet_item *item, const span texts[3])
{
    known *k = known_of(s, item);
    if (!k)
        return;
    if (item->kind == ITEM_NAME && !k->name.len) {
        k->description = arena_bytes(&s->memory, texts[1]);
        k->name = arena_bytes(&s->memory, texts[2]);
    } else if (item->kind == ITEM_MAC && !k->has_mac) {
        memcpy(k->mac, texts[0].at, sizeof(k->mac));
        k->has_mac = true;
    } else if ((item->kind == ITEM_IPV4 || item->kind == ITEM_IPV6) && k->count < ADDRESSES_MOST &&
               !has_address(k, texts[0])) {
        address *a = arena_new(&s->memory, address);
        *a = (address){k->addresses, arena_bytes(&s->memory, texts[0])};
        k->addresses = a;
        k->count++;
    }
}

// ---------------------------------------------------------------------------------------------- packets

static void put_options(outbuf *b, const packet_item *item, span comment)
{
    u8 bytes[16];
    outbuf value = {bytes, 0, sizeof(bytes)};
    if (comment.len)
        pcapng_option(b, OPTION_COMMENT, comment);
    if (item->flags)
        pcapng_option(b, PACKET_FLAGS, (span){(const u8[4]){item->flags}, 4});
    if (item->has_id) {
        pcapng_u64(&value, item->id);
        pcapng_option(b, PACKET_ID, (span){bytes, 8});
    }
    if (item->dropped)
        pcapng_option(b, PACKET_VERDICT, (span){(const u8[9]){VERDICT_XDP, VERDICT_XDP_DROP}, 9});
    if (item->has_process) {
        value.len = 0;
        pcapng_u32(&value, item->process_id);
        pcapng_u32(&value, item->thread_id);
        pcapng_option(b, PACKET_PROCESS, (span){bytes, 8});
    }
    pcapng_option(b, OPTION_END, (span){0});
}

static bool write_packet(sink *s, const packet_item *item, span frame, u64 original, span comment, span name, error *e)
{
    outbuf *b = &s->block;
    u64 time = item->time > YEAR_1970 ? (u64)(item->time - YEAR_1970) : 0;
    b->len = 0;
    size_t start = pcapng_begin(b, BLOCK_PACKET);
    pcapng_u32(b, interface_of(s, item->place, name));
    pcapng_u32(b, (u32)(time >> 32));
    pcapng_u32(b, (u32)time);
    pcapng_u32(b, (u32)frame.len);
    pcapng_u32(b, original > UINT32_MAX ? UINT32_MAX : (u32)original);
    outbuf_add(b, frame.at, frame.len);
    pcapng_pad(b, start);
    put_options(b, item, comment);
    pcapng_end(b, start);
    s->written++;
    return spool_add(s->packets, (span){b->bytes, b->len}, e);
}

// ---------------------------------------------------------------------------------------------- parts

static pending *pending_find(sink *s, const packet_item *item)
{
    for (u32 i = 0; i < s->pending_count; i++)
        if (s->pending[i].source == item->place.source && s->pending[i].processor == item->processor)
            return &s->pending[i];
    return NULL;
}

static void pending_end(sink *s, pending *p)
{
    outbuf_free(&p->frame);
    outbuf_free(&p->comment);
    *p = s->pending[--s->pending_count];
}

static pending *pending_begin(sink *s, const packet_item *item)
{
    if (s->pending_count == LIMIT_PACKETS_PENDING) {
        s->unfinished += s->pending[0].started;
        pending_end(s, &s->pending[0]);
    }
    s->pending[s->pending_count] = (pending){.source = item->place.source, .processor = item->processor};
    return &s->pending[s->pending_count++];
}

static void pending_add(pending *p, span part)
{
    size_t left = LIMIT_PACKET_BYTES - p->frame.len;
    outbuf_add(&p->frame, part.at, part.len < left ? part.len : left);
    p->length += part.len;
}

static bool add_packet(sink *s, const packet_item *item, const span texts[3], error *e)
{
    pending *p = pending_find(s, item);
    if (p && p->started && item->first) { // whose end was lost
        s->unfinished++;
        pending_end(s, p);
        p = NULL;
    }
    if (!p && item->last) // almost always
        return write_packet(s, item, texts[0], item->original, texts[1], texts[2], e);
    p = p ? p : pending_begin(s, item);
    pending_add(p, texts[0]);
    p->started = true;
    if (!item->last)
        return true;
    outbuf comment = {0};
    outbuf_add(&comment, texts[1].at, texts[1].len);
    outbuf_add(&comment, p->comment.bytes, p->comment.len);
    u64 original = p->length > item->original ? p->length : item->original;
    bool ok = write_packet(s, item, (span){p->frame.bytes, p->frame.len}, original, (span){comment.bytes, comment.len},
                           texts[2], e);
    outbuf_free(&comment);
    pending_end(s, p);
    return ok;
}

static void add_meta(sink *s, const packet_item *item, span text)
{
    pending *p = pending_find(s, item);
    p = p ? p : pending_begin(s, item);
    p->comment.len = 0;
    outbuf_add(&p->comment, text.at, text.len);
}

// ---------------------------------------------------------------------------------------------- the file

static void put_section(outbuf *b)
{
    size_t start = pcapng_begin(b, BLOCK_SECTION);
    pcapng_u32(b, 0x1a2b3c4d);
    pcapng_u16(b, 1);
    pcapng_u16(b, 0);
    pcapng_u64(b, UINT64_MAX); // of a length that is not said
    pcapng_option(b, SECTION_USER_APPLICATION, text_span("etwkit " ETWKIT_VERSION));
    pcapng_option(b, OPTION_COMMENT, text_span(ABOUT));
    pcapng_option(b, OPTION_END, (span){0});
    pcapng_end(b, start);
}

static const char *link_name(u32 link)
{
    return link == LINK_WIFI ? "wifi" : link == LINK_RAW_IP ? "ip" : link == LINK_ETHERNET ? "eth" : "other";
}

static const char *interface_name(sink *s, const interface *i, const known *k)
{
    const packet_place *p = &i->place;
    const char *name = arena_text_len(&s->memory, (const char *)i->name.at, i->name.len);
    switch ((packet_family)p->family) {
    case FAMILY_SWITCH:
        return arena_format(&s->memory, "vNIC:%s:%u:%u", name, p->port, p->vlan);
    case FAMILY_WAN:
        return arena_format(&s->memory, "Rras:%s", name);
    case FAMILY_NDIS:
    case FAMILY_PKTMON:
        break;
    }
    if (k && k->name.len) {
        name = arena_text_len(&s->memory, (const char *)k->name.at, k->name.len);
        return p->family == FAMILY_PKTMON ? arena_format(&s->memory, "%s:%u", name, p->id) : name;
    }
    return arena_format(&s->memory, "%s:%u", p->family == FAMILY_PKTMON ? "component" : link_name(p->link), p->id);
}

static const char *interface_description(sink *s, const interface *i, const known *k)
{
    const packet_place *p = &i->place;
    const char *text = k ? arena_text_len(&s->memory, (const char *)k->description.at, k->description.len) : "";
    if (p->family != FAMILY_NDIS || p->id == p->over)
        return text;
    return arena_format(&s->memory, "%s%sfilter over interface %u", text, *text ? ", " : "", p->over);
}

static void put_address(outbuf *b, span a)
{
    u8 bytes[17];
    memset(bytes, 0xff, sizeof(bytes)); // the mask of IPv4; it is not logged
    memcpy(bytes, a.at, a.len);
    if (a.len == 16)
        bytes[16] = 128;
    pcapng_option(b, a.len == 4 ? INTERFACE_IPV4 : INTERFACE_IPV6, (span){bytes, a.len == 4 ? 8 : 17});
}

static void put_interface(sink *s, const interface *i, outbuf *b)
{
    packet_place place = known_place(&i->place);
    const known *k = known_find(s, &place, hash_bytes(&place, sizeof(place)));
    const char *description = interface_description(s, i, k);
    size_t start = pcapng_begin(b, BLOCK_INTERFACE);
    pcapng_u16(b, i->place.link);
    pcapng_u16(b, 0);
    pcapng_u32(b, 0); // frames are of any length
    pcapng_option(b, INTERFACE_NAME, text_span(interface_name(s, i, k)));
    if (*description)
        pcapng_option(b, INTERFACE_DESCRIPTION, text_span(description));
    for (const address *a = k ? k->addresses : NULL; a; a = a->next)
        put_address(b, a->bytes);
    if (k && k->has_mac)
        pcapng_option(b, INTERFACE_MAC, (span){k->mac, sizeof(k->mac)});
    pcapng_option(b, INTERFACE_TIME_RESOLUTION, (span){(const u8[]){7}, 1}); // 100 ns
    pcapng_option(b, OPTION_END, (span){0});
    pcapng_end(b, start);
}

static bool copy_packets(sink *s, error *e)
{
    bool ok = true, failed = false;
    u64 at = 0, all = spool_bytes(s->packets);
    u8 *bytes = mem_alloc(COPY_BYTES);
    while (ok && at < all) {
        size_t got = spool_read(s->packets, at, bytes, COPY_BYTES, &failed);
        at += got;
        ok = got ? output_write(&s->out, (span){bytes, got}, e)
                 : error_code_set(e, ERR_IO, "%s: temporary storage cannot be read back", s->out.name);
    }
    mem_free(bytes);
    return ok;
}

static bool write_file(sink *s, error *e)
{
    outbuf head = {0};
    put_section(&head);
    for (u32 i = 0; i < s->interface_count; i++)
        put_interface(s, &s->interfaces[i], &head);
    bool ok = output_write(&s->out, (span){head.bytes, head.len}, e) && copy_packets(s, e);
    outbuf_free(&head);
    return ok;
}

// ---------------------------------------------------------------------------------------------- the exporter

static bool pcapng_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    *out = s;
    output_open(&s->out, target);
    s->packets = spool_new();
    s->pending = mem_zeroed(LIMIT_PACKETS_PENDING, sizeof(*s->pending));
    s->roles = arena_array(&s->memory, packet_role, target->class_count);
    for (u32 i = 0; i < target->class_count; i++)
        s->roles[i] = packet_role_of(target->classes[i]);
    return true;
}

static void pcapng_render(const sink *s, const record *rec, outbuf *out)
{
    packet_role role = s->roles[rec->cls->index];
    if (role != ROLE_NONE)
        packet_read(role, rec, out);
}

static bool pcapng_commit(sink *s, span rendered, u32 records, error *e)
{
    packet_item item;
    span texts[3];
    bool ok = true;
    (void)records;
    while (ok && packet_next(&rendered, &item, texts)) {
        if (item.kind == ITEM_PACKET)
            ok = add_packet(s, &item, texts, e);
        else if (item.kind == ITEM_LOST)
            s->lost++;
        else if (item.kind == ITEM_META)
            add_meta(s, &item, texts[1]);
        else
            note(s, &item, texts);
    }
    return ok;
}

static void pcapng_remark(const sink *s, char text[EXPORT_REMARK])
{
    int len = snprintf(text, EXPORT_REMARK, "%llu packet%s of %u interface%s", (unsigned long long)s->written,
                       s->written == 1 ? "" : "s", s->interface_count, s->interface_count == 1 ? "" : "s");
    if (s->lost)
        len += snprintf(text + len, EXPORT_REMARK - (size_t)len, "; %llu were logged without their bytes",
                        (unsigned long long)s->lost);
    u64 unfinished = s->unfinished;
    for (u32 i = 0; i < s->pending_count; i++)
        unfinished += s->pending[i].started;
    if (unfinished)
        snprintf(text + len, EXPORT_REMARK - (size_t)len, "; of %llu the last part is missing",
                 (unsigned long long)unfinished);
    if (!s->written && !s->lost)
        snprintf(text, EXPORT_REMARK,
                 "no packets: there are no packet events of NDIS-PacketCapture, PktMon or Ras-NdisWanPacketCapture");
}

static u64 pcapng_count(const sink *s)
{
    return s->written;
}

static bool pcapng_close(sink *s, error *e)
{
    bool ok = !e || write_file(s, e);
    ok = output_close(&s->out, ok ? e : NULL) && ok;
    while (s->pending_count)
        pending_end(s, &s->pending[0]);
    mem_free(s->pending);
    mem_free(s->interfaces);
    mem_free(s->known);
    map_free(&s->interface_map);
    map_free(&s->known_map);
    spool_free(s->packets);
    outbuf_free(&s->block);
    arena_free(&s->memory);
    mem_free(s);
    return ok;
}

static bool pcapng_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "\n\r\r\n") && exporter_head_has(head, "etwkit ");
}

const exporter exporter_pcapng = {
    .name = "pcapng",
    .suffixes = " .pcapng ",
    .help = "the packets of NDIS, PktMon and NdisWan captures, for Wireshark",
    .open = pcapng_open,
    .render = pcapng_render,
    .commit = pcapng_commit,
    .remark = pcapng_remark,
    .counts = "packets",
    .count = pcapng_count,
    .close = pcapng_close,
    .is_own = pcapng_is_own,
};
