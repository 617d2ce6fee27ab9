#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/suggest.h"
#include "base/text.h"
#include "command.h"
#include "convert/conversion.h"
#include "convert/convert.h"
#include "convert/parts.h"
#include "detect/detect.h"
#include "guard.h"
#include "missing.h"
#include "print.h"
#include "signals.h"

// ------------------------------------------------------------------------------------- the format

static bool to_stdout(const options *o)
{
    return !o->out || strcmp(o->out, "-") == 0;
}

static bool is_folder(const char *out)
{
    size_t len = out ? strlen(out) : 0;
    return len && out[len - 1] == '/';
}

static bool unknown_format(const options *o, error *e)
{
    char names[256], scratch[96], suffix[32];
    suggestion s = {.word = o->format};
    if (!o->format)
        return error_set(e, "%s: %s; -f names one: %s", o->out,
                         is_folder(o->out) ? "the format of its files is not given" : "no format goes by its suffix",
                         exporter_names(names));
    snprintf(suffix, sizeof(suffix), "x.%s", o->format);
    for (u32 i = 0; exporters[i]; i++)
        suggest_try(&s, exporters[i]->name);
    const exporter *by_suffix = exporter_by_path(suffix);
    if (by_suffix)
        s.best = by_suffix->name;
    return error_set(e, "unknown format '%s'%s (formats: %s)", o->format, suggest_text(&s, scratch),
                     exporter_names(names));
}

// -f jsonl.gz, or OUT.jsonl.gz, or both.
static output_format find_format(const options *o)
{
    output_format f = {0};
    const char *given = o->format ? o->format : to_stdout(o) ? "jsonl" : o->out;
    size_t len = strlen(given), out_len = o->out ? strlen(o->out) : 0;
    f.packing = packing_of(given, &len);
    char *name = memcpy(mem_zeroed(len + 1, 1), given, len);
    f.exporter = given == o->out ? exporter_by_path(name) : exporter_by_name(name);
    if (!f.packing && !to_stdout(o) && !is_folder(o->out))
        f.packing = packing_of(o->out, &out_len);
    mem_free(name);
    return f;
}

static bool choose(output_format *f, const options *o, error *e)
{
    *f = find_format(o);
    if (!f->exporter)
        return unknown_format(o, e);
    if (f->exporter->needs_file && to_stdout(o))
        return error_set(e, "-f %s needs a file: -o OUT", f->exporter->name);
    if (f->packing && !f->exporter->is_text)
        return error_set(e, "%s is not compressed by '%s': only text formats are", f->exporter->name,
                         packing_suffix(f->packing));
    return !f->packing || packing_works(f->packing, e);
}

// ------------------------------------------------------------------------------------- the command

static void say_result(const conversion *c)
{
    print_say("%llu record%s: %llu decoded, %llu partial, %llu raw", (unsigned long long)c->records, text_s(c->records),
              (unsigned long long)c->states[RECORD_DECODED], (unsigned long long)c->states[RECORD_PARTIAL],
              (unsigned long long)c->states[RECORD_RAW]);
    if (c->parts)
        print_say("%u file%s", c->part_count, text_s(c->part_count));
    if (*c->remark)
        print_say("%s", c->remark);
    if (((const convert_options *)c->options->own)->rules)
        print_say("%llu hit%s of rules", (unsigned long long)c->hits, text_s(c->hits));
}

static void name_output(inputs *list, const char *path)
{
    for (u32 i = 0; i < list->count; i++)
        if (list->rows[i].trace != INPUT_NONE)
            list->rows[i].output = path;
}

// Rows of the run's inputs as one stream.
static bool convert_together(conversion *c, run *r, u32 first, u32 count)
{
    error e = {0};
    evidence ev;
    evidence_wish wish = conversion_wish(c, first, count);
    wish.alone = true;
    if (!c->options->no_hash)
        inputs_hash_begin(&r->inputs, c->options->threads);
    bool ok = evidence_open(&ev, r, &wish) == EXIT_DONE;
    if (ok) {
        if (c->format.exporter->keeps_traces)
            inputs_hash_finish(&r->inputs);
        ok = conversion_run(c, &ev, &e) && conversion_finish(c, &ev, &e);
        run_clear_bar(r);
        c->reader_left = !ok && outfile_reader_left(c->out->fd);
        if (ok && !to_stdout(c->options))
            name_output(&r->inputs, c->path);
        if (!ok && !c->reader_left)
            print_say("%s", e.message);
        if (ok && !c->options->quiet) {
            evidence_tell_damage(&ev);
            say_result(c);
            missing_say(&ev);
        }
    }
    evidence_close(&ev);
    return ok;
}

