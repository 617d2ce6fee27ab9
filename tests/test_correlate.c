// What the correlator lists for a report, and that neither the order of files nor another machine's trace changes it.
// Expected values follow from the traces in words below; those of real traces were counted by other programs.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "correlate/correlate_internal.h"
#include "etl_text.h"
#include "exporter.h"
#include "pipeline.h"

#define PROCESS(pid, parent, exit, name, command)                                                                      \
    " payload ptr:0xffffe000000" #pid " u32:" #pid "," #parent ",1 i32:" #exit " ptr:0 wbemsid:S-1-5-18 astr:" name    \
    " wstr:\"" command "\"\n"

static const i64 START = 133590312000000000; // 2024-05-01T10:00Z, where traces in words begin
enum { US = 10, SECOND = 10000000 };

enum { FILES = 3 };

typedef struct traces {
    session *session;
    char paths[FILES][32];
    u32 count;
} traces;

static void add_trace(traces *t, const char *text)
{
    outbuf file = {0};
    error e = {0};
    char *path = strcpy(t->paths[t->count], "/tmp/etwkit-correlate-XXXXXX");
    if (!etl_text_build(text, strlen(text), &file, &e))
        fail_msg("%s", e.message);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, file.bytes, file.len) == (ssize_t)file.len);
    close(fd);
    outbuf_free(&file);
    if (!session_open(t->session, path, &e))
        fail_msg("%s", e.message);
    t->count++;
}

static traces begin(void)
{
    traces t = {.session = session_new()};
    t.session->correlate = CORRELATE_REPORT;
    return t;
}

static const correlator *survey(traces *t)
{
    assert_true(session_survey(t->session, NULL, NULL));
    return t->session->correlator;
}

static traces open_one(const char *text)
{
    traces t = begin();
    add_trace(&t, text);
    return t;
}

static void done(traces *t)
{
    session_free(t->session);
    for (u32 i = 0; i < t->count; i++)
        remove(t->paths[i]);
}

static void look_at(const sink *s, const record *rec, outbuf *out)
{
    (void)s, (void)rec, (void)out;
}

static bool drop(sink *s, span rendered, u32 records, error *e)
{
    (void)s, (void)rendered, (void)records, (void)e;
    return true;
}

// Every record is made once, into nothing.
static void read_all(session *s)
{
    static const exporter NOWHERE = {.render = look_at, .commit = drop};
    error e = {0};
    filter f;
    filter_init(&f);
    pipeline_job job = {.session = s, .filter = &f, .exporter = &NOWHERE};
    assert_true(pipeline_run(&job, &e));
}

static const process_life *process_number(const correlator *c, u32 index)
{
    u32 count;
    const process_life *const *list = correlator_processes(c, &count);
    if (index >= count)
        fail_msg("there are %u processes", count);
    assert_int_equal(list[index]->index, index);
    return list[index];
}

static u32 process_count(const correlator *c)
{
    u32 count;
    (void)correlator_processes(c, &count);
    return count;
}

// ---------------------------------------------------------------------------------------------- processes

static void lives_from_start_to_end(void **state)
{
    (void)state;
    traces t = open_one(
        "trace\nbuffer\n"
        "system hook=0x0303 version=3 time=+1us pid=4" PROCESS(4, 0, 259, "System", "") "system hook=0x0301 version=3 time=+10us pid=4" PROCESS(500, 4, 259, "a.exe", "a -x") "system hook=0x0301 version=3 time=+20us pid=500" PROCESS(
            600, 500, 259, "b.exe",
            "b") "system hook=0x0302 version=3 time=+30us pid=500" PROCESS(500, 4, 7, "a.exe",
                                                                           "a -x") "system hook=0x0304 version=3 time=+90us pid=4" PROCESS(600,
                                                                                                                                           500,
                                                                                                                                           259,
                                                                                                                                           "b.exe",
                                                                                                                                           "b"));
    const correlator *c = survey(&t);
    assert_int_equal(process_count(c), 3);
    const process_life *system = process_number(c, 0), *a = process_number(c, 1), *b = process_number(c, 2);
    assert_int_equal(system->process_id, 4);
    assert_int_equal(system->start_known, MOMENT_OUTSIDE);
    assert_int_equal(system->end_known, MOMENT_OUTSIDE);
    assert_null(system->command_line);
    assert_string_equal(a->name, "a.exe");
    assert_string_equal(a->command_line, "a -x");
    assert_string_equal(a->user_sid, "S-1-5-18");
    assert_int_equal(a->session_id, 1);
    assert_true(a->start == START + 10 * US && a->end == START + 30 * US);
    assert_int_equal(a->start_known, MOMENT_RECORDED);
    assert_int_equal(a->end_known, MOMENT_RECORDED);
    assert_true(a->has_exit_status && a->exit_status == 7);
    assert_ptr_equal(a->parent, system);
    assert_true(a->parent_sure);
    assert_ptr_equal(b->parent, a);
    assert_int_equal(b->end_known, MOMENT_OUTSIDE);
    assert_false(b->has_exit_status);
    done(&t);
}

