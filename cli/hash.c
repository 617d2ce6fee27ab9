#include "hash.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"

enum { WORTH_A_THREAD = 512 << 10 };

struct hash_job {
    pthread_t thread;
    bool threaded, ok;
    const input *in;
    char text[SHA256_TEXT];
    error error;
};

bool hash_input(const input *in, char text[SHA256_TEXT], error *e)
{
    u8 digest[SHA256_BYTES];
    bool ok = input_sha256(in, digest, e);
    if (ok)
        sha256_text(digest, text);
    return ok;
}

static void *run(void *context)
{
    hash_job *job = context;
    job->ok = hash_input(job->in, job->text, &job->error);
    return NULL;
}

hash_job *hash_start(const input *in)
{
    hash_job *job = mem_zeroed(1, sizeof(*job));
    job->in = in;
    job->threaded = in->bytes >= WORTH_A_THREAD && pthread_create(&job->thread, NULL, run, job) == 0;
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
    mem_free(job);
    return ok;
}
