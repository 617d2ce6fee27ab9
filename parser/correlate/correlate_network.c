// Traffic between two ends, added up for each process id.
//
// The kernel's TcpIp and UdpIp events and Microsoft-Windows-Kernel-Network have the same fields and, with 42, 43, 58
// and 59 for UDP, the same numbers. saddr is the own end and daddr the other one, except in UDP packets received, where
// the sender is the source (observed: 210 of 210 in a Windows 8 trace, and 7,968 of 7,968 TCP ones the other way
// round). Microsoft-Windows-TCPIP tells both ends of a control block (TCB) and moves bytes by TCB.
#include <stdlib.h>

#include "base/known_guids.h"

#include "correlate/correlate_internal.h"

typedef enum traffic {
    TRAFFIC_NONE,
    TRAFFIC_SEND,
    TRAFFIC_RECEIVE,
    TRAFFIC_CONNECT,
    TRAFFIC_DISCONNECT,
    TRAFFIC_RETRANSMIT,
    TRAFFIC_ACCEPT,
    TRAFFIC_RECONNECT
} traffic;

enum { FIRST_IPV6 = 16, UDP_SEND = 42, UDP_RECEIVE = 43, OPCODE_SEND = 10 };

static bool is_udp(const event_class *cls)
{
    static const guid UDP_CLASS = GUID_CLASS_UDP_IP;
    return cls->classic ? guid_equal(&cls->provider_id, &UDP_CLASS) : cls->descriptor.id >= UDP_SEND;
}

// Numbers 10 to 16, the same plus 16 for IPv6, and Kernel-Network's 42 and 43 for UDP with 58 and 59.
static traffic traffic_of(const event_class *cls)
{
    u32 n = cls->classic ? cls->descriptor.opcode : cls->descriptor.id;
    if (n >= UDP_SEND)
        n = n - UDP_SEND + OPCODE_SEND;
    if (n >= OPCODE_SEND + FIRST_IPV6)
        n -= FIRST_IPV6;
    return n >= 10 && n <= 16 ? (traffic)(n - 10 + TRAFFIC_SEND) : TRAFFIC_NONE;
}

// ---------------------------------------------------------------------------------------------- the table

// One session's and witness's sums stay apart until all are known: `machine` holds both as a number until then.
enum { WITNESS_KERNEL, WITNESS_PROVIDER, WITNESS_TCPIP, WITNESSES };

static bool same_ends(const connection *a, const connection *b)
{
    return a->tcp == b->tcp && a->ipv6 == b->ipv6 && a->machine == b->machine && a->process_id == b->process_id &&
           a->local_port == b->local_port && a->remote_port == b->remote_port &&
           memcmp(a->local, b->local, sizeof(a->local)) == 0 && memcmp(a->remote, b->remote, sizeof(a->remote)) == 0;
}

static u64 hash_ends(const connection *k)
{
    u64 h = hash_bytes(k->local, sizeof(k->local));
    h = hash_more(h, k->remote, sizeof(k->remote));
    const u32 rest[] = {k->machine, k->process_id, (u32)k->local_port << 16 | k->remote_port,
                        (u32)k->tcp | (u32)k->ipv6 << 1};
    return hash_more(h, rest, sizeof(rest));
}

static void count_in(u64 *sum, u64 more, bool again)
{
    if (!again)
        *sum += more;
    else if (more > *sum)
        *sum = more;
}

// `again`: another witness of the same time, who saw the same packets.
static void add_up(connection *sum, const connection *k, bool again)
{
    if (k->first < sum->first)
        sum->first = k->first;
    if (k->last > sum->last)
        sum->last = k->last;
    count_in(&sum->bytes_sent, k->bytes_sent, again);
    count_in(&sum->bytes_received, k->bytes_received, again);
    count_in(&sum->sends, k->sends, again);
    count_in(&sum->receives, k->receives, again);
    count_in(&sum->connects, k->connects, again);
    count_in(&sum->accepts, k->accepts, again);
    count_in(&sum->disconnects, k->disconnects, again);
    count_in(&sum->retransmits, k->retransmits, again);
}

// The place in the list; NONE where it is full.
static const u32 NONE = UINT32_MAX;

