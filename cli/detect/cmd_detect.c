#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "command.h"
#include "detect/detect.h"
#include "guard.h"
#include "pipeline.h"
#include "print.h"
#include "signals.h"

// ---------------------------------------------------------------------------------------------- what it came to

typedef struct rule_hits {
    const char *host;
    const sigma_rule *rule;
    u64 count;
} rule_hits;

static int by_host(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

// Machines apart; the most severe first, then the most frequent, then by title.
static int by_weight(const void *a, const void *b)
{
    const rule_hits *x = a, *y = b;
    if (by_host(x->host, y->host))
        return by_host(x->host, y->host);
    if (x->rule->level != y->rule->level)
        return x->rule->level > y->rule->level ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->rule->title, y->rule->title);
}

static rule_hits *list_hits(const rule_set *set, const hit_counts *counts, u32 *count)
{
    u32 capacity = 0;
    rule_hits *list = NULL;
    for (u32 h = 0; h < counts->host_count; h++)
        for (u32 i = 0; i < set->rule_count; i++) {
            const host_hits *from = &counts->hosts[h];
            if (!from->by_rule[i])
                continue;
            GROW(list, *count, capacity);
            list[(*count)++] = (rule_hits){from->host, &set->rules[i], from->by_rule[i]};
        }
    if (list)
        qsort(list, *count, sizeof(*list), by_weight);
    return list;
}

// How often each rule hit, for people.
static void say_counts(const rule_set *set, const hit_counts *counts)
{
    u32 count = 0;
    rule_hits *list = list_hits(set, counts, &count);
    for (u32 i = 0; i < count; i++) {
        if (counts->host_count > 1 && (!i || by_host(list[i].host, list[i - 1].host)))
            print_say("%s:", list[i].host ? list[i].host : "host unknown");
        print_say("%8llu  %-13s %s", (unsigned long long)list[i].count, rule_level_name(list[i].rule->level),
                  list[i].rule->title);
    }
    mem_free(list);
    print_say("%llu hit%s", (unsigned long long)counts->hits, text_s(counts->hits));
}

// Rules some of whose answers are missing.
static void say_gave_up(const rule_set *set)
{
    for (u32 i = 0; i < set->rule_count; i++) {
        u64 count = rule_gave_up(set, i);
        if (count)
            print_say("%s: a regular expression took too long on %llu values, which are taken as unknown",
                      set->rules[i].path, (unsigned long long)count);
    }
}

static int code_of(const run *r, const hit_counts *counts, const detect_options *own)
{
    bool fails = own->fail_level != LEVEL_NONE && counts->hits && counts->highest >= own->fail_level;
    return fails ? EXIT_HIT : run_code(r);
}

// ---------------------------------------------------------------------------------------------- the run

static bool write_hits(const rule_book *b, const filter *f, evidence *ev, outfile *out, hit_format format,
                       hit_counts *counts, error *e)
{
    hit_writer *w;
    hit_table *t;
    if (format == HITS_SQLITE) {
        bool stored = hit_table_open(&t, out, e) && detect_run(b, f, ev, counts, hit_table_add, t, e);
        return hit_table_close(t, stored, e);
    }
    bool ok = hit_writer_open(&w, format, out, e) && detect_run(b, f, ev, counts, hit_writer_add, w, e);
    return hit_writer_close(w, ok, e);
}

static bool detect_in(rule_book *b, const filter *f, run *r, evidence *ev, outfile *out, hit_format format,
                      hit_counts *counts)
{
    error e = {0};
    pipeline_job count = {.session = ev->session, .filter = &r->options->filter, .stop = &run_stop};
    bool ok = (!r->options->summary || pipeline_count(&count, &e)) && write_hits(b, f, ev, out, format, counts, &e);
    run_clear_bar(r);
    session_check_files(ev->session);
    inputs_hash_finish(&r->inputs);
    if (ok && run_stop)
        ok = error_set(&e, "interrupted");
    ok = ok && outfile_commit(&out, 1, &e);
    if (!ok && !outfile_reader_left(out->fd))
        print_say("%s", e.message);
    return ok;
}

static int detect_all(rule_book *b, const options *o, outfile *out, hit_format format)
{
    run r;
    evidence ev;
    hit_counts counts = {0};
    options all = *o; // every record is read: hits give the number it has in a whole conversion
    filter_init(&all.filter);
    int code = run_begin(&r, &all);
    if (code == EXIT_DONE) {
        if (!o->no_hash)
            inputs_hash_begin(&r.inputs, o->threads);
        code =
            evidence_open(&ev, &r, &(evidence_wish){.count = r.inputs.count, .alone = true, .correlate = o->correlate});
        bool ok = code == EXIT_DONE && detect_in(b, &o->filter, &r, &ev, out, format, &counts);
        if (ok)
            say_gave_up(&b->set);
        if (ok && !o->quiet) {
            evidence_tell_damage(&ev);
            say_counts(&b->set, &counts);
        }
        evidence_close(&ev);
        if (!o->quiet || !ok)
            run_sum_up(&r);
        code = ok ? code_of(&r, &counts, o->own) : EXIT_FAILED;
    }
    hit_counts_free(&counts);
    code = run_end(&r, code);
    filter_free(&all.filter);
    return code;
}

