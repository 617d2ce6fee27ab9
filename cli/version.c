#include "version.h"

#include <cjson/cJSON.h>
#include <csv.h>
#include <expat.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "etwkit.h"

const char *version_commit;

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "an unknown compiler"
#endif

#if defined(__SSE2__)
#define VECTORS "SSE2"
#elif defined(__ARM_NEON)
#define VECTORS "NEON"
#else
#define VECTORS "no vector instructions"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define CHECKED ", AddressSanitizer"
#elif defined(__SANITIZE_THREAD__)
#define CHECKED ", ThreadSanitizer"
#else
#define CHECKED ""
#endif

void version_print(void)
{
    printf("etwkit %s\n", etwkit_version());
    if (version_commit)
        printf("commit %s\n", version_commit);
    printf("libraries: SQLite %s, OpenSSL %s, expat %s, cJSON %s, libcsv %d.%d.%d\n", sqlite3_libversion(),
           OpenSSL_version(OPENSSL_VERSION_STRING), XML_ExpatVersion() + strlen("expat_"), cJSON_Version(), CSV_MAJOR,
           CSV_MINOR, CSV_RELEASE);
    printf("build: %s, %zu-bit, %s%s\n", COMPILER, sizeof(void *) * 8, VECTORS, CHECKED);
}
