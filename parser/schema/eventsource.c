#include "schema/eventsource.h"

#include "base/limits.h"
#include "base/outbuf.h"
#include "schema/manifest.h"

enum { PIECE_HEADER = 8, PIECE_FORMAT = 1, PIECE_MAGIC = 0x5b };

// A manifest on its way.
typedef struct pending_manifest {
    guid provider;
    u32 process_id, thread_id;
    u32 pieces, have; // pieces in all; 0: none under way
    outbuf text;
} pending_manifest;

// What was loaded, to know the same text again.
typedef struct loaded_manifest {
    guid provider;
    u64 hash;
    size_t len;
} loaded_manifest;

struct eventsource {
    pending_manifest *pending;
    u32 pending_count, pending_cap;
    loaded_manifest *loaded;
    u32 loaded_count, loaded_cap;
    size_t pending_bytes; // of all manifests on their way
};

eventsource *eventsource_new(void)
{
    return mem_zeroed(1, sizeof(eventsource));
}

void eventsource_free(eventsource *es)
{
    if (!es)
        return;
    for (u32 i = 0; i < es->pending_count; i++)
        outbuf_free(&es->pending[i].text);
    mem_free(es->pending);
    mem_free(es->loaded);
    mem_free(es);
}

static pending_manifest *pending_of(eventsource *es, const guid *provider, u32 process_id, u32 thread_id)
{
    for (u32 i = 0; i < es->pending_count; i++) {
        pending_manifest *p = &es->pending[i];
        if (p->process_id == process_id && p->thread_id == thread_id && guid_equal(&p->provider, provider))
            return p;
    }
    if (es->pending_count >= LIMIT_MANIFESTS_PENDING)
        return NULL;
    GROW(es->pending, es->pending_count, es->pending_cap);
    pending_manifest *p = &es->pending[es->pending_count++];
    *p = (pending_manifest){.provider = *provider, .process_id = process_id, .thread_id = thread_id};
    return p;
}

static u64 text_hash(span text)
{
    u64 h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ text.at[i]) * 0x100000001b3u;
    return h;
}

static bool loaded_before(eventsource *es, const guid *provider, span text)
{
    u64 hash = text_hash(text);
    for (u32 i = 0; i < es->loaded_count; i++) {
        const loaded_manifest *m = &es->loaded[i];
        if (m->hash == hash && m->len == text.len && guid_equal(&m->provider, provider))
            return true;
    }
    GROW(es->loaded, es->loaded_count, es->loaded_cap);
    es->loaded[es->loaded_count++] = (loaded_manifest){*provider, hash, text.len};
    return false;
}

static void load_whole(eventsource *es, schema_set *set, const guid *provider, span text, schema_load *load)
{
    if (loaded_before(es, provider, text))
        return;
    char id[GUID_TEXT], label[GUID_TEXT + 40] = "EventSource manifest of ";
    strcat(label, guid_to_text(provider, id));
    manifest_target to = {set, ORIGIN_EVENTSOURCE, RANK_TRACE, NULL, label, provider, load};
    error e = {0};
    if (!manifest_load(&to, text, &e))
        schema_load_note(load, "%s: %s", label, e.message);
}

void eventsource_offer(eventsource *es, schema_set *set, const guid *provider, u32 process_id, u32 thread_id,
                       span payload, schema_load *load)
{
    if (payload.len < PIECE_HEADER || payload.at[0] != PIECE_FORMAT || payload.at[3] != PIECE_MAGIC)
        return; // an event of that number that is no manifest
    u32 pieces = load_u16(payload.at + 4), number = load_u16(payload.at + 6);
    char id[GUID_TEXT];
    pending_manifest *p = pending_of(es, provider, process_id, thread_id);
    if (!p || pieces == 0 || pieces > LIMIT_MANIFEST_CHUNKS || number >= pieces) {
        schema_load_note(load, "EventSource manifest of %s: piece %u of %u", guid_to_text(provider, id), number, pieces);
        return;
    }
    if (number == 0) {
        es->pending_bytes -= p->text.len;
        p->pieces = pieces;
        p->have = 0;
        p->text.len = 0;
    }
    bool next = p->pieces == pieces && number == p->have;
    bool fits = p->text.len + payload.len <= LIMIT_XML_BYTES && es->pending_bytes + payload.len <= LIMIT_MANIFEST_PENDING;
    if (!next || !fits) {
        if (p->pieces)
            schema_load_note(load, "EventSource manifest of %s: piece %u of %u where piece %u is due%s; it is given up",
                             guid_to_text(provider, id), number, pieces, p->have, next ? ", and too much is pending" : "");
        p->pieces = 0;
        return;
    }
    outbuf_add(&p->text, payload.at + PIECE_HEADER, payload.len - PIECE_HEADER);
    es->pending_bytes += payload.len - PIECE_HEADER;
    if (++p->have < p->pieces)
        return;
    p->pieces = 0;
    load_whole(es, set, provider, (span){p->text.bytes, p->text.len}, load);
}

void eventsource_finish(eventsource *es, schema_load *load)
{
    char id[GUID_TEXT];
    for (u32 i = 0; i < es->pending_count; i++) {
        const pending_manifest *p = &es->pending[i];
        if (p->pieces)
            schema_load_note(load, "EventSource manifest of %s: %u of %u pieces are in the trace",
                             guid_to_text(&p->provider, id), p->have, p->pieces);
    }
}
