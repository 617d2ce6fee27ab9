#include "sqlite_connections.h"

#include <stdio.h>

#include "base/text.h"

static const u32 UNKNOWN = UINT32_MAX;

// Ends as the texts that activities have of them, and whose they are: the process's number in the list, or UNKNOWN.
typedef struct ends {
    u32 host, process_id, process, local_port, remote_port;
    bool tcp;
    u8 local_len, remote_len;
    char local[64], remote[64];
} ends;

static u8 put_address(char room[64], bool ipv6, const u8 *bytes)
{
    u8 *end = ipv6 ? text_ipv6((u8 *)room, bytes) : text_ipv4((u8 *)room, bytes);
    return (u8)(end - (u8 *)room);
}

static void ends_of(const connection *k, ends *out)
{
    memset(out, 0, sizeof(*out));
    out->host = k->machine;
    out->process_id = k->process_id;
    out->process = k->process ? k->process->index : UNKNOWN;
    out->tcp = k->tcp;
    out->local_port = k->local_port;
    out->remote_port = k->remote_port;
    out->local_len = put_address(out->local, k->ipv6, k->local);
    out->remote_len = put_address(out->remote, k->ipv6, k->remote);
    memset(out->local + out->local_len, 0, sizeof(out->local) - out->local_len);
    memset(out->remote + out->remote_len, 0, sizeof(out->remote) - out->remote_len);
}

static bool same_ends(const void *items, u32 index, const void *key)
{
    ends own;
    ends_of(&((const connection *)items)[index], &own);
    return memcmp(&own, key, sizeof(own)) == 0;
}

void connection_index_make(connection_index *x, const correlator *c)
{
    u32 count;
    *x = (connection_index){.list = correlator_connections(c, &count)};
    for (u32 i = 0; i < count; i++) {
        ends key;
        ends_of(&x->list[i], &key);
        u64 hash = hash_bytes(&key, sizeof(key));
        if (map_find(&x->by_ends, hash, same_ends, x->list, &key) == MAP_NONE)
            map_add(&x->by_ends, hash, i);
    }
}

void connection_index_free(connection_index *x)
{
    map_free(&x->by_ends);
}

static bool take_text(const activity *seen, const record *rec, activity_field which, char room[64], u8 *len)
{
    span text = activity_text(seen, rec->scratch, which);
    if (!text.len || text.len >= 64)
        return false;
    memcpy(room, text.at, text.len);
    *len = (u8)text.len;
    return true;
}

static bool take_number(const activity *seen, activity_field which, u32 *out)
{
    u64 number;
    if (!activity_number(seen, which, &number) || number > UINT16_MAX)
        return false;
    *out = (u32)number;
    return true;
}

i64 connection_index_find(const connection_index *x, u32 host, const activity *seen, const record *rec)
{
    ends key;
    memset(&key, 0, sizeof(key));
    if (!x->by_ends.count || seen->kind < ACTIVITY_KIND_connect || seen->kind > ACTIVITY_KIND_receive)
        return -1;
    span protocol = activity_text(seen, rec->scratch, ACTIVITY_protocol);
    key.host = host;
    key.process_id = seen->process_id;
    key.process = seen->process ? seen->process->index : UNKNOWN;
    key.tcp = protocol.len == 3 && memcmp(protocol.at, "tcp", 3) == 0;
    if (!take_text(seen, rec, ACTIVITY_local_address, key.local, &key.local_len) ||
        !take_text(seen, rec, ACTIVITY_address, key.remote, &key.remote_len) ||
        !take_number(seen, ACTIVITY_local_port, &key.local_port) || !take_number(seen, ACTIVITY_port, &key.remote_port))
        return -1;
    u32 found = map_find(&x->by_ends, hash_bytes(&key, sizeof(key)), same_ends, x->list, &key);
    if (found == MAP_NONE) { // it may be several processes' that cannot be told apart
        key.process = UNKNOWN;
        found = map_find(&x->by_ends, hash_bytes(&key, sizeof(key)), same_ends, x->list, &key);
    }
    return found == MAP_NONE ? -1 : (i64)found;
}
