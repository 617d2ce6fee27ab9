// One small compiled manifest with every block, as words for blob.h, and what reading it gave. Layouts as crim.c states
// them: @names are offsets from the start of the CRIM block.
#ifndef ETWKIT_TESTS_WEVT_BLOB_H
#define ETWKIT_TESTS_WEVT_BLOB_H

#include "pe_blob.h"

#include "schema/wevt/pe.h"
#include "schema/wevt/wevt.h"

#define PROVIDER "guid:6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394"
#define TASK_GUID "9e8d7c6b-1a0f-2c4b-3e8d-948372615f40"
#define NONE "u32:0xffffffff"

// The blocks both versions share. Message ids: 0x10000001 is the provider, and so on as mc.exe numbers them.
#define COMMON                                                                                                         \
    "here:chan ascii:CHAN u32:@levl-@chan u32:2\n"                                                                     \
    "  here:c1 u32:1 u32:@c1n u32:8 " NONE " here:c2 u32:0 u32:@c2n u32:17 u32:0x90000002\n"                           \
    "  here:c1n name:Other/System here:c2n name:Corner-Shop/Sales\n"                                                   \
    "here:levl ascii:LEVL u32:@opco-@levl u32:2\n"                                                                     \
    "  here:l4 u32:4 u32:0x50000004 u32:@l4n here:l20 u32:20 " NONE " u32:@l20n\n"                                     \
    "  here:l4n name:win:Informational here:l20n name:Chatty\n"                                                        \
    "here:opco ascii:OPCO u32:@task-@opco u32:3\n"                                                                     \
    "  here:o1 u16:0 u16:1 u32:0x30000001 u32:@o1n here:o30 u16:3 u16:30 " NONE " u32:@o30n\n"                         \
    "  u16:4 u16:30 " NONE " u32:@o31n here:o1n name:win:Start here:o30n name:Ring here:o31n name:Other\n"             \
    "here:task ascii:TASK u32:@keyw-@task u32:2\n"                                                                     \
    "  here:t3 u32:3 u32:0x70000003 guid:" TASK_GUID " u32:@t3n here:t4 u32:4 " NONE " pad:16 u32:@t4n\n"              \
    "  here:t3n name:Sale here:t4n name:Stock\n"                                                                       \
    "here:keyw ascii:KEYW u32:@maps-@keyw u32:2\n"                                                                     \
    "  u64:0x1 u32:0x10000001 u32:@k1n u64:0x400000000000 " NONE " u32:@k2n\n"                                         \
    "  here:k1n name:Money here:k2n name:Goods align:4\n"                                                              \
    "here:maps ascii:MAPS u32:@ttbl-@maps u32:2 u32:@coin u32:@taste\n"                                                \
    "  here:coin ascii:VMAP u32:36 u32:@coinn u32:0 u32:2 u32:1 u32:0xd0000001 u32:5 u32:0xd0000002\n"                 \
    "  here:taste ascii:BMAP u32:36 u32:@tasten u32:1 u32:2 u32:1 u32:0xf0000001 u32:0x80000000 " NONE "\n"            \
    "  here:coinn name:Coin here:tasten name:Taste\n"                                                                  \
    "here:ttbl ascii:TTBL u32:@evnt-@ttbl u32:1\n"                                                                     \
    "  here:temp ascii:TEMP u32:@evnt-@temp u32:6 u32:8 u32:@items u32:1 pad:16 u32:0x0101010f\n"                      \
    "  here:items\n"                                                                                                   \
    "  u32:0 u8:6 u8:6 u16:0 u32:0 u16:0 u16:0 u32:@n0\n"        /* Coins  win:UInt16 */                               \
    "  u32:0x10 u8:4 u8:0 u16:0 u32:@coin u16:0 u16:0 u32:@n1\n" /* Coin   win:UInt8, map, count=Coins */              \
    "  u32:9 u16:6 u16:2 u32:0 u16:2 u16:0 u32:@n2\n"            /* Basket struct, count=2 */                          \
    "  u32:4 u8:14 u8:15 u16:0 u32:0 u16:0 u16:0 u32:@n3\n"      /* Slip   win:Binary, length=Coins */                 \
    "  u32:0 u8:19 u8:1 u16:0 u32:0 u16:0 u16:28 u32:@n4\n"      /* Who    win:SID; the length is not flagged */       \
    "  u32:0 u8:1 u8:1 u16:0 u32:0 u16:0 u16:0 u32:@n5\n"        /* Note   win:UnicodeString */                        \
    "  u32:2 u8:2 u8:1 u16:0 u32:0 u16:0 u16:8 u32:@n6\n"        /* Item   win:AnsiString, length=8 */                 \
    "  u32:0 u8:8 u8:18 u16:0 u32:@taste u16:0 u16:0 u32:@n7\n"  /* Taste  win:UInt32 as win:HexInt32, map */          \
    "  here:n0 name:Coins here:n1 name:Coin here:n2 name:Basket here:n3 name:Slip here:n4 name:Who\n"                  \
    "  here:n5 name:Note here:n6 name:Item here:n7 name:Taste align:8\n"                                               \
    "here:evnt ascii:EVNT u32:@extra-@evnt u32:2 u32:0\n"                                                              \
    "  u16:7 u8:2 u8:17 u8:4 u8:30 u16:3 u64:0x8000000000000001 u32:0xb0020007 u32:@temp u32:@o30 u32:@l4\n"           \
    "  u32:@t3 u32:1 u32:@kref u32:@c2\n"                                                                              \
    "  here:second u16:8 u8:0 u8:0 u8:20 u8:1 u16:4 u64:0 " NONE " u32:0 u32:@o1 u32:@l20 u32:@t4 u32:0 u32:0\n"       \
    "  u32:0 here:kref u32:@keyw+12 here:extra\n"

