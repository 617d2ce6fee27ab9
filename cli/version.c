#include "version.h"

#include <cjson/cJSON.h>
#include <csv.h>
#include <expat.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "base/sanitizer.h"
#include "base/sha256.h"
#include "etwkit.h"
#include "etwkit_engine.h"

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

#ifdef SANITIZER
#define CHECKED ", " SANITIZER
#else
#define CHECKED ""
#endif

#if defined(_FORTIFY_SOURCE) && defined(__SSP_STRONG__)
#define HARDENED ", hardened"
#else
#define HARDENED ""
#endif

static const char *c_library(void)
{
#ifdef __GLIBC__
    static char text[32];
    snprintf(text, sizeof(text), "glibc %s", gnu_get_libc_version());
    return text;
#else
    return "another C library than glibc";
#endif
}

// What is loaded when it is needed, and what is not read because it is not there.
static void print_loaded(void)
{
    const char *between = "loaded when needed: ";
    const struct {
        const char *name, *version, *lacking;
    } LIBRARIES[] = {
        {"", archive_library(), "left out: archives, as libarchive is not here"},
        {"libtsk ", libtsk_version(), "left out: disk images, as libtsk is not here"},
        {"libewf ", libewf_version(), "left out: EnCase images (E01), as libewf is not here"},
        {"", hive_library() ? "libhivex" : NULL, "left out: registries, as libhivex is not here"},
        {"libyaml ", libyaml_version(), "left out: Sigma rules, as libyaml is not here"},
        {"PCRE2 ", libpcre2_version(), "left out: regular expressions of Sigma rules, as PCRE2 is not here"},
    };
    for (size_t i = 0; i < sizeof(LIBRARIES) / sizeof(*LIBRARIES); i++)
        if (LIBRARIES[i].version) {
            printf("%s%s%s", between, LIBRARIES[i].name, LIBRARIES[i].version);
            between = ", ";
        }
    if (*between == ',')
        puts("");
    for (size_t i = 0; i < sizeof(LIBRARIES) / sizeof(*LIBRARIES); i++)
        if (!LIBRARIES[i].version)
            puts(LIBRARIES[i].lacking);
}

static void print_libraries(void)
{
    printf("libraries: %s, SQLite %s, OpenSSL %s, expat %s, cJSON %s, libcsv %d.%d.%d, zstd %s\n", c_library(),
           sqlite3_libversion(), OpenSSL_version(OPENSSL_VERSION_STRING), XML_ExpatVersion() + strlen("expat_"),
           cJSON_Version(), CSV_MAJOR, CSV_MINOR, CSV_RELEASE, ZSTD_versionString());
    print_loaded();
}

static void print_core(void)
{
    char hash[SHA256_TEXT];
    u32 events = 0;
    for (u32 i = 0; i < core_count(); i++)
        events += core_at(i).events;
    sha256_text(core_sha256(), hash);
    printf("schema core: sha256 %s, %u providers, %u events\n", hash, core_count(), events);
}

void version_print(void)
{
    printf("etwkit %s\n", etwkit_version());
    if (version_commit)
        printf("commit %s\n", version_commit);
    print_core();
    print_libraries();
    printf("build: %s, %zu-bit, %s%s%s\n", COMPILER, sizeof(void *) * 8, VECTORS, HARDENED, CHECKED);
}
