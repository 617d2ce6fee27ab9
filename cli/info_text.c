// info as text for people.
#include "info.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "print.h"
#include "remarks.h"

static void print_time(FILE *to, const char *label, i64 filetime, i32 bias)
{
    if (filetime <= 0)
        return;
    char text[40];
    *text_time((u8 *)text, filetime) = 0;
    fprintf(to, "  %-14s %s", label, text);
    if (bias && filetime < INT64_MAX / 2) {
        *text_time((u8 *)text, filetime - (i64)bias * 600000000) = 0;
        fprintf(to, "  (%.19s local)", text);
    }
    fputc('\n', to);
}

static void print_span(FILE *to, i64 first, i64 last)
{
    if (last <= first || first <= 0)
        return;
    const i64 second = 10 * 1000 * 1000;
    i64 seconds = (last - first) / second;
    if (seconds < 120)
        fprintf(to, "  %-14s %.3f s\n", "span", (double)(last - first) / (double)second);
    else
        fprintf(to, "  %-14s %lld h %02lld min %02lld s\n", "span", (long long)seconds / 3600,
                (long long)seconds / 60 % 60, (long long)seconds % 60);
}

static int by_events(const void *a, const void *b)
{
    const class_row *x = a, *y = b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return info_class_order(a, b);
}

typedef struct provider_row {
    guid id;
    const event_class *named; // one of its classes that has a name, else any
    u64 events, raw;
    u32 classes;
    bool origins[ORIGIN_STRING + 1];
} provider_row;

static int by_provider_events(const void *a, const void *b)
{
    const provider_row *x = a, *y = b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return memcmp(&x->id, &y->id, sizeof(guid));
}

static void print_origins(FILE *to, const provider_row *p)
{
    bool first = true;
    for (int o = 0; o <= ORIGIN_STRING; o++)
        if (p->origins[o] && o != ORIGIN_NONE)
            fprintf(to, "%s%s", first ? "" : ", ", schema_origin_name((schema_origin)o)), first = false;
    if (p->raw)
        fprintf(to, "%s%llu raw", first ? "" : ", ", (unsigned long long)p->raw);
    fputc('\n', to);
}

static void print_providers(FILE *to, const class_row *rows, u32 count)
{
    enum { TOP = 25 };
    provider_row *providers = mem_zeroed(count, sizeof(*providers));
    outbuf name = {0};
    u32 n = 0;
    for (u32 i = 0; i < count; i++) {
        const event_class *c = rows[i].cls;
        if (!n || !guid_equal(&providers[n - 1].id, &c->provider_id))
            providers[n++] = (provider_row){.id = c->provider_id};
        provider_row *p = &providers[n - 1];
        if (!p->named || (!p->named->provider && c->provider))
            p->named = c;
        p->events += rows[i].events;
        p->raw += c->plan_count ? 0 : rows[i].events;
        p->classes++;
        p->origins[c->origin] = true;
    }
    if (n)
        qsort(providers, n, sizeof(*providers), by_provider_events);
    fprintf(to, "\n  %10s %8s  %-44s %s\n", "events", "classes", "provider", "decoded by");
    for (u32 i = 0; i < n && i < TOP; i++) {
        const provider_row *p = &providers[i];
        name.len = 0;
        info_provider(p->named, &name);
        outbuf_add(&name, "", 1);
        fprintf(to, "  %10llu %8u  ", (unsigned long long)p->events, p->classes);
        print_padded(to, (const char *)name.bytes, 44);
        print_origins(to, p);
    }
    if (n > TOP)
        fprintf(to, "  %u more providers (--json lists all)\n", n - TOP);
    outbuf_free(&name);
    mem_free(providers);
}

// What no schema is at hand for, and what would help.
static void print_raw(FILE *to, class_row *rows, u32 count)
{
    enum { TOP = 10 };
    u32 n = 0;
    for (u32 i = 0; i < count; i++)
        if (!rows[i].cls->plan_count)
            rows[n++] = rows[i];
    if (!n)
        return;
    qsort(rows, n, sizeof(*rows), by_events);
    fprintf(to, "\n  stays raw: %u event classes have no schema here\n", n);
    for (u32 i = 0; i < n && i < TOP; i++) {
        const event_class *c = rows[i].cls;
        char id[GUID_TEXT];
        guid_to_text(&c->provider_id, id);
        fprintf(to, "  %10llu  ", (unsigned long long)rows[i].events);
        (void)print_clean(to, c->provider ? c->provider : id);
        fprintf(to, " %s %u v%u: ",
                c->message   ? "message"
                : c->classic ? "opcode"
                             : "event",
                c->classic && !c->message ? c->descriptor.opcode : c->descriptor.id, c->descriptor.version);
        if (c->message)
            fprintf(to, "needs %s.tmf or the PDB of its driver\n", id);
        else if (c->classic)
            fprintf(to, "needs the MOF text of class %s\n", id);
        else
            fprintf(to, "needs the manifest or DLL of provider %s\n", id);
    }
    fprintf(to, "  etwkit schemas add FILE-OR-FOLDER keeps schemas for every later run\n");
}

static void print_damage(FILE *to, const trace *t)
{
    u64 ranges = t->file.damage.ranges + t->damage.ranges;
    if (!ranges) {
        fprintf(to, "  %-14s none: every byte is accounted for\n", "damage");
        return;
    }
    fprintf(to, "  %-14s %llu place%s, %llu bytes of %llu could not be read as events\n", "damage",
            (unsigned long long)ranges, text_s(ranges), (unsigned long long)t->account.damage,
            (unsigned long long)t->file.input->bytes);
}

