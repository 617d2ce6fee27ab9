// EventSource manifests in pieces: whole ones load, repeated ones load once, broken ones are told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/outbuf.h"
#include "schema/carried/eventsource.h"

static const char TEXT[] =
    "<instrumentationManifest xmlns='http://schemas.microsoft.com/win/2004/08/events'><instrumentation><events>"
    "<provider name='Shop' guid='{a0b1c2d3-0011-2233-4455-66778899aabb}' resourceFileName='Shop' "
    "messageFileName='Shop' "
    "symbol='Shop'><tasks><task name='Order' value='65533'/></tasks><templates><template tid='OrderArgs'>"
    "<data name='id' inType='win:Int32'/><data name='who' inType='win:UnicodeString'/></template></templates>"
    "<events><event value='1' version='0' level='win:Informational' symbol='Order' message='$(string.event_Order)' "
    "keywords='' task='Order' template='OrderArgs'/></events></provider></events></instrumentation>"
    "<localization><resources culture='en-US'><stringTable><string id='event_Order' value='Order {0}'/></stringTable>"
    "</resources></localization></instrumentationManifest>";

typedef struct world {
    eventsource *es;
    schema_set *set;
    schema_load load;
    guid provider;
} world;

static void begin(world *w)
{
    *w = (world){.es = eventsource_new(), .set = schema_set_new()};
    assert_true(guid_from_text("a0b1c2d3-0011-2233-4455-66778899aabb", 36, &w->provider));
}

static void end(world *w)
{
    schema_load_free(&w->load);
    eventsource_free(w->es);
    schema_set_free(w->set);
}

// Piece `number` of `pieces`, each `each` bytes of the text.
static void offer(world *w, u32 process, u16 pieces, u16 number, size_t each)
{
    outbuf b = {0};
    u8 head[8] = {1, 1, 0, 0x5b, (u8)pieces, (u8)(pieces >> 8), (u8)number, (u8)(number >> 8)};
    outbuf_add(&b, head, sizeof(head));
    size_t from = number * each, len = strlen(TEXT);
    if (from < len)
        outbuf_add(&b, TEXT + from, len - from < each ? len - from : each);
    eventsource_offer(w->es, w->set, &w->provider, &(schema_sender){.process_id = process}, (span){b.bytes, b.len},
                      &w->load);
    outbuf_free(&b);
}

static u32 providers(const world *w)
{
    u32 count = 0;
    for (provider_schema *p = schema_providers(w->set, &w->provider); p; p = p->next)
        count++;
    return count;
}

static void one_piece(void **state)
{
    (void)state;
    world w;
    begin(&w);
    offer(&w, 4, 1, 0, sizeof(TEXT));
    schema_find_result found;
    event_descriptor d = {.id = 1};
    assert_int_equal(schema_find(w.set, KEY_MANIFEST, &w.provider, &d, 0, &found, 1), 1);
    assert_int_equal(found.event->provider->origin, ORIGIN_EVENTSOURCE);
    assert_string_equal(found.event->event_name, "Order");
    assert_int_equal(found.event->top_count, 2);
    assert_int_equal(found.event->properties[1].in_type, IN_UNICODE_STRING);
    end(&w);
}

static void many_pieces_of_two_processes(void **state)
{
    (void)state;
    world w;
    begin(&w);
    size_t each = 100;
    u16 pieces = (u16)((sizeof(TEXT) - 1 + each - 1) / each);
    for (u16 i = 0; i < pieces; i++) {
        offer(&w, 4, pieces, i, each);
        offer(&w, 5, pieces, i, each); // another process writes the same one in between
    }
    assert_int_equal(providers(&w), 1);
    assert_int_equal(w.load.refused, 0);
    end(&w);
}

