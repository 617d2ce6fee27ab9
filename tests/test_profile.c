// -f folded, -f speedscope and -f perfetto: samples, stacks, modules and compiled methods of a trace in words.
// Environment: ETWKIT the program.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "etl_text.h"
#include "judges.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})
#define SAMPLE(time, tid) "perfinfo hook=0x0f2e version=2 time=+" time "us payload ptr:0x401000 u32:" tid " u16:1,0\n"
#define STACK(ticks, pid, tid, frames)                                                                                 \
    "system hook=0x1820 version=2 time=+400us payload time:+" ticks "us u32:" pid "," tid " u64:" frames "\n"
#define METHOD(provider, id, pid, start, size, type, name)                                                             \
    "event provider={" provider "} id=" id " level=4 keyword=0x30 pid=" pid " time=+500us payload u64:1,2," start      \
    " u32:" size ",0,0 wstr:\"" type "\" wstr:\"" name "\" wstr:\"void ()\"\n"
#define RUNDOWN "a669021c-c450-4609-a035-5af59af4df18"
#define RUNTIME "e13c0d23-ccbc-4e12-931b-d9cc2eee27e4"

static const char TRACE[] =
    "trace\n"
    "buffer\n"
    "system hook=0x0303 version=3 time=+1us payload ptr:0x1 u32:100,4,0 i32:0 ptr:0x1000 wbemsid:none "
    "astr:\"app;1.exe\" wstr:\"\"\n"
    "system hook=0x0503 version=3 time=+2us pid=4 payload u32:100,8 ptr:0 ptr:0 ptr:0 ptr:0 ptr:15 ptr:0 ptr:0 u32:0 u8:8,5,2,0\n"
    "system hook=0x0503 version=3 time=+2us pid=4 payload u32:200,12 ptr:0 ptr:0 ptr:0 ptr:0 ptr:15 ptr:0 ptr:0 u32:0 u8:8,5,2,0\n"
    "system hook=0x1403 version=2 time=+3us pid=4 payload ptr:0xfffff80000000000 ptr:0x5000 u32:0,0,0,0 ptr:0 "
    "u32:0,0,0,0 wstr:\"\\\\SystemRoot\\\\system32\\\\ntoskrnl.exe\"\n" SAMPLE("100", "8") SAMPLE("200", "8")
        SAMPLE("300", "8") SAMPLE("310", "12") SAMPLE("320", "8")
            STACK("100", "100", "8", "0xfffff80000000010,0x7ff600000044,0x7ff600000144,0x1234")
                STACK("200", "100", "8", "0xfffff80000000010,0x7ff600000044,0x7ff600000144,0x1234")
                    STACK("300", "100", "8", "0x7ff600000144,0x7ff600000150")
                        STACK("310", "200", "12", "0x7ff600000044")
                            METHOD(RUNTIME, "143", "100", "0x7ff600000040", "0x10", "A.B", "Run")
                                METHOD(RUNDOWN, "144", "100", "0x7ff600000140", "0x10", "", "Main")
                                    METHOD(RUNDOWN, "144", "300", "0x7ff600000040", "0x10", "Other", "Process");

static void make(program *p, const char *name, const char *words)
{
    char path[512];
    error e = {0};
    outbuf trace = {0};
    if (!etl_text_build(words, strlen(words), &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, name, path), trace.bytes, trace.len);
    outbuf_free(&trace);
}

static int setup(void **state)
{
    (void)program_setup(state);
    make(*state, "in.etl", TRACE);
    return 0;
}

// 0x7ff600000150 is after Main, 0x7ff600000044 of process 200 is nobody's.
static void folded(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "folded"), 0);
    assert_string_equal((const char *)p->out.bytes, "app:1.exe (100);0x1234;Main;A.B.Run;ntoskrnl.exe!+0x10 2\n"
                                                    "app:1.exe (100);0x7ff600000150;Main 1\n"
                                                    "process (200);0x7ff600000044 1\n"
                                                    "app:1.exe (100) 1\n");
    assert_non_null(
        strstr((const char *)p->err.bytes, "5 CPU samples, 1 of them without a stack; 0 context switches; 4 stacks"));
}

static const cJSON *member(const cJSON *object, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_non_null(found);
    return found;
}