static void ids_come_up_again(void **state)
{
    (void)state;
    // The second end is lost: the third start says so. The last life is only told by the rundown after its end, which
    // comes while events of the one before may be in flight.
    traces t = open_one(
        "trace\nbuffer\n"
        "system hook=0x0302 version=3 time=+5us pid=500" PROCESS(500, 4, 1, "zero.exe", "") "system hook=0x0301 version=3 time=+10us pid=4" PROCESS(500, 4, 259, "one.exe", "") "system hook=0x0302 version=3 time=+20us pid=500" PROCESS(500, 4, 0, "one.exe", "") "system hook=0x0301 version=3 time=+30us pid=4" PROCESS(
            500, 4, 259, "two.exe",
            "") "system hook=0x0301 version=3 time=+40us pid=4" PROCESS(500, 4, 259, "three.exe",
                                                                        "") "system hook=0x0302 version=3 time=+50us pid=4" PROCESS(500,
                                                                                                                                    4,
                                                                                                                                    3,
                                                                                                                                    "three.exe",
                                                                                                                                    "") "system hook=0x0304 version=3 time=+90us pid=4" PROCESS(500,
                                                                                                                                                                                                4,
                                                                                                                                                                                                259,
                                                                                                                                                                                                "four.exe",
                                                                                                                                                                                                ""));
    const correlator *c = survey(&t);
    static const char *const NAMES[] = {"zero.exe", "one.exe", "two.exe", "three.exe", "four.exe"};
    static const moment STARTS[] = {MOMENT_OUTSIDE, MOMENT_RECORDED, MOMENT_RECORDED, MOMENT_RECORDED, MOMENT_UNSEEN};
    static const moment ENDS[] = {MOMENT_RECORDED, MOMENT_RECORDED, MOMENT_UNSEEN, MOMENT_RECORDED, MOMENT_OUTSIDE};
    assert_int_equal(process_count(c), COUNT_OF(NAMES));
    for (u32 i = 0; i < COUNT_OF(NAMES); i++) {
        assert_string_equal(process_number(c, i)->name, NAMES[i]);
        assert_int_equal(process_number(c, i)->start_known, STARTS[i]);
        assert_int_equal(process_number(c, i)->end_known, ENDS[i]);
    }
    static const char *const AT[] = {"zero.exe", "one.exe", "one.exe", "two.exe", "three.exe", "three.exe", "four.exe"};
    static const i64 TIMES[] = {2, 10, 25, 35, 45, 70, 90};
    for (u32 i = 0; i < COUNT_OF(AT); i++)
        assert_string_equal(correlator_process_at(c, 0, 0, 500, START + TIMES[i] * US)->name, AT[i]);
    assert_null(correlator_process_at(c, 0, 0, 501, START));
    done(&t);
}

// A life that only a rundown tells of begins when nothing of the one before can be in flight any more.
static void told_by_a_rundown(void **state)
{
    (void)state;
    traces t = open_one("trace\nbuffer\n"
                        "system hook=0x0302 version=3 time=+1s pid=500" PROCESS(
                            500, 4, 0, "one.exe",
                            "") "system hook=0x0304 version=3 time=+60s pid=4" PROCESS(500, 4, 259, "two.exe", ""));
    const correlator *c = survey(&t);
    static const i64 MS = 1000 * US;
    static const char *const AT[] = {"one.exe", "one.exe", "one.exe", "two.exe", "two.exe"};
    static const i64 TIMES[] = {500, 2000, 6000, 6001, 59000};
    for (u32 i = 0; i < COUNT_OF(AT); i++)
        assert_string_equal(correlator_process_at(c, 0, 0, 500, START + TIMES[i] * MS)->name, AT[i]);
    done(&t);
}

