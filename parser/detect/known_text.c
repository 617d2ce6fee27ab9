#include "detect/known_text.h"

#include <string.h>

#include "base/fold.h"
#include "base/map.h"

enum {
    TEXTS = 16384,     // with TEXT_BYTES: some MiB a thread
    TEXT_BYTES = 1024, // of a key and of a text; longer ones are few
};

static u64 hash_of(const known_key *key)
{
    u64 hash = hash_more((u64)(uintptr_t)key->of ^ key->with << 1, key->bytes.at, key->bytes.len);
    return hash ? hash : 1;
}

known_text *known_text_find(known_texts *k, const known_key *key)
{
    u64 hash = hash_of(key);
    known_text *t = k->list ? &k->list[hash % TEXTS] : NULL;
    if (!t || t->hash != hash || t->made_of != key->bytes.len)
        return NULL;
    t->used = k->now;
    return t;
}

static void forget(known_text *t)
{
    mem_free(t->bytes);
    mem_free(t->answers);
}

known_text *known_text_add(known_texts *k, const known_key *key, span text)
{
    u64 hash = hash_of(key);
    if (!k->list)
        k->list = mem_zeroed(TEXTS, sizeof(*k->list));
    known_text *t = &k->list[hash % TEXTS];
    if (key->bytes.len > TEXT_BYTES || text.len > TEXT_BYTES || t->used == k->now)
        return NULL;
    forget(t);
    *t = (known_text){.hash = hash, .made_of = (u32)key->bytes.len, .used = k->now, .len = (u32)text.len};
    t->bytes = mem_alloc(2 * text.len + 1);
    if (text.len)
        memcpy(t->bytes, text.at, text.len);
    text_fold(t->bytes + t->len, text);
    return t;
}

void known_texts_free(known_texts *k)
{
    for (u32 i = 0; k->list && i < TEXTS; i++)
        forget(&k->list[i]);
    mem_free(k->list);
    k->list = NULL;
}