static void a_missing_piece(void **state)
{
    (void)state;
    world w;
    begin(&w);
    offer(&w, 4, 4, 0, 300);
    offer(&w, 4, 4, 2, 300);
    assert_int_equal(providers(&w), 0);
    eventsource_finish(w.es, &w.load);
    assert_int_equal(w.load.refused, 1);
    assert_non_null(strstr(w.load.notes[0], "2 of 4"));
    offer(&w, 4, 1, 0, sizeof(TEXT)); // sent again in one piece
    assert_int_equal(providers(&w), 1);
    eventsource_finish(w.es, &w.load);
    assert_int_equal(w.load.refused, 1); // what is over was repeated
    end(&w);
}

static void an_end_too_early(void **state)
{
    (void)state;
    world w;
    begin(&w);
    offer(&w, 4, 4, 0, 300);
    eventsource_finish(w.es, &w.load);
    assert_int_equal(w.load.refused, 1);
    assert_non_null(strstr(w.load.notes[0], "1 of 4"));
    end(&w);
}

// Manifests that never become whole do not keep others from loading, and their memory has a bound.
static void very_many_beginnings(void **state)
{
    (void)state;
    world w;
    begin(&w);
    for (u32 process = 100; process < 100 + LIMIT_MANIFESTS_PENDING + 10; process++)
        offer(&w, process, 4, 0, 300);
    assert_int_equal(w.load.refused, 10); // the oldest gave way
    size_t each = 300;
    u16 pieces = (u16)((sizeof(TEXT) - 1 + each - 1) / each);
    for (u16 i = 0; i < pieces; i++)
        offer(&w, 4, pieces, i, each);
    assert_int_equal(providers(&w), 1);
    end(&w);
}

