// -f pcapng: traces with packets of each kind, read back block by block after the specification
// (draft-ietf-opsawg-pcapng), and by tshark and capinfos where they are installed. Environment: ETWKIT the program.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/span.h"
#include "etl_text.h"
#include "judges.h"

#define NDIS "provider={2ed6006e-4729-4609-b423-3ee7bcd678ef} "
#define WAN "provider={d84521f7-2235-4237-a7c0-14e3a9676286} "
#define PKTMON "provider={4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac} "
#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

// Ethernet, IPv4 with a total length of 28, UDP port 1 to 2, no data: 42 bytes.
#define ETHERNET                                                                                                       \
    "0a0b0c0d0e0f"                                                                                                     \
    "010203040506"                                                                                                     \
    "0800"
#define IPV4                                                                                                           \
    "4500001c"                                                                                                         \
    "00010000"                                                                                                         \
    "4011"                                                                                                             \
    "0000"                                                                                                             \
    "0a000001"                                                                                                         \
    "0a000002"                                                                                                         \
    "0001000200080000"
// 802.11 data frame from an access point, protected, then LLC and SNAP and the same packet: 60 bytes.
#define WIFI_PROTECTED                                                                                                 \
    "0842"                                                                                                             \
    "0000"                                                                                                             \
    "0a0b0c0d0e0f"                                                                                                     \
    "010203040506"                                                                                                     \
    "0102030405ff"                                                                                                     \
    "1000"                                                                                                             \
    "aaaa03000000"                                                                                                     \
    "0800" IPV4
#define WIFI_CLEAR                                                                                                     \
    "0802"                                                                                                             \
    "0000"                                                                                                             \
    "0a0b0c0d0e0f"                                                                                                     \
    "010203040506"                                                                                                     \
    "0102030405ff"                                                                                                     \
    "1000"                                                                                                             \
    "aaaa03000000"                                                                                                     \
    "0800" IPV4

// ---------------------------------------------------------------------------------------------- reading back

typedef struct block {
    u32 type;
    span body; // fixed part and options
} block;

typedef struct capture {
    program p;
    outbuf file;
    block blocks[64];
    u32 count;
} capture;

static void capture_read(capture *c)
{
    char path[512];
    bytes_load(program_path(&c->p, "out.pcapng", path), &c->file);
    c->count = 0;
    for (span rest = {c->file.bytes, c->file.len}; rest.len; c->count++) {
        assert_true(rest.len >= 12 && c->count < COUNT_OF(c->blocks));
        u32 len = load_u32(rest.at + 4);
        assert_true(len >= 12 && len % 4 == 0 && len <= rest.len);
        assert_int_equal(load_u32(rest.at + len - 4), len);
        c->blocks[c->count] = (block){load_u32(rest.at), {rest.at + 8, len - 12}};
        rest = span_from(rest, len);
    }
}

