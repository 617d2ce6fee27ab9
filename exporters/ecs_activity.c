#include "ecs_activity.h"

#include "ecs_process.h"

// ---------------------------------------------------------------------------------------------- files, registry

static size_t after_last(span text, u8 c) // 0: it is not there
{
    size_t at = text.len;
    while (at && text.at[at - 1] != c)
        at--;
    return at;
}

static bool is_drive(span path)
{
    return path.len > 2 && path.at[1] == ':' && path.at[2] == '\\' && (path.at[0] | 0x20) >= 'a' &&
           (path.at[0] | 0x20) <= 'z';
}

// "report.txt:Zone.Identifier": the file's name, and its stream's.
static span split_stream(span *name)
{
    const u8 *colon = name->len ? memchr(name->at, ':', name->len) : NULL;
    if (!colon)
        return (span){0};
    span stream = span_from(*name, (size_t)(colon - name->at) + 1);
    name->len = (size_t)(colon - name->at);
    return stream;
}

static void put_path(const ecs_view *v, const char *object, span path)
{
    size_t name_at = after_last(path, '\\');
    span name = span_from(path, name_at);
    ecs_object file = ecs_begin(v->out, object);
    ecs_span(v->out, "path", path);
    if (strcmp(object, "file") != 0) {
        ecs_span(v->out, "name", name);
        ecs_end(v->out, file);
        return;
    }
    span stream = split_stream(&name);
    size_t extension = after_last(name, '.');
    ecs_span(v->out, "name", name);
    if (name_at > 1)
        ecs_span(v->out, "directory", (span){path.at, name_at - 1});
    if (extension > 1)
        ecs_span(v->out, "extension", span_from(name, extension));
    if (is_drive(path))
        ecs_span(v->out, "drive_letter", (span){(const u8[]){path.at[0] & (u8)~0x20}, 1});
    ecs_span(v->out, "fork_name", stream);
    ecs_end(v->out, file);
}

static void put_file(const ecs_view *v)
{
    span renamed = ecs_text_of(v, ACTIVITY_new_path);
    put_path(v, "file", renamed.len ? renamed : ecs_text_of(v, ACTIVITY_path));
}

static void put_pipe(const ecs_view *v)
{
    ecs_object file = ecs_begin(v->out, "file");
    ecs_put(v, "name", ACTIVITY_name);
    ecs_end(v->out, file);
}

// "HKLM\SOFTWARE\Run": the hive, and the key in it. Of a key whose beginning is not known there is no hive.
static void put_registry(const ecs_view *v)
{
    outbuf *out = v->out;
    span path = ecs_text_of(v, ACTIVITY_key), value = ecs_text_of(v, ACTIVITY_value_name),
         data = ecs_text_of(v, ACTIVITY_data);
    const u8 *slash = path.len ? memchr(path.at, '\\', path.len) : NULL;
    ecs_object registry = ecs_begin(out, "registry");
    if (path.len > 2 && memcmp(path.at, "HK", 2) == 0) {
        size_t len = slash ? (size_t)(slash - path.at) : path.len;
        ecs_span(out, "hive", (span){path.at, len});
        ecs_span(out, "key", slash ? span_from(path, len + 1) : (span){0});
    } else {
        ecs_span(out, "key", path);
    }
    ecs_span(out, "value", value);
    if (path.len) {
        ecs_span(out, "path", path);
        out->len -= value.len ? 1 : 0; // its quote
        if (value.len) {
            u8 *p = put_text(outbuf_reserve(out, 6 * value.len + 8), "\\\\");
            outbuf_written(out, put_char(text_utf8_json(p, value), '"'));
        }
    }
    ecs_object object = ecs_begin(out, "data");
    if (data.len) {
        ecs_key(out, "strings");
        outbuf_text(out, "[");
        ecs_string(out, data);
        outbuf_text(out, "]");
    }
    ecs_end(out, object);
    ecs_end(out, registry);
}

// ---------------------------------------------------------------------------------------------- kinds

static void put_image(const ecs_view *v)
{
    put_path(v, "dll", ecs_text_of(v, ACTIVITY_path));
}

static void put_outbound(const ecs_view *v)
{
    ecs_network_put(v, false);
}

static void put_inbound(const ecs_view *v)
{
    ecs_network_put(v, true);
}

static void put_logon(const ecs_view *v)
{
    ecs_end_put("source", ecs_text_of(v, ACTIVITY_address), false, 0, v->out);
}

// Categories and types are those that the schema allows, and expects of each other.
typedef struct kind_facts {
    const char *category, *types; // types as JSON
    void (*put)(const ecs_view *v);
} kind_facts;

