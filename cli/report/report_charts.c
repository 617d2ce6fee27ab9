// Sums for charts: CPU samples by process and module, bytes of disk by process and file. Network traffic is summed up
// from connections.
#include <stdlib.h>
#include <string.h>

#include "base/known_guids.h"
#include "base/text.h"
#include "report/report.h"

#define KERNEL_DISK GUID_OF(0xc7bde69a, 0xe1e0, 0x4177, 0xb6, 0xef, 0x28, 0x3a, 0xd1, 0x52, 0x52, 0x71)

const report_chart report_charts[] = {
    {"cpu", "CPU", "Samples of what processors were doing, by the process and module they ran in.", "samples", "module",
     true},
    {"disk", "Disk", "Bytes that disks read and wrote, by the process that asked for them and by file.", "bytes",
     "file", false},
    {"network", "Network", "Bytes sent and received, by process and by peer.", "bytes", "peer", false},
    {NULL, NULL, NULL, NULL, NULL, false},
};

enum { CPU, DISK, NETWORK };

static const chart_rule RULES[] = {
    {CPU, GUID_CLASS_PERF_INFO, true, 46, 46, NULL, LABEL_MODULE, "InstructionPointer"},
    {DISK, GUID_CLASS_DISK_IO, true, 10, 11, "TransferSize", LABEL_FILE, NULL},
    {DISK, KERNEL_DISK, false, 10, 11, "TransferSize", LABEL_FILE, NULL},
};

const chart_rule *report_chart_rule_of(const event_class *cls)
{
    u16 number = cls->classic ? cls->descriptor.opcode : cls->descriptor.id;
    for (size_t i = 0; i < COUNT_OF(RULES); i++)
        if (RULES[i].classic == cls->classic && number >= RULES[i].first && number <= RULES[i].last &&
            guid_equal(&RULES[i].provider, &cls->provider_id))
            return &RULES[i];
    return NULL;
}

// ---------------------------------------------------------------------------------------------- a record

static bool number_of(const record *rec, const char *name, u64 *number)
{
    typed_value v;
    record_value(rec, name, &v);
    *number = v.number;
    return value_is_integer(&v);
}

static const char *module_of(const session *s, const chart_rule *rule, const record *rec)
{
    u64 address;
    stack_frame frame;
    if (!number_of(rec, rule->field, &address) ||
        !correlator_module(s->correlator, rec->source_index, rec->epoch, rec->process_id, rec->time, address, &frame))
        return "(no module)";
    return frame.module;
}

void report_chart_measure(const session *s, const chart_rule *rule, const record *rec, outbuf *out, chart_note *note)
{
    u64 amount = 1;
    if (rule->amount && !number_of(rec, rule->amount, &amount))
        amount = 0;
    const char *label = rule->label == LABEL_MODULE ? module_of(s, rule, rec)
                        : rec->file_path            ? rec->file_path
                                                    : "(no file)";
    size_t bytes = strlen(label);
    *note = (chart_note){amount, hash_bytes(label, bytes), (u32)bytes};
    outbuf_add(out, label, bytes);
}

// ---------------------------------------------------------------------------------------------- in order

static u64 key_hash(const chart_pair *p, u64 label_hash)
{
    return hash_u64(label_hash ^ hash_u64((u64)p->chart << 60 ^ (u64)p->life << 32 ^ p->process_id));
}

static bool same_key(const chart_pair *a, const chart_pair *b)
{
    return a->chart == b->chart && a->life == b->life && a->process_id == b->process_id &&
           a->has_process == b->has_process && a->bytes == b->bytes && memcmp(a->label, b->label, a->bytes) == 0;
}

static chart_pair *pair_of(chart_sums *sums, chart_pair *key, u64 hash)
{
    u32 found;
    MAP_FIND(found, &sums->by_key, hash, same_key(&sums->list[index_], key));
    if (found != MAP_NONE)
        return &sums->list[found];
    GROW(sums->list, sums->count, sums->cap);
    map_add(&sums->by_key, hash, sums->count);
    key->label = arena_text_len(&sums->arena, key->label, key->bytes);
    sums->list[sums->count] = *key;
    return &sums->list[sums->count++];
}

