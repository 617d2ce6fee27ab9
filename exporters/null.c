// `null`: renders nothing and writes nothing; what a conversion costs without its output.
#include "exporter.h"

struct sink {
    u64 records;
};

static bool null_open(sink **out, const export_target *target, error *e)
{
    (void)target, (void)e;
    *out = mem_zeroed(1, sizeof **out);
    return true;
}

static void null_render(const sink *s, const record *rec, outbuf *out)
{
    (void)s, (void)rec, (void)out;
}

static bool null_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)rendered, (void)e;
    s->records += records;
    return true;
}

static bool null_close(sink *s, error *e)
{
    (void)e;
    mem_free(s);
    return true;
}

const exporter exporter_null = {
    .name = "null",
    .suffixes = "",
    .help = "nothing; for measuring",
    .open = null_open,
    .render = null_render,
    .commit = null_commit,
    .close = null_close,
};
