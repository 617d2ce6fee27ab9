#include "session/schema_store.h"

#include <pthread.h>

#include "schema/core/schema_core.h"
#include "schema/tables/schema_kernel.h"

struct schema_store {
    pthread_mutex_t lock;
    schema_set *set;
    void (*fetch)(void *context, schema_set *set, const guid *id);
    void *context;
};

static void fetch_all(void *context, schema_set *set, const guid *id)
{
    schema_store *store = context;
    if (store->fetch)
        store->fetch(store->context, set, id);
    (void)schema_kernel_fetch(set, id);
    (void)schema_core_fetch(set, id);
}

schema_store *schema_store_new(void (*fetch)(void *context, schema_set *set, const guid *id), void *context)
{
    schema_store *store = mem_zeroed(1, sizeof(*store));
    pthread_mutex_init(&store->lock, NULL);
    store->set = schema_set_new();
    store->fetch = fetch;
    store->context = context;
    schema_set_fetch(store->set, fetch_all, store);
    return store;
}

void schema_store_free(schema_store *store)
{
    if (!store)
        return;
    schema_set_free(store->set);
    pthread_mutex_destroy(&store->lock);
    mem_free(store);
}

schema_set *schema_store_set(schema_store *store)
{
    return store->set;
}

void schema_store_fetch(schema_store *store, schema_set *set, const guid *id)
{
    pthread_mutex_lock(&store->lock);
    schema_adopt(set, store->set, id);
    pthread_mutex_unlock(&store->lock);
}
