// Which events feed which table of the report: one line a kind of event. Field names are those of the providers' own
// manifests and of the kernel's MOF classes.
#include <stdarg.h>

#include "base/known_guids.h"
#include <stdio.h>
#include <string.h>

#include "report/report.h"

#define AMSI GUID_OF(0x2a576b87, 0x09a7, 0x520e, 0xc2, 0x1a, 0x49, 0x42, 0xf0, 0x27, 0x1d, 0x67)
#define WININET GUID_OF(0x43d1a55c, 0x76d6, 0x4f7e, 0x99, 0x5c, 0x64, 0xc7, 0x11, 0xe5, 0xca, 0xfe)
#define HTTP_SERVICE GUID_OF(0xdd5ef90a, 0x6398, 0x47a4, 0xad, 0x34, 0x4d, 0xce, 0xcd, 0xef, 0x79, 0x5f)
#define SERVICE_CONTROL GUID_OF(0x555908d1, 0xa6d7, 0x4695, 0x8e, 0x1e, 0x26, 0x93, 0x1d, 0x20, 0x12, 0xf4)
#define TASK_SCHEDULER GUID_OF(0xde7b24ea, 0x73c8, 0x4a09, 0x98, 0x5d, 0x5b, 0xda, 0xdc, 0xfa, 0x90, 0x17)

const report_table report_tables[] = {
    {"dns",
     "DNS look-ups",
     "Names that programs asked to be resolved, and what came back.",
     {"Name", "Type", "Status", "Results"},
     true},
    {"files",
     "Files created, deleted and renamed",
     "Openings that may create a file are included, as the trace logs them alike.",
     {"Path", "Options", NULL, NULL},
     false},
    {"registry",
     "Registry writes",
     "Keys made or deleted and values set or deleted.",
     {"Key", "Value", NULL, NULL},
     true},
    {"images",
     "Images loaded",
     "Programs, libraries and drivers mapped while the trace ran.",
     {"Image", "Base", "Size", NULL},
     false},
    {"scripts",
     "PowerShell and script content",
     "Script text as PowerShell and the antimalware interface saw it.",
     {"Content", "Name", NULL, NULL},
     true},
    {"http",
     "HTTP requests",
     "Requests that programs sent or services received.",
     {"URL", "Verb or method", "Status", NULL},
     false},
    {"services",
     "Services and scheduled tasks",
     "Services installed, tasks registered, changed and run.",
     {"Name", "Program", "Account", NULL},
     true},
    {"logons",
     "Logons and accounts",
     "Sessions opened and accounts changed, from security auditing.",
     {"Account", "Domain", "Logon type", "Address"},
     false},
    {NULL, NULL, NULL, {NULL}, false},
};