// As its schema has it: a sample is a list of frames, outermost first, with a weight.
static void speedscope(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "speedscope"), 0);
    cJSON *file = cJSON_Parse((const char *)p->out.bytes);
    assert_non_null(file);
    assert_string_equal(member(file, "$schema")->valuestring, "https://www.speedscope.app/file-format-schema.json");
    const cJSON *frames = member(member(file, "shared"), "frames"), *profiles = member(file, "profiles");
    assert_int_equal(cJSON_GetArraySize(profiles), 2);
    const cJSON *first = cJSON_GetArrayItem(profiles, 0);
    assert_string_equal(member(first, "type")->valuestring, "sampled");
    assert_string_equal(member(first, "name")->valuestring, "app;1.exe (100)");
    assert_int_equal(member(first, "endValue")->valueint, 4);
    const cJSON *samples = member(first, "samples"), *weights = member(first, "weights");
    assert_int_equal(cJSON_GetArraySize(samples), 3);
    assert_int_equal(cJSON_GetArraySize(weights), 3);
    assert_int_equal(cJSON_GetArrayItem(weights, 0)->valueint, 2);
    static const char *const NAMES[] = {"0x1234", "Main", "A.B.Run", "ntoskrnl.exe!+0x10"};
    const cJSON *stack = cJSON_GetArrayItem(samples, 0);
    assert_int_equal(cJSON_GetArraySize(stack), COUNT_OF(NAMES));
    for (int i = 0; i < (int)COUNT_OF(NAMES); i++)
        assert_string_equal(
            member(cJSON_GetArrayItem(frames, cJSON_GetArrayItem(stack, i)->valueint), "name")->valuestring, NAMES[i]);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetArrayItem(samples, 2)), 0);
    cJSON_Delete(file);
}

// In records the module or method with the offset in it; whatever events are shown.
static void frames_name_methods(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-q", "--frames", "--where", "stack is not null"), 0);
    assert_non_null(strstr((const char *)p->out.bytes,
                           "\"frames\":[\"ntoskrnl.exe!+0x10\",\"A.B.Run+0x4\",\"Main+0x4\",\"0x1234\"]"));
    assert_non_null(strstr((const char *)p->out.bytes, "\"frames\":[\"0x7FF600000044\"]"));
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-q", "-f", "folded", "--until", "2024-05-01T10:00:00.00015"), 0);
    assert_string_equal((const char *)p->out.bytes, "app:1.exe (100);0x1234;Main;A.B.Run;ntoskrnl.exe!+0x10 1\n");
}

// A context switch has the stack of the thread that goes on; those without one are not shown.
static void switches(void **state)
{
    program *p = *state;
    static const char WORDS[] =
        "trace\nbuffer\n"
        "system hook=0x0303 version=3 time=+1us payload ptr:0x1 u32:100,4,0 i32:0 ptr:0x1000 wbemsid:none "
        "astr:\"app.exe\" wstr:\"\"\n"
        "system hook=0x0503 version=3 time=+2us pid=4 payload u32:100,8 ptr:0 ptr:0 ptr:0 ptr:0 ptr:15 ptr:0 ptr:0 u32:0 "
        "u8:8,5,2,0\n"
        "perfinfo hook=0x0524 version=4 time=+100us payload u32:8,0 u8:8,0,0,0,1,0,2,0 u32:1,0\n"
        "perfinfo hook=0x0524 version=4 time=+200us payload u32:0,8 u8:0,8,0,0,1,0,5,0 u32:1,0\n" STACK(
            "100", "100", "8", "0xfffff80000000010,0x1234");
    make(p, "switches.etl", WORDS);
    assert_int_equal(RUN(p, "convert", "{}/switches.etl", "-f", "folded"), 0);
    assert_string_equal((const char *)p->out.bytes, "app.exe (100), context switches;0x1234;0xfffff80000000010 1\n");
    assert_non_null(
        strstr((const char *)p->err.bytes, "0 CPU samples, 0 of them without a stack; 1 context switches; "));
}