// The rows of a path; all of them where there is no path.
static bool find_rows(const inputs *list, const char *path, u32 *first, u32 *count)
{
    *first = 0;
    *count = list->count;
    if (!path)
        return true;
    while (*first < list->count && strcmp(list->rows[*first].path, path) != 0)
        ++*first;
    *count = *first < list->count;
    if (!*count)
        print_say("%s: not among the inputs that are found now", path);
    return *count > 0;
}

// A format that is made of one trace has one.
static bool fits_one(const conversion *c, const inputs *list)
{
    u32 traces = 0;
    for (u32 i = 0; i < list->count; i++)
        traces += list->rows[i].in != NULL;
    if (!c->format.exporter->whole || traces < 2)
        return true;
    print_say("-f %s is made of one trace, these are %u (-o FOLDER/ makes one of each)", c->format.exporter->name,
              traces);
    return false;
}

static int convert_all(conversion *c, const char *only)
{
    run r;
    u32 first, count;
    int code = run_begin(&r, c->options);
    if (code == EXIT_DONE) {
        bool found = find_rows(&r.inputs, only, &first, &count), fits = !found || fits_one(c, &r.inputs);
        bool ok = found && fits && convert_together(c, &r, first, count);
        if (fits && (!c->options->quiet || !ok))
            run_sum_up(&r);
        code = ok ? run_code(&r) : fits ? EXIT_FAILED : EXIT_USAGE;
    }
    return run_end(&r, code);
}

// Options with what the format needs besides; lives in `copy`.
static const options *options_for(const options *o, const output_format *f, options *copy)
{
    *copy = *o;
    if (f->exporter->needs_frames)
        copy->correlate |= CORRELATE_IMAGES | CORRELATE_FRAMES;
    return copy;
}

// The rules that were asked for, if any were.
static bool read_rules(const options *o, rule_book *book, error *e)
{
    convert_options *own = o->own;
    const rule_choice choice = {.rules = &o->own_texts[TEXTS_RULES], .quiet = o->quiet};
    if (!choice.rules->count)
        return true;
    own->rules = book;
    return rule_book_read(book, &choice, e);
}

int convert_into(const options *o, const char *only, outfile *out, u64 *records)
{
    error e = {0};
    conversion c = {.options = o, .path = o->out, .out = out};
    bool fits = choose(&c.format, o, &e);
    if (fits && parts_are_wanted(o->own)) // which would not go into `out`
        fits = error_set(&e, "a conversion into many files has no one output");
    if (!fits) {
        print_say("%s", e.message);
        return EXIT_USAGE;
    }
    options copy;
    rule_book book = {0};
    c.options = options_for(o, &c.format, &copy);
    int code = EXIT_FAILED;
    if (!read_rules(o, &book, &e))
        print_say("%s", e.message);
    else
        code = convert_all(&c, only);
    rule_book_free(&book);
    *records = c.records;
    return code;
}

static int convert_to_one(const options *o, const output_format *format)
{
    error e = {0};
    conversion c = {.options = o, .format = *format, .path = o->out};
    int code;
    if (conversion_begin(&c, &e)) {
        code = convert_all(&c, NULL);
    } else {
        print_say("%s", e.message);
        code = c.own.refused || c.provenance.refused ? EXIT_USAGE : EXIT_FAILED;
    }
    conversion_end(&c);
    if (c.reader_left)
        signals_end_by_pipe();
    return code;
}

static int convert_to_folder(const options *o, const output_format *format)
{
    run r;
    int code = run_begin(&r, o);
    if (code == EXIT_DONE)
        code = convert_each(&r, format);
    return run_end(&r, code);
}

// Of options for many files.
static bool check_parts(const options *o, const output_format *f, error *e)
{
    const convert_options *own = o->own;
    const char *name = own->by_class ? "--by-class" : "--partition-by";
    if (!parts_are_wanted(own))
        return true;
    if (own->by_class && own->partition.count)
        return error_set(e, "--by-class and --partition-by do not go together");
    if (!is_folder(o->out))
        return error_set(e, "%s writes many files: -o FOLDER/", name);
    if (!f->exporter->takes_parts)
        return error_set(e, "%s is for csv, jsonl and parquet", name);
    if (own->shards || o->skip_done || o->provenance)
        return error_set(e, "%s does not go together with --%s", name,
                         own->shards    ? "shard"
                         : o->skip_done ? "skip-done"
                                        : o->provenance);
    return true;
}

