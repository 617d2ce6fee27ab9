// The rules of a run: files, folders, what is left out, and the list of them.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/text.h"
#include "detect/detect.h"
#include "print.h"

typedef struct walk {
    rule_book *book;
    u32 depth, files;
    error *e;
} walk;

static void read_file(walk *w, const char *path)
{
    u8 *bytes;
    size_t len;
    error e = {0};
    if (!os_read_whole(path, LIMIT_RULE_FILE_BYTES, &bytes, &len, &e)) {
        print_say("%s", e.message);
        w->book->broken++;
        return;
    }
    w->files++;
    if (!rule_set_add(&w->book->set, path, (span){bytes, len}, &e)) {
        print_say("%s: not a Sigma rule: %s", path, e.message);
        w->book->broken++;
    }
    mem_free(bytes);
}

static bool visit(void *context, const char *path)
{
    walk *w = context;
    error e = {0};
    os_kind_of kind = os_kind_of_entry(path);
    if (kind == OS_FOLDER && w->depth < LIMIT_FOLDER_DEPTH) {
        w->depth++;
        if (!os_list_folder(path, visit, w, &e))
            print_say("%s", e.message);
        w->depth--;
    } else if (kind == OS_FILE && (text_ends_in(text_span(path), ".yml") || text_ends_in(text_span(path), ".yaml"))) {
        read_file(w, path);
    }
    return true;
}

static bool read_path(walk *w, const char *path, error *e)
{
    if (os_is_folder(path))
        return os_list_folder(path, visit, w, e);
    if (!os_exists(path))
        return error_code_set(e, ERR_MISSING, "%s: there is no such file or folder of rules", path);
    read_file(w, path);
    return true;
}

// ---------------------------------------------------------------------------------------------- what is left out

static bool is_among(const text_list *list, const char *text)
{
    for (u32 i = 0; i < list->count; i++)
        if (strcasecmp(list->items[i], text) == 0)
            return true;
    return false;
}

static bool has_tag(const text_list *wanted, const sigma_rule *r)
{
    for (u32 i = 0; i < r->tag_count; i++)
        if (is_among(wanted, r->tags[i]))
            return true;
    return false;
}

static u32 count_of(const text_list *list)
{
    return list ? list->count : 0;
}

static bool is_wanted(const rule_choice *c, const sigma_rule *r)
{
    return r->level >= c->min_level && (!count_of(c->status) || is_among(c->status, r->status)) &&
           (!count_of(c->tags) || has_tag(c->tags, r)) && !(count_of(c->exclude) && is_among(c->exclude, r->id));
}

static void leave_out(rule_book *b, const rule_choice *c)
{
    for (u32 i = 0; i < b->set.rule_count; i++) {
        sigma_rule *r = &b->set.rules[i];
        r->left_out = !is_wanted(c, r);
    }
}

// What became of each; which correlations can be used is known last.
static void count_rules(rule_book *b, bool says)
{
    enum { LINES = 1000 }; // of documents that are left out: all of a collection, not of a flood
    for (u32 i = 0; i < b->set.rule_count; i++) {
        const sigma_rule *r = &b->set.rules[i];
        b->refused += r->refused != NULL;
        b->unused += !r->refused && !r->used;
        if (r->refused && says && b->refused <= LINES)
            print_say("%s: document %u is left out: %s", r->path, r->document, r->refused);
    }
    if (says && b->refused > LINES)
        print_say("%u more documents are left out", b->refused - LINES);
}

// ---------------------------------------------------------------------------------------------- placeholders

static void take_placeholders(void *context, const yaml_value *document)
{
    rule_set *set = context;
    set->placeholders = document;
}

static bool read_placeholders(rule_book *b, const char *path, error *e)
{
    u8 *bytes;
    size_t len;
    if (!os_read_whole(path, LIMIT_RULE_FILE_BYTES, &bytes, &len, e))
        return false;
    bool ok = yaml_read(&b->arena, (span){bytes, len}, take_placeholders, &b->set, e) || error_prefix(e, "%s: ", path);
    mem_free(bytes);
    return ok;
}

// ---------------------------------------------------------------------------------------------- the book

bool rule_book_read(rule_book *b, const rule_choice *c, error *e)
{
    walk w = {.book = b, .e = e};
    for (u32 i = 0; i < count_of(c->placeholders); i++)
        if (!read_placeholders(b, c->placeholders->items[i], e))
            return false;
    for (u32 i = 0; i < c->rules->count; i++)
        if (!read_path(&w, c->rules->items[i], e))
            return false;
    if (!w.files)
        return error_code_set(e, ERR_EMPTY, "%s: no rule in it: files that end in .yml or .yaml are looked for",
                              c->rules->items[0]);
    leave_out(b, c);
    rule_set_close(&b->set);
    count_rules(b, !c->list);
    if (!c->quiet)
        print_say("%u rule%s in %u file%s: %u used, %u left out by options, %u refused; %u files could not be read",
                  b->set.rule_count, text_s(b->set.rule_count), w.files, text_s(w.files),
                  b->set.rule_count - b->unused - b->refused, b->unused, b->refused, b->broken);
    return c->list || b->refused < b->set.rule_count ||
           error_code_set(e, ERR_EMPTY, "%s: no rule in it can be used", c->rules->items[0]);
}

void rule_book_free(rule_book *b)
{
    rule_set_free(&b->set);
    arena_free(&b->arena);
}

static const char *kind_of(const rule_set *set, const sigma_rule *r)
{
    if (r->refused)
        return "";
    if (r->correlation)
        return "correlation";
    const logsource *s = &set->logsources[r->logsource];
    return *s->category ? s->category : *s->service ? s->service : "any";
}

void rule_book_print(rule_book *b)
{
    u32 apply = 0;
    view_reasons *reasons = view_reasons_new(&b->set);
    for (u32 i = 0; i < b->set.rule_count; i++) {
        const sigma_rule *r = &b->set.rules[i];
        const char *why = r->refused ? r->refused : !r->used ? "left out by an option" : view_reasons_of(reasons, i);
        apply += !why;
        printf("%s  ", why ? "no " : "yes");
        print_padded(stdout, rule_level_name(r->level), 13);
        print_padded(stdout, kind_of(&b->set, r), 24);
        print_clean(stdout, *r->title ? r->title : r->path);
        if (why) {
            fputs(": ", stdout);
            print_clean(stdout, why);
        }
        putchar('\n');
    }
    view_reasons_free(reasons);
    printf("%u of %u rules apply\n", apply, b->set.rule_count);
}
