#include "hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/os.h"

enum { READ_BYTES = 1 << 20 };

struct hash_job {
    pthread_t thread;
    bool threaded, ok;
    char *path;
    char text[SHA256_TEXT];
    error error;
};

static void to_text(const unsigned char *digest, char text[SHA256_TEXT])
{
    for (int i = 0; i < 32; i++)
        snprintf(text + i * 2, 3, "%02x", digest[i]);
}

bool hash_file(const char *path, char text[SHA256_TEXT], error *e)
{
    os_file f;
    if (!os_open(&f, path, e))
        return false;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char *bytes = mem_alloc(READ_BYTES), digest[EVP_MAX_MD_SIZE];
    bool failed = false, ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    u64 at = 0;
    while (ok && at < f.bytes) {
        size_t want = f.bytes - at < READ_BYTES ? (size_t)(f.bytes - at) : READ_BYTES;
        size_t got = os_read_at(&f, at, bytes, want, &failed);
        if (got == 0)
            break;
        ok = EVP_DigestUpdate(ctx, bytes, got) == 1;
        at += got;
    }
    ok = ok && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    if (!ok)
        error_set(e, "%s: SHA-256 could not be computed", path);
    else if (at < f.bytes)
        ok = error_set(e, "%s: %llu of %llu bytes could be read for its SHA-256", path, (unsigned long long)at,
                       (unsigned long long)f.bytes);
    if (ok)
        to_text(digest, text);
    EVP_MD_CTX_free(ctx);
    mem_free(bytes);
    os_close(&f);
    return ok;
}

void hash_bytes(const void *bytes, size_t len, char text[SHA256_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    text[0] = 0;
    if (EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL) == 1)
        to_text(digest, text);
}

static void *run(void *context)
{
    hash_job *job = context;
    job->ok = hash_file(job->path, job->text, &job->error);
    return NULL;
}

hash_job *hash_start(const char *path)
{
    hash_job *job = mem_zeroed(1, sizeof(*job));
    size_t len = strlen(path) + 1;
    job->path = memcpy(mem_alloc(len), path, len);
    job->threaded = pthread_create(&job->thread, NULL, run, job) == 0;
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