// Of all that had these ends, the one that goes on at that time. Events are not fed in order.
static u32 going_on(const network_book *b, u32 latest, i64 time)
{
    enum { LOOKED_AT = 64 }; // buffers are out of order by few events
    u32 at = latest;
    for (u32 i = 0; i < LOOKED_AT && b->list[at].first > time && b->list[at].before != NONE; i++)
        at = b->list[at].before;
    return at;
}

// The same ends, opened again, may be another process's.
static u32 add(network_book *b, const connection *k)
{
    u64 hash = hash_ends(k);
    u32 latest;
    MAP_FIND(latest, &b->by_ends, hash, same_ends(&b->list[index_], k));
    if (latest != MAP_NONE && !(k->connects + k->accepts)) {
        u32 found = going_on(b, latest, k->first);
        add_up(&b->list[found], k, false);
        return found;
    }
    if (b->count >= LIMIT_CONNECTIONS) {
        b->refused++;
        return NONE;
    }
    SPILL_GROW(b->list_block, b->list, b->count, b->cap);
    b->list[b->count] = *k;
    b->list[b->count].before = latest;
    if (latest != MAP_NONE)
        map_remove(&b->by_ends, hash, latest);
    map_add(&b->by_ends, hash, b->count);
    return b->count++;
}

// ---------------------------------------------------------------------------------------------- events

static bool take_address(const seen *v, want w, u8 *into, size_t *len)
{
    span s;
    if (!seen_value(v, w, &s) || (s.len != 4 && s.len != 16))
        return false;
    memcpy(into, s.at, s.len);
    *len = s.len;
    return true;
}

static bool take_port(const seen *v, want w, u16 *port)
{
    span s;
    if (!seen_value(v, w, &s) || s.len != 2)
        return false;
    *port = load_u16_be(s.at);
    return true;
}

static void count_traffic(connection *k, traffic what, u32 bytes)
{
    switch (what) {
    case TRAFFIC_SEND:
        k->sends = 1;
        k->bytes_sent = bytes;
        return;
    case TRAFFIC_RECEIVE:
        k->receives = 1;
        k->bytes_received = bytes;
        return;
    case TRAFFIC_CONNECT:
    case TRAFFIC_RECONNECT:
        k->connects = 1;
        return;
    case TRAFFIC_ACCEPT:
        k->accepts = 1;
        return;
    case TRAFFIC_DISCONNECT:
        k->disconnects = 1;
        return;
    case TRAFFIC_RETRANSMIT:
        k->retransmits = 1;
        return;
    case TRAFFIC_NONE:
        return;
    }
}

static void see_kernel(correlator *c, const sighting *s, const seen *v, u32 source)
{
    traffic what = traffic_of(s->cls);
    u32 apart = source * WITNESSES + (s->cls->classic ? WITNESS_KERNEL : WITNESS_PROVIDER);
    connection k = {.tcp = !is_udp(s->cls), .machine = apart, .first = s->time, .last = s->time};
    bool swapped = !k.tcp && what == TRAFFIC_RECEIVE;
    size_t local = 0, remote = 0;
    u32 bytes = 0;
    if (what == TRAFFIC_NONE || !seen_u32(v, WANT_PROCESS, &k.process_id) ||
        !take_address(v, swapped ? WANT_REMOTE : WANT_LOCAL, k.local, &local) ||
        !take_address(v, swapped ? WANT_LOCAL : WANT_REMOTE, k.remote, &remote) || local != remote ||
        !take_port(v, swapped ? WANT_REMOTE_PORT : WANT_LOCAL_PORT, &k.local_port) ||
        !take_port(v, swapped ? WANT_LOCAL_PORT : WANT_REMOTE_PORT, &k.remote_port))
        return;
    k.ipv6 = local == 16;
    (void)seen_u32(v, WANT_BYTES, &bytes);
    count_traffic(&k, what, bytes);
    (void)add(&c->network, &k);
}

// Bytes moved by a control block, whose ends may be told later.
typedef struct tcb_move {
    u64 tcb;
    i64 time;
    u32 source, bytes;
    bool send;
} tcb_move;

