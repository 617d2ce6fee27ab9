// carve.json (carve_job.h), written as it comes: an image may hold millions of buffers.
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "carve/carve_job.h"
#include "json_text.h"

static void add_text_time(cJSON *to, const char *name, const session_clock *clock, i64 ticks)
{
    char text[40];
    i64 time = clock_filetime(clock, ticks);
    if (time <= 0)
        return;
    *text_time((u8 *)text, time) = 0;
    cJSON_AddStringToObject(to, name, text);
}

static void add_count(cJSON *to, const char *name, u64 count)
{
    cJSON_AddNumberToObject(to, name, (double)count);
}

static void add_count_if(cJSON *to, const char *name, u64 count)
{
    if (count)
        add_count(to, name, count);
}

// Writes the object and frees it. Open: without its brace, since more members follow.
static bool put_object(const carve_job *job, cJSON *object, bool open, error *e)
{
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (open)
        text[strlen(text) - 1] = 0;
    bool ok = output_text(job->json, text, e);
    cJSON_free(text);
    return ok;
}

// One of a list, counted from 0, on a line of its own.
static bool put_entry(const carve_job *job, u32 number, cJSON *entry, error *e)
{
    if (output_text(job->json, number ? ",\n" : "\n", e))
        return put_object(job, entry, false, e);
    cJSON_Delete(entry);
    return false;
}

// ---------------------------------------------------------------------------------------------- the image

// Every byte of the image is in one of these.
static void add_ranges(cJSON *root, const carve *c)
{
    u64 buffers = 0, copies = 0;
    for (u32 i = 0; i < c->count; i++)
        *(c->buffers[i].reason == CARVE_DUPLICATE ? &copies : &buffers) += c->buffers[i].here;
    cJSON *ranges = cJSON_AddObjectToObject(root, "accounted_bytes");
    add_count(ranges, "buffers", buffers);
    add_count(ranges, "copies", copies);
    add_count(ranges, "events_without_a_buffer", c->orphan_bytes);
    add_count(ranges, "unreadable", c->unreadable_outside);
    add_count(ranges, "nothing_of_a_trace",
              c->image->bytes - buffers - copies - c->orphan_bytes - c->unreadable_outside);
}

static void add_orphans(cJSON *root, const carve *c)
{
    if (!c->orphan_places)
        return;
    cJSON *orphans = cJSON_AddObjectToObject(root, "events_without_a_buffer");
    add_count(orphans, "places", c->orphan_places);
    add_count(orphans, "events", c->orphan_events);
    cJSON *list = cJSON_AddArrayToObject(orphans, "list");
    for (u32 i = 0; i < c->orphan_count; i++) {
        const carve_orphans *o = &c->orphans[i];
        cJSON *entry = cJSON_CreateObject();
        add_count(entry, "image_offset", o->offset);
        add_count(entry, "bytes", o->bytes);
        add_count(entry, "events", o->events);
        cJSON_AddItemToArray(list, entry);
    }
}

bool carve_json_begin(carve_job *job, error *e)
{
    const carve *c = &job->carve;
    const input_row *row = job->image.rows;
    cJSON *root = cJSON_CreateObject();
    json_add_text(root, "image", row->path);
    add_count(root, "bytes", c->image->bytes);
    if (row->sha256[0])
        cJSON_AddStringToObject(root, "sha256", row->sha256);
    else
        cJSON_AddNullToObject(root, "sha256");
    add_count(root, "unreadable_bytes", c->unreadable);
    add_count_if(root, "ambiguous_buffers", c->ambiguous);
    add_count_if(root, "buffers_over_the_limit_of_sessions", c->rest);
    add_count_if(root, "buffers_over_the_limit", c->refused);
    add_count_if(root, "places_not_inflated", c->not_inflated);
    add_ranges(root, c);
    add_orphans(root, c);
    return put_object(job, root, true, e) && output_text(job->json, ",\"sessions\":[", e);
}

bool carve_json_end(const carve_job *job, error *e)
{
    return output_text(job->json, "]}\n", e);
}