static inline const char *version_3(void)
{
    return "ascii:CRIM u32:@end u16:3 u16:1 u32:1 " PROVIDER " u32:@wevt\n"
           "here:wevt ascii:WEVT u32:@end-@wevt u32:0x90000001 u32:8 u32:5 u32:@chan u32:0 u32:@levl u32:2 u32:@opco "
           "u32:1\n"
           "  u32:@task u32:3 u32:@keyw u32:6 u32:@maps u32:7 u32:@ttbl u32:4 u32:@evnt pad:24\n" COMMON "here:end";
}

static inline const char *version_5(void)
{
    return "ascii:CRIM u32:@end u16:5 u16:1 u32:1 " PROVIDER " u32:@wevt\n"
           "here:wevt ascii:WEVT u32:@end-@wevt u32:0x90000001 u32:10 u32:12 u32:@evta u32:4 u32:@evnt u32:5 u32:@chan "
           "u32:0\n"
           "  u32:@levl u32:2 u32:@opco u32:1 u32:@task u32:3 u32:@keyw u32:6 u32:@maps u32:7 u32:@ttbl u32:13 "
           "u32:@prva\n" COMMON
           "here:prva ascii:PRVA u32:@evta-@prva u32:2 u32:0x20000001 u32:@control u32:0x10000001 u32:@pname\n"
           "  here:control guid:" TASK_GUID " here:pname utf16:The~Corner~Shop align:4\n"
           "here:evta ascii:EVTA u32:@end-@evta u32:3 u8:0x11 u8:2 u16:7 u32:@ename u8:0x12 u8:2 u16:7 u32:@attr\n"
           "  u8:0x11 u8:9 u16:8 u32:@ename here:ename utf16:RingUp here:attr utf16:key=val align:4 here:end";
}

static inline const char *messages(void)
{
    return "u32:7 u32:0x30000001 u32:0x30000001 u32:@a u32:0x50000004 u32:0x50000004 u32:@b u32:0x70000003 "
           "u32:0x70000003 "
           "u32:@c\n"
           "u32:0x90000001 u32:0x90000001 u32:@d u32:0xb0020007 u32:0xb0020007 u32:@e u32:0xd0000001 u32:0xd0000002 "
           "u32:@f\n"
           "u32:0xf0000001 u32:0xf0000001 u32:@g\n"
           "here:a u16:16 u16:1 utf16:Start align:4 here:b u16:32 u16:1 utf16:Information~~ align:4\n"
           "here:c u16:16 u16:0 cstr:A~Sale~~~~~ here:d u16:28 u16:1 utf16:The~Shop~XX align:4\n"
           "here:e u16:24 u16:2 cstr:%1~coins~for~%6~~~ align:4\n"
           "here:f u16:16 u16:1 utf16:penny align:4 u16:16 u16:1 utf16:five~ align:4 here:g u16:16 u16:1 utf16:sweet "
           "align:4";
}

// ---------------------------------------------------------------------------------------------- reading

typedef struct reading {
    schema_set *set;
    schema_load load;
    error e;
    bool ok;
    provider_schema *p; // the only one
} reading;