// A second start of one name is a second process, unless it is the same event in two files.
static void starts_are_counted_once(void **state)
{
    (void)state;
    static const char TWICE[] =
        "trace\nbuffer\n"
        "system hook=0x0301 version=3 time=+10us pid=4" PROCESS(
            500, 4, 259, "a.exe", "") "system hook=0x0301 version=3 time=+20us pid=4" PROCESS(500, 4, 259, "a.exe", "");
    traces t = begin();
    add_trace(&t, TWICE);
    add_trace(&t, TWICE);
    const correlator *c = survey(&t);
    assert_int_equal(process_count(c), 2);
    assert_true(process_number(c, 0)->start == START + 10 * US && process_number(c, 1)->start == START + 20 * US);
    assert_int_equal(process_number(c, 0)->end_known, MOMENT_UNSEEN);
    done(&t);
}

// The kernel, Kernel-Process and the audit tell of one process; and Kernel-Process alone of another one.
static void witnesses_agree(void **state)
{
    (void)state;
    traces t = open_one(
        "trace\nbuffer\n"
        "full guid={9b79ee91-b5fd-41c0-a243-4248e266e9d0} opcode=35 time=+1us payload "
        "wstr:\"\\\\Device\\\\HarddiskVolume2\\\\\" wstr:\"C:\\\\\"\n"
        "system hook=0x0301 version=3 time=+1000us pid=4" PROCESS(
            500, 4, 259, "tool.exe",
            "tool /go") "event provider={22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716} id=1 version=1 opcode=1 time=+1100us payload u32:500 filetime:2024-05-01T10:00:00.0009000Z u32:4,1,0 wstr:\"\\\\Device\\\\HarddiskVolume2\\\\bin\\\\tool.exe\"\n"
                        "event provider={54849625-5478-4994-a5ba-3e3b0328c30d} id=4688 version=1 time=+1200us payload sid:S-1-5-21-7 wstr:u wstr:d u64:5 ptr:500 wstr:\"C:\\\\bin\\\\tool.exe\" wstr:\"%%1936\" ptr:4 wstr:\"tool /go\"\n"
                        "system hook=0x0302 version=3 time=+5000us pid=500" PROCESS(
                            500, 4, 9, "tool.exe",
                            "tool /go") "event provider={22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716} id=2 version=0 opcode=2 time=+5100us payload u32:500 filetime:2024-05-01T10:00:00.0009000Z filetime:2024-05-01T10:00:00.0049000Z u32:9,1,30 u64:0,0 astr:tool.exe\n"
                                        "event provider={54849625-5478-4994-a5ba-3e3b0328c30d} id=4689 time=+5200us payload sid:S-1-5-18 wstr:u wstr:d u64:5 u32:9 ptr:500 wstr:\"C:\\\\bin\\\\tool.exe\"\n"
                                        "event provider={22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716} id=15 version=0 time=+6000us payload u32:700 filetime:2024-04-30T09:00:00Z u32:4,0,0 wstr:\"\\\\Device\\\\HarddiskVolume2\\\\svc.exe\" u32:0,0 wstr:\"\" wstr:\"\"\n");
    const correlator *c = survey(&t);
    assert_int_equal(process_count(c), 2);
    const process_life *svc = process_number(c, 0), *tool = process_number(c, 1);
    assert_string_equal(svc->name, "svc.exe");
    assert_string_equal(svc->image_path, "C:\\svc.exe");
    assert_int_equal(svc->start_known, MOMENT_RECORDED);
    assert_true(svc->start == START - (i64)25 * 3600 * SECOND);
    assert_string_equal(tool->name, "tool.exe");
    assert_string_equal(tool->image_path, "C:\\bin\\tool.exe");
    assert_string_equal(tool->command_line, "tool /go");
    assert_string_equal(tool->user_sid, "S-1-5-18");
    assert_true(tool->start == START + 900 * US && tool->end == START + 4900 * US);
    assert_true(tool->has_exit_status && tool->exit_status == 9);
    assert_null(correlator_process_at(c, 0, 0, 700, START - (i64)26 * 3600 * SECOND));
    done(&t);
}

