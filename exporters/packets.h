// What records hold of network packets: frames, and what the interfaces are called that they went through.
//
// Providers: Microsoft-Windows-NDIS-PacketCapture (1001 to 1003), Microsoft-Windows-PktMon (20 to 75, 160, 170),
// Microsoft-Windows-Ras-NdisWanPacketCapture (5001, 5002); names of interfaces also from the network configuration that
// tools append to a trace (SystemConfigEx/NetworkInterface). Which events, fields and keywords these are is what
// etl2pcapng reads and what the traces describe.
#ifndef ETWKIT_PACKETS_H
#define ETWKIT_PACKETS_H

#include "etwkit_engine.h"

// What events of a class are.
typedef enum packet_role {
    ROLE_NONE,
    ROLE_NDIS,      // a frame, or a part of one
    ROLE_NDIS_META, // of the 802.11 frame that comes next
    ROLE_SWITCH,    // a frame in a virtual switch
    ROLE_WAN_SENT,
    ROLE_WAN_RECEIVED,
    ROLE_PKTMON,
    ROLE_PKTMON_DROP,
    ROLE_PKTMON_COMPONENT, // name and description
    ROLE_PKTMON_ADDRESS,   // IPv4, IPv6
    ROLE_PKTMON_MAC,
    ROLE_ADAPTER, // name, description, MAC
} packet_role;

packet_role packet_role_of(const event_class *cls);

typedef enum packet_family { FAMILY_NDIS, FAMILY_SWITCH, FAMILY_WAN, FAMILY_PKTMON } packet_family;

// Where a packet was seen. Packets of one interface have the same place.
typedef struct packet_place {
    u32 source; // the trace: interfaces of two machines may have the same number
    u16 family, link;
    u32 id;   // interface index, or component
    u32 over; // of the miniport below it
    u32 port, vlan;
} packet_place;

typedef enum item_kind { ITEM_PACKET, ITEM_LOST, ITEM_META, ITEM_NAME, ITEM_IPV4, ITEM_IPV6, ITEM_MAC } item_kind;

// What one record gives. It is followed by its three texts, one after the other:
//   ITEM_PACKET     the frame; the comment; the name of the interface ("" where other events give it)
//   ITEM_LOST       nothing: a packet whose record has no frame
//   ITEM_META       (none); more of the comment
//   ITEM_NAME       (none); the description; the name
//   ITEM_IPV4 …     the address
typedef struct packet_item {
    u32 lengths[3]; // of the texts
    u8 kind;
    u8 flags;         // of the packet block: direction
    bool first, last; // the frame's first and last part
    bool dropped;
    bool has_process, has_id;
    packet_place place;
    u32 processor;
    u32 process_id, thread_id;
    u32 original; // bytes of the frame on the wire
    i64 time;     // FILETIME
    u64 id;
} packet_item;

// Appends the record's items; none where it says nothing of packets.
void packet_read(packet_role role, const record *rec, outbuf *out);

// The next item of a buffer; false at its end.
bool packet_next(span *rest, packet_item *item, span texts[3]);

// Bytes of an 802.11 data frame's header, after which its LLC header is in the clear; 0: it is something else.
size_t packet_wifi_header(span frame);

#endif
