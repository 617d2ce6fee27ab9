#include "packets.h"

#include "base/known_guids.h"
#include "base/text.h"
#include "base/text_put.h"
#include "pcapng_block.h"

// Keywords of Microsoft-Windows-NDIS-PacketCapture.
static const u64 KEYWORD_WAN = 0x200, KEYWORD_WIFI = 0x10000, KEYWORD_START = 0x40000000, KEYWORD_END = 0x80000000,
                 KEYWORD_SEND = 0x100000000, KEYWORD_RECEIVE = 0x200000000;

enum { FLAG_INBOUND = 1, FLAG_OUTBOUND = 2, MAC_BYTES = 6, WIFI_PROTECTED = 0x40 };

// ---------------------------------------------------------------------------------------------- roles

packet_role packet_role_of(const event_class *cls)
{
    static const struct {
        guid provider;
        u16 id;
        u8 opcode;
        packet_role role;
    } ROLES[] = {
#define NDIS GUID_OF(0x2ed6006e, 0x4729, 0x4609, 0xb4, 0x23, 0x3e, 0xe7, 0xbc, 0xd6, 0x78, 0xef)
#define WAN GUID_OF(0xd84521f7, 0x2235, 0x4237, 0xa7, 0xc0, 0x14, 0xe3, 0xa9, 0x67, 0x62, 0x86)
#define PKTMON GUID_OF(0x4d4f80d9, 0xc8bd, 0x4d73, 0xbb, 0x5b, 0x19, 0xc9, 0x04, 0x02, 0xc5, 0xac)
        {NDIS, 1001, 0, ROLE_NDIS},           {NDIS, 1002, 0, ROLE_NDIS_META},
        {NDIS, 1003, 0, ROLE_SWITCH},         {WAN, 5001, 0, ROLE_WAN_SENT},
        {WAN, 5002, 0, ROLE_WAN_RECEIVED},    {PKTMON, 160, 0, ROLE_PKTMON},
        {PKTMON, 170, 0, ROLE_PKTMON_DROP},   {PKTMON, 20, 0, ROLE_PKTMON_COMPONENT},
        {PKTMON, 65, 0, ROLE_PKTMON_ADDRESS}, {PKTMON, 66, 0, ROLE_PKTMON_ADDRESS},
        {PKTMON, 70, 0, ROLE_PKTMON_MAC},     {GUID_CLASS_SYSTEM_CONFIG_EX, 0, 36, ROLE_ADAPTER},
    };
    for (size_t i = 0; i < COUNT_OF(ROLES); i++)
        if (guid_equal(&ROLES[i].provider, &cls->provider_id) && ROLES[i].id == cls->descriptor.id &&
            (!ROLES[i].opcode || ROLES[i].opcode == cls->descriptor.opcode))
            return ROLES[i].role;
    return ROLE_NONE;
}

// ---------------------------------------------------------------------------------------------- fields

static u64 number_of(const record *rec, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    return value_is_integer(&v) ? v.number : 0;
}

// As the trace has them; empty where there is no single value.
static span bytes_of(const record *rec, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    return v.kind == VALUE_NULL || v.kind == VALUE_STRUCT || v.kind == VALUE_ARRAY ? (span){0} : v.bytes;
}

static void add_text(outbuf *out, const record *rec, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    render_text(out, &v);
}

static void add_number(outbuf *out, const char *before, u64 value)
{
    outbuf_text(out, before);
    outbuf_written(out, put_u64(outbuf_reserve(out, 20), value));
}

static void add_hex(outbuf *out, const char *before, u64 value)
{
    outbuf_text(out, before);
    outbuf_written(out, text_hex_lower(outbuf_reserve(out, 18), value));
}

// ---------------------------------------------------------------------------------------------- items

// An item on its way into the buffer, which moves.
typedef struct writer {
    outbuf *out;
    size_t start, text; // of the item, and of its text that is being written
    packet_item item;
    u32 texts;
} writer;

