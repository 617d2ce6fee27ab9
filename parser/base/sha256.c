// The plain functions, not EVP_Digest…: those read a configuration file and set up all of libcrypto first, which takes
// longer than a small trace. They are the same code behind another door.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/arena.h"

struct sha256 {
    SHA256_CTX state;
};

sha256 *sha256_begin(void)
{
    sha256 *s = mem_zeroed(1, sizeof(*s));
    SHA256_Init(&s->state);
    return s;
}

void sha256_add(sha256 *s, span bytes)
{
    SHA256_Update(&s->state, bytes.at, bytes.len);
}

void sha256_end(sha256 *s, u8 digest[SHA256_BYTES])
{
    SHA256_Final(digest, &s->state);
    mem_free(s);
}

void sha256_of(span bytes, u8 digest[SHA256_BYTES])
{
    sha256 *s = sha256_begin();
    sha256_add(s, bytes);
    sha256_end(s, digest);
}

bool sha256_is(span bytes, const void *digest)
{
    u8 found[SHA256_BYTES];
    sha256_of(bytes, found);
    return memcmp(found, digest, SHA256_BYTES) == 0;
}

void sha256_text(const u8 digest[SHA256_BYTES], char text[SHA256_TEXT])
{
    static const char HEX[] = "0123456789abcdef";
    for (u32 i = 0; i < SHA256_BYTES; i++) {
        text[i * 2] = HEX[digest[i] >> 4];
        text[i * 2 + 1] = HEX[digest[i] & 15];
    }
    text[SHA256_TEXT - 1] = 0;
}

void sha256_base64(const u8 digest[SHA256_BYTES], char text[SHA256_BASE64])
{
    EVP_EncodeBlock((u8 *)text, digest, SHA256_BYTES);
}
