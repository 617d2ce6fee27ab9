// Instrumentation manifests as XML files: reading the text into a tree, safely. The only user of expat.
//
// Trusts nothing of the file. A document type declaration ends the reading (entities, default attributes: nothing a
// manifest needs, everything an attacker wants), as do the limits of limits.h on size, depth, elements and attributes.
// Tools that dump manifests from a running Windows forget to quote message text; such files are read a second time with
// the quotation repaired.
#include <expat.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/outbuf.h"
#include "schema/manifest/manifest.h"
#include "schema/model/source_text.h"

typedef struct reader {
    XML_Parser parser;
    arena *scratch;
    manifest_node *root, *at; // `at` is the open element that children go to
    u32 depth, passed_over;   // passed_over: open elements inside one of no interest
    u32 elements, attributes;
    bool stopped; // by us: e says why
    error *e;
} reader;

static unsigned long line_of(const reader *r)
{
    return (unsigned long)XML_GetCurrentLineNumber(r->parser);
}

static void stop(reader *r)
{
    r->stopped = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                       int internal)
{
    (void)system, (void)public, (void)internal;
    reader *r = context;
    error_set(r->e, "line %lu: declares a document type (%.40s), which can hold entities; manifests have none",
              line_of(r), name);
    stop(r);
}

// What stands under a provider's templates, maps and so on, and the containers around providers. Anything else is
// passed over with all that is in it: UserData layouts, performance counters, registry keys.
static bool is_kept(const reader *r, manifest_tag tag)
{
    if (tag == TAG_NONE)
        return false;
    manifest_tag parent = r->at ? r->at->tag : TAG_CONTAINER;
    return !(tag == TAG_PROVIDER && parent != TAG_CONTAINER && parent != TAG_EVENTS);
}

static void keep_attributes(reader *r, manifest_node *node, const XML_Char **pairs)
{
    u32 count = 0;
    for (const XML_Char **p = pairs; *p; p += 2)
        count += manifest_attribute_of(p[0]) != ATTR_NONE;
    struct manifest_pair *kept = arena_array(r->scratch, struct manifest_pair, count);
    for (const XML_Char **p = pairs; *p; p += 2) {
        manifest_attribute id = manifest_attribute_of(p[0]);
        if (id != ATTR_NONE)
            kept[node->attribute_count++] = (struct manifest_pair){id, arena_text(r->scratch, p[1])};
    }
    node->attributes = kept;
}

static bool within_limits(reader *r, const XML_Char **pairs)
{
    if (++r->elements > LIMIT_XML_ELEMENTS)
        return error_set(r->e, "line %lu: more than %d elements", line_of(r), LIMIT_XML_ELEMENTS);
    if (++r->depth > LIMIT_XML_DEPTH)
        return error_set(r->e, "line %lu: elements nest deeper than %d", line_of(r), LIMIT_XML_DEPTH);
    for (const XML_Char **p = pairs; *p; p += 2) {
        size_t len = strlen(p[1]);
        if (len > LIMIT_XML_ATTRIBUTE_BYTES)
            return error_set(r->e, "line %lu: attribute %.40s has %zu bytes, LIMIT_XML_ATTRIBUTE_BYTES is %d",
                             line_of(r), p[0], len, LIMIT_XML_ATTRIBUTE_BYTES);
        if (++r->attributes > LIMIT_XML_ATTRIBUTES)
            return error_set(r->e, "line %lu: more than %d attributes", line_of(r), LIMIT_XML_ATTRIBUTES);
    }
    return true;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **pairs)
{
    reader *r = context;
    if (r->stopped)
        return;
    if (!within_limits(r, pairs)) {
        stop(r);
        return;
    }
    manifest_tag tag = manifest_tag_of(name);
    if (r->passed_over || !is_kept(r, tag)) {
        r->passed_over++;
        return;
    }
    manifest_node *node = arena_new(r->scratch, manifest_node);
    node->tag = tag;
    node->line = (u32)line_of(r);
    node->parent = r->at;
    keep_attributes(r, node, pairs);
    if (!r->at)
        r->root = node;
    else if (r->at->last)
        r->at->last->next = node;
    else
        r->at->first = node;
    if (r->at)
        r->at->last = node;
    r->at = node;
}

