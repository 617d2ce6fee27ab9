#include "joins.h"

#include "base/text.h"
#include "json_text.h"
#include "print.h"

enum { LISTED_PROCESSES = 1000 };

static void add_time(cJSON *to, const char *name, i64 filetime)
{
    char text[40];
    *text_time((u8 *)text, filetime) = 0;
    cJSON_AddStringToObject(to, name, text);
}

// ---------------------------------------------------------------------------------------------- hosts

static void add_traces(cJSON *to, const evidence *ev, u32 host)
{
    const session *s = ev->session;
    cJSON *list = cJSON_AddArrayToObject(to, "inputs");
    for (u32 i = 0; i < s->trace_count; i++) {
        bool is_of_it = false, exact;
        for (u32 header = 0; header < s->traces[i]->file.trace_header_count; header++)
            is_of_it = is_of_it || s->hosts.of[s->traces[i]->first_header + header] == host;
        if (is_of_it)
            cJSON_AddItemToArray(list, json_text(evidence_row(ev, i)->source, &exact));
    }
}

void joins_add_notes(cJSON *root, const host_map *hosts)
{
    cJSON *notes = cJSON_AddArrayToObject(root, "host_notes");
    bool exact;
    for (u32 i = 0; i < hosts->note_count; i++)
        cJSON_AddItemToArray(notes, json_text(hosts->notes[i], &exact));
    if (hosts->more_notes)
        cJSON_AddNumberToObject(root, "host_notes_not_listed", hosts->more_notes);
}

static void add_hosts(cJSON *root, const evidence *ev)
{
    const host_map *hosts = &ev->session->hosts;
    cJSON *list = cJSON_AddArrayToObject(root, "hosts");
    for (u32 i = 0; i < hosts->count; i++) {
        cJSON *host = cJSON_CreateObject();
        if (hosts->list[i].name)
            json_add_text(host, "name", hosts->list[i].name);
        else
            cJSON_AddNullToObject(host, "name");
        if (hosts->list[i].boot > 0)
            add_time(host, "boot_time", hosts->list[i].boot);
        else
            cJSON_AddNullToObject(host, "boot_time");
        add_traces(host, ev, i);
        cJSON_AddItemToArray(list, host);
    }
    joins_add_notes(root, hosts);
}

// ---------------------------------------------------------------------------------------------- lives

static void add_counts(cJSON *joins, const char *name, const life_counts *counts)
{
    cJSON *row = cJSON_AddObjectToObject(joins, name);
    cJSON_AddNumberToObject(row, "lives", (double)counts->lives);
    cJSON_AddNumberToObject(row, "start_inferred", (double)counts->starts_inferred);
    cJSON_AddNumberToObject(row, "end_inferred", (double)counts->ends_inferred);
    cJSON_AddNumberToObject(row, "across_gaps", (double)counts->with_gaps);
}

static void add_process(cJSON *list, const process_life *p)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddNumberToObject(row, "process_id", p->process_id);
    cJSON_AddNumberToObject(row, "host", p->machine);
    json_add_text(row, "process_name", p->name ? p->name : "");
    cJSON_AddBoolToObject(row, "start_inferred", p->start_known != MOMENT_RECORDED);
    cJSON_AddBoolToObject(row, "end_inferred", p->end_known == MOMENT_UNSEEN);
    cJSON_AddBoolToObject(row, "across_gaps", p->across_gap);
    cJSON_AddItemToArray(list, row);
}

// The processes whose names reach further than events say.
static void add_processes(cJSON *joins, const correlator *c)
{
    u32 count, listed = 0, more = 0;
    const process_life *const *processes = correlator_processes(c, &count);
    cJSON *list = cJSON_AddArrayToObject(joins, "unsure_processes");
    for (u32 i = 0; i < count; i++) {
        const process_life *p = processes[i];
        if (p->start_known == MOMENT_RECORDED && p->end_known != MOMENT_UNSEEN && !p->across_gap)
            continue;
        if (listed < LISTED_PROCESSES)
            add_process(list, p), listed++;
        else
            more++;
    }
    if (more)
        cJSON_AddNumberToObject(joins, "unsure_processes_not_listed", more);
}

void joins_add(cJSON *root, const evidence *ev)
{
    const correlator *c = ev->session->correlator;
    correlate_counts counts = correlator_counts(c);
    add_hosts(root, ev);
    cJSON *joins = cJSON_AddObjectToObject(root, "joins");
    add_counts(joins, "processes", &counts.processes);
    add_counts(joins, "threads", &counts.threads);
    add_counts(joins, "files", &counts.files);
    add_counts(joins, "keys", &counts.keys);
    add_counts(joins, "images", &counts.images);
    add_processes(joins, c);
}

void joins_say(const evidence *ev)
{
    const host_map *hosts = &ev->session->hosts;
    for (u32 i = 0; i < hosts->note_count; i++)
        print_say("%s", hosts->notes[i]);
    if (hosts->more_notes)
        print_say("%u more doubts about which traces are of one machine", hosts->more_notes);
}
