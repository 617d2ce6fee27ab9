// The kernel table against an independent text: the kernel classes of the MOF file TraceEvent was made from (Vista).
//
// Every class, opcode and version of that file must be in the table with the same opcode name, field names and in
// types, in one of its alternatives; where it is not, the line of DIFFERENCES says why.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "schema/tables/schema_kernel.h"

extern const schema_source schema_source_mof;

// The evidence is etl-format.md (sections 5.3, 5.4: what real traces hold) and the MOF of later Windows versions.
static const struct {
    const char *task;
    u8 first, last, version; // opcodes
    const char *why;
} DIFFERENCES[] = {
    {"EventTrace", 0, 0, 2, "times are FILETIMEs, PointerSize has 4 bytes on all systems, the time zone is opened up"},
    {"PerfInfo", 46, 46, 2, "Count has 16 bits, flags and rank follow: later MOF and ntwmi.h"},
    {"PerfInfo", 67, 67, 2, "Vector has 16 bits and Reserved 8 in later MOF; the size is the same"},
    {"StackWalk", 32, 32, 2, "32 fields Stack1 to Stack32 stand for as many frames as there are; up to 192 occur"},
    {"ALPC", 36, 36, 2, "PortName is UTF-16 in later MOF"},
    {"SystemConfig", 13, 13, 0, "addresses are shown as addresses"},
    {"SystemConfig", 13, 13, 1, "addresses are shown as addresses"},
    {"SystemConfig", 16, 16, 0, "paddings are hidden"},
    {"SystemConfig", 16, 16, 1, "paddings are hidden"},
    {"SystemConfig", 16, 16, 2, "paddings are hidden"},
};

static const char *difference(const char *task, const event_descriptor *d)
{
    for (size_t i = 0; i < COUNT_OF(DIFFERENCES); i++)
        if (strcmp(DIFFERENCES[i].task, task) == 0 && d->opcode >= DIFFERENCES[i].first &&
            d->opcode <= DIFFERENCES[i].last && d->version == DIFFERENCES[i].version)
            return DIFFERENCES[i].why;
    return NULL;
}

static void fetch(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_kernel_fetch(set, id);
}

static u8 *file_bytes(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    enum { ROOM = 1 << 20 };
    u8 *bytes = malloc(ROOM);
    assert_non_null(bytes);
    *len = fread(bytes, 1, ROOM, f);
    fclose(f);
    return bytes;
}

// Fixed arrays of 16-bit characters are strings of fixed length to us, whether the MOF says so or not.
static bool same_type(const property *mine, const property *theirs)
{
    if (mine->in_type == theirs->in_type)
        return true;
    if (mine->out_type == OUT_ETW_TIME) // whatever integer a time of the session clock is written as
        return theirs->in_type == IN_INT64 || theirs->in_type == IN_UINT64;
    if (mine->in_type == IN_UNICODE_STRING)
        return theirs->in_type == IN_UNICODE_CHAR && mine->length == theirs->count;
    if (mine->in_type == IN_UINT8 && mine->out_type == OUT_BOOLEAN)
        return theirs->in_type == IN_BOOLEAN || theirs->in_type == IN_UINT8;
    return mine->in_type == IN_BINARY && mine->out_type == OUT_IPV6 && theirs->out_type == OUT_IPV6;
}

// Hidden fields of ours are passed over; the MOF does not know paddings.
static bool same_fields(const event_schema *mine, const event_schema *theirs)
{
    u32 at = 0;
    for (u32 i = 0; i < mine->top_count; i++) {
        const property *p = &mine->properties[i];
        if (p->flags & PROP_HIDDEN)
            continue;
        if (at >= theirs->top_count)
            return false;
        const property *q = &theirs->properties[at++];
        if (strcmp(p->name, q->name) != 0 || !same_type(p, q))
            return false;
    }
    return at == theirs->top_count;
}

// Among all alternatives of the opcode: of the same version, or of any where the MOF class names none.
static bool in_table(schema_set *kernel, const event_schema *theirs)
{
    const provider_schema *p = schema_providers(kernel, &theirs->event_guid);
    for (u32 i = 0; p && i < p->event_count; i++) {
        const event_schema *mine = p->events[i];
        bool version = mine->descriptor.version == theirs->descriptor.version || theirs->descriptor.version == 0;
        if (version && mine->descriptor.opcode == theirs->descriptor.opcode && mine->opcode_name &&
            theirs->opcode_name && strcmp(mine->opcode_name, theirs->opcode_name) == 0 && same_fields(mine, theirs))
            return true;
    }
    return false;
}

static bool known_difference(const event_schema *theirs)
{
    const char *task = kernel_class_name(&theirs->event_guid);
    event_descriptor d = theirs->descriptor;
    if (!task)
        return false;
    if (difference(task, &d))
        return true;
    d.version = 2; // classes without a version
    return theirs->descriptor.version == 0 && difference(task, &d) != NULL;
}

static void test_against_mof(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    char path[1024];
    snprintf(path, sizeof(path), "%s/schemas/perfview/kerneltraceeventparser.mof", shared ? shared : "../shared");
    size_t len = 0;
    u8 *bytes = file_bytes(path, &len);
    if (!bytes) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    schema_set *mof = schema_set_new(), *kernel = schema_set_new();
    schema_set_fetch(kernel, fetch, NULL);
    schema_load load = {0};
    error e = {0};
    assert_true(schema_source_mof.recognise((span){bytes, len < 4096 ? len : 4096}, path));
    assert_true(schema_source_mof.load(mof, (span){bytes, len}, path, RANK_USER, &load, &e));
    u32 at = 0, same = 0, different = 0;
    for (provider_schema *p; (p = schema_each(mof, &at)) != NULL;) {
        for (u32 i = 0; i < p->event_count; i++) {
            const event_schema *theirs = p->events[i];
            if (theirs->key != KEY_CLASSIC)
                continue;
            if (in_table(kernel, theirs)) {
                same++;
                continue;
            }
            if (!known_difference(theirs))
                fail_msg("%s/%s opcode %u version %u differs", theirs->task_name ? theirs->task_name : "",
                         theirs->opcode_name ? theirs->opcode_name : "", theirs->descriptor.opcode,
                         theirs->descriptor.version);
            different++;
        }
    }
    print_message("%u events agree, %u differ for a reason\n", same, different);
    assert_true(same > 200);
    schema_load_free(&load);
    schema_set_free(mof);
    schema_set_free(kernel);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_mof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