static void image_paths_come_from_loads(void **state)
{
    (void)state;
    traces t = open_one(
        "trace\nbuffer\n"
        "system hook=0x0301 version=3 time=+10us pid=4" PROCESS(
            500, 4, 259, "A.exe",
            "") "system hook=0x030a version=2 time=+11us pid=500 payload ptr:0x400000 ptr:0x1000 u32:500,0,0,0 ptr:0 u32:0,0,0,0 wstr:\"\\\\Windows\\\\System32\\\\ntdll.dll\"\n"
                "system hook=0x030a version=2 time=+12us pid=500 payload ptr:0x500000 ptr:0x1000 u32:500,0,0,0 ptr:0 u32:0,0,0,0 wstr:\"\\\\Device\\\\HarddiskVolume1\\\\p\\\\a.exe\"\n");
    assert_string_equal(process_number(survey(&t), 0)->image_path, "\\Device\\HarddiskVolume1\\p\\a.exe");
    done(&t);
}

// ---------------------------------------------------------------------------------------------- several traces

static const char FIRST[] =
    "trace boot=2024-04-30T08:00:00Z\nbuffer\n"
    "system hook=0x0301 version=3 time=+10us pid=4" PROCESS(
        500, 4, 259, "one.exe",
        "") "system hook=0x0502 version=3 time=+15us pid=4 payload u32:500,77 zeros:56 u32:0 u8:8,5,2,0\n"
            "perfinfo hook=0x0424 version=2 time=+20us payload ptr:0x10 wstr:\"\\\\a\"\n";
static const char SECOND_TRACE[] =
    "trace boot=2024-04-30T08:00:00Z\nbuffer\n"
    "system hook=0x0302 version=3 time=+30us pid=500" PROCESS(500, 4, 0, "one.exe", "") "system hook=0x0301 version=3 time=+40us pid=4" PROCESS(
        500, 4, 259, "two.exe",
        "") "system hook=0x0501 version=3 time=+45us pid=4 payload u32:600,77 zeros:56 u32:0 u8:8,5,2,0\n"
            "perfinfo hook=0x0420 version=2 time=+50us payload ptr:0x10 wstr:\"\\\\b\"\n";
static const char OTHER_BOOT[] = "trace boot=2024-05-01T09:00:00Z\nbuffer\n"
                                 "system hook=0x0304 version=3 time=+60us pid=4" PROCESS(500, 4, 259, "other.exe", "");

static void check_two(const correlator *c, u32 first, u32 second)
{
    assert_int_equal(process_count(c), 2);
    assert_string_equal(process_number(c, 0)->name, "one.exe");
    assert_true(process_number(c, 0)->end == START + 30 * US);
    assert_string_equal(process_number(c, 1)->name, "two.exe");
    const u32 files[] = {first, second};
    for (u32 i = 0; i < 2; i++) {
        u32 process = 0;
        assert_string_equal(correlator_process_at(c, files[i], 0, 500, START + 35 * US)->name, "one.exe");
        assert_string_equal(correlator_process_at(c, files[i], 0, 500, START + 41 * US)->name, "two.exe");
        assert_true(correlator_thread_process(c, files[i], 0, 77, START + 39 * US, &process) && process == 500);
        // Its process is over, and the id another one's.
        assert_false(correlator_thread_process(c, files[i], 0, 77, START + 44 * US, &process));
        assert_true(correlator_thread_process(c, files[i], 0, 77, START + 45 * US, &process) && process == 600);
        assert_false(correlator_thread_process(c, files[i], 0, 78, START + 45 * US, &process));
    }
}

static void order_of_files_does_not_matter(void **state)
{
    (void)state;
    traces t = begin();
    add_trace(&t, FIRST);
    add_trace(&t, SECOND_TRACE);
    check_two(survey(&t), 0, 1);
    done(&t);
    t = begin();
    add_trace(&t, SECOND_TRACE);
    add_trace(&t, FIRST);
    check_two(survey(&t), 1, 0);
    done(&t);
}

static void other_boots_do_not_answer(void **state)
{
    (void)state;
    traces t = begin();
    add_trace(&t, OTHER_BOOT);
    add_trace(&t, FIRST);
    const correlator *c = survey(&t);
    assert_int_equal(process_count(c), 2);
    assert_null(correlator_process_at(c, 1, 0, 500, START));
    assert_string_equal(correlator_process_at(c, 1, 0, 500, START + 100 * US)->name, "one.exe");
    assert_string_equal(correlator_process_at(c, 0, 0, 500, START + 100 * US)->name, "other.exe");
    assert_int_not_equal(process_number(c, 0)->machine, process_number(c, 1)->machine);
    done(&t);
}

