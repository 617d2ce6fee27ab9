// `etwkit schemas export`: one description as a manifest, read back and compared before it is put in its place.
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "etwkit_engine.h"
#include "exporter.h"
#include "outfile.h"
#include "schemas/schemas.h"

// ---------------------------------------------------------------------------------------------- which one

// The wanted build, or else the latest; of equals the most trusted origin stands first.
static provider_schema *choose(const schemas_wanted *w, const char *build, u32 *others)
{
    provider_schema *best = NULL;
    char text[16];
    *others = 0;
    for (u32 i = 0; i < w->count; i++) {
        for (provider_schema *p = schema_providers(w->set, &w->ids[i]); p; p = p->next) {
            snprintf(text, sizeof(text), "%u", p->os_build);
            if (build && strcmp(text, build) != 0)
                continue;
            *others += best != NULL;
            if (!best || p->os_build > best->os_build)
                best = p;
        }
    }
    return best;
}

// ---------------------------------------------------------------------------------------------- the comparison

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_map(const value_map *a, const value_map *b)
{
    if (!a || !b)
        return a == b;
    if (a->count != b->count || a->is_bitmap != b->is_bitmap)
        return false;
    for (u32 i = 0; i < a->count; i++)
        if (a->entries[i].value != b->entries[i].value || !same_text(a->entries[i].text, b->entries[i].text))
            return false;
    return true;
}

// Types that manifests know under another number but lay out in the same way.
static u16 plain_type(u16 in)
{
    return in == IN_MOF_COUNTED_STRING        ? IN_COUNTED_STRING
           : in == IN_MOF_COUNTED_ANSI_STRING ? IN_COUNTED_ANSI_STRING
                                              : in;
}

static bool same_extent(const event_schema *a, const event_schema *b, u16 x, u16 y, u32 flags, u32 by_field)
{
    return flags & by_field ? same_text(a->properties[x].name, b->properties[y].name) : x == y;
}

static bool same_property(const event_schema *a, const event_schema *b, u32 at)
{
    const property *x = &a->properties[at], *y = &b->properties[at];
    enum { WHAT = PROP_STRUCT | PROP_PARAM_LENGTH | PROP_PARAM_COUNT };
    bool is_struct = (x->flags & PROP_STRUCT) != 0;
    bool sized = !is_struct && in_type_find(x->in_type)->bytes != 0 && !(x->flags & PROP_PARAM_LENGTH);
    if (!same_text(x->name, y->name) || (x->flags & WHAT) != (y->flags & WHAT) ||
        !same_extent(a, b, x->count, y->count, x->flags, PROP_PARAM_COUNT))
        return false;
    if (is_struct)
        return x->struct_start == y->struct_start && x->struct_members == y->struct_members;
    u16 out = x->out_type ? x->out_type : in_type_find(x->in_type)->default_out;
    return plain_type(x->in_type) == y->in_type && out == y->out_type && same_map(x->map, y->map) &&
           (sized || same_extent(a, b, x->length, y->length, x->flags, PROP_PARAM_LENGTH));
}

static const char *difference(const event_schema *a, const event_schema *b)
{
    const event_descriptor *d = &a->descriptor, *g = &b->descriptor;
    if (d->channel != g->channel || d->level != g->level || d->opcode != g->opcode || d->task != g->task ||
        d->keyword != g->keyword)
        return "numbers";
    if (!guid_equal(&a->event_guid, &b->event_guid))
        return "the GUID";
    if (!same_text(a->event_name, b->event_name) || !same_text(a->task_name, b->task_name) ||
        !same_text(a->opcode_name, b->opcode_name) || !same_text(a->level_name, b->level_name) ||
        !same_text(a->channel_name, b->channel_name))
        return "names";
    if (!same_text(a->message, b->message))
        return "the message";
    if (a->property_count != b->property_count || a->top_count != b->top_count)
        return "the number of fields";
    for (u32 i = 0; i < a->property_count; i++)
        if (!same_property(a, b, i))
            return "fields";
    return NULL;
}

