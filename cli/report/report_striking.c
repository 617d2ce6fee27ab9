// What deserves a look first: encoded commands, what will run by itself, programs in folders that users can write,
// peers that were contacted once. Words in the traces decide, nothing is known of signatures or intentions; the page
// says so.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "report/report.h"

// ---------------------------------------------------------------------------------------------- words

static bool is_blank(u8 c)
{
    return c == ' ' || c == '\t' || c == '"' || c == '\'';
}

static u8 lower(u8 c)
{
    return c >= 'A' && c <= 'Z' ? (u8)(c + 32) : c;
}

static bool is_base64(u8 c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

// Without regard to the case of ASCII letters.
static bool has_words(span text, const char *words)
{
    size_t len = strlen(words);
    for (size_t i = 0; i + len <= text.len; i++)
        if (strncasecmp((const char *)text.at + i, words, len) == 0)
            return true;
    return false;
}

// ---------------------------------------------------------------------------------------------- encoded commands

// How much of PowerShell's -EncodedCommand stands at `at`, which may be shortened to any length; -ec is one, too.
static size_t option_length(span text, size_t at)
{
    static const char NAME[] = "encodedcommand";
    size_t n = 0;
    while (at + n < text.len && n < sizeof(NAME) - 1 && lower(text.at[at + n]) == (u8)NAME[n])
        n++;
    if (n == 1 && at + n < text.len && lower(text.at[at + n]) == 'c')
        n++;
    return n;
}

span striking_encoded(span text)
{
    enum { LEAST = 8, UNSURE = 16, SURE = 3 }; // -e may be another option, of another program
    for (size_t i = 1; i + LEAST < text.len; i++) {
        if ((text.at[i] != '-' && text.at[i] != '/') || !is_blank(text.at[i - 1]))
            continue;
        size_t name = option_length(text, i + 1), at = i + 1 + name;
        if (!name || at >= text.len || !is_blank(text.at[at]))
            continue;
        while (at < text.len && is_blank(text.at[at]))
            at++;
        span command = {text.at + at, 0};
        while (at + command.len < text.len && is_base64(command.at[command.len]))
            command.len++;
        outbuf meant = {0};
        bool is_text = command.len >= UNSURE && striking_decode(command, &meant);
        outbuf_free(&meant);
        if (is_text || (command.len >= LEAST && name >= SURE))
            return command;
    }
    return (span){text.at, 0};
}

static u32 digit_of(u8 c)
{
    return c >= 'A' && c <= 'Z'   ? (u32)(c - 'A')
           : c >= 'a' && c <= 'z' ? (u32)(c - 'a') + 26
           : c >= '0' && c <= '9' ? (u32)(c - '0') + 52
           : c == '+'             ? 62
                                  : 63;
}

static void decode_base64(span text, outbuf *out)
{
    u32 bits = 0, held = 0;
    for (size_t i = 0; i < text.len && text.at[i] != '='; i++) {
        held = held << 6 | digit_of(text.at[i]);
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        u8 byte = (u8)(held >> bits);
        outbuf_add(out, &byte, 1);
    }
}

// Commands are written in ASCII for the greater part.
static bool is_command(span utf16)
{
    size_t plain = 0;
    for (size_t i = 0; i + 1 < utf16.len; i += 2)
        plain += utf16.at[i + 1] == 0 && utf16.at[i] < 0x7f &&
                 (utf16.at[i] >= 0x20 || utf16.at[i] == '\n' || utf16.at[i] == '\r' || utf16.at[i] == '\t');
    return plain >= 3 && plain * 8 >= utf16.len * 3;
}

bool striking_decode(span command, outbuf *out)
{
    outbuf bytes = {0};
    decode_base64(command, &bytes);
    span utf16 = {bytes.bytes, bytes.len & ~(size_t)1};
    bool ok = utf16.len && is_command(utf16);
    if (ok)
        outbuf_written(out, text_utf16(outbuf_reserve(out, 3 * utf16.len), utf16));
    outbuf_free(&bytes);
    return ok;
}

// ---------------------------------------------------------------------------------------------- paths and keys

static bool is_striking_path(span path)
{
    static const char *const FOLDERS[] = {"\\AppData\\",       "\\Temp\\",          "\\Downloads\\",    "\\Desktop\\",
                                          "\\Users\\Public\\", "\\ProgramData\\",   "\\$Recycle.Bin\\", "\\PerfLogs\\",
                                          "\\Device\\Mup\\",   "\\Local Settings\\"};
    // A share; \\?\ and \\.\ are names of this machine.
    if (path.len > 3 && path.at[0] == '\\' && path.at[1] == '\\' && path.at[2] != '?' && path.at[2] != '.')
        return true;
    for (size_t i = 0; i < COUNT_OF(FOLDERS); i++)
        if (has_words(path, FOLDERS[i]))
            return true;
    return false;
}

static bool is_striking_key(span text)
{
    static const char *const KEYS[] = {"\\CurrentVersion\\Run",
                                       "\\CurrentVersion\\Winlogon",
                                       "\\CurrentVersion\\Policies\\Explorer\\Run",
                                       "\\Image File Execution Options\\",
                                       "\\Active Setup\\Installed Components\\",
                                       "AppInit_DLLs",
                                       "BootExecute"};
    static const char *const VALUES[] = {"\nImagePath", "\nServiceDll"};
    for (size_t i = 0; i < COUNT_OF(KEYS); i++)
        if (has_words(text, KEYS[i]))
            return true;
    for (size_t i = 0; i < COUNT_OF(VALUES); i++)
        if (has_words(text, "\\Services\\") && has_words(text, VALUES[i]))
            return true;
    return false;
}

bool striking_starts(const activity *x, span said)
{
    static const char *const ACTIONS[] = {"installed", "created", "registered"};
    if (x->kind == ACTIVITY_KIND_registry_set)
        return is_striking_key(said);
    if (x->kind != ACTIVITY_KIND_service_change && x->kind != ACTIVITY_KIND_task_change)
        return false;
    for (size_t i = 0; i < COUNT_OF(ACTIONS); i++)
        if (strcmp(x->action, ACTIONS[i]) == 0)
            return true;
    return false;
}

// ---------------------------------------------------------------------------------------------- as JSON

static void add_item(cJSON *items, const striking_item *item, const report_data *d)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "text", item->text);
    if (item->detail)
        cJSON_AddStringToObject(one, "detail", item->detail);
    if (item->record)
        report_add_number(one, "record", item->record);
    if (item->life < d->life_count)
        report_add_number(one, "life", item->life);
    cJSON_AddItemToArray(items, one);
}