enum {
    ID_ACCEPTED = 1017,
    ID_CONNECTED = 1033,
    ID_RECEIVED = 1074,
    ID_UDP_SENT = 1169,
    ID_UDP_RECEIVED = 1170,
    ID_SENT = 1332
};
enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 23 };

// SOCKADDR: u16 family, port, then the address at 4 (IPv4, 16 bytes in all) or 8 (IPv6, 28).
static bool take_socket_address(const seen *v, want w, u8 *into, u16 *port, bool *ipv6)
{
    span s;
    if (!seen_value(v, w, &s) || s.len < 16)
        return false;
    u16 family = load_u16(s.at);
    *ipv6 = family == FAMILY_IPV6;
    if ((*ipv6 && s.len < 24) || (!*ipv6 && family != FAMILY_IPV4))
        return false;
    *port = load_u16_be(s.at + 2);
    memcpy(into, s.at + (*ipv6 ? 8 : 4), *ipv6 ? 16 : 4);
    return true;
}

static void see_move(network_book *b, const sighting *s, const seen *v, u32 source)
{
    tcb_move m = {.time = s->time, .source = source, .send = s->cls->descriptor.id == ID_SENT};
    if (!seen_number(v, WANT_OBJECT, &m.tcb) || !seen_u32(v, WANT_BYTES, &m.bytes))
        return;
    if (b->move_count >= LIMIT_TCB_FACTS) {
        b->refused++;
        return;
    }
    SPILL_GROW(b->move_block, b->moves, b->move_count, b->move_cap);
    b->moves[b->move_count++] = m;
}

static void see_tcpip(correlator *c, const sighting *s, const seen *v, u32 source)
{
    u16 id = s->cls->descriptor.id;
    if (id == ID_RECEIVED || id == ID_SENT) {
        see_move(&c->network, s, v, source);
        return;
    }
    bool udp = id == ID_UDP_SENT || id == ID_UDP_RECEIVED, other;
    connection k = {.tcp = !udp, .machine = source * WITNESSES + WITNESS_TCPIP, .first = s->time, .last = s->time};
    u64 status = 0, tcb = 0;
    u32 bytes = 0;
    if (!seen_u32(v, WANT_PROCESS, &k.process_id) ||
        !take_socket_address(v, WANT_LOCAL, k.local, &k.local_port, &k.ipv6) ||
        !take_socket_address(v, WANT_REMOTE, k.remote, &k.remote_port, &other) || k.ipv6 != other ||
        (seen_number(v, WANT_STATUS, &status) && status >> 31))
        return;
    (void)seen_u32(v, WANT_BYTES, &bytes);
    traffic what = udp                  ? (id == ID_UDP_SENT ? TRAFFIC_SEND : TRAFFIC_RECEIVE)
                   : id == ID_ACCEPTED  ? TRAFFIC_ACCEPT
                   : id == ID_CONNECTED ? TRAFFIC_CONNECT
                                        : TRAFFIC_DISCONNECT;
    count_traffic(&k, what, bytes);
    u32 place = add(&c->network, &k);
    if (udp || place == NONE || !seen_number(v, WANT_OBJECT, &tcb))
        return;
    fact f = {tcb, s->time, NULL, place, source, what == TRAFFIC_DISCONNECT ? FACT_EXISTS : FACT_START};
    history_tell(&c->network.tcbs, &f);
}

void network_see(correlator *c, const sighting *s, const seen *v, topic t, u32 source)
{
    if (t == TOPIC_NETWORK)
        see_kernel(c, s, v, source);
    else
        see_tcpip(c, s, v, source);
}

// ---------------------------------------------------------------------------------------------- closing

static int compare_numbers(u64 a, u64 b)
{
    return a < b ? -1 : a > b;
}

static int compare_ends(const connection *x, const connection *y)
{
    int order = compare_numbers(x->process_id, y->process_id);
    if (!order)
        order = memcmp(x->local, y->local, sizeof(x->local));
    if (!order)
        order = memcmp(x->remote, y->remote, sizeof(x->remote));
    if (!order)
        order = compare_numbers(x->local_port, y->local_port);
    if (!order)
        order = compare_numbers(x->remote_port, y->remote_port);
    if (!order)
        order = compare_numbers(y->tcp, x->tcp);
    return order ? order : compare_numbers(x->ipv6, y->ipv6);
}

