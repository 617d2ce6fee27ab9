#include "threads/hash.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/os.h"

enum {
    READ_BYTES = 128 << 10, // stays in the processor's cache between reading and hashing
    WORTH_A_THREAD = 512 << 10,
};

struct hash_job {
    pthread_t thread;
    bool threaded, ok;
    char *path;
    char text[SHA256_TEXT];
    error error;
};

bool hash_file(const char *path, char text[SHA256_TEXT], error *e)
{
    os_file f;
    if (!os_open(&f, path, e))
        return false;
    u8 *bytes = mem_alloc(READ_BYTES), digest[SHA256_BYTES];
    sha256 *sum = sha256_begin();
    bool failed = false;
    u64 at = 0;
    while (at < f.bytes) {
        size_t want = f.bytes - at < READ_BYTES ? (size_t)(f.bytes - at) : READ_BYTES;
        size_t got = os_read_at(&f, at, bytes, want, &failed);
        if (got == 0)
            break;
        sha256_add(sum, (span){bytes, got});
        at += got;
    }
    sha256_end(sum, digest);
    bool ok = at == f.bytes;
    if (ok)
        sha256_text(digest, text);
    else
        error_set(e, "%s: %llu of %llu bytes could be read for its SHA-256", path, (unsigned long long)at,
                  (unsigned long long)f.bytes);
    mem_free(bytes);
    os_close(&f);
    return ok;
}

static void *run(void *context)
{
    hash_job *job = context;
    job->ok = hash_file(job->path, job->text, &job->error);
    return NULL;
}

hash_job *hash_start(const char *path, u64 bytes)
{
    hash_job *job = mem_zeroed(1, sizeof(*job));
    size_t len = strlen(path) + 1;
    job->path = memcpy(mem_alloc(len), path, len);
    job->threaded = bytes >= WORTH_A_THREAD && pthread_create(&job->thread, NULL, run, job) == 0;
    return job;
}

bool hash_finish(hash_job *job, char text[SHA256_TEXT], error *e)
{
    if (job->threaded)
        pthread_join(job->thread, NULL);
    else
        run(job);
    bool ok = job->ok;
    memcpy(text, job->text, SHA256_TEXT);
    if (!ok && e)
        *e = job->error;
    mem_free(job->path);
    mem_free(job);
    return ok;
}