const report_rule report_rules[] = {
    {"dns", GUID_DNS_CLIENT, false, 3006, 3006, "asked", {"QueryName", "QueryType", NULL, NULL}},
    {"dns", GUID_DNS_CLIENT, false, 3008, 3008, "answered", {"QueryName", "QueryType", "QueryStatus", "QueryResults"}},
    {"dns", GUID_DNS_CLIENT, false, 3020, 3020, "response", {"QueryName", NULL, "Status", "QueryResults"}},
    {"files", GUID_KERNEL_FILE, false, 12, 12, "open or create", {"FileName", "CreateOptions", NULL, NULL}},
    {"files", GUID_KERNEL_FILE, false, 30, 30, "create", {"FileName", "CreateOptions", NULL, NULL}},
    {"files", GUID_KERNEL_FILE, false, 26, 26, "delete", {"FilePath", NULL, NULL, NULL}},
    {"files", GUID_KERNEL_FILE, false, 27, 27, "rename", {"FilePath", NULL, NULL, NULL}},
    {"files", GUID_CLASS_FILE_IO, true, 64, 64, "open or create", {"OpenPath", "CreateOptions", NULL, NULL}},
    {"files", GUID_CLASS_FILE_IO, true, 70, 70, "delete", {"@file", NULL, NULL, NULL}},
    {"files", GUID_CLASS_FILE_IO, true, 71, 71, "rename", {"@file", NULL, NULL, NULL}},
    {"files", GUID_CLASS_FILE_IO, true, 79, 79, "delete", {"FileName", NULL, NULL, NULL}},
    {"files", GUID_CLASS_FILE_IO, true, 80, 80, "rename", {"FileName", NULL, NULL, NULL}},
    {"registry", GUID_CLASS_REGISTRY, true, 10, 10, "create key", {"KeyName", NULL, NULL, NULL}},
    {"registry", GUID_CLASS_REGISTRY, true, 12, 12, "delete key", {"@key", NULL, NULL, NULL}},
    {"registry", GUID_CLASS_REGISTRY, true, 14, 14, "set value", {"@key", "KeyName", NULL, NULL}},
    {"registry", GUID_CLASS_REGISTRY, true, 15, 15, "delete value", {"@key", "KeyName", NULL, NULL}},
    {"registry", GUID_KERNEL_REGISTRY, false, 1, 1, "create key", {"RelativeName", NULL, NULL, NULL}},
    {"registry", GUID_KERNEL_REGISTRY, false, 3, 3, "delete key", {"@key", NULL, NULL, NULL}},
    {"registry", GUID_KERNEL_REGISTRY, false, 5, 5, "set value", {"@key", "ValueName", NULL, NULL}},
    {"registry", GUID_KERNEL_REGISTRY, false, 6, 6, "delete value", {"@key", "ValueName", NULL, NULL}},
    {"images", GUID_CLASS_IMAGE, true, 10, 10, "load", {"FileName", "ImageBase", "ImageSize", NULL}},
    {"images", GUID_KERNEL_PROCESS, false, 5, 5, "load", {"ImageName", "ImageBase", "ImageSize", NULL}},
    {"scripts", GUID_POWERSHELL, false, 4103, 4103, "pipeline", {"Payload", "ContextInfo", NULL, NULL}},
    {"scripts", GUID_POWERSHELL, false, 4104, 4104, "script block", {"ScriptBlockText", "Path", NULL, NULL}},
    {"scripts", AMSI, false, 1101, 1101, "scanned", {"content", "contentname", NULL, NULL}},
    {"http", WININET, false, 102, 102, "URL opened", {"URL", NULL, NULL, NULL}},
    {"http", WININET, false, 501, 501, "URL", {"URL", NULL, NULL, NULL}},
    {"http", HTTP_SERVICE, false, 2, 2, "received", {"Url", "HttpVerb", NULL, NULL}},
    {"http", HTTP_SERVICE, false, 3, 3, "delivered", {"Url", NULL, "Status", NULL}},
    {"services",
     SERVICE_CONTROL,
     false,
     7045,
     7045,
     "service installed",
     {"ServiceName", "ImagePath", "AccountName", NULL}},
    {"services",
     GUID_SECURITY_AUDITING,
     false,
     4697,
     4697,
     "service installed",
     {"ServiceName", "ServiceFileName", "ServiceAccount", NULL}},
    {"services",
     GUID_SECURITY_AUDITING,
     false,
     4698,
     4698,
     "task created",
     {"TaskName", "TaskContent", "SubjectUserName", NULL}},
    {"services", TASK_SCHEDULER, false, 106, 106, "task registered", {"TaskName", NULL, "UserContext", NULL}},
    {"services", TASK_SCHEDULER, false, 129, 129, "task process started", {"TaskName", "Path", NULL, NULL}},
    {"services", TASK_SCHEDULER, false, 140, 141, "task changed or deleted", {"TaskName", NULL, "UserName", NULL}},
    {"services", TASK_SCHEDULER, false, 200, 201, "task action", {"TaskName", "ActionName", NULL, NULL}},
    {"logons",
     GUID_SECURITY_AUDITING,
     false,
     4624,
     4625,
     "logon",
     {"TargetUserName", "TargetDomainName", "LogonType", "IpAddress"}},
    {"logons",
     GUID_SECURITY_AUDITING,
     false,
     4648,
     4648,
     "logon with other credentials",
     {"TargetUserName", "TargetDomainName", NULL, "IpAddress"}},
    {"logons",
     GUID_SECURITY_AUDITING,
     false,
     4720,
     4726,
     "account changed",
     {"TargetUserName", "TargetDomainName", NULL, NULL}},
    {NULL, {{0}}, false, 0, 0, NULL, {NULL}},
};