static void capture_make(capture *c, const char *text)
{
    char path[512];
    error e = {0};
    outbuf trace = {0};
    program_begin(&c->p);
    c->file = (outbuf){0};
    if (!etl_text_build(text, strlen(text), &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(&c->p, "in.etl", path), trace.bytes, trace.len);
    outbuf_free(&trace);
    if (RUN(&c->p, "convert", "{}/in.etl", "-o", "{}/out.pcapng") != 0)
        fail_msg("%s", (const char *)c->p.err.bytes);
    capture_read(c);
}

static void capture_free(capture *c)
{
    outbuf_free(&c->file);
    program_end(&c->p);
}

// The n-th block of a type, from 0.
static span block_of(const capture *c, u32 type, u32 n)
{
    for (u32 i = 0; i < c->count; i++)
        if (c->blocks[i].type == type && n-- == 0)
            return c->blocks[i].body;
    fail_msg("no such block");
    return (span){0};
}

static u32 blocks_of(const capture *c, u32 type)
{
    u32 count = 0;
    for (u32 i = 0; i < c->count; i++)
        count += c->blocks[i].type == type;
    return count;
}

// The option's value; at NULL: there is none.
static span option_of(span body, size_t fixed, u32 code)
{
    for (span rest = span_from(body, fixed); rest.len >= 4;) {
        u32 len = load_u16(rest.at + 2), padded = (len + 3) & ~3u;
        assert_true(padded + 4 <= rest.len);
        if (load_u16(rest.at) == code)
            return (span){rest.at + 4, len};
        rest = span_from(rest, padded + 4);
    }
    return (span){0};
}

static void is_text(span value, const char *text)
{
    if (value.len != strlen(text) || memcmp(value.at, text, value.len) != 0)
        fail_msg("got \"%.*s\", expected \"%s\"", (int)value.len, value.at ? (const char *)value.at : "", text);
}

static void is_hex(span value, const char *hex)
{
    char text[1024] = "";
    assert_true(value.len < 500);
    for (size_t i = 0; i < value.len; i++)
        snprintf(text + 2 * i, 3, "%02x", value.at[i]);
    assert_string_equal(text, hex);
}

typedef struct packet {
    u32 interface;
    u64 time;
    u32 original;
    span frame, body;
    size_t fixed;
} packet;

static packet packet_of(const capture *c, u32 n)
{
    packet p = {.body = block_of(c, 6, n)};
    const u8 *at = p.body.at;
    u32 len = load_u32(at + 12);
    p.interface = load_u32(at);
    p.time = (u64)load_u32(at + 4) << 32 | load_u32(at + 8);
    p.original = load_u32(at + 16);
    p.frame = (span){at + 20, len};
    p.fixed = 20 + ((len + 3) & ~3u);
    assert_true(p.fixed <= p.body.len);
    return p;
}

static void packet_is(const capture *c, u32 n, const char *link_and_name, const char *frame, const char *comment)
{
    packet p = packet_of(c, n);
    char name[128];
    span interface = block_of(c, 1, p.interface), text = option_of(interface, 8, 2);
    snprintf(name, sizeof(name), "%u %.*s", load_u16(interface.at), (int)text.len, (const char *)text.at);
    assert_string_equal(name, link_and_name);
    is_hex(p.frame, frame);
    is_text(option_of(p.body, p.fixed, 1), comment);
}

// ---------------------------------------------------------------------------------------------- PktMon

// group, number, appearance, direction, type, component, edge, filter; reason, location; original, logged, frame
#define PKTMON_PACKET(id, values, drop, original, logged, hex)                                                         \
    "event " PKTMON "id=" id " keyword=0x10 pid=4 tid=8 payload u64:281474976710657 u16:" values " u32:" drop          \
    " u16:" original "," logged " hex:" hex "\n"

static const char PKTMON_TRACE[] =
    "trace\n"
    "event " PKTMON "id=20 keyword=2 payload u16:9,2 wstr:\"late.sys\" wstr:\"first of its number\"\n" PKTMON_PACKET(
        "160", "1,2,3,1,5,6,1", "0,0", "60", "42", ETHERNET IPV4)
        PKTMON_PACKET("170", "1,1,4,3,5,6,1", "210,0xe000", "28", "28", IPV4)
            PKTMON_PACKET("160", "1,1,1,2,9,2,1", "0,0", "42", "42", ETHERNET IPV4)
                PKTMON_PACKET("160", "1,1,0,2,9,1,1", "0,0", "60", "60",
                              WIFI_CLEAR) "event " PKTMON
                                          "id=20 keyword=2 payload u16:5,2 wstr:\"nic.sys\" wstr:\"A network card\"\n"
                                          "event " PKTMON
                                          "id=20 keyword=2 payload u16:9,2 wstr:\"late2.sys\" wstr:\"\"\n"
                                          "event " PKTMON "id=70 keyword=2 payload u16:5,6 u32:6 hex:0022487BB380\n"
                                          "event " PKTMON "id=65 keyword=2 payload u16:5,13 ipv4:10.9.1.22\n"
                                          "event " PKTMON "id=66 keyword=2 payload u16:5,14 ipv6:fe80::1\n"
                                          "event " PKTMON "id=65 keyword=2 payload u16:5,13 ipv4:10.9.1.22\n";

static void pktmon(void **state)
{
    (void)state;
    capture c;
    capture_make(&c, PKTMON_TRACE);
    assert_non_null(strstr((const char *)c.p.err.bytes, "etwkit: 4 packets of 4 interfaces\n"));
    assert_int_equal(blocks_of(&c, 6), 4);
    packet_is(&c, 0, "1 nic.sys:5", ETHERNET IPV4, "pid 4 tid 8; component 5 edge 6, packet 1, appearance 2");
    packet_is(&c, 1, "101 nic.sys:5", IPV4,
              "pid 4 tid 8; component 5 edge 6, packet 1, appearance 1; dropped: reason 210 (210), location 0xe000");
    // Marked as 802.11, and an Ethernet frame.
    packet_is(&c, 2, "1 late.sys:9", ETHERNET IPV4, "pid 4 tid 8; component 9 edge 2, packet 1, appearance 1");
    packet_is(&c, 3, "105 late.sys:9", WIFI_CLEAR, "pid 4 tid 8; component 9 edge 1, packet 1, appearance 1");
    packet p = packet_of(&c, 0), drop = packet_of(&c, 1);
    // 2024-05-01T10:00:00Z and 20 us, in 100 ns since 1970
    assert_true(p.time == 17145576000000000 + 200);
    assert_int_equal(p.original, 60);
    is_hex(option_of(p.body, p.fixed, 2), "01000000");
    is_hex(option_of(p.body, p.fixed, 5), "0100000000000100");
    is_hex(option_of(p.body, p.fixed, 8), "0400000008000000");
    assert_null(option_of(p.body, p.fixed, 7).at);
    is_hex(option_of(drop.body, drop.fixed, 2), "02000000");
    is_hex(option_of(drop.body, drop.fixed, 7), "020100000000000000");
    capture_free(&c);
}

// Whole blocks, byte for byte.
static void blocks_are_as_specified(void **state)
{
    (void)state;
    capture c;
    capture_make(&c, PKTMON_TRACE);
    assert_int_equal(c.blocks[0].type, 0x0a0d0d0a);
    span section = c.blocks[0].body;
    is_hex((span){section.at, 16}, "4d3c2b1a"
                                   "01000000"
                                   "ffffffffffffffff");
    is_text((span){option_of(section, 16, 4).at, 7}, "etwkit ");
    assert_true(option_of(section, 16, 1).len > 0);
    for (u32 i = 1; i < c.count; i++)
        assert_int_equal(c.blocks[i].type, i <= 4 ? 1 : 6);
    is_hex(block_of(&c, 1, 0), "0100"
                               "0000"
                               "00000000"
                               "02000900"
                               "6e69632e7379733a35000000"
                               "03000e00"
                               "41206e6574776f726b20636172640000"
                               "05001100"
                               "fe80000000000000000000000000000180000000"
                               "04000800"
                               "0a090116ffffffff"
                               "06000600"
                               "0022487bb3800000"
                               "09000100"
                               "07000000"
                               "00000000");
    capture_free(&c);
}

// ---------------------------------------------------------------------------------------------- NDIS

#define START_END "0xc0000000"

static const char NDIS_TRACE[] =
    "trace\n"
    "buffer cpu=0\n"
    // Two frames in parts, at the same time on two processors.
    "event " NDIS "id=1001 keyword=0x340000001 time=+10us payload u32:3,3,4 hex:0a0b0c0d\n"
    "event " NDIS "id=1001 keyword=0x300000001 time=+30us payload u32:3,3,10 hex:0e0f0102030405060800\n"
    "event " NDIS "id=1001 keyword=0x180000001 time=+50us payload u32:3,3,28 hex:" IPV4 "\n"
    "event " NDIS
    "id=1002 keyword=0x10001 time=+60us payload u32:7,8,48 hex:04013000 u32:3,7,2437 u16:1,0 i32:-55 u8:108 "
    "zeros:23\n"
    "event " NDIS "id=1001 keyword=0x2c0010000 time=+70us payload u32:7,8,60 hex:" WIFI_PROTECTED "\n"
    "event " NDIS
    "id=1001 keyword=0x1c2000200 time=+80us payload u32:9,9,20 hex:4500001c000100004011000000000000ffffffff\n"
    "event " NDIS "id=1001 keyword=0x40000001 time=+90us payload u32:3,3,1 hex:ff\n" // its end never comes
    "buffer cpu=1\n"
    "event " NDIS "id=1001 keyword=0x40000001 time=+20us payload u32:3,3,1 hex:55\n"
    "event " NDIS "id=1001 keyword=0x80000001 time=+40us payload u32:3,3,1 hex:66\n";

// The same kinds, each whole before the next begins, which is all that other converters put together.
static const char ONE_BY_ONE_TRACE[] =
    "trace\n"
    "event " NDIS "id=1001 keyword=0x340000001 time=+10us payload u32:3,3,4 hex:0a0b0c0d\n"
    "event " NDIS "id=1001 keyword=0x300000001 time=+30us payload u32:3,3,10 hex:0e0f0102030405060800\n"
    "event " NDIS "id=1001 keyword=0x180000001 time=+50us payload u32:3,3,28 hex:" IPV4 "\n"
    "event " NDIS "id=1001 keyword=0x2c0010000 time=+70us payload u32:7,8,60 hex:" WIFI_PROTECTED "\n"
    "event " NDIS
    "id=1001 keyword=0x1c2000200 time=+80us payload u32:9,9,20 hex:4500001c000100004011000000000000ffffffff\n";

static void ndis(void **state)
{
    (void)state;
    capture c;
    capture_make(&c, NDIS_TRACE);
    assert_non_null(
        strstr((const char *)c.p.err.bytes, "etwkit: 4 packets of 3 interfaces; of 1 the last part is missing\n"));
    packet_is(&c, 0, "1 eth:3", "5566", "pid 4 tid 8");
    packet_is(&c, 1, "1 eth:3", ETHERNET IPV4, "pid 4 tid 8");
    packet_is(&c, 2, "105 wifi:8", WIFI_CLEAR,
              "pid 4 tid 8; 802.11 receive flags 0x3, PHY 802.11n, centre frequency 2437, MPDUs 1, RSSI -55, data rate "
              "108");
    packet_is(&c, 3, "101 ip:9", "4500001c000100004011000000000000ffffffff", "pid 4 tid 8");
    assert_int_equal(packet_of(&c, 1).original, 42);
    assert_int_equal(packet_of(&c, 3).original, 28); // by its IP header
    packet in = packet_of(&c, 2), out = packet_of(&c, 1);
    is_hex(option_of(in.body, in.fixed, 2), "01000000");
    is_hex(option_of(out.body, out.fixed, 2), "02000000");
    is_text(option_of(block_of(&c, 1, in.interface), 8, 3), "filter over interface 7");
    capture_free(&c);
}

#define DOMAIN "{6bd5ca2d-8a1b-4f5e-9e63-1f2a3b4c5d6e}"
static const char SWITCH_TRACE[] =
    "trace\n"
    // The schema is in the trace, as netsh leaves it; what a destination is called is invented.
    "tdh-schema " NDIS "id=1003 level=4 keyword=0x1c1000001 fields={ u32 MiniportIfIndex; u32 LowerIfIndex; u32 "
    "SourcePortId; wstr SourcePortName; wstr SourceNicName; wstr SourceNicType; u32 DestinationCount; "
    "struct[DestinationCount] Destination { u32 PortId; wstr Name }; u32 FragmentSize; bin(FragmentSize) Fragment; "
    "u32 OOBDataSize; bin(OOBDataSize) OOBData }\n"
    // Out-of-band data: 9 pointers, of which the fifth has the VLAN in bits 4 to 15 and the ninth is a hash.
    "event " NDIS
    "id=1003 level=4 keyword=0x1c1000001 payload u32:3,3,17 wstr:\"port\" wstr:\"nic\" wstr:\"type\" u32:1,99 wstr:\"there\" "
    "u32:42 hex:" ETHERNET IPV4 " u32:72 u64:0,0,0,0,0x640,0,0,0,0xabc\n"
    "event " WAN "id=5001 payload wstr:\"" DOMAIN "\" wstr:\"ann\" u32:42 hex:" ETHERNET IPV4 "\n"
    "event " WAN "id=5002 payload wstr:\"" DOMAIN "\" wstr:\"bob\" u32:42 hex:" ETHERNET IPV4 "\n"
    "event " WAN "id=5002 payload wstr:\"" DOMAIN "\" wstr:\"ann\" u32:42 hex:" ETHERNET IPV4 "\n"
    "event " WAN "id=5002 payload wstr:\"" DOMAIN "\" wstr:\"ann\" u32:0\n";

static void switch_and_wan(void **state)
{
    (void)state;
    capture c;
    capture_make(&c, SWITCH_TRACE);
    assert_non_null(
        strstr((const char *)c.p.err.bytes, "etwkit: 4 packets of 3 interfaces; 1 were logged without their bytes\n"));
    packet_is(&c, 0, "1 vNIC:type port:17:100", ETHERNET IPV4,
              "pid 4 tid 8; vlan 100, source port 17 port, NIC nic type, destinations 1, hash 0xabc");
    packet_is(&c, 1, "1 Rras:" DOMAIN ":ann", ETHERNET IPV4, "pid 4 tid 8; routing domain " DOMAIN ", user ann");
    packet_is(&c, 2, "1 Rras:" DOMAIN ":bob", ETHERNET IPV4, "pid 4 tid 8; routing domain " DOMAIN ", user bob");
    assert_int_equal(packet_of(&c, 1).interface, packet_of(&c, 3).interface);
    packet sent = packet_of(&c, 1), received = packet_of(&c, 3);
    is_hex(option_of(sent.body, sent.fixed, 2), "02000000");
    is_hex(option_of(received.body, received.fixed, 2), "01000000");
    capture_free(&c);
}

static void no_packets(void **state)
{
    (void)state;
    capture c;
    capture_make(&c, "trace\nevent id=1 payload u32:1\n");
    assert_non_null(strstr((const char *)c.p.err.bytes, "etwkit: no packets: "));
    assert_int_equal(c.count, 1);
    assert_int_equal(c.blocks[0].type, 0x0a0d0d0a);
    // It is known as our own.
    assert_int_equal(RUN(&c.p, "convert", "{}/in.etl", "-o", "{}/out.pcapng"), 0);
    capture_free(&c);
}

// ---------------------------------------------------------------------------------------------- other readers

static bool have(const char *command)
{
    char line[128];
    snprintf(line, sizeof(line), "command -v %s >/dev/null", command);
    return system(line) == 0;
}

// What a command says, one line, after {} became the folder.
static void says(const capture *c, const char *command, const char *wanted)
{
    char line[1024], got[1024] = "";
    const char *at = strstr(command, "{}");
    snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - command), command, c->p.folder, at + 2);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    size_t len = fread(got, 1, sizeof(got) - 1, f);
    got[len] = 0;
    assert_int_equal(pclose(f), 0);
    assert_string_equal(got, wanted);
}