// False: these options do not go together.
static bool check_options(const options *o, const output_format *f, error *e)
{
    if (o->provenance && to_stdout(o))
        return error_set(e, "--%s is written next to a file: -o OUT", o->provenance);
    const convert_options *own = o->own;
    if (own->shards && is_folder(o->out) && !f->exporter->several_files)
        return error_set(e, "--shard cuts one output, -o FOLDER/ makes one for each input");
    if (own->shards && !f->exporter->may_split)
        return error_set(e, "--shard: parts of %s cannot be put together", f->exporter->name);
    if (own->flat && !f->exporter->takes_flat)
        return error_set(e, "--flat is for csv, json and jsonl");
    if (own->all_first && !f->exporter->leaves_out)
        return error_set(e, "--schema-first is for json and jsonl");
    if (own->mark && !f->exporter->takes_mark)
        return error_set(e, "--bom is for csv");
    if ((own->guard || own->no_guard) && !f->exporter->takes_guard)
        return error_set(e, "--%sguard is for csv and l2tcsv", own->guard ? "" : "no-");
    if (own->guard && own->no_guard)
        return error_set(e, "--guard and --no-guard do not go together");
    if (o->symbols && os_kind(o->symbols) != OS_FOLDER)
        return error_set(e, "--symbols: %s is no folder", o->symbols);
    if (own->search && !f->exporter->takes_search)
        return error_set(e, "--fts is for sqlite");
    if (o->skip_done && !is_folder(o->out))
        return error_set(e, "--skip-done is for one output an input: -o FOLDER/");
    if (o->skip_done && o->no_hash)
        return error_set(e, "--skip-done knows inputs by their hash, which --no-hash leaves out");
    if (o->own_texts[TEXTS_RULES].count && (f->exporter != exporter_by_name("sqlite") || parts_are_wanted(own)))
        return error_set(e, "--rules fills a table of a database: -o OUT.db");
    if (o->own_texts[TEXTS_RULES].count && o->skip_done)
        return error_set(e, "--skip-done does not know whether rules are the same");
    return check_parts(o, f, e);
}

static int convert_to_parts(const options *o, const output_format *format)
{
    int code = parts_check_folder(o);
    return code == EXIT_DONE ? convert_to_one(o, format) : code;
}

static int convert_command(const options *o)
{
    error e = {0};
    output_format format;
    if (!choose(&format, o, &e) || !check_options(o, &format, &e)) {
        print_say("%s", e.message);
        return EXIT_USAGE;
    }
    options copy;
    o = options_for(o, &format, &copy);
    guard_will_read(o->inputs, o->input_count);
    guard_will_read(o->files_from.items, o->files_from.count);
    guard_will_read(o->schemas.items, o->schemas.count);
    guard_will_read(&o->cache, 1);
    guard_will_read(o->own_texts[TEXTS_RULES].items, o->own_texts[TEXTS_RULES].count);
    rule_book book = {0};
    int code = EXIT_FAILED;
    if (!read_rules(o, &book, &e))
        print_say("%s", e.message);
    else if (parts_are_wanted(o->own))
        code = convert_to_parts(o, &format);
    else
        code = is_folder(o->out) && !format.exporter->several_files ? convert_to_folder(o, &format)
                                                                    : convert_to_one(o, &format);
    rule_book_free(&book);
    return code;
}

static bool set_provenance(options *o, const option *row, const char *value, error *e)
{
    (void)value, (void)e;
    o->provenance = row->name + strlen("--");
    return true;
}

static bool set_frames(options *o, const option *row, const char *value, error *e)
{
    (void)row, (void)value, (void)e;
    o->correlate |= CORRELATE_IMAGES | CORRELATE_FRAMES;
    return true;
}

static bool set_symbols(options *o, const option *row, const char *value, error *e)
{
    o->symbols = value;
    return set_frames(o, row, value, e);
}

