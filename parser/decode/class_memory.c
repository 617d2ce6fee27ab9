#include "decode/class_memory.h"

u32 class_ask(class_table *t, class_memory *m, bool add, span bytes, header_kind kind)
{
    event_frame frame = {.size = (u32)bytes.len, .kind = kind};
    event ev;
    event_read(bytes, &frame, 0, &ev);
    u32 cls = add ? class_add(t, &ev) : class_find(t, &ev);
    m->unknown += cls == CLASS_NONE;
    if (cls == CLASS_NONE || ev.schema_tl.len || kind == HEADER_MESSAGE || kind == HEADER_ERROR)
        return cls;
    if (header_is_hook(kind)) {
        u64 word = hook_word(bytes);
        u32 at = hook_place(word);
        m->hooks[at].word = word;
        m->hooks[at].cls = cls;
        return cls;
    }
    u64 start = header_word(bytes, kind), provider[2] = {load_u64(bytes.at + 24), load_u64(bytes.at + 32)};
    u64 descriptor[2];
    header_descriptor(bytes, kind, descriptor);
    u32 at = header_place(start, provider, descriptor);
    m->headers[at].start = start;
    for (u32 i = 0; i < 2; i++) {
        m->headers[at].provider[i] = provider[i];
        m->headers[at].descriptor[i] = descriptor[i];
    }
    m->headers[at].cls = cls;
    return cls;
}