static void tshark_reads_it(void **state)
{
    (void)state;
    if (!have("tshark")) {
        print_message("skipped: tshark is not installed\n");
        skip();
    }
    capture c;
    capture_make(&c, PKTMON_TRACE);
    says(&c,
         "tshark -r {}/out.pcapng -T fields -E separator=' ' -e frame.protocols -e frame.interface_name -e frame.len "
         "-e frame.cap_len -e frame.time_epoch -e ip.src 2>/dev/null",
         "eth:ethertype:ip:udp nic.sys:5 60 42 1714557600.000020000 10.0.0.1\n"
         "raw:ip:udp nic.sys:5 28 28 1714557600.000030000 10.0.0.1\n"
         "eth:ethertype:ip:udp late.sys:9 42 42 1714557600.000040000 10.0.0.1\n"
         "wlan:llc:ip:udp late.sys:9 60 60 1714557600.000050000 10.0.0.1\n");
    says(&c, "tshark -r {}/out.pcapng -Y _ws.malformed 2>/dev/null", "");
    capture_free(&c);
    capture_make(&c, NDIS_TRACE);
    says(&c, "tshark -r {}/out.pcapng -T fields -E separator=' ' -e frame.protocols -e frame.len 2>/dev/null",
         "eth 2\neth:ethertype:ip:udp 42\nwlan:llc:ip:udp 60\nraw:ip:udp 28\n");
    capture_free(&c);
}

