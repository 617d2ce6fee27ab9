// A generated trace with a message for every item type that the shared TMF files use, decoded through those files.
// What each message must say follows from its text in the TMF and the bytes here. Skips where the files are absent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "etl_text.h"
#include "program.h"

typedef struct sent {
    const char *guid, *number, *payload;
    const char *message; // how the message must end
} sent;

static const sent messages[] = {
    {"01e9b841-7d67-315a-7b92-23b2033356de", "12", "u32:0xC0000022",
     "failed with status 0xc0000022(STATUS_ACCESS_DENIED)"}, // ItemNTSTATUS
    {"01e9b841-7d67-315a-7b92-23b2033356de", "18", "u32:10",
     "in invalid state (0x0A), dropping connection"}, // ItemLong
    {"028f1450-e0d5-3b03-31cd-6226d77778f9", "13", "u64:0x1a2b3c4d5e",
     "Device 001A2B3C4D5E identified as SIXAXIS compatible"}, // ItemLongLongXX
    {"13024be3-4b84-3755-d706-51020667de4f", "15", "astr:\"C:\\\\ProgramData\"",
     "Expanded environment variable to C:\\ProgramData"},                          // ItemString
    {"03fb1cb4-1c81-30e9-50db-4ecb4f47594e", "30", "u8:2", "--> Entry <IRQL=DPC"}, // ItemListByte
    {"03fb1cb4-1c81-30e9-50db-4ecb4f47594e", "27", "u16:6 u16:0x61 u16:0x62 u16:0x63 u32:6",
     "SymbolicLinkName: abc (length: 6)"}, // ItemPWString
    {"0a9ab260-f7e4-311e-a23e-f8ab6856dc72", "31", "ptr:0xffffc10a3be04010",
     "Cleanup Failed Module=0xFFFFC10A3BE04010"}, // ItemPtr
    {"10ab5e95-3a19-3bea-8e73-829a95a5dd10", "27", "u32:5",
     "BluetoothFindFirstRadio failed with error 0x00000005(ERROR_ACCESS_DENIED)"}, // ItemWINERROR
    {"13024be3-4b84-3755-d706-51020667de4f", "27", "u64:0x3ff8000000000000 u64:0xc004000000000000",
     "A = 1.500000 and B = -2.500000."},                                                           // ItemDouble
    {"13024be3-4b84-3755-d706-51020667de4f", "20", "u64:5000000000", "reported size: 5000000000"}, // ItemLongLong
    {"87140dc3-05eb-3f8c-a1be-42661f4f939d", "15", "ptr:0x1000 u64:18446744073709551615",
     "delaying buffer 0x0000000000001000 for 18446744073709551615 ms"}, // ItemULongLong
    {"a3210761-4ce2-3dcc-7574-aabc25a63d48", "54", "wstr:\"gr\303\274n\"",
     "Disconnect event name: gr\303\274n"}, // ItemWString
};

static void place_trace(program *p)
{
    outbuf text = {0}, file = {0};
    error e = {0};
    arena a = {0};
    char path[512];
    outbuf_text(&text, "trace session=\"driver\" file=\"d.etl\" start=2024-08-20T05:00:00.0000000Z processors=1\n"
                       "buffer cpu=0\n");
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        outbuf_text(&text, arena_format(&a,
                                        "message guid={%s} number=%s time=+%zums pid=4 tid=8 "
                                        "options=guid|timestamp|sysinfo|pointer64 payload %s\n",
                                        messages[i].guid, messages[i].number, i + 1, messages[i].payload));
    if (!etl_text_build((const char *)text.bytes, text.len, &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "d.etl", path), file.bytes, file.len);
    outbuf_free(&text);
    outbuf_free(&file);
    arena_free(&a);
}

static void every_item_type_of_real_tmf_files(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    char folder[512];
    snprintf(folder, sizeof(folder), "%s/schemas/tmf", shared ? shared : "../shared");
    if (access(folder, R_OK) != 0) {
        print_message("skipped: no TMF files to decode with (ETWKIT_SHARED)\n");
        skip();
    }
    program p;
    program_begin(&p);
    place_trace(&p);
    const char *args[] = {"convert", "{}/d.etl", "--schemas", folder, "--cache", "none", "-f", "jsonl", NULL};
    assert_int_equal(program_run(&p, args), 0);
    size_t at = 0, seen = 0;
    const char *line = (const char *)p.out.bytes;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1, at++) {
        cJSON *record = cJSON_ParseWithLength(line, (size_t)(end - line));
        assert_non_null(record);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(record, "state")), "decoded");
        if (at > 0) { // after the trace's header event
            assert_true(at <= COUNT_OF(messages));
            const sent *m = &messages[at - 1];
            const char *said = cJSON_GetStringValue(cJSON_GetObjectItem(record, "message"));
            assert_non_null(said);
            size_t len = strlen(said), want = strlen(m->message);
            if (len < want || strcmp(said + len - want, m->message) != 0)
                fail_msg("message %s of %s: \"%s\", expected \"%s\" at its end", m->number, m->guid, said, m->message);
            seen++;
        }
        cJSON_Delete(record);
    }
    assert_int_equal(seen, COUNT_OF(messages));
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_item_type_of_real_tmf_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