// ---------------------------------------------------------------------------------------------- stacks, symbols

static void stacks_without_an_event_are_counted(void **state)
{
    (void)state;
    traces t =
        open_one("trace\nbuffer\n"
                 "perfinfo hook=0x0f2e version=2 time=+10us payload ptr:0x1 u32:200 u16:1 u8:0,0\n"
                 "perfinfo hook=0x1820 version=2 time=+11us payload time:+10us u32:100,200 ptr:0xfffff80000000001\n"
                 "perfinfo hook=0x1820 version=2 time=+12us payload time:+9us u32:100,200 ptr:0xfffff80000000001\n"
                 "perfinfo hook=0x1825 version=2 time=+13us payload time:+10us u32:100,200 ptr:0xdead\n"
                 "perfinfo hook=0x1820 version=2 time=+14us payload time:+10us u32:100,200\n");
    const correlator *c = survey(&t);
    u64 told, joined;
    correlator_stack_counts(c, &told, &joined);
    assert_true(told == 3 && joined == 0);
    read_all(t.session);
    correlator_stack_counts(c, &told, &joined);
    assert_true(told == 3 && joined == 1);
    done(&t);
}

#define IMAGE_ID(opcode) "full guid={b3e675d7-2554-4f18-830b-2762732560de} opcode=" #opcode " version=2 payload "
#define IMAGE(pid, base, path)                                                                                         \
    "system hook=0x1403 version=2 payload ptr:" base " ptr:0x1000 u32:" #pid ",0,0,0 ptr:0 u32:0,0,0,0 wstr:\"" path   \
    "\"\n"
#define PDB_GUID "guid:{11223344-5566-7788-99aa-bbccddeeff00}"

static void symbols_are_listed_once(void **state)
{
    (void)state;
    // Two processes have the same DLL; of the third image only its original name is told.
    traces t =
        open_one("trace\nbuffer\n" IMAGE(5, "0x400000", "\\\\x\\\\a.dll") IMAGE(6, "0x800000", "\\\\x\\\\a.dll")
                     IMAGE_ID(36) "ptr:0x400000 u32:5 " PDB_GUID " u32:3 astr:a.pdb\n" IMAGE_ID(
                         36) "ptr:0x800000 u32:6 " PDB_GUID
                             " u32:3 astr:a.pdb\n" IMAGE_ID(0) "ptr:0x900000 ptr:0x1000 u32:6,99 wstr:B.EXE\n" IMAGE_ID(
                                 37) "ptr:0x900000 u32:6 " PDB_GUID " u32:1 astr:b.ni.pdb\n");
    u32 count;
    const pdb_identity *list = correlator_pdbs(survey(&t), &count);
    char text[GUID_TEXT];
    assert_int_equal(count, 2);
    assert_string_equal(list[0].image, "B.EXE");
    assert_string_equal(list[0].pdb, "b.ni.pdb");
    assert_true(list[0].managed && list[0].age == 1);
    assert_string_equal(list[1].image, "\\x\\a.dll");
    assert_string_equal(list[1].pdb, "a.pdb");
    assert_true(!list[1].managed && list[1].age == 3);
    assert_string_equal(guid_to_text(&list[1].id, text), "11223344-5566-7788-99aa-bbccddeeff00");
    done(&t);
}

// ---------------------------------------------------------------------------------------------- connections

static const connection *connection_number(const correlator *c, u32 index)
{
    u32 count;
    const connection *list = correlator_connections(c, &count);
    if (index >= count)
        fail_msg("there are %u connections", count);
    return &list[index];
}

static void check_ends(const connection *k, const char *local, u16 local_port, const char *remote, u16 remote_port)
{
    u8 text[64];
    *(k->ipv6 ? text_ipv6(text, k->local) : text_ipv4(text, k->local)) = 0;
    assert_string_equal((const char *)text, local);
    *(k->ipv6 ? text_ipv6(text, k->remote) : text_ipv4(text, k->remote)) = 0;
    assert_string_equal((const char *)text, remote);
    assert_int_equal(k->local_port, local_port);
    assert_int_equal(k->remote_port, remote_port);
}

