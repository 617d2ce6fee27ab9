// The shared file is cut into extents of 1 MiB. Which of them are in use is a bit each in a table of fixed size, since
// the table belongs to the process and not to the memory of any one spool.
#include "input/spool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/os.h"

enum { EXTENT_BYTES = 1 << 20, EXTENTS = (int)(LIMIT_SPOOL_BYTES / EXTENT_BYTES), WORD_BITS = 64 };

struct spool {
    u64 bytes;
    u8 *memory; // NULL once it is in the file
    size_t capacity;
    u32 *extents; // in order; NULL: it is in memory
    u32 extent_count, extent_capacity;
};

static atomic_size_t memory_used;

static struct {
    pthread_mutex_t lock;
    os_file file;
    u64 used[EXTENTS / WORD_BITS];
    u32 count; // of extents in use; the file is open while there are any
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

// ---------------------------------------------------------------------------------------------- extents

static bool find_extent(u32 *extent)
{
    for (u32 w = 0; w < COUNT_OF(shared.used); w++)
        if (shared.used[w] != UINT64_MAX) {
            u32 bit = (u32)__builtin_ctzll(~shared.used[w]);
            shared.used[w] |= (u64)1 << bit;
            *extent = w * WORD_BITS + bit;
            return true;
        }
    return false;
}

static bool take_extent(u32 *extent, error *e)
{
    pthread_mutex_lock(&shared.lock);
    bool ok = shared.count > 0 || os_temporary_file(&shared.file, e);
    if (ok && !find_extent(extent))
        ok = error_code_set(e, ERR_LIMIT, "temporary data is over LIMIT_SPOOL_BYTES, %llu bytes",
                            (unsigned long long)LIMIT_SPOOL_BYTES);
    shared.count += ok;
    pthread_mutex_unlock(&shared.lock);
    return ok;
}

static void give_extents(const u32 *extents, u32 count)
{
    pthread_mutex_lock(&shared.lock);
    for (u32 i = 0; i < count; i++)
        shared.used[extents[i] / WORD_BITS] &= ~((u64)1 << extents[i] % WORD_BITS);
    shared.count -= count;
    if (count && !shared.count)
        os_close(&shared.file);
    pthread_mutex_unlock(&shared.lock);
}

// ---------------------------------------------------------------------------------------------- one spool

// What is not the spool's own memory.
static void spool_release(void *discarded)
{
    spool *s = discarded;
    give_extents(s->extents, s->extent_count);
    memory_used -= s->capacity;
    s->extent_count = 0;
    s->capacity = 0;
}

spool *spool_new(void)
{
    spool *s = mem_zeroed(1, sizeof(*s));
    mem_on_discard(s, spool_release);
    return s;
}

void spool_free(spool *s)
{
    if (!s)
        return;
    spool_release(s);
    mem_free(s->memory);
    mem_free(s->extents);
    mem_free(s);
}

static bool add_to_file(spool *s, span bytes, error *e)
{
    while (bytes.len) {
        u32 at = (u32)(s->bytes % EXTENT_BYTES);
        if (!at) {
            GROW(s->extents, s->extent_count, s->extent_capacity);
            if (!take_extent(&s->extents[s->extent_count], e))
                return false;
            s->extent_count++;
        }
        size_t part = bytes.len < EXTENT_BYTES - at ? bytes.len : EXTENT_BYTES - at;
        u64 offset = (u64)s->extents[s->extent_count - 1] * EXTENT_BYTES + at;
        if (!os_write_at(&shared.file, offset, bytes.at, part, e))
            return false;
        s->bytes += part;
        bytes = span_from(bytes, part);
    }
    return true;
}

static bool move_to_file(spool *s, error *e)
{
    span all = {s->memory, (size_t)s->bytes};
    s->bytes = 0;
    bool ok = add_to_file(s, all, e);
    mem_free(s->memory);
    s->memory = NULL;
    memory_used -= s->capacity;
    s->capacity = 0;
    return ok;
}

// False: all spools together would take too much.
static bool reserve(spool *s, size_t needed)
{
    size_t capacity = s->capacity ? s->capacity * 2 : 64 << 10;
    while (capacity < needed)
        capacity *= 2;
    size_t more = capacity - s->capacity;
    if (memory_used + more > LIMIT_SPOOL_MEMORY)
        return false;
    s->memory = mem_grow(s->memory, (size_t)s->bytes, capacity, 1);
    s->capacity = capacity;
    memory_used += more;
    return true;
}

bool spool_add(spool *s, span bytes, error *e)
{
    if (s->extent_count)
        return add_to_file(s, bytes, e);
    size_t needed = (size_t)s->bytes + bytes.len;
    if (needed > s->capacity && !reserve(s, needed))
        return move_to_file(s, e) && add_to_file(s, bytes, e);
    if (bytes.len)
        memcpy(s->memory + s->bytes, bytes.at, bytes.len);
    s->bytes = needed;
    return true;
}

u64 spool_bytes(const spool *s)
{
    return s->bytes;
}

size_t spool_read(const spool *s, u64 offset, void *into, size_t len, bool *failed)
{
    if (offset >= s->bytes)
        return 0;
    if (len > s->bytes - offset)
        len = (size_t)(s->bytes - offset);
    if (s->memory) {
        memcpy(into, s->memory + offset, len);
        return len;
    }
    size_t done = 0;
    while (done < len) {
        u64 at = offset + done;
        size_t left = EXTENT_BYTES - (size_t)(at % EXTENT_BYTES), want = len - done < left ? len - done : left;
        u64 place = (u64)s->extents[at / EXTENT_BYTES] * EXTENT_BYTES + at % EXTENT_BYTES;
        size_t got = os_read_at(&shared.file, place, (u8 *)into + done, want, failed);
        done += got;
        if (got < want)
            break;
    }
    return done;
}