static const kind_facts KINDS[ACTIVITY_KINDS] = {
    [ACTIVITY_KIND_process_start] = {"process", "\"start\"", NULL},
    [ACTIVITY_KIND_process_end] = {"process", "\"end\"", NULL},
    [ACTIVITY_KIND_process_running] = {"process", "\"info\"", NULL},
    [ACTIVITY_KIND_image_load] = {"library", "\"start\"", put_image},
    [ACTIVITY_KIND_driver_load] = {"driver", "\"start\"", put_image},
    [ACTIVITY_KIND_file_create] = {"file", "\"creation\"", put_file},
    [ACTIVITY_KIND_file_write] = {"file", "\"change\"", put_file},
    [ACTIVITY_KIND_file_rename] = {"file", "\"change\"", put_file},
    [ACTIVITY_KIND_file_delete] = {"file", "\"deletion\"", put_file},
    [ACTIVITY_KIND_stream_create] = {"file", "\"creation\"", put_file},
    [ACTIVITY_KIND_pipe_create] = {"file", "\"access\"", put_pipe},
    [ACTIVITY_KIND_registry_add] = {"registry", "\"creation\"", put_registry},
    [ACTIVITY_KIND_registry_set] = {"registry", "\"change\"", put_registry},
    [ACTIVITY_KIND_registry_delete] = {"registry", "\"deletion\"", put_registry},
    [ACTIVITY_KIND_registry_delete_value] = {"registry", "\"deletion\"", put_registry},
    [ACTIVITY_KIND_connect] = {"network", "\"connection\",\"start\"", put_outbound},
    [ACTIVITY_KIND_accept] = {"network", "\"connection\",\"start\"", put_inbound},
    [ACTIVITY_KIND_send] = {"network", "\"connection\",\"info\"", put_outbound},
    [ACTIVITY_KIND_datagram] = {"network", "\"connection\",\"info\"", put_outbound},
    [ACTIVITY_KIND_receive] = {"network", "\"connection\",\"info\"", put_inbound},
    [ACTIVITY_KIND_dns_query] = {"network", "\"protocol\",\"info\"", ecs_dns_put},
    [ACTIVITY_KIND_dns_answer] = {"network", "\"protocol\",\"info\"", ecs_dns_put},
    [ACTIVITY_KIND_script] = {"process", "\"info\"", NULL},
    [ACTIVITY_KIND_http_request] = {"network", "\"protocol\",\"info\"", ecs_http_put},
    [ACTIVITY_KIND_service_change] = {"configuration", "\"change\"", NULL},
    [ACTIVITY_KIND_task_change] = {"configuration", "\"change\"", NULL},
    [ACTIVITY_KIND_autostart] = {"configuration", "\"info\"", NULL},
    [ACTIVITY_KIND_update] = {"package", "\"info\"", NULL},
    [ACTIVITY_KIND_device_change] = {"host", "\"change\"", NULL},
    [ACTIVITY_KIND_network_change] = {"network", "\"info\"", NULL},
    [ACTIVITY_KIND_logon] = {"authentication", "\"start\"", put_logon},
    [ACTIVITY_KIND_logoff] = {"authentication", "\"end\"", NULL},
    [ACTIVITY_KIND_account_change] = {"iam", "\"user\",\"change\"", NULL},
    [ACTIVITY_KIND_wmi] = {"api", "\"info\"", NULL},
    [ACTIVITY_KIND_remote_thread] = {"process", "\"change\"", NULL},
    [ACTIVITY_KIND_process_access] = {"process", "\"access\"", NULL},
};

void ecs_activity_objects(const ecs_view *v)
{
    if (KINDS[v->seen->kind].put)
        KINDS[v->seen->kind].put(v);
}

// ---------------------------------------------------------------------------------------------- event

static const char *types_of(const activity *seen)
{
    if (seen->kind == ACTIVITY_KIND_account_change && strcmp(seen->action, "was created") == 0)
        return "\"user\",\"creation\"";
    if (seen->kind == ACTIVITY_KIND_account_change && strcmp(seen->action, "was deleted") == 0)
        return "\"user\",\"deletion\"";
    if (seen->kind == ACTIVITY_KIND_update && strcmp(seen->action, "was installed") == 0)
        return "\"installation\"";
    if (seen->kind == ACTIVITY_KIND_file_create && strcmp(seen->action, "created") != 0)
        return "\"access\"";
    return KINDS[seen->kind].types;
}

// "success", "failure"; NULL: not told.
static const char *outcome_of(const ecs_view *v)
{
    static const char FAILED[] = "could not";
    u64 status = 0;
    bool told = ecs_number_of(v, ACTIVITY_status, &status);
    if (strncmp(v->seen->action, FAILED, strlen(FAILED)) == 0)
        return "failure";
    switch (v->seen->kind) {
    case ACTIVITY_KIND_process_end: // the status is the process's
    case ACTIVITY_KIND_script:      // or says what a scan found
        return NULL;
    case ACTIVITY_KIND_logon:
    case ACTIVITY_KIND_logoff:
    case ACTIVITY_KIND_account_change:
        return status ? "failure" : "success";
    case ACTIVITY_KIND_http_request:
        return status < 100 ? NULL : status < 400 ? "success" : "failure";
    default:
        return !told ? NULL : status ? "failure" : "success";
    }
}

void ecs_activity_event(const ecs_view *v)
{
    ecs_key(v->out, "category");
    outbuf_text(v->out, "[\"");
    outbuf_text(v->out, KINDS[v->seen->kind].category);
    outbuf_text(v->out, "\"]");
    ecs_key(v->out, "type");
    outbuf_text(v->out, "[");
    outbuf_text(v->out, types_of(v->seen));
    outbuf_text(v->out, "]");
    ecs_text(v->out, "outcome", outcome_of(v));
}

// ---------------------------------------------------------------------------------------------- user

static void put_account(const ecs_view *v)
{
    ecs_put(v, "id", ACTIVITY_sid);
    ecs_user_of_name(ecs_text_of(v, ACTIVITY_account), ecs_text_of(v, ACTIVITY_domain), v->out);
}

void ecs_activity_user(const ecs_view *v)
{
    if (v->seen->kind == ACTIVITY_KIND_service_change) // whom the service runs as
        return;
    if (v->seen->kind != ACTIVITY_KIND_account_change) {
        put_account(v);
        return;
    }
    ecs_object target = ecs_begin(v->out, "target");
    put_account(v);
    ecs_end(v->out, target);
}