static writer item_begin(outbuf *out, const record *rec, item_kind kind, packet_family family)
{
    writer w = {.out = out, .start = out->len};
    outbuf_reserve(out, sizeof(w.item));
    out->len += sizeof(w.item);
    w.text = out->len;
    w.item = (packet_item){.kind = (u8)kind, .time = rec->time, .processor = rec->processor};
    w.item.place = (packet_place){.source = rec->source_index, .family = (u16)family};
    w.item.has_process = rec->has_process;
    w.item.process_id = rec->process_id;
    w.item.thread_id = rec->has_thread ? rec->thread_id : 0;
    return w;
}

static void item_text_end(writer *w)
{
    w->item.lengths[w->texts++] = (u32)(w->out->len - w->text);
    w->text = w->out->len;
}

static void item_end(writer *w)
{
    memcpy(w->out->bytes + w->start, &w->item, sizeof(w->item));
}

bool packet_next(span *rest, packet_item *item, span texts[3])
{
    if (rest->len < sizeof(*item))
        return false;
    memcpy(item, rest->at, sizeof(*item));
    *rest = span_from(*rest, sizeof(*item));
    for (u32 i = 0; i < 3; i++) {
        texts[i] = (span){rest->at, item->lengths[i]};
        *rest = span_from(*rest, item->lengths[i]);
    }
    return true;
}

// A packet that was logged without its frame, or cannot be decoded.
static void put_lost(const record *rec, outbuf *out)
{
    writer w = item_begin(out, rec, ITEM_LOST, FAMILY_NDIS);
    item_end(&w);
}

// ---------------------------------------------------------------------------------------------- frames

size_t packet_wifi_header(span frame)
{
    static const u8 SNAP[] = {0xaa, 0xaa, 3};
    enum { WIFI_TYPE = 0x0c, WIFI_DATA = 0x08, QOS = 0x80, BOTH_WAYS = 3, ORDER = 0x80 };
    if (frame.len < 24 || (frame.at[0] & WIFI_TYPE) != WIFI_DATA)
        return 0;
    size_t len = 24 + ((frame.at[1] & BOTH_WAYS) == BOTH_WAYS ? MAC_BYTES : 0);
    if (frame.at[0] & QOS)
        len += (frame.at[1] & ORDER) ? 6 : 2;
    span llc;
    return span_sub(frame, len, sizeof(SNAP), &llc) && memcmp(llc.at, SNAP, sizeof(SNAP)) == 0 ? len : 0;
}

// Length on the wire by the IP header that begins at `at`; 0: there is none.
static u32 ip_length(span frame, size_t at)
{
    span v4, v6;
    if (span_sub(frame, at, 20, &v4) && v4.at[0] >> 4 == 4)
        return (u32)at + load_u16_be(v4.at + 2);
    if (span_sub(frame, at, 40, &v6) && v6.at[0] >> 4 == 6)
        return (u32)at + 40 + load_u16_be(v6.at + 4);
    return 0;
}

// Whether a frame that is marked as 802.11 is an Ethernet frame: that has no version but 0, in the lowest bits, which
// in Ethernet are those of addresses to many or of local ones. Else by an IP, ARP or EAPOL packet in it, all of its
// length known.
static bool is_ethernet(span frame, u32 original)
{
    enum { WIFI_VERSION = 3, IPV4 = 0x0800, ARP = 0x0806, IPV6 = 0x86dd, EAPOL = 0x888e };
    if (frame.len < 18)
        return false;
    u32 type = load_u16_be(frame.at + 12), length = ip_length(frame, 14);
    if (frame.at[0] & WIFI_VERSION)
        return true;
    if (type == IPV4 || type == IPV6)
        return length > 14 && length <= original && (frame.at[14] >> 4 == 4) == (type == IPV4);
    if (type == EAPOL)
        return frame.at[14] <= 3 && 18u + load_u16_be(frame.at + 16) <= original;
    return type == ARP && frame.len >= 22 && load_u16_be(frame.at + 14) == 1 && load_u16_be(frame.at + 16) == IPV4;
}

// Frames of NDIS-PacketCapture do not say their length before they were cut.
static u32 length_on_wire(span frame, u32 link)
{
    u32 length = 0;
    if (link == LINK_RAW_IP)
        length = ip_length(frame, 0);
    else if (link == LINK_ETHERNET && frame.len >= 14) {
        u32 type = load_u16_be(frame.at + 12);
        length = type == 0x0800 || type == 0x86dd ? ip_length(frame, 14) : 0;
    }
    return length > frame.len ? length : (u32)frame.len;
}