// How far the times of a trace without a header can be believed, by clock_anchor.
static const char *const CERTAINTY[] = {
    [ANCHOR_HEADER] = "",
    [ANCHOR_REFERENCE] = "times come from the reference clock of a backup buffer",
    [ANCHOR_EVENTS] = "times are the events' own dates",
    [ANCHOR_FLUSH] = "times are uncertain, set by when buffers were flushed",
    [ANCHOR_NONE] = "times are counted from an unknown start",
};

static void print_lost(FILE *to, const trace *t)
{
    const trace_facts *f = &t->file.trace_headers[0];
    const segment *s = &t->segment;
    fprintf(to, "  %-14s ", "lost");
    if (s->is_segment && !s->is_loss_known)
        fprintf(to, "not known of this file by the header; ");
    else
        fprintf(to, "%u events, %u buffers by the header; ", s->is_segment ? s->events_lost : f->events_lost,
                s->is_segment ? s->buffers_lost : f->buffers_lost);
    fprintf(to, "%llu buffer%s by sequence numbers\n", (unsigned long long)t->losses.missing,
            text_s(t->losses.missing));
}

static void print_records(FILE *to, const trace *t, bool all)
{
    u64 passed = t->decoded + t->partial + t->raw;
    fprintf(to, "  %-14s %llu events", "records", (unsigned long long)t->events);
    if (!all)
        fprintf(to, ", %llu pass the filter", (unsigned long long)passed);
    fprintf(to, " (%llu decoded, %llu partial, %llu raw)\n", (unsigned long long)t->decoded,
            (unsigned long long)t->partial, (unsigned long long)t->raw);
}

void info_print(FILE *to, const evidence *ev, u32 trace_index)
{
    const trace *t = ev->session->traces[trace_index];
    const trace_facts *f = &t->file.trace_headers[0];
    (void)print_clean(to, t->file.input->path);
    fputc('\n', to);
    fprintf(to, "  %-14s %llu bytes, %u buffers%s\n", "size", (unsigned long long)t->file.input->bytes, t->file.count,
            t->file.compressed ? ", compressed" : "");
    if (evidence_row(ev, trace_index)->sha256[0])
        fprintf(to, "  %-14s %s\n", "sha256", evidence_row(ev, trace_index)->sha256);
    if (f->present) {
        fprintf(to, "  %-14s ", "session");
        (void)print_clean(to, f->session);
        fprintf(to, "\n  %-14s ", "machine");
        const char *computer = trace_computer(t);
        (void)print_clean(to, computer ? computer : "");
        fprintf(to, "%sWindows %u.%u build %u, %u processor%s, %u-bit\n", computer ? ", " : "", f->os_major,
                f->os_minor, f->os_build, f->processors, text_s(f->processors), f->pointer_size * 8);
    } else {
        fprintf(to, "  %-14s destroyed or missing: %s\n", "trace header", CERTAINTY[f->anchor]);
    }
    print_time(to, "start", f->start_time, f->utc_bias_minutes);
    print_time(to, "end", f->end_time, f->utc_bias_minutes);
    if (f->present && !f->end_time)
        fprintf(to, "  %-14s not recorded: the session was not stopped cleanly\n", "end");
    print_time(to, "first event", t->first_time, 0);
    print_time(to, "last event", t->last_time, 0);
    print_span(to, t->first_time, t->last_time);
    print_time(to, "boot", f->boot_time, f->utc_bias_minutes);
    fprintf(to, "  %-14s %s, %llu ticks a second\n", "clock", clock_type_name(f->clock_type),
            (unsigned long long)f->clock.frequency);
    print_records(to, t, filter_is_open(&ev->run->options->filter));
    u64 others = info_other_versions(ev, t);
    if (others)
        fprintf(to, "  %-14s %llu by the description of another version\n", "", (unsigned long long)others);
    print_lost(to, t);
    char remark[REMARK_TEXT];
    for (u32 i = 0; remark_at(t, i, remark); i++)
        fprintf(to, "  %-14s %s\n", "remark", remark);
    print_damage(to, t);
    fprintf(to, "  %-14s %llu headers, %llu events, %llu padding, %llu unused, %llu compressed, %llu damaged\n",
            "bytes", (unsigned long long)t->account.headers, (unsigned long long)t->account.events,
            (unsigned long long)t->account.padding, (unsigned long long)t->account.unused,
            (unsigned long long)t->account.compressed, (unsigned long long)t->account.damage);
    u32 count;
    class_row *rows = info_classes(ev, t, &count);
    print_providers(to, rows, count);
    print_raw(to, rows, count);
    mem_free(rows);
}

void info_unread_print(FILE *to, const run *r, const input_row *row)
{
    (void)print_clean(to, row->path);
    if (row->status == INPUT_DUPLICATE) {
        fprintf(to, "\n  %-14s ", "the same as");
        (void)print_clean(to, r->inputs.rows[row->duplicate_of].path);
    } else {
        fprintf(to, "\n  %-14s ", "not read");
        (void)print_clean(to, row->error ? row->error : input_status_name(row->status));
    }
    fputc('\n', to);
}