// Two transfers of one disk at the same time are on two tracks. Read by Perfetto's own schema, where it is installed.
static void perfetto(void **state)
{
    program *p = *state;
    char line[1024], path[512], counts[256] = "";
    make(
        p, "timeline.etl",
        "trace\nbuffer\n"
        "system hook=0x0303 version=3 time=+1us payload ptr:0x1 u32:100,4,0 i32:0 ptr:0x1000 wbemsid:none "
        "astr:\"app.exe\" wstr:\"\"\n"
        "system hook=0x0503 version=3 time=+2us pid=4 payload u32:100,8 ptr:0 ptr:0 ptr:0 ptr:0 ptr:15 ptr:0 ptr:0 u32:0 "
        "u8:8,5,2,0\n"
        "perfinfo hook=0x0524 version=4 time=+100us payload u32:8,0 u8:8,0,0,0,1,0,2,0 u32:1,0\n" SAMPLE("200", "8") "perfinfo hook=0x0524 version=4 time=+300us payload u32:0,8 u8:0,8,0,0,1,0,5,0 u32:1,0\n" STACK(
            "200", "100", "8",
            "0xfffff80000000010,0x1234") "perfinfo hook=0x010a version=3 time=+500us payload u32:0,0x43,4096,0 u64:0x1000 ptr:0 ptr:0x20 u64:900 u32:8\n"
                                         "perfinfo hook=0x010b version=3 time=+510us payload u32:0,0x43,512,0 u64:0x1000 ptr:0 ptr:0x20 u64:200 u32:8\n"
                                         "perfinfo hook=0x010b version=3 time=+520us payload u32:0,0x43,512,0 u64:0x1000 ptr:0 ptr:0x20 u64:5 u32:8\n"
                                         "system hook=0x060a version=2 time=+600us payload u32:100,1460 ipv4:203.0.113.9 ipv4:192.0.2.1 port:443 "
                                         "port:50123 u32:0,0,7 ptr:0\n"
                                         "perfinfo hook=0x0f22 version=0 time=+700us payload astr:\"here\"\n");
    assert_int_equal(RUN(p, "convert", "{}/timeline.etl", "-o", "{}/out.pftrace"), 0);
    assert_non_null(strstr((const char *)p->err.bytes,
                           "2 context switches, 1 CPU samples, 3 disk transfers, 1 of the network, 1 marks"));
    assert_int_equal(RUN(p, "convert", "{}/timeline.etl", "-q", "-o", "{}/out.pftrace"), 0); // known as our own
    snprintf(line, sizeof(line), "%s tests/perfetto_read.py %s", judge_python(), program_path(p, "out.pftrace", path));
    FILE *read = popen(line, "r");
    assert_non_null(read);
    (void)!fgets(counts, sizeof(counts), read);
    int code = judge_code(pclose(read));
    if (code == 77) {
        print_message("skipped: %s has no perfetto\n", judge_python());
        skip();
    }
    assert_int_equal(code, 0);
    assert_string_equal(counts, "switches=2 samples=1 with_stack=1 slices=3 instants=2 threads=1 frames=2 tracks=4\n");
}

static void perfetto_of_all_traces(void **state)
{
    (void)state;
    int code = judge_traces("tests/perfetto_read.py", "");
    if (code == 77) {
        print_message("skipped: %s has no perfetto\n", judge_python());
        skip();
    }
    assert_int_equal(code, 0);
}

static void without_samples(void **state)
{
    program *p = *state;
    static const char *const FORMATS[] = {"folded", "speedscope"}, *const OUTS[] = {"{}/a", "{}/b"};
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        assert_int_equal(RUN(p, "convert", "samples/dns.etl", "-f", FORMATS[i], "-o", OUTS[i]), 0);
        assert_non_null(strstr((const char *)p->err.bytes, "etwkit: no CPU samples, no context switches with stacks"));
        assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", FORMATS[i], "-o", OUTS[i], "--force"), 0);
        // It is known as our own.
        assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", FORMATS[i], "-o", OUTS[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folded, setup, program_teardown),
        cmocka_unit_test_setup_teardown(speedscope, setup, program_teardown),
        cmocka_unit_test_setup_teardown(frames_name_methods, setup, program_teardown),
        cmocka_unit_test_setup_teardown(switches, setup, program_teardown),
        cmocka_unit_test_setup_teardown(perfetto, program_setup, program_teardown),
        cmocka_unit_test(perfetto_of_all_traces),
        cmocka_unit_test_setup_teardown(without_samples, setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