static void on_end(void *context, const XML_Char *name)
{
    (void)name;
    reader *r = context;
    if (r->stopped)
        return;
    r->depth--;
    if (r->passed_over)
        r->passed_over--;
    else
        r->at = r->at->parent;
}

// expat takes some 50 bytes for every attribute before it shows any, so a tag that seems to have very many is refused
// before it is read.
static bool tags_within_limits(span xml, error *e)
{
    u32 equals = 0, line = 1;
    for (size_t i = 0; i < xml.len; i++) {
        u8 c = xml.at[i];
        equals = c == '<' ? 0 : equals + (c == '=');
        line += c == '\n';
        if (equals > LIMIT_XML_TAG_ATTRIBUTES)
            return error_set(e, "line %u: a tag with more than %d attributes", line, LIMIT_XML_TAG_ATTRIBUTES);
    }
    return true;
}

typedef enum outcome { READ, MALFORMED, REFUSED } outcome;

static outcome read_tree(span xml, arena *scratch, manifest_node **root, error *e)
{
    reader r = {.scratch = scratch, .e = e};
    // The encoding given here goes before the one the document declares: the text was converted already. All of expat's
    // memory is the pool's: where there is no more, control leaves through its functions, which hold nothing else.
    static const XML_Memory_Handling_Suite MEMORY = {mem_alloc, mem_resize, mem_free};
    r.parser = XML_ParserCreate_MM("UTF-8", &MEMORY, NULL);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    outcome result = READ;
    if (XML_Parse(r.parser, (const char *)xml.at, (int)xml.len, XML_TRUE) != XML_STATUS_OK) {
        enum XML_Error code = XML_GetErrorCode(r.parser);
        result = r.stopped ? REFUSED : MALFORMED;
        if (!r.stopped)
            error_set(e, "line %lu: %s", line_of(&r), XML_ErrorString(code));
    }
    *root = r.root;
    XML_ParserFree(r.parser);
    return result;
}

// ---------------------------------------------------------------------------------------------- repair

static bool is_name_char(u8 c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' || c == '_' ||
           c == '-' || c == '.';
}