static void add_list(cJSON *to, const char *kind, const char *title, const striking_list *list, const report_data *d)
{
    if (!list->all)
        return;
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "kind", kind);
    cJSON_AddStringToObject(one, "title", title);
    report_add_number(one, "all", list->all);
    cJSON *items = cJSON_AddArrayToObject(one, "items");
    for (u32 i = 0; i < list->all && i < STRIKING_SHOWN; i++)
        add_item(items, &list->items[i], d);
    cJSON_AddItemToArray(to, one);
}

void striking_add(striking_list *list, const striking_item *item)
{
    if (list->all < STRIKING_SHOWN)
        list->items[list->all] = *item;
    list->all++;
}

const char *striking_text(arena *texts, span text)
{
    outbuf out = {0};
    while (text.len && (text.at[0] == '\n' || is_blank(text.at[0])))
        text = span_from(text, 1);
    while (text.len && (text.at[text.len - 1] == '\n' || is_blank(text.at[text.len - 1])))
        text.len--;
    size_t shown = text.len < STRIKING_TEXT ? text.len : STRIKING_TEXT;
    while (shown < text.len && shown && (text.at[shown] & 0xc0) == 0x80)
        shown--;
    for (size_t i = 0; i < shown; i++)
        outbuf_add(&out, text.at[i] == '\n' || text.at[i] == '\r' ? (const u8 *)" " : text.at + i, 1);
    outbuf_text(&out, shown < text.len ? " …" : "");
    const char *kept = arena_text_len(texts, (const char *)out.bytes, out.len);
    outbuf_free(&out);
    return kept;
}

void striking_put_encoded(span text, span command, outbuf *out)
{
    enum { BEFORE = 120 };
    size_t at = (size_t)(command.at - text.at), from = at > BEFORE ? at - BEFORE : 0;
    while (from && from < at && (text.at[from] & 0xc0) == 0x80)
        from++;
    outbuf_text(out, from ? "… " : "");
    outbuf_add(out, text.at + from, at + command.len - from);
}

// ---------------------------------------------------------------------------------------------- of processes

