// The class of a framed record, by few of its bytes.
//
// Most records repeat a few headers. What one thread has met of one table it remembers here by the header's words that
// tell classes apart, and so reads the whole header, and asks the table, only for what is new to it. TraceLogging
// events (told apart by their metadata too) and WPP messages always ask.
#ifndef ETWKIT_CLASS_MEMORY_H
#define ETWKIT_CLASS_MEMORY_H

#include "decode/classes.h"

enum { REMEMBERED_HOOKS = 128, REMEMBERED_HEADERS = 256 };

typedef struct class_memory {
    struct {
        u64 word; // 0: nothing remembered; no record has such a word
        u32 cls;
    } hooks[REMEMBERED_HOOKS];
    struct {
        u64 start, provider[2], descriptor[2];
        u32 cls;
    } headers[REMEMBERED_HEADERS];
    u32 unknown; // how often CLASS_NONE was the answer
} class_memory;

// The class from the table, and remembers it where it can be.
u32 class_ask(class_table *t, class_memory *m, bool add, span bytes, header_kind kind);

static inline u32 hook_place(u64 word)
{
    return (u32)(word * 0x9e3779b97f4a7c15u >> 57);
}

static inline u32 header_place(u64 start, const u64 provider[2], const u64 descriptor[2])
{
    u64 h = (start ^ provider[0] ^ provider[1] << 13) * 0x9e3779b97f4a7c15u ^
            (descriptor[0] ^ descriptor[1] << 29) * 0xff51afd7ed558ccdu;
    return (u32)(h * 0x9e3779b97f4a7c15u >> 56);
}

// Version, type and hook of a SYSTEM, COMPACT or PERFINFO record.
static inline u64 hook_word(span bytes)
{
    return load_u64(bytes.at) & 0xffff0000ffffffff;
}

// Type and flags of an EVENT record, and whether it is forwarded XML (EVENT_PROPERTY_FORWARDED_XML); type, opcode,
// level and version of a FULL or INSTANCE record.
static inline u64 header_word(span bytes, header_kind kind)
{
    return load_u64(bytes.at) & (header_is_event(kind) ? 0x0002ffffffff0000 : 0xffffffffffff0000);
}

// The descriptor's words; zero for classic records, whose first word has all of it.
static inline void header_descriptor(span bytes, header_kind kind, u64 out[2])
{
    out[0] = header_is_event(kind) ? load_u64(bytes.at + 40) : 0;
    out[1] = header_is_event(kind) ? load_u64(bytes.at + 48) : 0;
}

// `add` as for class_add, else class_find. *damaged: the record's extended items contradict themselves.
static inline u32 class_of(class_table *t, class_memory *m, bool add, span bytes, header_kind kind, bool *damaged)
{
    *damaged = false;
    if (header_is_hook(kind)) {
        u64 word = hook_word(bytes);
        u32 at = hook_place(word);
        return m->hooks[at].word == word ? m->hooks[at].cls : class_ask(t, m, add, bytes, kind);
    }
    if (kind == HEADER_MESSAGE || kind == HEADER_ERROR || event_is_tracelogging(bytes, kind, damaged))
        return class_ask(t, m, add, bytes, kind);
    u64 start = header_word(bytes, kind), provider[2] = {load_u64(bytes.at + 24), load_u64(bytes.at + 32)},
        descriptor[2];
    header_descriptor(bytes, kind, descriptor);
    u32 at = header_place(start, provider, descriptor);
    bool same = ((m->headers[at].start ^ start) | (m->headers[at].provider[0] ^ provider[0]) |
                 (m->headers[at].provider[1] ^ provider[1]) | (m->headers[at].descriptor[0] ^ descriptor[0]) |
                 (m->headers[at].descriptor[1] ^ descriptor[1])) == 0;
    return same ? m->headers[at].cls : class_ask(t, m, add, bytes, kind);
}

#endif