// Marked as 802.11: an Ethernet frame to all, one with EAPOL, and a beacon, which is what the mark says.
static void ethernet_marked_as_wifi(void **state)
{
    (void)state;
#define TO_ALL "ffffffffffff90a5af5a29058300000000000002000000000000"
#define EAPOL "34f7169571ea90a5af5a2905888e0103000401020304"
#define BEACON "80000000ffffffffffff90a5af5a290590a5af5a29050000"
    capture c;
    capture_make(&c, "trace\n" PKTMON_PACKET("160", "1,1,1,2,12,2,1", "0,0", "26", "26", TO_ALL)
                         PKTMON_PACKET("160", "1,1,1,2,12,2,1", "0,0", "22", "22", EAPOL)
                             PKTMON_PACKET("160", "1,1,1,2,12,2,1", "0,0", "24", "24", BEACON));
    static const u32 LINKS[] = {1, 1, 105};
    for (u32 i = 0; i < COUNT_OF(LINKS); i++)
        assert_int_equal(load_u16(block_of(&c, 1, packet_of(&c, i).interface).at), LINKS[i]);
    capture_free(&c);
}

// All traces at hand, those of ETWKIT_PACKETS among them.
static void frames_are_packet_events(void **state)
{
    (void)state;
    const char *more = getenv("ETWKIT_PACKETS");
    char pattern[512] = "";
    if (more)
        snprintf(pattern, sizeof(pattern), "%s/*.etl", more);
    int code = judge_traces("tests/pcapng_judge.py", pattern);
    if (code == 77) {
        print_message("skipped: there is no tshark or capinfos\n");
        skip();
    }
    assert_int_equal(code, 0);
}

