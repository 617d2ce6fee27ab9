// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian.
//
// A block is begun, its fixed part is put, options follow, and it is ended; options are padded to four bytes, and the
// length of the block is at both its ends.
#ifndef ETWKIT_PCAPNG_BLOCK_H
#define ETWKIT_PCAPNG_BLOCK_H

#include "base/outbuf.h"
#include "base/span.h"

enum {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6, // an Enhanced Packet Block
    BLOCK_SECTION = 0x0a0d0d0a,

    OPTION_END = 0,
    OPTION_COMMENT = 1,
    SECTION_USER_APPLICATION = 4,
    INTERFACE_NAME = 2,
    INTERFACE_DESCRIPTION = 3,
    INTERFACE_IPV4 = 4, // address and mask
    INTERFACE_IPV6 = 5, // address and prefix length
    INTERFACE_MAC = 6,
    INTERFACE_TIME_RESOLUTION = 9, // times are multiples of 10 to the minus that many seconds
    PACKET_FLAGS = 2,              // bits 0 and 1: 1 inbound, 2 outbound
    PACKET_ID = 5,
    PACKET_VERDICT = 7, // one byte of type, 8 bytes of value
    PACKET_PROCESS = 8, // process and thread id

    VERDICT_XDP = 2, // the type with a plain "dropped": value 1
    VERDICT_XDP_DROP = 1,

    LINK_ETHERNET = 1,
    LINK_RAW_IP = 101,
    LINK_WIFI = 105, // 802.11
    LINK_USER = 147, // private use

    OPTION_LONGEST = 65535,
};

static inline void pcapng_u16(outbuf *b, u32 value)
{
    const u8 bytes[2] = {(u8)value, (u8)(value >> 8)};
    outbuf_add(b, bytes, sizeof(bytes));
}

static inline void pcapng_u32(outbuf *b, u32 value)
{
    pcapng_u16(b, value);
    pcapng_u16(b, value >> 16);
}

static inline void pcapng_u64(outbuf *b, u64 value)
{
    pcapng_u32(b, (u32)value);
    pcapng_u32(b, (u32)(value >> 32));
}

// To the next multiple of four bytes, counted from `start`.
static inline void pcapng_pad(outbuf *b, size_t start)
{
    static const u8 zeros[4];
    outbuf_add(b, zeros, (0 - (b->len - start)) & 3);
}

// Longer values than an option can have are cut.
static inline void pcapng_option(outbuf *b, u32 code, span value)
{
    size_t len = value.len < OPTION_LONGEST ? value.len : OPTION_LONGEST;
    pcapng_u16(b, code);
    pcapng_u16(b, (u32)len);
    size_t start = b->len;
    outbuf_add(b, value.at, len);
    pcapng_pad(b, start);
}

// Where the block begins, for pcapng_end.
static inline size_t pcapng_begin(outbuf *b, u32 type)
{
    size_t start = b->len;
    pcapng_u32(b, type);
    pcapng_u32(b, 0);
    return start;
}

static inline void pcapng_end(outbuf *b, size_t start)
{
    u32 len = (u32)(b->len - start) + 4;
    pcapng_u32(b, len);
    memcpy(b->bytes + start + 4, b->bytes + b->len - 4, 4);
}

#endif