void report_chart_add(chart_sums *sums, const chart_rule *rule, chart_who who, const chart_note *note, const u8 *label)
{
    static const char OTHERS[] = "(others)";
    chart_pair key = {.chart = rule->chart,
                      .life = who.life,
                      .process_id = who.life == REPORT_NONE ? who.process_id : 0,
                      .has_process = who.has_process,
                      .label = (const char *)label,
                      .bytes = note->bytes};
    u64 hash = note->hash;
    if (sums->count >= REPORT_PAIRS) {
        key.life = REPORT_NONE;
        key.has_process = false;
        key.process_id = 0;
        key.label = OTHERS;
        key.bytes = sizeof(OTHERS) - 1;
        hash = hash_bytes(OTHERS, key.bytes);
    }
    chart_pair *pair = pair_of(sums, &key, key_hash(&key, hash));
    pair->events++;
    pair->amount += note->amount;
}

void report_chart_sums_free(chart_sums *sums)
{
    mem_free(sums->list);
    map_free(&sums->by_key);
    arena_free(&sums->arena);
}

// ---------------------------------------------------------------------------------------------- as JSON

// One bar: all pairs with one process, or with one label.
typedef struct bar {
    const chart_pair *of;
    u64 events, amount;
} bar;

static int by_process(const void *a, const void *b)
{
    const chart_pair *x = ((const bar *)a)->of, *y = ((const bar *)b)->of;
    if (x->life != y->life)
        return x->life < y->life ? -1 : 1;
    if (x->process_id != y->process_id)
        return x->process_id < y->process_id ? -1 : 1;
    return (int)x->has_process - (int)y->has_process;
}

