// EventSource manifests in pieces: whole ones load, repeated ones load once, broken ones are told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/limits.h"
#include "base/outbuf.h"
#include "schema/eventsource.h"

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
    eventsource_offer(w->es, w->set, &w->provider, process, 8, (span){b.bytes, b.len}, &w->load);
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
    assert_int_equal(w.load.refused, 1);
    offer(&w, 4, 1, 0, sizeof(TEXT)); // a new start is a new chance
    assert_int_equal(providers(&w), 1);
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

// A manifest that begins anew in the same thread; one whose beginning was lost.
static void a_new_beginning(void **state)
{
    (void)state;
    world w;
    begin(&w);
    size_t each = 700;
    u16 pieces = (u16)((sizeof(TEXT) - 1 + each - 1) / each);
    assert_int_equal(pieces, 2);
    offer(&w, 4, pieces, 1, each);
    assert_int_equal(w.load.refused, 1);
    assert_non_null(strstr(w.load.notes[0], "last piece"));
    offer(&w, 4, pieces, 0, each);
    offer(&w, 4, pieces, 0, each);
    assert_int_equal(w.load.refused, 2);
    assert_non_null(strstr(w.load.notes[1], "anew"));
    offer(&w, 4, pieces, 1, each);
    assert_int_equal(providers(&w), 1);
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
    eventsource_offer(w.es, w.set, &w.provider, 6, 8, (span){b.bytes, b.len}, &w.load);
    assert_int_equal(providers(&w), 2);
    w.provider.bytes[0] ^= 1;
    eventsource_offer(w.es, w.set, &w.provider, 7, 8, (span){b.bytes, b.len}, &w.load);
    assert_int_equal(providers(&w), 0);
    outbuf_free(&b);
    end(&w);
}

static void what_is_no_manifest(void **state)
{
    (void)state;
    world w;
    begin(&w);
    static const u8 SHORT[] = {1, 1, 0, 0x5b}, OTHER[] = {2, 1, 0, 0x5b, 1, 0, 0, 0, 'x'},
                    BAD[] = {1, 1, 0, 0x5b, 1, 0, 0, 0, 'x'};
    eventsource_offer(w.es, w.set, &w.provider, 4, 8, (span){SHORT, sizeof(SHORT)}, &w.load);
    eventsource_offer(w.es, w.set, &w.provider, 4, 8, (span){OTHER, sizeof(OTHER)}, &w.load);
    assert_int_equal(w.load.refused, 0);
    eventsource_offer(w.es, w.set, &w.provider, 4, 8, (span){BAD, sizeof(BAD)}, &w.load);
    assert_true(w.load.refused >= 1);
    assert_int_equal(providers(&w), 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_piece),           cmocka_unit_test(many_pieces_of_two_processes),
        cmocka_unit_test(a_missing_piece),     cmocka_unit_test(an_end_too_early),
        cmocka_unit_test(what_is_no_manifest), cmocka_unit_test(very_many_beginnings),
        cmocka_unit_test(a_new_beginning),     cmocka_unit_test(other_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