static void look_at_life(const process_life *life, striking_list *lists, arena *texts)
{
    if (life->dos_path && is_striking_path(text_span(life->dos_path)))
        striking_add(&lists[STRIKING_PATH],
                     &(striking_item){striking_text(texts, text_span(life->dos_path)), NULL, 0, life->index});
    span line = text_span(life->command_line ? life->command_line : ""), command = striking_encoded(line);
    if (!command.len)
        return;
    outbuf shown = {0}, meant = {0};
    striking_put_encoded(line, command, &shown);
    bool readable = striking_decode(command, &meant);
    striking_item item = {striking_text(texts, (span){shown.bytes, shown.len}),
                          readable ? striking_text(texts, (span){meant.bytes, meant.len}) : NULL, 0, life->index};
    striking_add(&lists[STRIKING_ENCODED], &item);
    outbuf_free(&shown);
    outbuf_free(&meant);
}

// ---------------------------------------------------------------------------------------------- of connections

// Private, local and multicast addresses are of no one outside.
static bool is_outside(const connection *c)
{
    const u8 *a = c->remote;
    if (c->ipv6)
        return (a[0] & 0xe0) == 0x20;
    return !(a[0] == 0 || a[0] == 10 || a[0] == 127 || a[0] >= 224 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
             (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64));
}

static int by_remote(const void *a, const void *b)
{
    const connection *x = *(const connection *const *)a, *y = *(const connection *const *)b;
    int order = memcmp(x->remote, y->remote, sizeof(x->remote));
    return order ? order : (x > y) - (x < y);
}

static void look_at_peer(const connection *c, striking_list *list, arena *texts)
{
    char address[64], text[160];
    u8 *end = c->ipv6 ? text_ipv6((u8 *)address, c->remote) : text_ipv4((u8 *)address, c->remote);
    *end = 0;
    snprintf(text, sizeof(text), c->ipv6 ? "[%s]:%u" : "%s:%u", address, c->remote_port);
    striking_add(list,
                 &(striking_item){arena_text(texts, text), NULL, 0, c->process ? c->process->index : REPORT_NONE});
}

static void look_at_connections(const session *s, striking_list *list, arena *texts)
{
    u32 count, some = 0;
    const connection *all = correlator_connections(s->correlator, &count);
    const connection **outside = mem_zeroed(count + 1, sizeof(*outside));
    for (u32 i = 0; i < count; i++)
        if (is_outside(&all[i]))
            outside[some++] = &all[i];
    if (some)
        qsort(outside, some, sizeof(*outside), by_remote);
    for (u32 i = 0; i < some; i++) {
        bool before = i && memcmp(outside[i - 1]->remote, outside[i]->remote, sizeof(outside[i]->remote)) == 0;
        bool after = i + 1 < some && memcmp(outside[i + 1]->remote, outside[i]->remote, 16) == 0;
        if (!before && !after)
            look_at_peer(outside[i], list, texts);
    }
    mem_free(outside);
}

void report_add_striking(cJSON *root, const report_data *d)
{
    u32 count;
    arena texts = {0};
    striking_list lists[STRIKING_KINDS] = {0};
    const process_life *const *lives = correlator_processes(d->session->correlator, &count);
    for (u32 i = 0; i < count; i++)
        look_at_life(lives[i], lists, &texts);
    look_at_connections(d->session, &lists[STRIKING_PEER], &texts);
    // Those of rows come after those of processes.
    for (u32 kind = 0; kind < STRIKING_KINDS; kind++) {
        const striking_list *rows = &d->striking[kind];
        for (u32 i = 0; i < rows->all && i < STRIKING_SHOWN; i++)
            striking_add(&lists[kind], &rows->items[i]);
        if (rows->all > STRIKING_SHOWN)
            lists[kind].all += rows->all - STRIKING_SHOWN;
    }
    cJSON *to = cJSON_AddArrayToObject(root, "striking");
    add_list(to, "encoded", "Encoded commands", &lists[STRIKING_ENCODED], d);
    add_list(to, "autostart", "New autostarts, services and tasks", &lists[STRIKING_AUTOSTART], d);
    add_list(to, "path", "Programs in folders that users can write", &lists[STRIKING_PATH], d);
    add_list(to, "peer", "Outside peers with a single connection", &lists[STRIKING_PEER], d);
    arena_free(&texts);
}