static void traffic_is_added_up(void **state)
{
    (void)state;
    // Kernel-Network logs the same two packets again; a UDP packet received comes from its source.
    traces t = open_one(
        "trace\nbuffer\n"
        "system hook=0x0303 version=3 time=+1us pid=4" PROCESS(
            500, 4, 259, "web.exe",
            "") "system hook=0x060c version=2 time=+10us payload u32:500,0 ipv4:203.0.113.9 ipv4:192.0.2.1 port:443 port:50123 u16:1460,0,0,1 u32:65535 i16:8,8 u32:1 ptr:7\n"
                "system hook=0x060a version=2 time=+20us payload u32:500,100 ipv4:203.0.113.9 ipv4:192.0.2.1 port:443 port:50123 u32:0,0,7 ptr:7\n"
                "system hook=0x060b version=2 time=+30us payload u32:500,3000 ipv4:203.0.113.9 ipv4:192.0.2.1 port:443 port:50123 u32:7 ptr:7\n"
                "event provider={7dd42a49-5329-4832-8dfd-43d979153a88} id=10 opcode=10 task=10 time=+21us payload u32:500,100 ipv4:203.0.113.9 ipv4:192.0.2.1 port:443 port:50123 u32:0,0,7,7\n"
                "event provider={7dd42a49-5329-4832-8dfd-43d979153a88} id=11 opcode=11 task=10 time=+31us payload u32:500,3000 ipv4:203.0.113.9 ipv4:192.0.2.1 port:443 port:50123 u32:7,7\n"
                "system hook=0x060d version=2 time=+40us payload u32:500,0 ipv4:203.0.113.9 ipv4:192.0.2.1 port:443 port:50123 u32:7 ptr:7\n"
                "system hook=0x081b version=2 time=+50us payload u32:501,64 ipv6:fe80::1 ipv6:2001:db8::5 port:5353 port:53 u32:1 ptr:2\n"
                "system hook=0x081a version=2 time=+60us payload u32:501,32 ipv6:2001:db8::5 ipv6:fe80::1 port:53 port:5353 u32:1 ptr:2\n");
    const correlator *c = survey(&t);
    const connection *web = connection_number(c, 0), *dns = connection_number(c, 1);
    u32 count;
    (void)correlator_connections(c, &count);
    assert_int_equal(count, 2);
    check_ends(web, "192.0.2.1", 50123, "203.0.113.9", 443);
    assert_true(web->tcp && web->process_id == 500);
    assert_string_equal(web->process->name, "web.exe");
    assert_true(web->bytes_sent == 100 && web->bytes_received == 3000 && web->sends == 1 && web->receives == 1);
    assert_true(web->connects == 1 && web->disconnects == 1 && web->accepts == 0);
    assert_true(web->first == START + 10 * US && web->last == START + 40 * US);
    check_ends(dns, "fe80::1", 5353, "2001:db8::5", 53);
    assert_true(!dns->tcp && dns->bytes_received == 64 && dns->bytes_sent == 32);
    assert_null(dns->process);
    done(&t);
}

static void control_blocks_name_their_ends(void **state)
{
    (void)state;
    // Bytes are counted before and after the ends are told; the block is used again for another peer.
#define ENDS(id, local, remote)                                                                                        \
    "event provider={2f07e2ee-15db-40f1-90ef-9d7ba282188a} id=" #id " payload u32:16 u16:2 " local                     \
    " zeros:8 u32:16 u16:2 " remote " zeros:8 u32:0,500,1 ptr:0xa1\n"
#define SENT(bytes)                                                                                                    \
    "event provider={2f07e2ee-15db-40f1-90ef-9d7ba282188a} id=1332 payload ptr:0xa1 u32:1,1," #bytes ",1,1,1,1\n"
    traces t = open_one(
        "trace\nbuffer\n" SENT(5) ENDS(1038, "port:1000 ipv4:192.0.2.1", "port:80 ipv4:198.51.100.1")
            ENDS(1033, "port:1001 ipv4:192.0.2.1", "port:81 ipv4:198.51.100.2")
                SENT(70) "event provider={2f07e2ee-15db-40f1-90ef-9d7ba282188a} id=1074 payload ptr:0xa1 u32:900,1\n"
                         "event provider={2f07e2ee-15db-40f1-90ef-9d7ba282188a} id=1074 payload ptr:0xa2 u32:800,1\n");
    const correlator *c = survey(&t);
    const connection *first = connection_number(c, 0), *second = connection_number(c, 1);
    check_ends(first, "192.0.2.1", 1000, "198.51.100.1", 80);
    assert_true(first->bytes_sent == 5 && first->disconnects == 1 && first->connects == 0);
    check_ends(second, "192.0.2.1", 1001, "198.51.100.2", 81);
    assert_true(second->bytes_sent == 70 && second->bytes_received == 900 && second->connects == 1);
    done(&t);
}

