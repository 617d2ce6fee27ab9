#include "ecs_process.h"

#include "account.h"

// ---------------------------------------------------------------------------------------------- accounts

void ecs_user_of_name(span account, span domain, outbuf *out)
{
    const u8 *slash = account.len ? memchr(account.at, '\\', account.len) : NULL;
    if (slash) {
        size_t before = (size_t)(slash - account.at);
        domain = domain.len ? domain : (span){account.at, before};
        account = span_from(account, before + 1);
    }
    if (account.len == 1 && account.at[0] == '-') // nobody, as Security-Auditing has it
        return;
    ecs_span(out, "name", account);
    ecs_span(out, "domain", domain);
}

void ecs_user_of_sid(const char *sid, outbuf *out)
{
    char scratch[ACCOUNT_NAME];
    const char *name = account_name(sid, scratch);
    ecs_text(out, "id", sid);
    if (name)
        ecs_user_of_name(text_span(name), (span){0}, out);
}

// A process's has no domain in the schema.
static void put_user(const char *sid, outbuf *out)
{
    char scratch[ACCOUNT_NAME];
    const char *name = account_name(sid, scratch), *slash = name ? strchr(name, '\\') : NULL;
    ecs_object user = ecs_begin(out, "user");
    ecs_text(out, "id", sid);
    ecs_text(out, "name", slash ? slash + 1 : name);
    ecs_end(out, user);
}

// ---------------------------------------------------------------------------------------------- processes

// Its names only where it is sure: the schema has no word for what is inferred.
static void put_parent(const process_life *life, outbuf *out)
{
    if (!life->has_parent)
        return;
    ecs_object parent = ecs_begin(out, "parent");
    ecs_number(out, "pid", life->parent_id);
    if (life->parent && life->parent_sure) {
        ecs_text(out, "name", life->parent->name);
        ecs_text(out, "executable", life->parent->dos_path);
        ecs_text(out, "command_line", life->parent->command_line);
    }
    ecs_end(out, parent);
}

static void put_time(const char *key, i64 time, outbuf *out)
{
    ecs_key(out, key);
    u8 *p = text_time(put_char(outbuf_reserve(out, 64), '"'), time);
    outbuf_written(out, put_char(p, '"'));
}

// What the image says of itself.
static void put_version(const image_version *version, outbuf *out)
{
    ecs_object pe = ecs_begin(out, "pe");
    ecs_text(out, "original_file_name", version->original_name);
    ecs_text(out, "description", version->description);
    ecs_text(out, "file_version", version->version);
    ecs_text(out, "product", version->product);
    ecs_text(out, "company", version->company);
    ecs_end(out, pe);
}

static void put_life(const process_life *life, outbuf *out)
{
    ecs_number(out, "pid", life->process_id);
    ecs_text(out, "name", life->name);
    ecs_text(out, "executable", life->dos_path);
    ecs_text(out, "command_line", life->command_line);
    if (life->version)
        put_version(life->version, out);
    if (life->start_known == MOMENT_RECORDED)
        put_time("start", life->start, out);
    if (life->user_sid)
        put_user(life->user_sid, out);
    put_parent(life, out);
}

void ecs_processes_open(ecs_processes *p, const correlator *c)
{
    outbuf b = {0};
    *p = (ecs_processes){0};
    const process_life *const *lives = correlator_processes(c, &p->count);
    p->lives = arena_array(&p->memory, literal, p->count);
    for (u32 i = 0; i < p->count; i++) {
        outbuf_text(&b, "{");
        put_life(lives[i], &b);
        p->lives[lives[i]->index] = literal_take(&p->memory, &b);
    }
    outbuf_free(&b);
}

void ecs_processes_free(ecs_processes *p)
{
    arena_free(&p->memory);
}

// Of a process that the trace says nothing of but this event.
static void put_unknown(const record *rec, const activity *seen, u32 id, outbuf *out)
{
    bool tells = seen && (seen->kind == ACTIVITY_KIND_process_start || seen->kind == ACTIVITY_KIND_process_end ||
                          seen->kind == ACTIVITY_KIND_process_running);
    span path = tells ? activity_text(seen, rec->scratch, ACTIVITY_path) : (span){0};
    ecs_number(out, "pid", id);
    ecs_span(out, "name", text_file_name(path));
    if (!path.len && rec->process_name && id == rec->process_id)
        ecs_text(out, "name", rec->process_name);
    ecs_span(out, "executable", path);
    if (tells)
        ecs_span(out, "command_line", activity_text(seen, rec->scratch, ACTIVITY_command_line));
}

void ecs_process_put(const ecs_processes *p, const record *rec, const activity *seen, outbuf *out)
{
    bool acts = seen && seen->has_process;
    const process_life *life = acts ? seen->process : rec->process;
    u32 id = acts ? seen->process_id : rec->process_id;
    u64 status;
    if (!acts && !rec->has_process)
        return;
    ecs_object process = ecs_begin(out, "process");
    if (life && life->index < p->count)
        outbuf_add(out, p->lives[life->index].text + 1, p->lives[life->index].len - 1);
    else
        put_unknown(rec, seen, id, out);
    if (rec->has_thread && id == rec->process_id) {
        ecs_object thread = ecs_begin(out, "thread");
        ecs_number(out, "id", rec->thread_id);
        ecs_end(out, thread);
    }
    if (acts && seen->kind == ACTIVITY_KIND_process_end && activity_number(seen, ACTIVITY_status, &status))
        ecs_number(out, "exit_code", status & UINT32_MAX);
    ecs_end(out, process);
}
