// The parts of the report's model that come from what events say about each other: hosts, processes, connections.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "base/text.h"
#include "joins.h"
#include "report/report.h"

// ---------------------------------------------------------------------------------------------- peers of a process

typedef struct peers {
    u32 shown[REPORT_NAMES]; // connections
    u32 shown_count, all;
} peers;

// Whether the process had another connection with the same remote end before; only the last few are looked at.
static bool peer_before(const connection *c, u32 index)
{
    enum { LOOKED_AT = 64 };
    for (u32 i = index; i-- > 0 && index - i < LOOKED_AT;)
        if (c[i].process == c[index].process && c[i].remote_port == c[index].remote_port &&
            c[i].ipv6 == c[index].ipv6 && memcmp(c[i].remote, c[index].remote, sizeof(c[i].remote)) == 0)
            return true;
    return false;
}

// By process_life.index; heap.
static peers *peers_of_all(const session *s, u32 life_count)
{
    u32 count;
    peers *all = mem_zeroed(life_count, sizeof(*all));
    const connection *c = correlator_connections(s->correlator, &count);
    for (u32 i = 0; i < count; i++) {
        if (!c[i].process || peer_before(c, i))
            continue;
        peers *p = &all[c[i].process->index];
        if (p->shown_count < REPORT_NAMES)
            p->shown[p->shown_count++] = i;
        p->all++;
    }
    return all;
}

static const char *address_text(const connection *c, char scratch[80])
{
    char text[64];
    u8 *end = c->ipv6 ? text_ipv6((u8 *)text, c->remote) : text_ipv4((u8 *)text, c->remote);
    *end = 0;
    snprintf(scratch, 80, c->ipv6 ? "[%s]:%u" : "%s:%u", text, c->remote_port);
    return scratch;
}

static void add_peers(cJSON *to, const peers *p, const connection *connections)
{
    char scratch[80];
    cJSON *list = cJSON_AddArrayToObject(to, "peers");
    for (u32 i = 0; i < p->shown_count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(address_text(&connections[p->shown[i]], scratch)));
    report_add_number(to, "peers_all", p->all);
}

// ---------------------------------------------------------------------------------------------- the tree

// Children come after their parent in order of start; a list of parents to come back to replaces recursion.
typedef struct tree {
    const process_life *const *lives;
    u32 *first_child, *next_sibling, *depth, *order;
    bool *seen;
    u32 count, ordered;
} tree;

static const u32 NOBODY = UINT32_MAX;

static void link_children(tree *t)
{
    for (u32 i = 0; i < t->count; i++)
        t->first_child[i] = t->next_sibling[i] = NOBODY;
    // From the last to the first, so that each list ends up in order.
    for (u32 i = t->count; i-- > 0;) {
        const process_life *parent = t->lives[i]->parent;
        if (!parent || parent == t->lives[i])
            continue;
        t->next_sibling[i] = t->first_child[parent->index];
        t->first_child[parent->index] = i;
    }
}

// Puts the children of a process on the stack, the first one on top.
static u32 push_children(tree *t, u32 parent, u32 *stack, u32 top)
{
    u32 from = top;
    for (u32 child = t->first_child[parent]; child != NOBODY; child = t->next_sibling[child]) {
        if (t->seen[child])
            continue;
        t->seen[child] = true;
        t->depth[child] = t->depth[parent] + 1;
        stack[top++] = child;
    }
    for (u32 i = from, j = top; i + 1 < j; i++) {
        u32 swap = stack[i];
        stack[i] = stack[--j];
        stack[j] = swap;
    }
    return top;
}

static void order_below(tree *t, u32 root, u32 *stack)
{
    u32 top = 0;
    stack[top++] = root;
    t->seen[root] = true;
    while (top) {
        u32 at = stack[--top];
        t->order[t->ordered++] = at;
        top = push_children(t, at, stack, top);
    }
}