// The frame as the item's first text. Windows captures 802.11 frames decrypted but leaves their mark, by which readers
// would take them for encrypted ones.
static void put_frame(writer *w, span frame)
{
    size_t at = w->out->len;
    outbuf_add(w->out, frame.at, frame.len);
    if (w->item.place.link == LINK_WIFI && packet_wifi_header(frame))
        w->out->bytes[at + 1] &= (u8)~WIFI_PROTECTED;
    item_text_end(w);
}

// ---------------------------------------------------------------------------------------------- comments

static void add_process(outbuf *out, const record *rec)
{
    if (!rec->has_process)
        return;
    add_number(out, "pid ", rec->process_id);
    if (rec->process_name) {
        span name = {(const u8 *)rec->process_name, strlen(rec->process_name)};
        u8 *p = text_utf8(put_text(outbuf_reserve(out, 3 * name.len + 8), " ("), name);
        outbuf_written(out, put_char(p, ')'));
    }
    if (rec->has_thread)
        add_number(out, " tid ", rec->thread_id);
}

static void add_pktmon(outbuf *out, const record *rec, bool dropped)
{
    add_number(out, "; component ", number_of(rec, "ComponentId"));
    add_number(out, " edge ", number_of(rec, "EdgeId"));
    add_number(out, ", packet ", number_of(rec, "PktNumber"));
    add_number(out, ", appearance ", number_of(rec, "AppearanceCount"));
    if (!dropped)
        return;
    add_number(out, "; dropped: reason ", number_of(rec, "DropReason"));
    outbuf_text(out, " (");
    size_t name = out->len;
    add_text(out, rec, "DropReason");
    while (out->len > name && out->bytes[out->len - 1] == ' ')
        out->len--;
    add_hex(out, "), location ", number_of(rec, "DropLocation"));
}

// Of out-of-band data, an array of pointers (NDIS_NET_BUFFER_LIST_INFO).
static u64 switch_info(const record *rec, size_t index)
{
    span info = bytes_of(rec, "OOBData"), value;
    size_t each = rec->event->is_64_bit ? 8 : 4;
    return span_sub(info, index * each, each, &value) ? load_unsigned(value) : 0;
}

enum { INFO_8021Q = 4, INFO_HASH = 8 };

static void add_switch(outbuf *out, const record *rec, u32 vlan)
{
    add_number(out, "; vlan ", vlan);
    add_number(out, ", source port ", number_of(rec, "SourcePortId"));
    outbuf_text(out, " ");
    add_text(out, rec, "SourcePortName");
    outbuf_text(out, ", NIC ");
    add_text(out, rec, "SourceNicName");
    outbuf_text(out, " ");
    add_text(out, rec, "SourceNicType");
    add_number(out, ", destinations ", number_of(rec, "DestinationCount"));
    add_hex(out, ", hash ", switch_info(rec, INFO_HASH) & UINT32_MAX);
}

// DOT11_EXTSTA_RECV_CONTEXT
static void add_wifi(outbuf *out, span meta)
{
    static const char *const PHY[] = {"unknown", "FHSS",    "DSSS",     "infrared", "802.11a", "802.11b",
                                      "802.11g", "802.11n", "802.11ac", "802.11ad", "802.11ax"};
    u32 phy = load_u32(meta.at + 8);
    i32 rssi = (i32)load_u32(meta.at + 20);
    add_hex(out, "; 802.11 receive flags ", load_u32(meta.at + 4));
    outbuf_text(out, ", PHY ");
    outbuf_text(out, PHY[phy < COUNT_OF(PHY) ? phy : 0]);
    add_number(out, ", centre frequency ", load_u32(meta.at + 12));
    add_number(out, ", MPDUs ", load_u16(meta.at + 16));
    outbuf_text(out, ", RSSI ");
    outbuf_written(out, put_i64(outbuf_reserve(out, 21), rssi));
    add_number(out, ", data rate ", meta.at[24]);
}