static inline reading read_both(span file, span mui)
{
    reading r = {.set = schema_set_new()};
    u32 at = 0;
    r.ok = wevt_load_with_messages(r.set, file, mui, "shop.dll", RANK_USER, &r.load, &r.e);
    r.p = schema_each(r.set, &at);
    return r;
}

static inline reading read_words(const char *words)
{
    outbuf file = blob_from(words);
    reading r = read_both(blob_span(&file), (span){0});
    outbuf_free(&file); // nothing of the file is kept
    return r;
}

static inline void reading_free(reading *r)
{
    schema_load_free(&r->load);
    schema_set_free(r->set);
}

static inline const event_schema *event_of(const reading *r, u16 id)
{
    for (u32 i = 0; r->p && i < r->p->event_count; i++)
        if (r->p->events[i]->descriptor.id == id)
            return r->p->events[i];
    return NULL;
}

// A PE file around a compiled manifest and a message table; an empty one is left out.
static inline outbuf pe_around(span crim, span messages)
{
    arena a = {0};
    const char *branches = "", *root = "";
    if (crim.len && messages.len)
        root = "pad:12 u16:1 u16:1 u32:@tn+0x7ffffe00 u32:@w+0x7ffffe00 u32:11 u32:@m+0x7ffffe00\n";
    else if (crim.len)
        root = "pad:12 u16:1 u16:0 u32:@tn+0x7ffffe00 u32:@w+0x7ffffe00\n";
    else
        root = "pad:12 u16:0 u16:1 u32:11 u32:@m+0x7ffffe00\n";
    if (crim.len)
        branches = pe_branch(&a, "w", 1, 1033, arena_format(&a, "pad:%zu", crim.len));
    if (messages.len)
        branches =
            arena_format(&a, "%s%s", branches, pe_branch(&a, "m", 1, 1033, arena_format(&a, "pad:%zu", messages.len)));
    outbuf file = blob_from(pe_words(
        &a, 0x8664, true, arena_format(&a, "%s here:tn u16:13 utf16:WEVT_TEMPLATE align:8 %s", root, branches)));
    pe_file pe;
    pe_resource found;
    assert_true(pe_open(blob_span(&file), &pe, NULL));
    if (crim.len) {
        assert_int_equal(pe_resources(&pe, "WEVT_TEMPLATE", 0, &found, 1), 1);
        memcpy(file.bytes + (found.data.at - file.bytes), crim.at, crim.len);
    }
    if (messages.len) {
        assert_int_equal(pe_resources(&pe, NULL, PE_TYPE_MESSAGETABLE, &found, 1), 1);
        memcpy(file.bytes + (found.data.at - file.bytes), messages.at, messages.len);
    }
    arena_free(&a);
    return file;
}

static inline void assert_property(const property *p, const char *name, u32 flags, u16 in, u16 out, u16 count,
                                   u16 length)
{
    assert_string_equal(p->name, name);
    assert_int_equal(p->flags, flags);
    assert_int_equal(p->in_type, in);
    assert_int_equal(p->out_type, out);
    assert_int_equal(p->count, count);
    assert_int_equal(p->length, length);
}

static inline void assert_template(const event_schema *event)
{
    const property *p = event->properties;
    assert_int_equal(event->property_count, 8);
    assert_int_equal(event->top_count, 6);
    assert_property(&p[0], "Coins", 0, IN_UINT16, OUT_UNSIGNED_SHORT, 1, 0);
    assert_property(&p[1], "Coin", PROP_PARAM_COUNT, IN_UINT8, OUT_UNSIGNED_BYTE, 0, 0);
    assert_property(&p[2], "Basket", PROP_STRUCT | PROP_FIXED_COUNT, 0, 0, 2, 0);
    assert_int_equal(p[2].struct_start, 6);
    assert_int_equal(p[2].struct_members, 2);
    assert_property(&p[3], "Slip", PROP_PARAM_LENGTH, IN_BINARY, OUT_HEX_BINARY, 1, 0);
    assert_property(&p[4], "Who", 0, IN_SID, OUT_STRING, 1, 0);
    assert_property(&p[5], "Note", 0, IN_UNICODE_STRING, OUT_STRING, 1, 0);
    assert_property(&p[6], "Item", PROP_FIXED_LENGTH, IN_ANSI_STRING, OUT_STRING, 1, 8);
    assert_property(&p[7], "Taste", 0, IN_UINT32, OUT_HEX_INT32, 1, 0);
}

#endif
