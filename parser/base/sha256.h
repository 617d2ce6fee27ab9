// SHA-256, of libcrypto.
#ifndef ETWKIT_SHA256_H
#define ETWKIT_SHA256_H

#include "base/span.h"

enum {
    SHA256_BYTES = 32,
    SHA256_TEXT = 65,   // in lower hex, with its NUL
    SHA256_BASE64 = 45, // likewise
};

typedef struct sha256 sha256;

sha256 *sha256_begin(void);
void sha256_add(sha256 *s, span bytes);
void sha256_end(sha256 *s, u8 digest[SHA256_BYTES]); // frees s

void sha256_of(span bytes, u8 digest[SHA256_BYTES]);
bool sha256_is(span bytes, const void *digest); // whether the bytes have this one
void sha256_text(const u8 digest[SHA256_BYTES], char text[SHA256_TEXT]);
void sha256_base64(const u8 digest[SHA256_BYTES], char text[SHA256_BASE64]);

#endif