static int compare_times(const connection *x, const connection *y)
{
    return x->first != y->first ? (x->first < y->first ? -1 : 1)
           : x->last != y->last ? (x->last < y->last ? -1 : 1)
                                : 0;
}

static int by_ends(const void *a, const void *b)
{
    const connection *x = a, *y = b;
    int order = compare_numbers(x->machine, y->machine);
    if (!order)
        order = compare_ends(x, y);
    if (!order)
        order = compare_times(x, y);
    return order ? order : compare_numbers(x->bytes_sent + x->bytes_received, y->bytes_sent + y->bytes_received);
}

static int by_first(const void *a, const void *b)
{
    const connection *x = a, *y = b;
    int order = compare_times(x, y);
    if (!order)
        order = compare_ends(x, y);
    return order ? order : compare_numbers(x->machine, y->machine);
}

// Sums of one recording and witness are of different packets.
static void merge_own(network_book *b)
{
    u32 kept = 0;
    for (u32 i = 0; i < b->count; i++) {
        connection *last = kept ? &b->list[kept - 1] : NULL;
        if (last && same_ends(last, &b->list[i]) && last->process == b->list[i].process)
            add_up(last, &b->list[i], false);
        else
            b->list[kept++] = b->list[i];
    }
    b->count = kept;
}

// Sums of one machine's recordings that overlap are of the same packets; others are added.
static void merge_witnesses(network_book *b)
{
    u32 kept = 0;
    for (u32 i = 0; i < b->count; i++) {
        connection *last = kept ? &b->list[kept - 1] : NULL;
        if (last && same_ends(last, &b->list[i]) && last->process == b->list[i].process)
            add_up(last, &b->list[i], b->list[i].first <= last->last);
        else
            b->list[kept++] = b->list[i];
    }
    b->count = kept;
}

static void move_bytes(correlator *c, network_book *b)
{
    u64 passed = 0;
    history_close(&b->tcbs, c);
    for (u32 i = 0; i < b->move_count; i++) {
        const tcb_move *m = &b->moves[i];
        const life *l = history_at(&b->tcbs, c->machines[m->source], m->tcb, m->time);
        spill_pass(&passed, SPILL_LOOKUP, SPILL_LOOKUPS);
        if (!l)
            continue;
        connection more = {.first = m->time, .last = m->time};
        count_traffic(&more, m->send ? TRAFFIC_SEND : TRAFFIC_RECEIVE, m->bytes);
        add_up(&b->list[l->number], &more, false);
    }
    spill_free(&b->move_block);
    b->moves = NULL;
    b->move_count = b->move_cap = 0;
}

// Whose they are, by the first event and by the last.
static void find_processes(const correlator *c, network_book *b)
{
    u64 passed = 0;
    for (u32 i = 0; i < b->count; i++) {
        spill_pass(&passed, SPILL_LOOKUP, SPILL_LOOKUPS);
        connection *k = &b->list[i];
        u32 machine = c->machines[k->machine / WITNESSES];
        const process_life *first = process_at(c, machine, k->process_id, k->first);
        const process_life *last = process_at(c, machine, k->process_id, k->last);
        k->process = last && last != first ? NULL : first;
    }
}

void network_close(correlator *c)
{
    network_book *b = &c->network;
    move_bytes(c, b);
    find_processes(c, b);
    b->list = spill_sort(&b->list_block, b->count, sizeof(*b->list), by_ends);
    merge_own(b);
    for (u32 i = 0; i < b->count; i++)
        b->list[i].machine = c->machines[b->list[i].machine / WITNESSES];
    b->list = spill_sort(&b->list_block, b->count, sizeof(*b->list), by_ends);
    merge_witnesses(b);
    b->list = spill_sort(&b->list_block, b->count, sizeof(*b->list), by_first);
    spill_seal(b->list_block);
    map_free(&b->by_ends);
}

const connection *correlator_connections(const correlator *c, u32 *count)
{
    *count = c->network.count;
    return c->network.list;
}

void network_free(network_book *b)
{
    spill_free(&b->list_block);
    map_free(&b->by_ends);
    spill_free(&b->move_block);
    history_free(&b->tcbs);
}