// ---------------------------------------------------------------------------------------------- a session

static void add_names(cJSON *to, const u32 *sessions, u32 count)
{
    cJSON *list = cJSON_AddArrayToObject(to, "may_be_of");
    for (u32 i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof(name), "session-%u.etl", sessions[i] + 1);
        cJSON_AddItemToArray(list, cJSON_CreateString(name));
    }
}

bool carve_json_session(const carve_job *job, u32 index, const guessed_clock *guessed, error *e)
{
    const carve *c = &job->carve;
    const carve_session *s = &c->sessions[index];
    const trace_facts *f = s->header == CARVE_NONE ? NULL : &c->facts[c->buffers[s->header].facts];
    const session_clock *clock = f ? &f->clock : &guessed->clock;
    char name[40];
    snprintf(name, sizeof(name), "session-%u.etl", index + 1);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "file", name);
    cJSON_AddStringToObject(root, "header", f ? "found" : "made up");
    cJSON_AddStringToObject(root, "clock", f ? "the header's" : guessed->by);
    if (f)
        cJSON_AddStringToObject(root, "session", f->session);
    if (s->is_ambiguous) {
        cJSON_AddTrueToObject(root, "ambiguous");
        add_names(root, s->may_be, s->may_be_count);
    }
    add_count(root, "logger_id", s->logger_id);
    add_count(root, "buffer_size", s->buffer_size);
    cJSON_AddBoolToObject(root, "compressed",
                          s->form != COMPRESSION_NONE || (f && (f->log_file_mode & LOG_FILE_MODE_COMPRESSED)));
    add_text_time(root, "first_event", clock, s->first_time);
    add_text_time(root, "last_event", clock, s->last_time);
    add_count(root, "events", s->events);
    add_count_if(root, "buffers_written", f ? f->buffers_written : 0);
    return output_text(job->json, index ? ",\n" : "\n", e) && put_object(job, root, true, e) &&
           output_text(job->json, ",\"buffers\":[", e);
}

bool carve_json_buffer(const carve_job *job, u32 number, const carve_buffer *b, const carve_written *w, error *e)
{
    cJSON *entry = cJSON_CreateObject();
    add_count(entry, "image_offset", b->offset);
    add_count(entry, "bytes", w->bytes);
    if (w->bytes != b->size)
        add_count(entry, "claimed_bytes", b->size);
    add_count(entry, "file_offset", w->at);
    add_count(entry, "sequence", b->sequence);
    add_count(entry, "processor", b->processor);
    add_count(entry, "events", b->events);
    cJSON_AddBoolToObject(entry, "intact", b->intact);
    add_count_if(entry, "fill_bytes", w->fill);
    if (w->is_inflated)
        cJSON_AddTrueToObject(entry, "inflated");
    cJSON_AddStringToObject(entry, "why", carve_reason_text(b->reason));
    return put_entry(job, number, entry, e);
}

bool carve_json_copy(const carve_job *job, u32 number, const carve_buffer *b, error *e)
{
    cJSON *entry = cJSON_CreateObject();
    add_count(entry, "image_offset", b->offset);
    add_count(entry, "bytes", b->here);
    add_count(entry, "same_as_image_offset", job->carve.buffers[b->duplicate_of].offset);
    return (number || output_text(job->json, "],\"duplicates\":[", e)) && put_entry(job, number, entry, e);
}

bool carve_json_session_end(const carve_job *job, u64 made_up, const char *hash, error *e)
{
    char text[SHA256_TEXT + 80], made[40] = "", hashed[SHA256_TEXT + 20] = "";
    if (made_up)
        snprintf(made, sizeof(made), ",\"made_up_bytes\":%llu", (unsigned long long)made_up);
    if (hash)
        snprintf(hashed, sizeof(hashed), ",\"sha256\":\"%s\"", hash);
    snprintf(text, sizeof(text), "]%s%s}", made, hashed);
    return output_text(job->json, text, e);
}
