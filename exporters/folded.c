// Profiles: folded stacks (`folded`: process;outermost;…;innermost COUNT, a line a stack) for flame graphs, and
// speedscope's file format (`speedscope`).
#include "exporter.h"
#include "literal.h"
#include "output.h"
#include "profile.h"

#include "etwkit.h"
#include "etwkit_engine.h"

struct sink {
    output out;
    profile *profile;
    bool speedscope;
};

static bool open_as(sink **out, const export_target *target, bool speedscope)
{
    sink *s = mem_zeroed(1, sizeof *s);
    *out = s;
    s->speedscope = speedscope;
    output_open(&s->out, target);
    s->profile = profile_new(target);
    return true;
}

static bool folded_open(sink **out, const export_target *target, error *e)
{
    (void)e;
    return open_as(out, target, false);
}

static bool speedscope_open(sink **out, const export_target *target, error *e)
{
    (void)e;
    return open_as(out, target, true);
}

static void profiles_render(const sink *s, const record *rec, outbuf *out)
{
    profile_render(s->profile, rec, out);
}

static bool profiles_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records, (void)e;
    profile_add(s->profile, rendered);
    return true;
}

static void profiles_remark(const sink *s, char text[EXPORT_REMARK])
{
    profile_remark(s->profile, text);
}

static u64 profiles_count(const sink *s)
{
    return profile_samples(s->profile);
}

// ---------------------------------------------------------------------------------------------- folded

// A semicolon is between frames.
static void add_folded(outbuf *b, const char *name)
{
    size_t start = b->len;
    outbuf_text(b, name);
    for (size_t i = start; i < b->len; i++)
        if (b->bytes[i] == ';')
            b->bytes[i] = ':';
}

static bool write_folded(sink *s, error *e)
{
    outbuf line = {0};
    bool ok = true;
    for (u32 i = 0; i < profile_stacks(s->profile) && ok; i++) {
        profile_stack stack = profile_stack_of(s->profile, i);
        line.len = 0;
        add_folded(&line, profile_process(s->profile, stack.process));
        for (u32 k = stack.count; k-- > 0;) {
            outbuf_text(&line, ";");
            add_folded(&line, profile_frame(s->profile, stack.frames[k]));
        }
        outbuf_text(&line, " ");
        outbuf_written(&line, put_u64(outbuf_reserve(&line, 20), stack.samples));
        outbuf_text(&line, "\n");
        ok = output_write(&s->out, (span){line.bytes, line.len}, e);
    }
    outbuf_free(&line);
    return ok;
}

// ---------------------------------------------------------------------------------------------- speedscope

static void add_string(outbuf *b, const char *text)
{
    span s = text_span(text);
    u8 *p = put_char(outbuf_reserve(b, 6 * s.len + 2), '"');
    outbuf_written(b, put_char(text_utf8_json(p, s), '"'));
}

static void add_number(outbuf *b, u64 value)
{
    outbuf_written(b, put_u64(outbuf_reserve(b, 20), value));
}

static bool flush(sink *s, outbuf *b, error *e)
{
    span text = {b->bytes, b->len};
    b->len = 0;
    return output_write(&s->out, text, e);
}

static void add_frames(outbuf *b, const profile *p)
{
    outbuf_text(
        b, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"etwkit " ETWKIT_VERSION
           "\",\"shared\":{\"frames\":[");
    const char *name;
    for (u32 i = 0; (name = profile_frame(p, i)) != NULL; i++) {
        outbuf_text(b, i ? ",\n{\"name\":" : "\n{\"name\":");
        add_string(b, name);
        outbuf_text(b, "}");
    }
    outbuf_text(b, "]},\"profiles\":[");
}

// The stacks of one process; samples and their weights are two lists.
static void add_profile(outbuf *b, const profile *p, u32 process)
{
    u64 samples = 0;
    outbuf weights = {0};
    outbuf_text(b, process ? ",\n{\"type\":\"sampled\",\"name\":" : "\n{\"type\":\"sampled\",\"name\":");
    add_string(b, profile_process(p, process));
    outbuf_text(b, ",\"unit\":\"none\",\"startValue\":0,\"samples\":[");
    const char *between = "";
    for (u32 i = 0; i < profile_stacks(p); i++) {
        profile_stack stack = profile_stack_of(p, i);
        if (stack.process != process)
            continue;
        outbuf_text(b, between);
        outbuf_text(&weights, between);
        between = ",";
        outbuf_text(b, "[");
        for (u32 k = stack.count; k-- > 0;) {
            add_number(b, stack.frames[k]);
            outbuf_text(b, k ? "," : "");
        }
        outbuf_text(b, "]");
        add_number(&weights, stack.samples);
        samples += stack.samples;
    }
    outbuf_text(b, "],\"weights\":[");
    outbuf_add(b, weights.bytes, weights.len);
    outbuf_text(b, "],\"endValue\":");
    add_number(b, samples);
    outbuf_text(b, "}");
    outbuf_free(&weights);
}

static bool write_speedscope(sink *s, error *e)
{
    outbuf b = {0};
    add_frames(&b, s->profile);
    bool ok = flush(s, &b, e);
    for (u32 i = 0; ok && profile_process(s->profile, i); i++) {
        add_profile(&b, s->profile, i);
        ok = flush(s, &b, e);
    }
    outbuf_free(&b);
    return ok && output_text(&s->out, "]}\n", e);
}

static bool profiles_close(sink *s, error *e)
{
    bool ok = true;
    if (e) {
        profile_finish(s->profile);
        ok = s->speedscope ? write_speedscope(s, e) : write_folded(s, e);
    }
    ok = output_close(&s->out, ok ? e : NULL) && ok;
    profile_free(s->profile);
    mem_free(s);
    return ok;
}

// ---------------------------------------------------------------------------------------------- the exporters

// "… (123);" or "… (123) 7" in the first line.
static bool folded_is_own(span head, int fd)
{
    (void)fd;
    const u8 *end = head.len ? memchr(head.at, '\n', head.len) : NULL;
    span line = {head.at, end ? (size_t)(end - head.at) : 0};
    return line.len && line.at[line.len - 1] >= '0' && line.at[line.len - 1] <= '9' &&
           (exporter_head_has(line, ");") || exporter_head_has(line, ") ")) && exporter_head_has(line, " (");
}

static bool speedscope_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\"$schema\":\"https://www.speedscope.app/") &&
           exporter_head_has(head, "\"exporter\":\"etwkit ");
}

const exporter exporter_folded = {
    .name = "folded",
    .suffixes = " .folded ",
    .help = "CPU samples as folded stacks, for flame graphs",
    .is_text = true,
    .needs_frames = true,
    .open = folded_open,
    .render = profiles_render,
    .commit = profiles_commit,
    .remark = profiles_remark,
    .counts = "samples",
    .count = profiles_count,
    .close = profiles_close,
    .is_own = folded_is_own,
};

const exporter exporter_speedscope = {
    .name = "speedscope",
    .suffixes = "",
    .help = "CPU samples for speedscope.app",
    .is_text = true,
    .needs_frames = true,
    .open = speedscope_open,
    .render = profiles_render,
    .commit = profiles_commit,
    .remark = profiles_remark,
    .counts = "samples",
    .count = profiles_count,
    .close = profiles_close,
    .is_own = speedscope_is_own,
};