static const event_schema *twin_of(const schema_set *set, const event_schema *ev)
{
    schema_find_result found[LIMIT_CANDIDATES];
    const guid *id = ev->key == KEY_MANIFEST ? &ev->provider->id : &ev->event_guid;
    u32 count = schema_find(set, ev->key, id, &ev->descriptor, 0, found, LIMIT_CANDIDATES);
    for (u32 i = 0; i < count; i++)
        if (found[i].exact && (i + 1 == count || !difference(ev, found[i].event)))
            return found[i].event;
    return count && found[0].exact ? found[0].event : NULL;
}

// Reads the text as any manifest and tells what did not come back as it was.
static void check(const provider_schema *p, const outbuf *text, u32 left_out)
{
    schema_load load = {0};
    error e = {0};
    schema_set *set = schema_set_new();
    manifest_target to = {set, ORIGIN_MANIFEST, RANK_USER, NULL, "the export", NULL, &load};
    bool read = manifest_load(&to, (span){text->bytes, text->len}, &e);
    u32 different = 0, missing = 0, number = 0;
    const char *first = NULL;
    for (u32 i = 0; read && i < p->event_count; i++) {
        const event_schema *twin = twin_of(set, p->events[i]);
        const char *what = twin ? difference(p->events[i], twin) : NULL;
        missing += !twin;
        different += what != NULL;
        if (what && !first) {
            first = what;
            number = p->events[i]->descriptor.id;
        }
    }
    if (!read)
        schemas_say("the export cannot be read back: %s", e.message);
    if (missing > left_out)
        schemas_say("%u events do not come back from the export", missing - left_out);
    if (different)
        schemas_say("%u events come back from the export with something changed, first %s of event %u", different,
                    first, number);
    schema_load_free(&load);
    schema_set_free(set);
}

// ---------------------------------------------------------------------------------------------- the command

static bool is_export(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "<?xml ") && exporter_head_has(head, "xmlns:etwkit=\"urn:etwkit:schemas\"");
}

static bool write_out(const options *o, const outbuf *text, bool *refused, error *e)
{
    const outfile_request request = {
        .path = o->out, .what = "a manifest", .is_own = is_export, .force = o->force, .shared = true};
    outfile out, *const list = &out;
    bool ok = outfile_begin(&out, &request, e);
    *refused = out.refused;
    ok = ok && outfile_write(&out, (span){text->bytes, text->len}, e) && outfile_commit(&list, 1, e);
    outfile_abandon(&out);
    return ok;
}

int schemas_export(const options *o, const schemas_wanted *wanted)
{
    const char *build = o->input_count > 1 ? o->inputs[1] : NULL;
    u32 others = 0, left_out = 0;
    bool refused = false;
    error e = {0};
    provider_schema *p = choose(wanted, build, &others);
    if (!p) {
        schemas_say("%s: no description of build %s (etwkit schemas list)", o->inputs[0], build ? build : "");
        return EXIT_FAILED;
    }
    outbuf text = {0};
    bool ok = manifest_write(p, &text, &left_out, &e);
    if (ok && left_out && left_out == p->event_count)
        ok = error_prefix(&e, "%s: nothing a manifest can say", o->inputs[0]);
    if (ok) {
        if (left_out)
            schemas_say("%u of %u events are left out: %s", left_out, p->event_count, e.message);
        if (others && !o->quiet)
            schemas_say("build %u is exported; %u more descriptions are there (etwkit schemas list)", p->os_build,
                        others);
        check(p, &text, left_out);
        ok = write_out(o, &text, &refused, &e);
    }
    if (!ok)
        schemas_say("%s", e.message);
    outbuf_free(&text);
    return ok ? EXIT_DONE : refused ? EXIT_USAGE : EXIT_FAILED;
}
