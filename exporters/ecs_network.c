#include <arpa/inet.h>

#include "ecs_activity.h"

// ---------------------------------------------------------------------------------------------- network

// 4, 6; 0: it is no address.
static int address_family(span text)
{
    char copy[INET6_ADDRSTRLEN + 1];
    u8 bytes[16];
    if (!text.len || text.len >= sizeof(copy))
        return 0;
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    return inet_pton(AF_INET, copy, bytes) == 1 ? 4 : inet_pton(AF_INET6, copy, bytes) == 1 ? 6 : 0;
}

static void put_end(const char *key, span address, bool has_port, u64 port, bool has_bytes, u64 bytes, outbuf *out)
{
    ecs_object end = ecs_begin(out, key);
    bool nobody = address.len == 1 && address.at[0] == '-';
    if (!nobody)
        ecs_span(out, "address", address);
    if (address_family(address))
        ecs_span(out, "ip", address);
    if (has_port && port <= UINT16_MAX)
        ecs_number(out, "port", port);
    if (has_bytes && bytes <= INT64_MAX)
        ecs_number(out, "bytes", bytes);
    ecs_end(out, end);
}

void ecs_end_put(const char *key, span address, bool has_port, u64 port, outbuf *out)
{
    put_end(key, address, has_port, port, false, 0, out);
}

void ecs_network_put(const ecs_view *v, bool inbound)
{
    span local = ecs_text_of(v, ACTIVITY_local_address), remote = ecs_text_of(v, ACTIVITY_address);
    int family = address_family(remote);
    ecs_object network = ecs_begin(v->out, "network");
    ecs_put(v, "transport", ACTIVITY_protocol);
    if (family)
        ecs_text(v->out, "type", family == 4 ? "ipv4" : "ipv6");
    ecs_text(v->out, "direction", inbound ? "ingress" : "egress");
    ecs_end(v->out, network);

    u64 local_port = 0, port = 0, bytes = 0;
    bool has_local = ecs_number_of(v, ACTIVITY_local_port, &local_port),
         has_port = ecs_number_of(v, ACTIVITY_port, &port);
    bool moves = v->seen->kind == ACTIVITY_KIND_send || v->seen->kind == ACTIVITY_KIND_datagram ||
                 v->seen->kind == ACTIVITY_KIND_receive;
    bool has_bytes = moves && ecs_number_of(v, ACTIVITY_bytes, &bytes);
    const char *near = inbound ? "destination" : "source", *far = inbound ? "source" : "destination";
    put_end(near, local, has_local, local_port, has_bytes && !inbound, bytes, v->out);
    put_end(far, remote, has_port, port, has_bytes && inbound, bytes, v->out);
}

void ecs_http_put(const ecs_view *v)
{
    u64 status;
    ecs_object url = ecs_begin(v->out, "url");
    ecs_put(v, "original", ACTIVITY_url);
    ecs_end(v->out, url);
    ecs_object http = ecs_begin(v->out, "http"), request = ecs_begin(v->out, "request");
    ecs_put(v, "method", ACTIVITY_method);
    ecs_end(v->out, request);
    ecs_object response = ecs_begin(v->out, "response");
    if (ecs_number_of(v, ACTIVITY_status, &status) && status >= 100 && status < 600)
        ecs_number(v->out, "status_code", status);
    ecs_end(v->out, response);
    ecs_end(v->out, http);
}

// ---------------------------------------------------------------------------------------------- DNS

static const char *dns_type(u64 number)
{
    static const struct {
        u16 number;
        const char *name;
    } TYPES[] = {{1, "A"},   {2, "NS"},      {5, "CNAME"}, {6, "SOA"},    {12, "PTR"},
                 {15, "MX"}, {16, "TXT"},    {28, "AAAA"}, {33, "SRV"},   {41, "OPT"},
                 {43, "DS"}, {48, "DNSKEY"}, {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"}};
    for (size_t i = 0; i < COUNT_OF(TYPES); i++)
        if (TYPES[i].number == number)
            return TYPES[i].name;
    return NULL;
}

static const char *dns_response(u64 status)
{
    enum { NO_RECORDS = 9501, FORMAT_ERROR = 9001 }; // of Windows: DNS_INFO_NO_RECORDS, DNS_ERROR_RCODE_FORMAT_ERROR
    static const char *const CODES[] = {"FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    if (status == 0 || status == NO_RECORDS)
        return "NOERROR";
    return status >= FORMAT_ERROR && status - FORMAT_ERROR < COUNT_OF(CODES) ? CODES[status - FORMAT_ERROR] : NULL;
}

typedef struct dns_answer {
    span data;
    const char *type; // NULL: nobody's
    bool is_address;
} dns_answer;

// The next of "type:  5 cdn.example.net;::ffff:192.0.2.77;": names have their type before them, addresses are alone.
static bool next_answer(span *rest, dns_answer *out)
{
    static const char TYPE[] = "type:", MAPPED[] = "::ffff:";
    if (!rest->len)
        return false;
    const u8 *end = memchr(rest->at, ';', rest->len);
    span one = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
    *rest = span_from(*rest, end ? one.len + 1 : one.len);
    u64 type = 0;
    size_t at = 0;
    if (one.len > strlen(TYPE) && memcmp(one.at, TYPE, strlen(TYPE)) == 0)
        for (at = strlen(TYPE); at < one.len && (one.at[at] == ' ' || (one.at[at] >= '0' && one.at[at] <= '9')); at++)
            type = one.at[at] == ' ' || type > UINT16_MAX ? type : type * 10 + (u64)(one.at[at] - '0');
    one = span_from(one, at);
    if (one.len > strlen(MAPPED) && memcmp(one.at, MAPPED, strlen(MAPPED)) == 0 && memchr(one.at, '.', one.len))
        one = span_from(one, strlen(MAPPED));
    int family = at ? 0 : address_family(one);
    *out = (dns_answer){one, family == 4 ? "A" : family == 6 ? "AAAA" : dns_type(type), family != 0};
    return true;
}

static void put_answers(span results, outbuf *out)
{
    dns_answer a;
    bool addresses = false;
    ecs_key(out, "answers");
    outbuf_text(out, "[");
    for (span rest = results; next_answer(&rest, &a); addresses |= a.is_address) {
        ecs_separate(out);
        outbuf_text(out, "{");
        ecs_span(out, "data", a.data);
        ecs_text(out, "type", a.type);
        outbuf_text(out, "}");
    }
    outbuf_text(out, "]");
    if (!addresses)
        return;
    ecs_key(out, "resolved_ip");
    outbuf_text(out, "[");
    for (span rest = results; next_answer(&rest, &a);)
        if (a.is_address) {
            ecs_separate(out);
            ecs_string(out, a.data);
        }
    outbuf_text(out, "]");
}

void ecs_dns_put(const ecs_view *v)
{
    u64 number;
    span results = ecs_text_of(v, ACTIVITY_results);
    bool answered = ecs_number_of(v, ACTIVITY_status, &number);
    ecs_object dns = ecs_begin(v->out, "dns"), question = ecs_begin(v->out, "question");
    ecs_put(v, "name", ACTIVITY_name);
    if (ecs_number_of(v, ACTIVITY_type, &number))
        ecs_text(v->out, "type", dns_type(number));
    ecs_end(v->out, question);
    ecs_text(v->out, "type", answered ? "answer" : "query");
    if (ecs_number_of(v, ACTIVITY_status, &number))
        ecs_text(v->out, "response_code", dns_response(number));
    if (results.len)
        put_answers(results, v->out);
    ecs_end(v->out, dns);
}