// Pieces in every order of three, each also with one of them repeated at every place.
static void any_order(void **state)
{
    (void)state;
    static const u16 ORDERS[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    size_t each = (sizeof(TEXT) + 1) / 3;
    for (u32 o = 0; o < COUNT_OF(ORDERS); o++) {
        for (u32 again = 0; again < 9; again++) {
            world w;
            begin(&w);
            for (u32 i = 0; i < 3; i++) {
                offer(&w, 4, 3, ORDERS[o][i], each);
                if (i == again % 3)
                    offer(&w, 4, 3, ORDERS[o][again / 3], each);
            }
            assert_int_equal(providers(&w), 1);
            eventsource_finish(w.es, &w.load);
            assert_int_equal(w.load.refused, 0);
            end(&w);
        }
    }
}

// A piece that differs from the one of its number begins another manifest.
static void another_begins(void **state)
{
    (void)state;
    world w;
    begin(&w);
    size_t each = 700;
    offer(&w, 4, 2, 0, each - 1);
    offer(&w, 4, 2, 0, each);
    assert_int_equal(w.load.refused, 1);
    assert_non_null(strstr(w.load.notes[0], "another one began"));
    offer(&w, 4, 2, 1, each);
    assert_int_equal(providers(&w), 1);
    end(&w);
}

#define SENT(trace, process, when)                                                                                     \
    {                                                                                                                  \
        .source = (trace), .process_id = (process), .time = (when)                                                     \
    }

static void senders_by_time(void **state)
{
    (void)state;
    world w;
    begin(&w);
    provider_schema *p = schema_add_provider(w.set, &w.provider, "Shop", ORIGIN_EVENTSOURCE, RANK_TRACE, NULL);
    static const schema_sender SENDERS[] = {SENT(0, 7, 500), SENT(0, 7, 100), SENT(1, 7, 300), SENT(0, 8, 200),
                                            SENT(0, 7, 900)};
    for (u32 i = 0; i < COUNT_OF(SENDERS); i++)
        schema_add_sender(p, &SENDERS[i]);
    static const struct {
        schema_sender event;
        i64 sent; // -1: not by this process
    } ASKED[] = {{SENT(0, 7, 50), 100},   {SENT(0, 7, 100), 100}, {SENT(0, 7, 499), 100}, {SENT(0, 7, 500), 500},
                 {SENT(0, 7, 2000), 900}, {SENT(1, 7, 900), 300}, {SENT(1, 7, 1), 300},   {SENT(0, 8, 900), 200},
                 {SENT(0, 6, 100), -1},   {SENT(1, 8, 100), -1}};
    for (u32 i = 0; i < COUNT_OF(ASKED); i++) {
        const schema_sender *found = schema_find_sender(p, &ASKED[i].event);
        assert_int_equal(found ? found->time : -1, ASKED[i].sent);
    }
    end(&w);
}

// Process 7 was another one until 400.
static void tell_life(void *context, schema_sender *sender)
{
    (void)context;
    if (sender->process_id != 7)
        return;
    sender->since = sender->time < 400 ? INT64_MIN : 400;
    sender->until = sender->time < 400 ? 400 : INT64_MAX;
}

static void senders_by_life(void **state)
{
    (void)state;
    world w;
    begin(&w);
    provider_schema *p = schema_add_provider(w.set, &w.provider, "Shop", ORIGIN_EVENTSOURCE, RANK_TRACE, NULL);
    static const schema_sender SENDERS[] = {SENT(0, 7, 500), SENT(0, 7, 100), SENT(0, 8, 650)};
    for (u32 i = 0; i < COUNT_OF(SENDERS); i++)
        schema_add_sender(p, &SENDERS[i]);
    assert_true(schema_sent_beside(p, 100) == UINT64_MAX);
    schema_settle_senders(w.set, tell_life, NULL);
    static const struct {
        schema_sender event;
        i64 sent;
        u64 beside;
    } ASKED[] = {{SENT(0, 7, 50), 100, 50},  {SENT(0, 7, 399), 100, 101}, {SENT(0, 7, 400), 500, 100},
                 {SENT(0, 7, 510), 500, 10}, {SENT(0, 8, 1), 650, 99},    {SENT(0, 9, 600), -1, 50},
                 {SENT(0, 9, 900), -1, 250}};
    for (u32 i = 0; i < COUNT_OF(ASKED); i++) {
        const schema_sender *found = schema_find_sender(p, &ASKED[i].event);
        assert_int_equal(found ? found->time : -1, ASKED[i].sent);
        assert_true(schema_sent_beside(p, ASKED[i].event.time) == ASKED[i].beside);
    }
    end(&w);
}

// Another manifest of the same provider is another description; a manifest of another provider is refused.
static void other_manifests(void **state)
{
    (void)state;
    world w;
    begin(&w);
    offer(&w, 4, 1, 0, sizeof(TEXT));
    offer(&w, 5, 1, 0, sizeof(TEXT));
    assert_int_equal(providers(&w), 1);
    outbuf b = {0};
    static const u8 HEAD[8] = {1, 1, 0, 0x5b, 1, 0, 0, 0};
    outbuf_add(&b, HEAD, sizeof(HEAD));
    outbuf_text(&b, TEXT);
    b.bytes[8 + (size_t)(strstr(TEXT, "OrderArgs") - TEXT)] = 'o'; // the template's name only: the reference dangles
    eventsource_offer(w.es, w.set, &w.provider, &(schema_sender){.process_id = 6}, (span){b.bytes, b.len}, &w.load);
    assert_int_equal(providers(&w), 2);
    w.provider.bytes[0] ^= 1;
    eventsource_offer(w.es, w.set, &w.provider, &(schema_sender){.process_id = 7}, (span){b.bytes, b.len}, &w.load);
    assert_int_equal(providers(&w), 0);
    outbuf_free(&b);
    end(&w);
}

// ---------------------------------------------------------------------------------------------- real manifests

// Counted with Python's xml.etree in the text of each manifest; several processes write the same ones.
static const struct {
    const char *file, *provider, *name;
    u32 events, fields;
} REAL[] = {
    {"perfview-diaghub-user_paged1.etl", "2e5dba47-a3d2-4d16-8ee0-6671ffdcd7b5",
     "System.Threading.Tasks.TplEventSource", 20, 48},
    {"perfview-net45-x86.etl", "a8a71ac1-040f-54a2-07ca-00a89b5ab761", "PerfView", 23, 39},
    {"perfview-net45-x86.etl", "8e9f5090-2d75-4d03-8a81-e5afbf85daf1",
     "System.Diagnostics.Eventing.FrameworkEventSource", 24, 75},
    {"tx-BondEtwSample-2015-10.etl", "4f8f06bf-8261-4099-ae5f-07c54bbcfab3", "MSOpenTech-Tx-BinaryEventSource", 5, 35},
};

// Every manifest that stands whole in the bytes of a trace, found by its envelope and its end.
static u32 offer_manifests(world *w, span trace)
{
    static const char BEGIN[] = "<instrumentationManifest", END[] = "</instrumentationManifest>";
    u32 count = 0;
    for (size_t at = 8; at + sizeof(BEGIN) < trace.len; at++) {
        if (trace.at[at] != '<' || memcmp(trace.at + at, BEGIN, sizeof(BEGIN) - 1) != 0 || trace.at[at - 5] != 0x5b)
            continue;
        size_t end = at;
        while (end + sizeof(END) < trace.len && memcmp(trace.at + end, END, sizeof(END) - 1) != 0)
            end++;
        eventsource_offer(w->es, w->set, &w->provider, &(schema_sender){.process_id = ++count},
                          (span){trace.at + at - 8, end + sizeof(END) - 1 - (at - 8)}, &w->load);
    }
    return count;
}

static void shared_traces(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    for (size_t i = 0; i < COUNT_OF(REAL); i++) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/corpus/%s", shared ? shared : "../shared", REAL[i].file);
        world w;
        begin(&w);
        assert_true(guid_from_text(REAL[i].provider, 36, &w.provider));
        size_t len;
        u8 *bytes;
        error e = {0};
        if (!os_read_whole(path, 64 << 20, &bytes, &len, &e)) {
            end(&w);
            print_message("skipped: no %s\n", path);
            skip();
        }
        assert_true(offer_manifests(&w, (span){bytes, len}) > 0);
        assert_int_equal(providers(&w), 1);
        const provider_schema *p = schema_providers(w.set, &w.provider);
        u32 fields = 0;
        for (u32 k = 0; k < p->event_count; k++) {
            assert_true(p->events[k]->event_name || p->events[k]->task_name); // one source writes no symbols
            fields += p->events[k]->property_count;
        }
        assert_string_equal(p->name, REAL[i].name);
        assert_int_equal(p->event_count, REAL[i].events);
        assert_int_equal(fields, REAL[i].fields);
        mem_free(bytes);
        end(&w);
    }
}