static int by_label(const void *a, const void *b)
{
    const chart_pair *x = ((const bar *)a)->of, *y = ((const bar *)b)->of;
    u32 least = x->bytes < y->bytes ? x->bytes : y->bytes;
    int order = memcmp(x->label, y->label, least);
    return order ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_pair(const void *a, const void *b)
{
    int order = by_label(a, b);
    return order ? order : by_process(a, b);
}

static int by_amount(const void *a, const void *b)
{
    const bar *x = a, *y = b;
    if (x->amount != y->amount)
        return x->amount > y->amount ? -1 : 1;
    return by_pair(a, b);
}

// Bars of the pairs that `order` calls equal, the largest first. Returns how many.
static u32 make_bars(const chart_pair *const *pairs, u32 count, int (*order)(const void *, const void *), bar *bars)
{
    u32 made = 0;
    for (u32 i = 0; i < count; i++)
        bars[i] = (bar){pairs[i], pairs[i]->events, pairs[i]->amount};
    if (!count)
        return 0;
    qsort(bars, count, sizeof(*bars), order);
    for (u32 i = 0; i < count; i++) {
        if (made && order(&bars[made - 1], &bars[i]) == 0) {
            bars[made - 1].events += bars[i].events;
            bars[made - 1].amount += bars[i].amount;
        } else {
            bars[made++] = bars[i];
        }
    }
    qsort(bars, made, sizeof(*bars), by_amount);
    return made;
}

static void add_process(cJSON *to, const report_data *d, const chart_pair *p)
{
    u32 count;
    const process_life *const *lives = correlator_processes(d->session->correlator, &count);
    const process_life *life = p->life < count ? lives[p->life] : NULL;
    report_add_text(to, "process", life ? life->name : NULL);
    if (life || p->has_process)
        report_add_number(to, "process_id", life ? life->process_id : p->process_id);
    else
        cJSON_AddNullToObject(to, "process_id");
    if (life)
        report_add_number(to, "life", p->life);
}

static void add_bars(cJSON *chart, const char *name, const report_data *d, const bar *bars, u32 count, bool processes,
                     bool labels)
{
    char all[48];
    cJSON *list = cJSON_AddArrayToObject(chart, name);
    for (u32 i = 0; i < count && i < (processes && labels ? 8 * REPORT_BARS : REPORT_BARS); i++) {
        cJSON *one = cJSON_CreateObject();
        if (processes)
            add_process(one, d, bars[i].of);
        if (labels)
            report_add_text(one, "label", bars[i].of->label);
        report_add_number(one, "events", bars[i].events);
        report_add_number(one, "amount", bars[i].amount);
        cJSON_AddItemToArray(list, one);
    }
    strcpy(all, name);
    strcat(all, "_all");
    report_add_number(chart, all, count);
}

static bool is_idle(const report_data *d, const chart_pair *p)
{
    u32 count;
    const process_life *const *lives = correlator_processes(d->session->correlator, &count);
    return p->life < count ? lives[p->life]->process_id == 0 : p->has_process && p->process_id == 0;
}

// What idle processors did is told by its sum alone. Returns how many pairs are left.
static u32 leave_out_idle(const report_data *d, const chart_pair **pairs, u32 count, u64 *idle)
{
    u32 kept = 0;
    for (u32 i = 0; i < count; i++) {
        if (is_idle(d, pairs[i]))
            *idle += pairs[i]->amount;
        else
            pairs[kept++] = pairs[i];
    }
    return kept;
}

static void add_chart(cJSON *list, const report_data *d, u32 index, const chart_pair **pairs, u32 count)
{
    const report_chart *c = &report_charts[index];
    u64 total = 0, idle = 0;
    if (c->without_idle)
        count = leave_out_idle(d, pairs, count, &idle);
    bar *bars = mem_zeroed(count + 1, sizeof(*bars));
    for (u32 i = 0; i < count; i++)
        total += pairs[i]->amount;
    cJSON *chart = cJSON_CreateObject();
    cJSON_AddStringToObject(chart, "id", c->id);
    cJSON_AddStringToObject(chart, "title", c->title);
    cJSON_AddStringToObject(chart, "explanation", c->explanation);
    cJSON_AddStringToObject(chart, "unit", c->unit);
    cJSON_AddStringToObject(chart, "label", c->label);
    report_add_number(chart, "total", total);
    if (c->without_idle)
        report_add_number(chart, "idle", idle);
    add_bars(chart, "processes", d, bars, make_bars(pairs, count, by_process, bars), true, false);
    add_bars(chart, "labels", d, bars, make_bars(pairs, count, by_label, bars), false, true);
    add_bars(chart, "pairs", d, bars, make_bars(pairs, count, by_pair, bars), true, true);
    cJSON_AddItemToArray(list, chart);
    mem_free(bars);
}

// Traffic as pairs of the network chart. The labels live in `arena`.
static chart_pair *network_pairs(const session *s, arena *texts, u32 *count)
{
    const connection *list = correlator_connections(s->correlator, count);
    chart_pair *pairs = mem_zeroed(*count + 1, sizeof(*pairs));
    for (u32 i = 0; i < *count; i++) {
        char text[64];
        u8 *end = list[i].ipv6 ? text_ipv6((u8 *)text, list[i].remote) : text_ipv4((u8 *)text, list[i].remote);
        *end = 0;
        pairs[i] = (chart_pair){.chart = NETWORK,
                                .life = list[i].process ? list[i].process->index : REPORT_NONE,
                                .process_id = list[i].process ? 0 : list[i].process_id,
                                .has_process = list[i].process_id != NO_PROCESS_ID,
                                .label = arena_text(texts, text),
                                .bytes = (u32)strlen(text),
                                .events = list[i].sends + list[i].receives,
                                .amount = list[i].bytes_sent + list[i].bytes_received};
    }
    return pairs;
}

static void add_network(cJSON *list, const report_data *d)
{
    u32 count, some = 0;
    arena texts = {0};
    chart_pair *pairs = network_pairs(d->session, &texts, &count);
    const chart_pair **of = mem_zeroed(count + 1, sizeof(*of));
    for (u32 i = 0; i < count; i++)
        if (pairs[i].amount)
            of[some++] = &pairs[i];
    if (some)
        add_chart(list, d, NETWORK, of, some);
    mem_free(of);
    mem_free(pairs);
    arena_free(&texts);
}

void report_add_charts(cJSON *root, const report_data *d)
{
    cJSON *list = cJSON_AddArrayToObject(root, "charts");
    const chart_sums *sums = &d->charts;
    const chart_pair **of = mem_zeroed(sums->count + 1, sizeof(*of));
    for (u32 chart = 0; chart < NETWORK; chart++) {
        u32 count = 0;
        for (u32 i = 0; i < sums->count; i++)
            if (sums->list[i].chart == chart)
                of[count++] = &sums->list[i];
        if (count)
            add_chart(list, d, chart, of, count);
    }
    mem_free(of);
    add_network(list, d);
}
