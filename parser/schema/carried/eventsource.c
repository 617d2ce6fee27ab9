#include "schema/carried/eventsource.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/outbuf.h"
#include "schema/manifest/manifest.h"

enum { PIECE_HEADER = 8, PIECE_FORMAT = 1, PIECE_MAGIC = 0x5b };

typedef struct piece {
    u32 number;
    u32 offset, len; // in the text of its manifest, as it came
} piece;

// A manifest some of whose pieces have come, in whatever order.
typedef struct pending_manifest {
    guid provider;
    u32 source, process_id;
    u32 count; // of all its pieces
    piece *pieces;
    u32 have, cap;
    outbuf text;
} pending_manifest;

// What was loaded, to know the same text again.
typedef struct loaded_manifest {
    guid provider;
    u64 hash;
    size_t len;
    provider_schema *made; // NULL: it could not be read
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

static u32 pending_find(const eventsource *es, const guid *provider, const schema_sender *sender, u32 count)
{
    u32 i = 0;
    for (; i < es->pending_count; i++) {
        const pending_manifest *p = &es->pending[i];
        if (p->process_id == sender->process_id && p->source == sender->source && p->count == count &&
            guid_equal(&p->provider, provider))
            break;
    }
    return i;
}

static void pending_drop(eventsource *es, u32 at)
{
    es->pending_bytes -= es->pending[at].text.len;
    outbuf_free(&es->pending[at].text);
    mem_free(es->pending[at].pieces);
    es->pending_count--;
    memmove(es->pending + at, es->pending + at + 1, (es->pending_count - at) * sizeof(*es->pending));
}

void eventsource_free(eventsource *es)
{
    if (!es)
        return;
    while (es->pending_count)
        pending_drop(es, es->pending_count - 1);
    mem_free(es->pending);
    mem_free(es->loaded);
    mem_free(es);
}

static void note_unfinished(const pending_manifest *p, const char *what, schema_load *load)
{
    char id[GUID_TEXT];
    schema_load_note(load, "EventSource manifest of %s: %u of %u pieces %s", guid_to_text(&p->provider, id), p->have,
                     p->count, what);
}

static loaded_manifest *loaded_before(const eventsource *es, const loaded_manifest *wanted)
{
    for (u32 i = 0; i < es->loaded_count; i++) {
        loaded_manifest *m = &es->loaded[i];
        if (m->hash == wanted->hash && m->len == wanted->len && guid_equal(&m->provider, &wanted->provider))
            return m;
    }
    return NULL;
}

// The description that a manifest has just become: that of its provider which nobody has sent so far.
static provider_schema *just_made(const schema_set *set, const guid *provider)
{
    for (provider_schema *p = schema_providers(set, provider); p; p = p->next)
        if (p->origin == ORIGIN_EVENTSOURCE && p->rank == RANK_TRACE && !p->sender_count)
            return p;
    return NULL;
}

static loaded_manifest *load_new(eventsource *es, schema_set *set, const loaded_manifest *own, span text,
                                 schema_load *load)
{
    char id[GUID_TEXT], label[GUID_TEXT + 40] = "EventSource manifest of ";
    strcat(label, guid_to_text(&own->provider, id));
    if (es->loaded_count >= LIMIT_PROVIDERS_A_FILE) {
        schema_load_note(load, "%s: there are more than %d different ones", label, LIMIT_PROVIDERS_A_FILE);
        return NULL;
    }
    GROW(es->loaded, es->loaded_count, es->loaded_cap);
    loaded_manifest *added = &es->loaded[es->loaded_count++];
    *added = *own;
    manifest_target to = {set, ORIGIN_EVENTSOURCE, RANK_TRACE, NULL, label, &own->provider, load};
    error e = {0};
    if (manifest_load(&to, text, &e))
        added->made = just_made(set, &own->provider);
    else
        schema_load_note(load, "%s: %s", label, e.message);
    return added;
}

static void load_whole(eventsource *es, schema_set *set, const guid *provider, const schema_sender *sender, span text,
                       schema_load *load)
{
    loaded_manifest own = {*provider, hash_bytes(text.at, text.len), text.len, NULL};
    loaded_manifest *loaded = loaded_before(es, &own);
    if (!loaded)
        loaded = load_new(es, set, &own, text, load);
    if (loaded && loaded->made)
        schema_add_sender(loaded->made, sender);
}

// Makes space for a manifest of several pieces: those that wait longest give way.
static pending_manifest *pending_add(eventsource *es, const guid *provider, const schema_sender *sender, u32 count,
                                     size_t bytes, schema_load *load)
{
    while (es->pending_count &&
           (es->pending_count >= LIMIT_MANIFESTS_PENDING || es->pending_bytes + bytes > LIMIT_MANIFEST_PENDING)) {
        note_unfinished(&es->pending[0], "came before too many other manifests began; they are given up", load);
        pending_drop(es, 0);
    }
    GROW(es->pending, es->pending_count, es->pending_cap);
    pending_manifest *p = &es->pending[es->pending_count++];
    *p = (pending_manifest){
        .provider = *provider, .source = sender->source, .process_id = sender->process_id, .count = count};
    return p;
}

static const piece *piece_find(const pending_manifest *p, u32 number)
{
    for (u32 i = 0; i < p->have; i++)
        if (p->pieces[i].number == number)
            return &p->pieces[i];
    return NULL;
}

static void piece_add(eventsource *es, pending_manifest *p, u32 number, span text)
{
    GROW(p->pieces, p->have, p->cap);
    p->pieces[p->have++] = (piece){number, (u32)p->text.len, (u32)text.len};
    outbuf_add(&p->text, text.at, text.len);
    es->pending_bytes += text.len;
}

static int by_number(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void load_joined(eventsource *es, schema_set *set, u32 at, const schema_sender *sender, schema_load *load)
{
    pending_manifest *p = &es->pending[at];
    outbuf whole = {0};
    qsort(p->pieces, p->have, sizeof(*p->pieces), by_number);
    for (u32 i = 0; i < p->have; i++)
        outbuf_add(&whole, p->text.bytes + p->pieces[i].offset, p->pieces[i].len);
    load_whole(es, set, &p->provider, sender, (span){whole.bytes, whole.len}, load);
    outbuf_free(&whole);
    pending_drop(es, at);
}

// The manifest a piece belongs to; a new one where there is none, and where the one there has another piece of that
// number or would become too long. NULL: it has the piece.
static pending_manifest *pending_for(eventsource *es, const guid *provider, const schema_sender *sender, u32 count,
                                     u32 number, span text, schema_load *load)
{
    u32 at = pending_find(es, provider, sender, count);
    if (at == es->pending_count)
        return pending_add(es, provider, sender, count, text.len, load);
    pending_manifest *p = &es->pending[at];
    const piece *there = piece_find(p, number);
    if (there && there->len == text.len && memcmp(p->text.bytes + there->offset, text.at, text.len) == 0)
        return NULL;
    if (!there && p->text.len + text.len <= LIMIT_XML_BYTES && es->pending_bytes + text.len <= LIMIT_MANIFEST_PENDING)
        return p;
    note_unfinished(p, there ? "came before another one began" : "are too long already; they are given up", load);
    pending_drop(es, at);
    return pending_add(es, provider, sender, count, text.len, load);
}

void eventsource_offer(eventsource *es, schema_set *set, const guid *provider, const schema_sender *sender,
                       span payload, schema_load *load)
{
    if (payload.len < PIECE_HEADER || payload.at[0] != PIECE_FORMAT || payload.at[3] != PIECE_MAGIC)
        return; // an event of that number that is not a manifest
    u32 count = load_u16(payload.at + 4), number = load_u16(payload.at + 6);
    span text = span_from(payload, PIECE_HEADER);
    if (count == 0 || count > LIMIT_MANIFEST_CHUNKS || number >= count) {
        char id[GUID_TEXT];
        schema_load_note(load, "EventSource manifest of %s: piece %u of %u", guid_to_text(provider, id), number, count);
        return;
    }
    if (count == 1) {
        load_whole(es, set, provider, sender, text, load);
        return;
    }
    pending_manifest *p = pending_for(es, provider, sender, count, number, text, load);
    if (!p)
        return;
    piece_add(es, p, number, text);
    if (p->have == p->count)
        load_joined(es, set, (u32)(p - es->pending), sender, load);
}

// Whether the process has sent some manifest of the provider whole: then pieces of another are those it repeated.
static bool sent_whole(const eventsource *es, const pending_manifest *p)
{
    schema_sender sender = {.source = p->source, .process_id = p->process_id};
    for (u32 i = 0; i < es->loaded_count; i++)
        if (guid_equal(&es->loaded[i].provider, &p->provider) && es->loaded[i].made &&
            schema_find_sender(es->loaded[i].made, &sender))
            return true;
    return false;
}

void eventsource_finish(eventsource *es, schema_load *load)
{
    for (u32 i = 0; i < es->pending_count; i++)
        if (!sent_whole(es, &es->pending[i]))
            note_unfinished(&es->pending[i], "are in the trace", load);
}