u32 report_table_count(void)
{
    u32 count = 0;
    while (report_tables[count].id)
        count++;
    return count;
}

u32 report_table_index(const char *id)
{
    u32 at = 0;
    while (report_tables[at].id && strcmp(report_tables[at].id, id) != 0)
        at++;
    return at;
}

const report_rule *report_rule_of(const event_class *cls)
{
    u16 number = cls->classic ? cls->descriptor.opcode : cls->descriptor.id;
    for (const report_rule *r = report_rules; r->table; r++)
        if (r->classic == cls->classic && number >= r->first && number <= r->last &&
            guid_equal(&r->provider, &cls->provider_id))
            return r;
    return NULL;
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

// Events of the table `id`, or where it is NULL those of the provider that are in any, as a condition over `events`.
// False: there are none.
static bool put_condition(outbuf *out, const char *id, const guid *provider)
{
    bool first = true;
    for (const report_rule *r = report_rules; r->table; r++) {
        char scratch[GUID_TEXT];
        if (id ? strcmp(r->table, id) != 0 : !guid_equal(&r->provider, provider))
            continue;
        put_format(out, "%s(provider_id='%s' AND %s BETWEEN %u AND %u)", first ? "" : " OR ",
                   guid_to_text(&r->provider, scratch), r->classic ? "opcode" : "event_id", r->first, r->last);
        first = false;
    }
    return !first;
}

static void put_field(outbuf *out, const char *name)
{
    if (name[0] == '@')
        put_format(out, "json_extract(extended,'$.%s_path'),", name + 1);
    else
        put_format(out, "json_extract(data,'$.%s'),", name);
}

// A column as an expression: whichever of the fields its rules name is there.
static void put_column(outbuf *out, const report_table *table, u32 column)
{
    const char *names[64];
    u32 count = 0;
    outbuf_text(out, "coalesce(");
    if (column == 0 && strcmp(table->id, "files") == 0)
        put_field(out, "@file");
    for (const report_rule *r = report_rules; r->table; r++) {
        const char *name = strcmp(r->table, table->id) == 0 ? r->fields[column] : NULL;
        bool known = !name;
        for (u32 i = 0; i < count && !known; i++)
            known = strcmp(names[i], name) == 0;
        if (known || count == COUNT_OF(names))
            continue;
        names[count++] = name;
        put_field(out, name);
    }
    put_format(out, "'') AS \"%s\"", table->columns[column]);
}

void report_query(const report_table *table, outbuf *out)
{
    outbuf_text(out, "SELECT record, timestamp, process_name, process_id");
    for (u32 i = 0; i < REPORT_DETAILS && table->columns[i]; i++) {
        outbuf_text(out, ", ");
        put_column(out, table, i);
    }
    outbuf_text(out, " FROM events WHERE data IS NOT NULL AND (");
    put_condition(out, table->id, &(guid){{0}});
    outbuf_text(out, ") ORDER BY record;");
}

void report_provider_query(const guid *provider, outbuf *out)
{
    char id[GUID_TEXT];
    outbuf others = {0};
    put_format(out,
               "SELECT record, timestamp, process_name, process_id, coalesce(event_name, event_id) AS event, "
               "level_name AS level, coalesce(message, data, raw) AS says FROM events WHERE provider_id='%s'",
               guid_to_text(provider, id));
    if (put_condition(&others, NULL, provider)) {
        outbuf_text(out, " AND NOT (data IS NOT NULL AND (");
        outbuf_add(out, others.bytes, others.len);
        outbuf_text(out, "))");
    }
    outbuf_text(out, " ORDER BY record;");
    outbuf_free(&others);
}
