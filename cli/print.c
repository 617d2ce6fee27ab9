#include "print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/text.h"
#include "json_text.h"

// Bytes at the beginning of s that are a control character, one that is not seen and changes what is, or no character;
// else 0.
static size_t control_at(span s)
{
    const u8 *p = s.at;
    if (p[0] < 0x80)
        return p[0] < 0x20 || p[0] == 0x7f;
    if (!text_character(s))
        return 1;
    return p[0] == 0xc2 && p[1] < 0xa0 ? 2 : text_hidden(s); // C1
}

// The character at the beginning of s as it is shown; s goes on behind it.
static span take_shown(span *s)
{
    static const u8 BLANK = ' ', MARK = '?';
    u8 c = s->at[0];
    size_t control = control_at(*s), len = control ? control : text_character(*s);
    span character = {s->at, len};
    *s = span_from(*s, len);
    return !control ? character : (span){c == '\n' || c == '\r' || c == '\t' ? &BLANK : &MARK, 1};
}

static int print(FILE *to, const char *text, bool lines)
{
    int columns = 0;
    for (span s = text_span(text); s.len; columns++) {
        bool ends = lines && s.at[0] == '\n';
        span c = take_shown(&s);
        if (ends)
            fputc('\n', to);
        else
            (void)fwrite(c.at, 1, c.len, to);
    }
    return columns;
}

void print_clean_into(outbuf *out, span text)
{
    while (text.len) {
        span c = take_shown(&text);
        outbuf_add(out, c.at, c.len);
    }
}

int print_clean(FILE *to, const char *text)
{
    return print(to, text, false);
}

void print_lines(FILE *to, const char *text)
{
    (void)print(to, text, true);
    fputc('\n', to);
}

void print_padded(FILE *to, const char *text, int columns)
{
    int taken = print_clean(to, text);
    fprintf(to, "%*s ", taken < columns ? columns - taken : 0, "");
}

static _Thread_local outbuf *held;
static outbuf kept; // before there are other threads
static bool keeps;

void print_hold(outbuf *text)
{
    held = text;
}

void print_keep(void)
{
    keeps = true;
}

void print_release(void)
{
    keeps = false;
    if (kept.len)
        (void)fwrite(kept.bytes, 1, kept.len, stderr);
    outbuf_free(&kept);
}

// Where what is said goes instead of standard error; NULL: it goes there.
static outbuf *waiting(void)
{
    return held ? held : keeps ? &kept : NULL;
}

FILE *print_into_begin(print_into *t)
{
    *t = (print_into){0};
    t->to = open_memstream(&t->text, &t->len);
    if (!t->to)
        mem_run_out(0);
    return t->to;
}

void print_into_end(print_into *t, outbuf *out)
{
    bool failed = ferror(t->to) != 0;
    if (fclose(t->to) != 0 || failed || !t->text) // glibc: no text, where fclose finds no memory, and no error
        mem_run_out(0);
    outbuf_add(out, t->text, t->len);
    free(t->text);
}

// ---------------------------------------------------------------------------------------------- lines of JSON

static bool as_json;

void print_as_json(bool json)
{
    as_json = json;
}

bool print_is_json(void)
{
    return as_json;
}

void print_event(const char *name, cJSON *members)
{
    char time[33];
    *text_time((u8 *)time, os_filetime()) = 0;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "time", time);
    cJSON_AddStringToObject(line, "event", name);
    for (cJSON *member; (member = cJSON_DetachItemFromArray(members, 0)) != NULL;)
        cJSON_AddItemToObject(line, member->string, member);
    char *text = cJSON_PrintUnformatted(line);
    outbuf *later = waiting();
    if (later) {
        outbuf_text(later, text);
        outbuf_text(later, "\n");
    } else {
        fprintf(stderr, "%s\n", text);
    }
    cJSON_free(text);
    cJSON_Delete(members);
    cJSON_Delete(line);
}

// ---------------------------------------------------------------------------------------------- lines for people

static void say_as_json(const char *text)
{
    cJSON *members = cJSON_CreateObject();
    json_add_text(members, "text", text);
    print_event("message", members);
}

static void say(const char *text)
{
    if (as_json) {
        say_as_json(text);
        return;
    }

    print_into line;
    outbuf *later = waiting();
    FILE *to = later ? print_into_begin(&line) : stderr;
    fputs("etwkit: ", to);
    (void)print_clean(to, text);
    fputc('\n', to);
    if (later)
        print_into_end(&line, later);
}

void print_say_list(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = mem_alloc(len < 0 ? 1 : (size_t)len + 1);
    text[0] = 0;
    if (len > 0)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    say(text);
    mem_free(text);
}

void print_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_say_list(format, args);
    va_end(args);
}