static int compare_hosts(const void *a, const void *b)
{
    const process_life *x = *(const process_life *const *)a, *y = *(const process_life *const *)b;
    if (x->machine != y->machine)
        return x->machine < y->machine ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

// The processes of one host after those of another.
static const process_life **by_host(const tree *t)
{
    const process_life **list = mem_zeroed(t->count + 1, sizeof(*list));
    for (u32 i = 0; i < t->count; i++)
        list[i] = t->lives[i];
    qsort(list, t->count, sizeof(*list), compare_hosts);
    return list;
}

static tree tree_of(const session *s)
{
    tree t = {0};
    t.lives = correlator_processes(s->correlator, &t.count);
    t.first_child = mem_zeroed(t.count, sizeof(u32));
    t.next_sibling = mem_zeroed(t.count, sizeof(u32));
    t.depth = mem_zeroed(t.count, sizeof(u32));
    t.order = mem_zeroed(t.count, sizeof(u32));
    t.seen = mem_zeroed(t.count, sizeof(bool));
    link_children(&t);
    u32 *stack = mem_zeroed(t.count + 1, sizeof(u32));
    const process_life **lives = by_host(&t);
    for (u32 i = 0; i < t.count; i++)
        if (!t.seen[lives[i]->index] && (!lives[i]->parent || lives[i]->parent == lives[i]))
            order_below(&t, lives[i]->index, stack);
    // A ring of parents (reused ids) is broken by starting anywhere in it.
    for (u32 i = 0; i < t.count; i++)
        if (!t.seen[lives[i]->index])
            order_below(&t, lives[i]->index, stack);
    mem_free(lives);
    mem_free(stack);
    return t;
}

static void tree_free(tree *t)
{
    mem_free(t->first_child);
    mem_free(t->next_sibling);
    mem_free(t->depth);
    mem_free(t->order);
    mem_free(t->seen);
}

// ---------------------------------------------------------------------------------------------- hosts

void report_add_hosts(cJSON *root, const session *s)
{
    cJSON *list = cJSON_AddArrayToObject(root, "hosts");
    cJSON **traces = mem_zeroed(s->hosts.count, sizeof(cJSON *)); // by host
    for (u32 i = 0; i < s->hosts.count; i++) {
        cJSON *one = cJSON_CreateObject();
        report_add_text(one, "name", s->hosts.list[i].name);
        report_add_time(one, "boot_time", s->hosts.list[i].boot);
        traces[i] = cJSON_AddArrayToObject(one, "traces");
        cJSON_AddItemToArray(list, one);
    }
    for (u32 t = 0; t < s->trace_count; t++)
        cJSON_AddItemToArray(traces[s->hosts.of[s->traces[t]->first_header]], cJSON_CreateNumber(t));
    mem_free(traces);
    joins_add_notes(root, &s->hosts);
}

// ---------------------------------------------------------------------------------------------- processes

static void add_moment(cJSON *to, const char *name, moment known, i64 time)
{
    static const char *const KNOWN[] = {
        [MOMENT_RECORDED] = "recorded", [MOMENT_OUTSIDE] = "outside", [MOMENT_UNSEEN] = "unseen"};
    char known_name[32];
    report_add_time(to, name, known == MOMENT_RECORDED ? time : 0);
    snprintf(known_name, sizeof(known_name), "%s_known", name);
    cJSON_AddStringToObject(to, known_name, KNOWN[known]);
}

// No text is longer than what a cell shows.
static void add_cut(cJSON *to, const char *name, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len <= REPORT_CELL_BYTES) {
        report_add_text(to, name, text);
        return;
    }
    outbuf cut = {0};
    len = REPORT_CELL_BYTES;
    while (len && ((u8)text[len] & 0xc0) == 0x80)
        len--;
    outbuf_add(&cut, text, len);
    outbuf_add(&cut, " …", sizeof(" …"));
    cJSON_AddStringToObject(to, name, (const char *)cut.bytes);
    outbuf_free(&cut);
}