// ---------------------------------------------------------------------------------------------- packets

static u32 direction(u64 keyword)
{
    return keyword & KEYWORD_SEND ? FLAG_OUTBOUND : keyword & KEYWORD_RECEIVE ? FLAG_INBOUND : 0;
}

static void read_ndis(const record *rec, outbuf *out, bool is_switch)
{
    u64 keyword = rec->cls->descriptor.keyword;
    span frame = bytes_of(rec, "Fragment");
    if (!frame.len) {
        put_lost(rec, out);
        return;
    }
    writer w = item_begin(out, rec, ITEM_PACKET, is_switch ? FAMILY_SWITCH : FAMILY_NDIS);
    packet_place *place = &w.item.place;
    place->link = keyword & KEYWORD_WIFI ? LINK_WIFI : keyword & KEYWORD_WAN ? LINK_RAW_IP : LINK_ETHERNET;
    place->id = (u32)number_of(rec, "LowerIfIndex");
    place->over = (u32)number_of(rec, "MiniportIfIndex");
    place->port = is_switch ? (u32)number_of(rec, "SourcePortId") : 0;
    place->vlan = is_switch ? switch_info(rec, INFO_8021Q) >> 4 & 0xfff : 0;
    w.item.flags = (u8)direction(keyword);
    w.item.first = keyword & KEYWORD_START;
    w.item.last = keyword & KEYWORD_END;
    w.item.original = length_on_wire(frame, place->link);
    put_frame(&w, frame);
    add_process(out, rec);
    if (is_switch)
        add_switch(out, rec, place->vlan);
    item_text_end(&w);
    if (is_switch) {
        add_text(out, rec, "SourceNicType");
        outbuf_text(out, " ");
        add_text(out, rec, "SourcePortName");
    }
    item_text_end(&w);
    item_end(&w);
}

static void read_meta(const record *rec, outbuf *out)
{
    enum { META_BYTES = 32 }; // of the structure, what is read here
    span meta = bytes_of(rec, "Metadata");
    if (meta.len < META_BYTES)
        return;
    writer w = item_begin(out, rec, ITEM_META, FAMILY_NDIS);
    item_text_end(&w);
    add_wifi(out, meta);
    item_text_end(&w);
    item_end(&w);
}

static void read_wan(const record *rec, outbuf *out, bool sent)
{
    span frame = bytes_of(rec, "Fragment");
    if (!frame.len) {
        put_lost(rec, out);
        return;
    }
    writer w = item_begin(out, rec, ITEM_PACKET, FAMILY_WAN);
    w.item.place.link = LINK_ETHERNET;
    w.item.flags = sent ? FLAG_OUTBOUND : FLAG_INBOUND;
    w.item.first = w.item.last = true;
    w.item.original = length_on_wire(frame, LINK_ETHERNET);
    put_frame(&w, frame);
    add_process(out, rec);
    outbuf_text(out, "; routing domain ");
    add_text(out, rec, "RoutingDomainID");
    outbuf_text(out, ", user ");
    add_text(out, rec, "RRASUserName");
    item_text_end(&w);
    add_text(out, rec, "RoutingDomainID");
    outbuf_text(out, ":");
    add_text(out, rec, "RRASUserName");
    item_text_end(&w);
    item_end(&w);
}