static bool is_space(u8 c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_space(span s, size_t at)
{
    while (at < s.len && is_space(s.at[at]))
        at++;
    return at;
}

// Whether the quote at `at` ends a value: what follows is the tag's end or another attribute.
static bool quote_ends_value(span s, size_t at)
{
    at = skip_space(s, at + 1);
    if (at >= s.len || s.at[at] == '>')
        return true;
    if (s.at[at] == '/' || s.at[at] == '?')
        return at + 1 < s.len && s.at[at + 1] == '>';
    size_t name = at;
    while (at < s.len && is_name_char(s.at[at]))
        at++;
    size_t equals = skip_space(s, at);
    size_t quote = skip_space(s, equals + 1);
    return at > name && equals < s.len && s.at[equals] == '=' && quote < s.len &&
           (s.at[quote] == '"' || s.at[quote] == '\'');
}

static bool is_reference(span s, size_t at)
{
    size_t end = at + 1;
    while (end < s.len && end - at < 12 && (is_name_char(s.at[end]) || s.at[end] == '#'))
        end++;
    return end > at + 1 && end < s.len && s.at[end] == ';';
}

static void add_quoted(outbuf *out, span s, size_t at)
{
    u8 c = s.at[at];
    if (c == '<')
        outbuf_text(out, "&lt;");
    else if (c == '"')
        outbuf_text(out, "&quot;");
    else if (c == '\'')
        outbuf_text(out, "&apos;");
    else if (c == '&' && !is_reference(s, at))
        outbuf_text(out, "&amp;");
    else
        outbuf_add(out, c < 0x20 && !is_space(c) ? (const u8 *)" " : &c, 1);
}

// Copies the document with every attribute value quoted anew. Comments are left out; text between tags is not kept.
static void repair(span s, outbuf *out)
{
    u8 quote = 0;
    bool in_tag = false;
    for (size_t at = 0; at < s.len; at++) {
        u8 c = s.at[at];
        if (quote && c == quote && quote_ends_value(s, at)) {
            outbuf_add(out, &c, 1);
            quote = 0;
        } else if (quote) {
            add_quoted(out, s, at);
        } else if (in_tag) {
            outbuf_add(out, &c, 1);
            if (c == '"' || c == '\'')
                quote = c;
            in_tag = c != '>';
        } else if (c == '<' && s.len - at >= 4 && memcmp(s.at + at, "<!--", 4) == 0) {
            while (at + 3 < s.len && memcmp(s.at + at, "-->", 3) != 0)
                at++;
            at += 2;
        } else if (c == '<') {
            outbuf_add(out, &c, 1);
            in_tag = true;
        } else if (c == '\n') {
            outbuf_add(out, &c, 1);
        }
    }
}

// ---------------------------------------------------------------------------------------------- the source

static outcome read_repaired(const manifest_target *to, span xml, arena *scratch, manifest_node **root, error *e)
{
    error again = {0};
    outbuf out = {0};
    repair(xml, &out);
    outcome result = REFUSED;
    if (out.len <= LIMIT_XML_BYTES * 2u && tags_within_limits((span){out.bytes, out.len}, &again))
        result = read_tree((span){out.bytes, out.len}, scratch, root, &again);
    outbuf_free(&out);
    if (result == READ)
        schema_load_note(to->load, "%s: %s; read after quoting its attribute values anew", to->label, e->message);
    return result; // on failure e still tells of the file as it is
}

bool manifest_load(const manifest_target *to, span bytes, error *e)
{
    if (bytes.len > LIMIT_XML_BYTES)
        return error_set(e, "a manifest of %zu bytes is over LIMIT_XML_BYTES, %d", bytes.len, LIMIT_XML_BYTES);
    error own = {0};
    arena scratch = {0};
    manifest_node *root = NULL;
    source_text text = source_text_of(bytes);
    outcome result = tags_within_limits(text.utf8, &own) ? read_tree(text.utf8, &scratch, &root, &own) : REFUSED;
    if (result == MALFORMED) {
        arena_free(&scratch);
        root = NULL;
        result = read_repaired(to, text.utf8, &scratch, &root, &own);
    }
    u32 providers = 0;
    if (result == READ) {
        providers = root ? manifest_compile(to, root, &scratch) : 0;
        if (!providers)
            error_set(&own, "an XML document in which no event provider is described");
    }
    source_text_free(&text);
    arena_free(&scratch);
    return providers > 0 || error_set(e, "%s", own.message);
}

static bool contains(const char *text, size_t len, const char *word)
{
    size_t want = strlen(word);
    for (size_t at = 0; at + want <= len; at++)
        if (memcmp(text + at, word, want) == 0)
            return true;
    return false;
}

static bool manifest_recognise(span head, const char *path)
{
    char text[4096];
    size_t len = source_text_head(head, text, sizeof(text));
    if (!contains(text, len, "<"))
        return false;
    return source_path_ends(path, ".man") || contains(text, len, "instrumentationManifest") ||
           contains(text, len, "//schemas.microsoft.com/win/2004/08/events") ||
           (contains(text, len, "<assembly") && contains(text, len, "instrumentation"));
}

static bool manifest_source_load(schema_set *set, span bytes, const char *path, schema_rank rank, schema_load *load,
                                 error *e)
{
    manifest_target to = {set, ORIGIN_MANIFEST, rank, path, source_path_base(path), NULL, load};
    return manifest_load(&to, bytes, e);
}

const schema_source schema_source_manifest = {"manifest", manifest_recognise, manifest_source_load};