static void add_origin(cJSON *to, const process_life *life)
{
    char scratch[ACCOUNT_NAME];
    report_add_text(to, "user_sid", life->user_sid);
    report_add_text(to, "user_name", account_name(life->user_sid, scratch));
    add_cut(to, "command_line", life->command_line);
    add_cut(to, "image_path", life->dos_path);
    if (process_path_guessed(life))
        add_cut(to, "device_path", life->image_path); // what was logged: the drive's letter is a guess
    report_add_text(to, "original_name", life->version ? life->version->original_name : NULL);
    report_add_text(to, "description", life->version ? life->version->description : NULL);
    report_add_text(to, "company", life->version ? life->version->company : NULL);
    if (life->has_parent)
        report_add_number(to, "parent_id", life->parent_id);
    if (life->parent)
        report_add_number(to, "parent_life", life->parent->index);
    cJSON_AddBoolToObject(to, "parent_sure", life->parent_sure);
    if (life->has_session)
        report_add_number(to, "session_id", life->session_id);
    if (life->has_exit_status)
        report_add_number(to, "exit_status", life->exit_status);
}

static cJSON *process_json(const process_life *life, const report_life *r, u32 depth)
{
    cJSON *one = cJSON_CreateObject();
    report_add_number(one, "life", life->index);
    report_add_number(one, "host", life->machine);
    report_add_text(one, "name", life->name);
    report_add_number(one, "process_id", life->process_id);
    report_add_number(one, "depth", depth);
    add_moment(one, "start", life->start_known, life->start);
    add_moment(one, "end", life->end_known, life->end);
    add_origin(one, life);
    report_add_number(one, "events", r->events);
    report_add_number(one, "files", r->files);
    cJSON *names = cJSON_AddArrayToObject(one, "names");
    for (u32 i = 0; i < r->name_count; i++)
        cJSON_AddItemToArray(names, cJSON_CreateString(r->names[i]));
    report_add_number(one, "names_all", r->names_all);
    return one;
}

void report_add_processes(cJSON *root, const report_job *job)
{
    const session *s = job->evidence->session;
    u32 connection_count;
    const connection *connections = correlator_connections(s->correlator, &connection_count);
    tree t = tree_of(s);
    peers *all_peers = peers_of_all(s, t.count);
    cJSON *processes = cJSON_AddObjectToObject(root, "processes");
    report_add_number(processes, "all", t.count);
    cJSON *rows = cJSON_AddArrayToObject(processes, "rows");
    for (u32 i = 0; i < t.ordered && i < REPORT_PROCESSES; i++) {
        u32 at = t.order[i];
        cJSON *one = process_json(t.lives[at], &job->data->lives[t.lives[at]->index], t.depth[at]);
        add_peers(one, &all_peers[t.lives[at]->index], connections);
        cJSON_AddItemToArray(rows, one);
    }
    mem_free(all_peers);
    tree_free(&t);
}

// ---------------------------------------------------------------------------------------------- connections

static cJSON *connection_json(const connection *c)
{
    char scratch[80];
    cJSON *one = cJSON_CreateObject();
    report_add_time(one, "first", c->first);
    report_add_time(one, "last", c->last);
    report_add_number(one, "host", c->machine);
    if (c->process)
        report_add_number(one, "life", c->process->index);
    report_add_text(one, "process", c->process ? c->process->name : NULL);
    if (c->process_id == NO_PROCESS_ID)
        cJSON_AddNullToObject(one, "process_id");
    else
        report_add_number(one, "process_id", c->process_id);
    cJSON_AddStringToObject(one, "protocol", c->tcp ? "TCP" : "UDP");
    report_add_number(one, "local_port", c->local_port);
    cJSON_AddStringToObject(one, "remote", address_text(c, scratch));
    report_add_number(one, "bytes_sent", c->bytes_sent);
    report_add_number(one, "bytes_received", c->bytes_received);
    return one;
}

void report_add_connections(cJSON *root, const session *s)
{
    u32 count;
    const connection *list = correlator_connections(s->correlator, &count);
    cJSON *connections = cJSON_AddObjectToObject(root, "connections");
    report_add_number(connections, "all", count);
    cJSON *rows = cJSON_AddArrayToObject(connections, "rows");
    for (u32 i = 0; i < count && i < REPORT_ROWS; i++)
        cJSON_AddItemToArray(rows, connection_json(&list[i]));
}
