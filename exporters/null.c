// `null`: no rendering, no order, no output: what opening a trace and decoding its records costs.
#include "exporter.h"

struct sink {
    char nothing;
};

static bool null_open(sink **out, const export_target *target, error *e)
{
    (void)target, (void)e;
    *out = mem_zeroed(1, sizeof **out);
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
    .help = "decodes and writes nothing: for measuring",
    .open = null_open,
    .close = null_close,
};