// I/N: part I of N.
static bool set_shard(options *o, const option *row, const char *value, error *e)
{
    convert_options *own = o->own;
    char *end;
    unsigned long part = strtoul(value, &end, 10), all = *end == '/' ? strtoul(end + 1, &end, 10) : 0;
    if (*end || part < 1 || part > all || all > LIMIT_SHARDS)
        return error_set(e, "%s: '%s' is not a part like 2/7, from 1/N to N/N with N up to %d", row->name, value,
                         LIMIT_SHARDS);
    own->shard = (u32)part;
    own->shards = (u32)all;
    return true;
}

static bool set_partition(options *o, const option *row, const char *value, error *e)
{
    (void)row;
    return part_keys_read(&((convert_options *)o->own)->partition, value, e);
}

static void print_formats(void)
{
    puts("\nformats (-f NAME, or by OUT's suffix):");
    for (u32 i = 0; exporters[i]; i++) {
        const exporter *x = exporters[i];
        const char *suffixes = x->suffixes + strspn(x->suffixes, " ");
        printf("  %-12s %-22s %s%s%s%s\n", x->name, suffixes, x->help, x->needs_file ? "; needs a file" : "",
               x->several_files ? "; OUT is a folder" : "", x->may_split ? "; parts can be put together" : "");
    }
}

static const option OWN[] = {
    OPTION_OUTPUT("OUT", "where to write; - is standard output, FOLDER/ one output for each input"),
    {.short_name = "-f",
     .name = "--format",
     .argument = "NAME",
     .help = "the format; else by OUT's suffix",
     .set = option_text,
     .at = offsetof(options, format),
     .word = exporter_name},
    {.name = "--shard",
     .argument = "I/N",
     .help = "only the I-th of N parts, which put together are the whole",
     .set = set_shard},
    {.name = "--skip-done",
     .help = "-o FOLDER/: leave out inputs whose output is there and would be the same",
     .set = option_flag,
     .at = offsetof(options, skip_done),
     .neutral = true},
    {.name = "--by-class",
     .help = "-o FOLDER/: a file for each kind of event, with its fields as columns",
     .set = option_own_flag,
     .at = offsetof(convert_options, by_class)},
    {.name = "--partition-by",
     .argument = "COLUMNS",
     .help = "-o FOLDER/: key=value folders by day, hour and columns: day,provider",
     .set = set_partition},
    OPTION_FORCE("replace a file that is not an earlier output of this program"),
    {.name = "--provenance",
     .help = "also write OUT.provenance.json: evidence, schemas, command and counts",
     .set = set_provenance},
    {.name = "--manifest", .help = "the same as OUT.manifest.json, its old name", .set = set_provenance},
    OPTION_RULES("SQLite: Sigma rules, a file or a folder of them, whose hits become the table detections"),
    {.name = "--fts",
     .help = "SQLite: full-text search over messages and payloads, the table text_search",
     .set = option_own_flag,
     .at = offsetof(convert_options, search)},
    {.name = "--frames", .help = "name the modules of stacks: extended.frames", .set = set_frames},
    {.name = "--symbols",
     .argument = "FOLDER",
     .help = "name functions in stacks by its PDB files, NAME/ID/NAME or NAME; as --frames",
     .set = set_symbols},
    {.name = "--guard",
     .help = "CSV: put ' before cells a spreadsheet would run (default for OUT.csv)",
     .set = option_own_flag,
     .at = offsetof(convert_options, guard)},
    {.name = "--no-guard",
     .help = "CSV: leave such cells as they are",
     .set = option_own_flag,
     .at = offsetof(convert_options, no_guard)},
    {.name = "--bom",
     .help = "CSV: begin with a byte order mark, by which Excel knows UTF-8",
     .set = option_own_flag,
     .at = offsetof(convert_options, mark)},
    {.name = "--flat",
     .help = "CSV, JSON: fields of payloads as columns of their own: data.Name",
     .set = option_own_flag,
     .at = offsetof(convert_options, flat)},
    {.name = "--schema-first",
     .help = "JSON: the first record has all columns, null where it has no value",
     .set = option_own_flag,
     .at = offsetof(convert_options, all_first)},
    {0},
};

const command command_convert = {
    .name = "convert",
    .arguments = "TRACE... -o OUT",
    .help = "every event, decoded and in time order, as JSON Lines, CSV, SQLite, Parquet and more",
    .options = {&(const option_group){"output", OWN}, &options_input, &options_filter},
    .own_bytes = sizeof(convert_options),
    .most = COMMAND_MANY,
    .correlate = CORRELATE_RECORDS,
    .print_more = print_formats,
    .run = convert_command,
};
