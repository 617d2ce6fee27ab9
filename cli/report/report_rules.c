// Which activities have which table of the report. Which events show them is told in parser/activity/activities.def.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

#define OF(kind) (1ull << ACTIVITY_KIND_##kind)

const report_table report_tables[] = {
    {"dns",
     "DNS look-ups",
     "Names that programs asked to be resolved, and what came back.",
     OF(dns_query) | OF(dns_answer),
     {{"name", ACTIVITY_name}, {"type", ACTIVITY_type}, {"status", ACTIVITY_status}, {"results", ACTIVITY_results}},
     true},
    {"opened",
     "Connections opened and accepted",
     "Who began to talk to whom.",
     OF(connect) | OF(accept),
     {{"protocol", ACTIVITY_protocol},
      {"address", ACTIVITY_address},
      {"port", ACTIVITY_port},
      {"local address", ACTIVITY_local_address},
      {"local port", ACTIVITY_local_port}},
     false},
    {"files",
     "Files created, deleted and renamed",
     "Openings that create a file only where there is none are included: traces do not tell what came of them.",
     OF(file_create) | OF(file_rename) | OF(file_delete),
     {{"path", ACTIVITY_path}, {"new path", ACTIVITY_new_path}},
     false},
    {"streams",
     "Alternate streams",
     "Streams of files that were created.",
     OF(stream_create),
     {{"path", ACTIVITY_path}},
     false},
    {"writes",
     "Files written",
     "Single writes.",
     OF(file_write),
     {{"path", ACTIVITY_path}, {"bytes", ACTIVITY_bytes}},
     false},
    {"registry",
     "Registry writes",
     "Keys made or deleted and values set or deleted.",
     OF(registry_add) | OF(registry_set) | OF(registry_delete) | OF(registry_delete_value),
     {{"key", ACTIVITY_key}, {"value", ACTIVITY_value_name}, {"data", ACTIVITY_data}, {"status", ACTIVITY_status}},
     true},
    {"images",
     "Images loaded",
     "Programs and libraries mapped while the trace ran.",
     OF(image_load),
     {{"image", ACTIVITY_path}, {"base", ACTIVITY_base}, {"size", ACTIVITY_bytes}},
     false},
    {"drivers",
     "Drivers loaded",
     "What was loaded into the kernel.",
     OF(driver_load),
     {{"image", ACTIVITY_path}, {"base", ACTIVITY_base}, {"size", ACTIVITY_bytes}},
     false},
    {"scripts",
     "Scripts and what was scanned",
     "Script text as PowerShell and the antimalware interface saw it.",
     OF(script),
     {{"content", ACTIVITY_content}, {"name", ACTIVITY_name}, {"status", ACTIVITY_status}},
     true},
    {"http",
     "HTTP requests",
     "Requests that programs sent or services received.",
     OF(http_request),
     {{"URL", ACTIVITY_url},
      {"method", ACTIVITY_method},
      {"status", ACTIVITY_status},
      {"name", ACTIVITY_name},
      {"bytes", ACTIVITY_bytes}},
     false},
    {"services",
     "Services and scheduled tasks",
     "Services installed and changed, tasks registered, changed and run.",
     OF(service_change) | OF(task_change),
     {{"name", ACTIVITY_name},
      {"program", ACTIVITY_program},
      {"account", ACTIVITY_account},
      {"state", ACTIVITY_results},
      {"content", ACTIVITY_content},
      {"status", ACTIVITY_status}},
     true},
    {"autostart",
     "Autostarts run",
     "Commands that Windows ran when somebody logged on.",
     OF(autostart),
     {{"program", ACTIVITY_program}, {"key", ACTIVITY_key}},
     false},
    {"logons",
     "Logons and accounts",
     "Sessions opened and closed, accounts changed.",
     OF(logon) | OF(logoff) | OF(account_change),
     {{"account", ACTIVITY_account},
      {"domain", ACTIVITY_domain},
      {"logon type", ACTIVITY_type},
      {"address", ACTIVITY_address},
      {"logon", ACTIVITY_logon},
      {"status", ACTIVITY_status}},
     false},
    {"wmi",
     "WMI and WinRM",
     "Queries, providers and subscriptions, operations and shells from afar.",
     OF(wmi),
     {{"content", ACTIVITY_content},
      {"name", ACTIVITY_name},
      {"program", ACTIVITY_program},
      {"account", ACTIVITY_account},
      {"status", ACTIVITY_status}},
     true},
    {"others",
     "Other processes touched",
     "Threads started in other processes, and processes opened by others.",
     OF(remote_thread) | OF(process_access),
     {{"target", ACTIVITY_target}, {"base", ACTIVITY_base}, {"access", ACTIVITY_method}, {"status", ACTIVITY_status}},
     false},
    {"pipes", "Pipes", "Pipes created or opened.", OF(pipe_create), {{"name", ACTIVITY_name}}, false},
    {"updates",
     "Updates",
     "What Windows Update downloaded and installed.",
     OF(update),
     {{"name", ACTIVITY_name}, {"status", ACTIVITY_status}},
     false},
    {"devices",
     "Devices and their drivers",
     "Devices that were set up, started or removed.",
     OF(device_change),
     {{"name", ACTIVITY_name},
      {"program", ACTIVITY_program},
      {"description", ACTIVITY_results},
      {"status", ACTIVITY_status}},
     false},
    {"networks",
     "Networks and their diagnosis",
     "Networks joined and left, and what was found wrong with them.",
     OF(network_change),
     {{"name", ACTIVITY_name},
      {"results", ACTIVITY_results},
      {"content", ACTIVITY_content},
      {"status", ACTIVITY_status}},
     false},
    {.id = NULL},
};

