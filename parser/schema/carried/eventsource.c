#include "schema/carried/eventsource.h"

#include "base/limits.h"
#include "base/outbuf.h"
#include "schema/manifest/manifest.h"

enum { PIECE_HEADER = 8, PIECE_FORMAT = 1, PIECE_MAGIC = 0x5b };

// A manifest on its way: some of its pieces have come, in order.
typedef struct pending_manifest {
    guid provider;
    u32 process_id, thread_id;
    u32 pieces, have;
    outbuf text;
} pending_manifest;

// What was loaded, to know the same text again.
typedef struct loaded_manifest {
    guid provider;
    u64 hash;
    size_t len;
} loaded_manifest;

struct eventsource {
    pending_manifest *pending; // oldest first
    u32 pending_count, pending_cap;
    size_t pending_bytes;
    loaded_manifest *loaded;
    u32 loaded_count, loaded_cap;
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

static u32 pending_find(const eventsource *es, const guid *provider, u32 process_id, u32 thread_id)
{
    u32 i = 0;
    for (; i < es->pending_count; i++) {
        const pending_manifest *p = &es->pending[i];
        if (p->process_id == process_id && p->thread_id == thread_id && guid_equal(&p->provider, provider))
            break;
    }
    return i;
}

static void pending_drop(eventsource *es, u32 at)
{
    es->pending_bytes -= es->pending[at].text.len;
    outbuf_free(&es->pending[at].text);
    es->pending_count--;
    memmove(es->pending + at, es->pending + at + 1, (es->pending_count - at) * sizeof(*es->pending));
}

static void note_unfinished(const pending_manifest *p, const char *what, schema_load *load)
{
    char id[GUID_TEXT];
    schema_load_note(load, "EventSource manifest of %s: %u of %u pieces %s", guid_to_text(&p->provider, id), p->have,
                     p->pieces, what);
}

static u64 text_hash(span text)
{
    u64 h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ text.at[i]) * 0x100000001b3u;
    return h;
}

static bool loaded_before(const eventsource *es, const loaded_manifest *wanted)
{
    for (u32 i = 0; i < es->loaded_count; i++) {
        const loaded_manifest *m = &es->loaded[i];
        if (m->hash == wanted->hash && m->len == wanted->len && guid_equal(&m->provider, &wanted->provider))
            return true;
    }
    return false;
}

static void load_whole(eventsource *es, schema_set *set, const guid *provider, span text, schema_load *load)
{
    char id[GUID_TEXT], label[GUID_TEXT + 40] = "EventSource manifest of ";
    loaded_manifest own = {*provider, text_hash(text), text.len};
    strcat(label, guid_to_text(provider, id));
    if (loaded_before(es, &own))
        return;
    if (es->loaded_count >= LIMIT_PROVIDERS_A_FILE) {
        schema_load_note(load, "%s: there are more than %d different ones", label, LIMIT_PROVIDERS_A_FILE);
        return;
    }
    GROW(es->loaded, es->loaded_count, es->loaded_cap);
    es->loaded[es->loaded_count++] = own;
    manifest_target to = {set, ORIGIN_EVENTSOURCE, RANK_TRACE, NULL, label, provider, load};
    error e = {0};
    if (!manifest_load(&to, text, &e))
        schema_load_note(load, "%s: %s", label, e.message);
}

// Makes room for a manifest of several pieces: those that wait longest give way.
static pending_manifest *pending_add(eventsource *es, const guid *provider, u32 process_id, u32 thread_id, u32 pieces,
                                     size_t bytes, schema_load *load)
{
    while (es->pending_count &&
           (es->pending_count >= LIMIT_MANIFESTS_PENDING || es->pending_bytes + bytes > LIMIT_MANIFEST_PENDING)) {
        note_unfinished(&es->pending[0], "came before too many other manifests began; they are given up", load);
        pending_drop(es, 0);
    }
    GROW(es->pending, es->pending_count, es->pending_cap);
    pending_manifest *p = &es->pending[es->pending_count++];
    *p = (pending_manifest){.provider = *provider, .process_id = process_id, .thread_id = thread_id, .pieces = pieces};
    return p;
}

static void add_piece(eventsource *es, pending_manifest *p, span piece)
{
    outbuf_add(&p->text, piece.at, piece.len);
    es->pending_bytes += piece.len;
    p->have++;
}

void eventsource_offer(eventsource *es, schema_set *set, const guid *provider, u32 process_id, u32 thread_id,
                       span payload, schema_load *load)
{
    if (payload.len < PIECE_HEADER || payload.at[0] != PIECE_FORMAT || payload.at[3] != PIECE_MAGIC)
        return; // an event of that number that is no manifest
    u32 pieces = load_u16(payload.at + 4), number = load_u16(payload.at + 6);
    span piece = span_from(payload, PIECE_HEADER);
    char id[GUID_TEXT];
    if (pieces == 0 || pieces > LIMIT_MANIFEST_CHUNKS || number >= pieces) {
        schema_load_note(load, "EventSource manifest of %s: piece %u of %u", guid_to_text(provider, id), number,
                         pieces);
        return;
    }
    u32 at = pending_find(es, provider, process_id, thread_id);
    pending_manifest *p = at < es->pending_count ? &es->pending[at] : NULL;
    bool fits = p && p->pieces == pieces && p->have == number && p->text.len + piece.len <= LIMIT_XML_BYTES &&
                es->pending_bytes + piece.len <= LIMIT_MANIFEST_PENDING;
    if (p && !fits) {
        if (number)
            schema_load_note(load,
                             "EventSource manifest of %s: piece %u of %u where piece %u of %u is due; it is given up",
                             guid_to_text(provider, id), number, pieces, p->have, p->pieces);
        else
            note_unfinished(p, "came before it began anew", load);
        pending_drop(es, at);
    }
    if (!p && number > 0 && number + 1 == pieces)
        schema_load_note(load, "EventSource manifest of %s: its last piece came without those before it",
                         guid_to_text(provider, id));
    if (number == 0 && pieces == 1)
        load_whole(es, set, provider, piece, load);
    else if (number == 0)
        add_piece(es, pending_add(es, provider, process_id, thread_id, pieces, piece.len, load), piece);
    else if (fits)
        add_piece(es, p, piece);
    if (!fits || p->have < p->pieces)
        return;
    load_whole(es, set, provider, (span){p->text.bytes, p->text.len}, load);
    pending_drop(es, at);
}

void eventsource_finish(eventsource *es, schema_load *load)
{
    for (u32 i = 0; i < es->pending_count; i++)
        note_unfinished(&es->pending[i], "are in the trace", load);
}