// ---------------------------------------------------------------------------------------------- switches, hostile
// traces

static void what_is_not_wanted_is_not_followed(void **state)
{
    (void)state;
    traces t = begin();
    t.session->correlate = CORRELATE_PROCESSES;
    add_trace(
        &t,
        "trace\nbuffer\n"
        "system hook=0x0303 version=3 pid=4" PROCESS(
            500, 4, 259, "a.exe",
            "") "perfinfo hook=0x0f2e version=2 time=+10us payload ptr:0x1 u32:200 u16:1 u8:0,0\n"
                "perfinfo hook=0x1820 version=2 time=+11us payload time:+10us u32:100,200 ptr:0xfffff80000000001\n");
    const correlator *c = survey(&t);
    u64 told, joined;
    correlator_stack_counts(c, &told, &joined);
    assert_true(told == 0);
    assert_int_equal(process_count(c), 1);
    read_all(t.session);
    done(&t);
}

static void stacks_are_kept_for_the_time_asked_for(void **state)
{
    (void)state;
    traces t = begin();
    t.session->correlate = CORRELATE_RECORDS;
    t.session->since = START + 15 * US;
    t.session->until = START + 20 * US;
    // The first stack's event is too early, that of the second in time although its own record is not, the third's
    // late.
    add_trace(&t, "trace\nbuffer\n"
                  "perfinfo hook=0x0f2e version=2 time=+10us payload ptr:0x1 u32:200 u16:1 u8:0,0\n"
                  "perfinfo hook=0x1820 version=2 time=+16us payload time:+10us u32:100,200 ptr:0xfffff80000000001\n"
                  "perfinfo hook=0x0f2e version=2 time=+20us payload ptr:0x1 u32:200 u16:1 u8:0,0\n"
                  "perfinfo hook=0x1820 version=2 time=+30us payload time:+20us u32:100,200 ptr:0xfffff80000000002\n"
                  "perfinfo hook=0x0f2e version=2 time=+31us payload ptr:0x1 u32:200 u16:1 u8:0,0\n"
                  "perfinfo hook=0x1820 version=2 time=+32us payload time:+31us u32:100,200 ptr:0xfffff80000000003\n");
    const correlator *c = survey(&t);
    u64 told, joined;
    read_all(t.session);
    correlator_stack_counts(c, &told, &joined);
    assert_int_equal(told, 1);
    assert_int_equal(joined, 1);
    done(&t);
}

static void short_payloads_tell_nothing(void **state)
{
    (void)state;
    traces t = open_one(
        "trace\nbuffer\n"
        "system hook=0x0301 version=3 payload u32:1\n"
        "system hook=0x0501 version=3 payload u32:1\n"
        "system hook=0x030a version=2 payload ptr:0x1000 ptr:0xffffffffffffffff u32:1,0,0,0 ptr:0 u32:0,0,0,0 wstr:x\n"
        "perfinfo hook=0x1820 version=2 payload u32:1\n"
        "perfinfo hook=0x1823 version=2 payload u32:1\n"
        "perfinfo hook=0x1826 version=2 payload u64:1 u32:1,2\n"
        "perfinfo hook=0x0424 version=2 payload ptr:0x10\n"
        "perfinfo hook=0x010a version=3 payload u32:0\n"
        "perfinfo hook=0x090b version=2 payload time:+9us u32:0,0\n"
        "system hook=0x060a version=2 payload u32:500\n"
        "event provider={2f07e2ee-15db-40f1-90ef-9d7ba282188a} id=1033 payload u32:2 u16:2 u32:2 u16:2 "
        "u32:0,1,1 ptr:1\n");
    const correlator *c = survey(&t);
    u32 count;
    stack_frame frame;
    (void)correlator_connections(c, &count);
    assert_int_equal(count, 0);
    assert_int_equal(process_count(c), 0);
    assert_false(correlator_module(c, 0, 0, 1, START, 0x1000, &frame));
    read_all(t.session);
    done(&t);
}

// ---------------------------------------------------------------------------------------------- real traces

