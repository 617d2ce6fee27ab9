// What a record shows that somebody did, in the fields of the Elastic Common Schema.
#ifndef ETWKIT_ECS_ACTIVITY_H
#define ETWKIT_ECS_ACTIVITY_H

#include "ecs_write.h"
#include "etwkit_engine.h"

// An activity, where its texts are, and where it is written.
typedef struct ecs_view {
    const activity *seen;
    const getter_scratch *scratch;
    outbuf *out;
} ecs_view;

// Members of the object `event`: category, type, outcome.
void ecs_activity_event(const ecs_view *v);
// Members of the object `user`.
void ecs_activity_user(const ecs_view *v);
// Objects of their own: file, dll, registry, network, source, destination, dns, http, url.
void ecs_activity_objects(const ecs_view *v);

// ---------------------------------------------------------------------------------------------- pieces of it

static inline span ecs_text_of(const ecs_view *v, activity_field which)
{
    return activity_text(v->seen, v->scratch, which);
}

static inline bool ecs_number_of(const ecs_view *v, activity_field which, u64 *out)
{
    return activity_number(v->seen, which, out);
}

static inline void ecs_put(const ecs_view *v, const char *key, activity_field which)
{
    ecs_span(v->out, key, ecs_text_of(v, which));
}

void ecs_network_put(const ecs_view *v, bool inbound); // network, source, destination
void ecs_http_put(const ecs_view *v);                  // http, url
void ecs_dns_put(const ecs_view *v);
// `source` or `destination`, with "ip" where the address is one.
void ecs_end_put(const char *key, span address, bool has_port, u64 port, outbuf *out);

#endif