static void what_is_no_manifest(void **state)
{
    (void)state;
    world w;
    begin(&w);
    static const u8 SHORT[] = {1, 1, 0, 0x5b}, OTHER[] = {2, 1, 0, 0x5b, 1, 0, 0, 0, 'x'},
                    BAD[] = {1, 1, 0, 0x5b, 1, 0, 0, 0, 'x'};
    eventsource_offer(w.es, w.set, &w.provider, &(schema_sender){.process_id = 4}, (span){SHORT, sizeof(SHORT)},
                      &w.load);
    eventsource_offer(w.es, w.set, &w.provider, &(schema_sender){.process_id = 4}, (span){OTHER, sizeof(OTHER)},
                      &w.load);
    assert_int_equal(w.load.refused, 0);
    eventsource_offer(w.es, w.set, &w.provider, &(schema_sender){.process_id = 4}, (span){BAD, sizeof(BAD)}, &w.load);
    assert_true(w.load.refused >= 1);
    assert_int_equal(providers(&w), 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_piece),
        cmocka_unit_test(many_pieces_of_two_processes),
        cmocka_unit_test(a_missing_piece),
        cmocka_unit_test(an_end_too_early),
        cmocka_unit_test(very_many_beginnings),
        cmocka_unit_test(any_order),
        cmocka_unit_test(another_begins),
        cmocka_unit_test(senders_by_time),
        cmocka_unit_test(senders_by_life),
        cmocka_unit_test(other_manifests),
        cmocka_unit_test(what_is_no_manifest),
        cmocka_unit_test(shared_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