// By number: the names of these values are in the language of the recording machine.
static void read_pktmon(const record *rec, outbuf *out, bool dropped)
{
    enum { TYPE_ETHERNET = 1, TYPE_WIFI, TYPE_IP };
    static const u8 DIRECTIONS[] = {0,
                                    FLAG_INBOUND,
                                    FLAG_OUTBOUND,
                                    FLAG_INBOUND,
                                    FLAG_OUTBOUND,
                                    FLAG_INBOUND,
                                    FLAG_OUTBOUND}; // none, In, Out, Rx, Tx, Ingress, Egress
    span frame = bytes_of(rec, "Payload");
    if (!frame.len) {
        put_lost(rec, out);
        return;
    }
    writer w = item_begin(out, rec, ITEM_PACKET, FAMILY_PKTMON);
    u64 type = number_of(rec, "PacketType"), tag = number_of(rec, "DirTag");
    w.item.original = (u32)number_of(rec, "OriginalPayloadSize");
    // Filters over the native Wi-Fi one see Ethernet frames that are marked as 802.11.
    bool ethernet = type == TYPE_ETHERNET ||
                    (type == TYPE_WIFI && !packet_wifi_header(frame) && is_ethernet(frame, w.item.original));
    w.item.place.link = ethernet            ? LINK_ETHERNET
                        : type == TYPE_WIFI ? LINK_WIFI
                        : type == TYPE_IP   ? LINK_RAW_IP
                                            : LINK_USER;
    w.item.place.id = (u32)number_of(rec, "ComponentId");
    w.item.flags = tag < COUNT_OF(DIRECTIONS) ? DIRECTIONS[tag] : 0;
    w.item.first = w.item.last = true;
    w.item.dropped = dropped;
    w.item.has_id = true;
    w.item.id = number_of(rec, "PktGroupId");
    put_frame(&w, frame);
    add_process(out, rec);
    add_pktmon(out, rec, dropped);
    item_text_end(&w);
    item_text_end(&w);
    item_end(&w);
}

// ---------------------------------------------------------------------------------------------- interfaces

static void put_name(const record *rec, outbuf *out, packet_family family, const char *const fields[3])
{
    writer w = item_begin(out, rec, ITEM_NAME, family);
    w.item.place.id = (u32)number_of(rec, fields[0]);
    item_text_end(&w);
    add_text(out, rec, fields[2]);
    item_text_end(&w);
    add_text(out, rec, fields[1]);
    item_text_end(&w);
    item_end(&w);
}

static void put_address(const record *rec, outbuf *out, packet_family family, const char *id, span address)
{
    static const u8 none[16];
    item_kind kind = address.len == 16 ? ITEM_IPV6 : address.len == 4 ? ITEM_IPV4 : ITEM_MAC;
    if ((address.len != 16 && address.len != 4 && address.len != MAC_BYTES) ||
        memcmp(address.at, none, address.len) == 0)
        return;
    writer w = item_begin(out, rec, kind, family);
    w.item.place.id = (u32)number_of(rec, id);
    outbuf_add(out, address.at, address.len);
    item_text_end(&w);
    item_end(&w);
}

static void read_adapter(const record *rec, outbuf *out)
{
    static const char *const NAMES[] = {"InterfaceIndex", "Alias", "Description"};
    put_name(rec, out, FAMILY_NDIS, NAMES);
    span mac;
    if (number_of(rec, "PhysicalAddressLength") == MAC_BYTES &&
        span_sub(bytes_of(rec, "PhysicalAddress"), 0, MAC_BYTES, &mac))
        put_address(rec, out, FAMILY_NDIS, NAMES[0], mac);
}

void packet_read(packet_role role, const record *rec, outbuf *out)
{
    static const char *const COMPONENT[] = {"Id", "Name", "Description"};
    switch (role) {
    case ROLE_NONE:
        break;
    case ROLE_NDIS:
    case ROLE_SWITCH:
        read_ndis(rec, out, role == ROLE_SWITCH);
        break;
    case ROLE_NDIS_META:
        read_meta(rec, out);
        break;
    case ROLE_WAN_SENT:
    case ROLE_WAN_RECEIVED:
        read_wan(rec, out, role == ROLE_WAN_SENT);
        break;
    case ROLE_PKTMON:
    case ROLE_PKTMON_DROP:
        read_pktmon(rec, out, role == ROLE_PKTMON_DROP);
        break;
    case ROLE_PKTMON_COMPONENT:
        put_name(rec, out, FAMILY_PKTMON, COMPONENT);
        break;
    case ROLE_PKTMON_ADDRESS:
        put_address(rec, out, FAMILY_PKTMON, "ComponentId", bytes_of(rec, "IpAddress"));
        break;
    case ROLE_PKTMON_MAC:
        put_address(rec, out, FAMILY_PKTMON, "ComponentId", bytes_of(rec, "Value"));
        break;
    case ROLE_ADAPTER:
        read_adapter(rec, out);
        break;
    }
}