static void threads_make_no_difference(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    char trace[512];
    snprintf(trace, sizeof(trace), "%s/corpus/pktmon-demikernel-ws2022.etl", shared ? shared : "../shared");
    if (access(trace, R_OK) != 0) {
        print_message("skipped: there is no %s\n", trace);
        skip();
    }
    capture c = {0};
    program_begin(&c.p);
    assert_int_equal(RUN(&c.p, "convert", trace, "-q", "-o", "{}/out.pcapng"), 0);
    assert_int_equal(RUN(&c.p, "convert", trace, "-q", "-j", "3", "-o", "{}/j3.pcapng"), 0);
    says(&c, "cd {} && cmp out.pcapng j3.pcapng", "");
    capture_free(&c);
}

// ETL2PCAPNG names another converter (a program that takes a trace and an output, as Microsoft's etl2pcapng does): it
// finds the same packets.
static void another_converter(void **state)
{
    (void)state;
    const char *converter = getenv("ETL2PCAPNG"), *more = getenv("ETWKIT_PACKETS");
    if (!converter) {
        print_message("skipped: no other converter (ETL2PCAPNG)\n");
        skip();
    }
    static const struct {
        const char *name, *text;
    } TRACES[] = {{"pktmon", PKTMON_TRACE}, {"ndis", ONE_BY_ONE_TRACE}, {"switch", SWITCH_TRACE}};
    program p;
    char path[512], arguments[2048] = "";
    size_t len = 0;
    program_begin(&p);
    for (size_t i = 0; i < COUNT_OF(TRACES); i++) {
        outbuf trace = {0};
        error e = {0};
        assert_true(etl_text_build(TRACES[i].text, strlen(TRACES[i].text), &trace, &e));
        bytes_save(program_path(&p, TRACES[i].name, path), trace.bytes, trace.len);
        outbuf_free(&trace);
        len += (size_t)snprintf(arguments + len, sizeof(arguments) - len, " '%s'", path);
    }
    snprintf(arguments + len, sizeof(arguments) - len, more ? " '%s'/*.etl" : "%s", more ? more : "");
    char script[1024];
    snprintf(script, sizeof(script), "tests/pcapng_peer.py '%s'", converter);
    assert_int_equal(judge_traces(script, arguments), 0);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pktmon),
        cmocka_unit_test(blocks_are_as_specified),
        cmocka_unit_test(ndis),
        cmocka_unit_test(switch_and_wan),
        cmocka_unit_test(ethernet_marked_as_wifi),
        cmocka_unit_test(no_packets),
        cmocka_unit_test(tshark_reads_it),
        cmocka_unit_test(frames_are_packet_events),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(another_converter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