u32 report_table_count(void)
{
    return COUNT_OF(report_tables) - 1;
}

u32 report_table_index(const char *id)
{
    u32 at = 0;
    while (report_tables[at].id && strcmp(report_tables[at].id, id) != 0)
        at++;
    return at;
}

u32 report_table_of(activity_kind kind)
{
    for (u32 i = 0; report_tables[i].id; i++)
        if (report_tables[i].kinds >> kind & 1)
            return i;
    return REPORT_NONE;
}

// ---------------------------------------------------------------------------------------------- the same by SQL

static void put_format(outbuf *out, const char *format, ...) PRINTF_LIKE(2, 3);
static void put_format(outbuf *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    outbuf_text(out, text);
}

static void put_source(outbuf *out, const activity_source *s)
{
    char scratch[GUID_TEXT];
    put_format(out, "(provider_id='%s' AND ", guid_to_text(&s->provider, scratch));
    if (s->name)
        put_format(out, "event_name='%s')", s->name);
    else
        put_format(out, "%s BETWEEN %u AND %u)", s->classic ? "opcode" : "event_id", s->first, s->last);
}

void report_query(const report_table *table, outbuf *out)
{
    bool sure = true;
    const char *between = "";
    outbuf_text(out, "SELECT record, timestamp, process_name, process_id, event_name, coalesce(message, data) AS says "
                     "FROM events WHERE data IS NOT NULL AND (");
    for (u32 i = 0; i < activity_source_count; i++) {
        const activity_source *s = &activity_sources[i];
        if (!(table->kinds >> s->kind & 1))
            continue;
        outbuf_text(out, between);
        put_source(out, s);
        between = " OR ";
        sure &= s->when == WHEN_ALWAYS;
    }
    outbuf_text(out, ") ORDER BY record;");
    outbuf_text(out, sure ? "" : " -- and others: not all of these events are of this kind");
}

void report_provider_query(const guid *provider, outbuf *out)
{
    char id[GUID_TEXT];
    const char *between = " AND NOT (data IS NOT NULL AND (";
    put_format(out,
               "SELECT record, timestamp, process_name, process_id, coalesce(event_name, event_id) AS event, "
               "level_name AS level, coalesce(message, data, raw) AS says FROM events WHERE provider_id='%s'",
               guid_to_text(provider, id));
    for (u32 i = 0; i < activity_source_count; i++) {
        const activity_source *s = &activity_sources[i];
        if (s->when != WHEN_ALWAYS || report_table_of(s->kind) == REPORT_NONE || !guid_equal(&s->provider, provider))
            continue;
        outbuf_text(out, between);
        put_source(out, s);
        between = " OR ";
    }
    outbuf_text(out, strcmp(between, " OR ") == 0 ? ")) ORDER BY record;" : " ORDER BY record;");
}