static int detect_to(rule_book *b, const options *o)
{
    outfile out;
    error e = {0};
    hit_format format;
    const outfile_request request = {
        .path = o->out, .what = "hits of detect", .is_own = hits_are_own, .force = o->force};
    if (!hit_format_find(o, &format, &e)) {
        print_say("%s", e.message);
        return EXIT_USAGE;
    }
    if (!outfile_begin(&out, &request, &e)) {
        print_say("%s", e.message);
        return out.refused ? EXIT_USAGE : EXIT_FAILED;
    }
    int code = detect_all(b, o, &out, format);
    bool left = code == EXIT_FAILED && outfile_reader_left(out.fd);
    outfile_abandon(&out);
    if (left)
        signals_end_by_pipe();
    return code;
}

static int detect_command(const options *o)
{
    const detect_options *own = o->own;
    rule_book book = {0};
    error e = {0};
    if (!o->own_texts[TEXTS_RULES].count) {
        print_say("no rules given: --rules PATH (etwkit detect --help)");
        return EXIT_USAGE;
    }
    if (!own->list && !o->input_count && !o->files_from.count) {
        print_say("no trace given (--list needs none)");
        return EXIT_USAGE;
    }
    guard_will_read(o->inputs, o->input_count);
    guard_will_read(o->files_from.items, o->files_from.count);
    guard_will_read(o->schemas.items, o->schemas.count);
    guard_will_read(o->own_texts[TEXTS_RULES].items, o->own_texts[TEXTS_RULES].count);
    guard_will_read(&o->cache, 1);
    int code = EXIT_DONE;
    const text_list *texts = o->own_texts;
    const rule_choice choice = {
        &texts[TEXTS_RULES],        &texts[TEXTS_STATUS], &texts[TEXTS_TAG], &texts[TEXTS_EXCLUDE],
        &texts[TEXTS_PLACEHOLDERS], own->min_level,       own->list,         o->quiet};
    if (!rule_book_read(&book, &choice, &e)) {
        print_say("%s", e.message);
        code = EXIT_FAILED;
    } else if (own->list) {
        rule_book_print(&book);
    } else {
        code = detect_to(&book, o);
    }
    rule_book_free(&book);
    return code;
}

// ---------------------------------------------------------------------------------------------- options

static bool set_level(options *o, const option *row, const char *value, error *e)
{
    rule_level *level = (rule_level *)(void *)((char *)o->own + row->at);
    return rule_level_read(value, level) ||
           error_set(e, "%s: '%s' is not a level: informational, low, medium, high, critical", row->name, value);
}

static const char *level_word(u32 index)
{
    return index < LEVEL_CRITICAL ? rule_level_name((rule_level)(index + 1)) : NULL;
}

const command command_detect = {
    .name = "detect",
    .arguments = "--rules PATH TRACE...",
    .help = "Sigma rules over traces: what they hit",
    .options = {OPTION_GROUP("rules", OPTION_RULES("a file of Sigma rules, or a folder of them; repeatable"),
                             {.name = "--min-level",
                              .argument = "LEVEL",
                              .help = "only rules of this level or above",
                              .set = set_level,
                              .word = level_word,
                              .at = offsetof(detect_options, min_level)},
                             {.name = "--status",
                              .argument = "STATUS",
                              .help = "only rules of this status (stable, test, experimental …); repeatable",
                              .set = option_add_text,
                              .at = offsetof(options, own_texts[TEXTS_STATUS])},
                             {.name = "--tag",
                              .argument = "TAG",
                              .help = "only rules with this tag (attack.t1059 …); repeatable",
                              .set = option_add_text,
                              .at = offsetof(options, own_texts[TEXTS_TAG])},
                             {.name = "--exclude",
                              .argument = "ID",
                              .help = "not the rule of this id; repeatable",
                              .set = option_add_text,
                              .at = offsetof(options, own_texts[TEXTS_EXCLUDE])},
                             {.name = "--placeholders",
                              .argument = "FILE",
                              .help = "what %names% in rules stand for: a YAML map of names to texts or lists",
                              .set = option_add_text,
                              .at = offsetof(options, own_texts[TEXTS_PLACEHOLDERS])},
                             {.name = "--fail-on",
                              .argument = "LEVEL",
                              .help = "exit code 5 where a rule of this level or above hits",
                              .set = set_level,
                              .word = level_word,
                              .at = offsetof(detect_options, fail_level)},
                             {.name = "--list",
                              .help = "which rules apply, and which cannot and why; needs no trace",
                              .set = option_own_flag,
                              .at = offsetof(detect_options, list)}),
                OPTION_GROUP("output",
                             OPTION_OUTPUT("OUT", "where to write the hits; a table on standard output without it"),
                             {.short_name = "-f",
                              .name = "--format",
                              .argument = "NAME",
                              .help = "table, jsonl, json, csv, timesketch or sqlite; default: from OUT's suffix",
                              .set = option_text,
                              .at = offsetof(options, format)},
                             OPTION_FORCE("replace a file that is not an earlier output of detect")),
                &options_input, &options_filter},
    .most = COMMAND_MANY,
    .own_bytes = sizeof(detect_options),
    .correlate = DETECT_CORRELATES,
    .run = detect_command,
};