static traces open_real(const char *name)
{
    const char *shared = getenv("ETWKIT_SHARED");
    char path[512];
    snprintf(path, sizeof(path), "%s/corpus/%s", shared ? shared : "../shared", name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    traces t = begin();
    error e = {0};
    if (!session_open(t.session, path, &e))
        fail_msg("%s", e.message);
    return t;
}

// FORMAT.md, section 5.5: 9,359 of 9,359 stack records match an event.
static void real_stacks_join(void **state)
{
    (void)state;
    traces t = open_real("perfview-net452-x64.etl");
    u64 told, joined;
    (void)survey(&t);
    read_all(t.session);
    correlator_stack_counts(t.session->correlator, &told, &joined);
    assert_int_equal(told, 9359);
    assert_int_equal(joined, 9359);
    done(&t);
}

// 94 ids are in the rundown at the start and 3 more end; 60 end, and the rundown at the end has the other 37. All 5
// zombies are among those that ended (counted over the trace's Process events by id).
static void real_processes(void **state)
{
    (void)state;
    traces t = open_real("airbus-ShutdownPerfDiagLogger.etl");
    const correlator *c = survey(&t);
    u32 ended = 0, outlast = 0;
    for (u32 i = 0; i < process_count(c); i++) {
        const process_life *p = process_number(c, i);
        ended += p->end_known == MOMENT_RECORDED && p->has_exit_status;
        outlast += p->end_known == MOMENT_OUTSIDE;
    }
    assert_int_equal(process_count(c), 97);
    assert_int_equal(ended, 60);
    assert_int_equal(outlast, 37);
    done(&t);
}

// Many facts, told in no order: of 40 ids far apart with 50 meanings each, one after the other, and of 1000 ids with
// one.
static void many_facts(void **state)
{
    (void)state;
    enum { BUSY = 40, MEANINGS = 50, SINGLE = 1000, FACTS = BUSY * MEANINGS + SINGLE, PRIME = 1009 };
    static const u64 FAR_APART = 0x0123456789abcd;
    u32 machine = 0;
    const correlator c = {.machines = &machine, .host_count = 1};
    history h = {.fact_limit = FACTS};
    for (u32 i = 0, k = 0; i < FACTS; i++, k = (k + PRIME) % FACTS) {
        bool busy = k < BUSY * MEANINGS;
        history_tell(&h, &(fact){.id = busy ? (k / MEANINGS + 1) * FAR_APART : k,
                                 .kind = FACT_START,
                                 .time = busy ? k % MEANINGS * 10 : 5,
                                 .number = k});
    }
    history_close(&h, &c);
    for (u32 k = 0; k < FACTS; k++) {
        bool busy = k < BUSY * MEANINGS;
        u64 id = busy ? (k / MEANINGS + 1) * FAR_APART : k;
        i64 from = busy ? k % MEANINGS * 10 : 5;
        for (i64 time = from; time < from + 10; time += 9) {
            const life *l = history_at(&h, machine, id, time);
            assert_non_null(l);
            assert_int_equal(l->number, k);
            assert_int_equal(l->from, from);
        }
    }
    assert_null(history_at(&h, machine, BUSY * MEANINGS, 4));
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_from_start_to_end),
        cmocka_unit_test(many_facts),
        cmocka_unit_test(ids_come_up_again),
        cmocka_unit_test(told_by_a_rundown),
        cmocka_unit_test(starts_are_counted_once),
        cmocka_unit_test(witnesses_agree),
        cmocka_unit_test(image_paths_come_from_loads),
        cmocka_unit_test(order_of_files_does_not_matter),
        cmocka_unit_test(other_boots_do_not_answer),
        cmocka_unit_test(stacks_without_an_event_are_counted),
        cmocka_unit_test(symbols_are_listed_once),
        cmocka_unit_test(traffic_is_added_up),
        cmocka_unit_test(control_blocks_name_their_ends),
        cmocka_unit_test(what_is_not_wanted_is_not_followed),
        cmocka_unit_test(stacks_are_kept_for_the_time_asked_for),
        cmocka_unit_test(short_payloads_tell_nothing),
        cmocka_unit_test(real_stacks_join),
        cmocka_unit_test(real_processes),
    };
    int failed = cmocka_run_group_tests_name("facts in memory", tests, NULL, NULL);
    spill_memory_limit = 0;
    return failed + cmocka_run_group_tests_name("facts in files", tests, NULL, NULL);
}
