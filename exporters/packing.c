#include "packing.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "etwkit_engine.h"

struct packing {
    const char *name, *suffix;
    int filter;
    const char *options;
};

#ifdef HAS_LIBARCHIVE

// The time of compression is left out: the same records are the same bytes.
static const packing KNOWN[] = {
    {"gzip", ".gz", ARCHIVE_FILTER_GZIP, "gzip:!timestamp"},
    {"zstd", ".zst", ARCHIVE_FILTER_ZSTD, ""},
};

bool packing_works(const packing *c, error *e)
{
    return libarchive_is_there() ||
           error_set(e, "%s: libarchive, which compresses outputs, is not installed here", c->suffix);
}

// ---------------------------------------------------------------------------------------------- a block

// What does not get smaller gets a little larger.
static size_t most_bytes(size_t len)
{
    enum { HEADERS = 1024, PARTS = 64 };
    return len + len / PARTS + HEADERS;
}

static bool write_block(struct archive *a, span text)
{
    struct archive_entry *entry = libarchive.archive_entry_new();
    bool ok = entry != NULL;
    if (ok) {
        libarchive.archive_entry_set_filetype(entry, AE_IFREG);
        ok = libarchive.archive_write_header(a, entry) == ARCHIVE_OK;
        libarchive.archive_entry_free(entry);
    }
    return ok && libarchive.archive_write_data(a, text.at, text.len) == (la_ssize_t)text.len &&
           libarchive.archive_write_close(a) == ARCHIVE_OK;
}

bool pack_block(const packing *c, span text, outbuf *out, error *e)
{
    struct archive *a = libarchive.archive_write_new();
    if (!a)
        return error_code_set(e, ERR_MEMORY, "%s: out of memory", c->name);
    size_t used = 0, most = most_bytes(text.len);
    u8 *at = outbuf_reserve(out, most);
    bool ok = libarchive.archive_write_add_filter(a, c->filter) == ARCHIVE_OK &&
              libarchive.archive_write_set_format_raw(a) == ARCHIVE_OK &&
              libarchive.archive_write_set_options(a, c->options) == ARCHIVE_OK &&
              libarchive.archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK &&
              libarchive.archive_write_open_memory(a, at, most, &used) == ARCHIVE_OK && write_block(a, text);
    if (ok) {
        outbuf_written(out, at + used);
    } else {
        const char *why = libarchive.archive_error_string(a);
        // zstd only says so in its sentence, an entry that cannot be made has none.
        if (libarchive.archive_errno(a) == ENOMEM || !why || strstr(why, "not enough memory"))
            error_code_set(e, ERR_MEMORY, "%s: out of memory", c->name);
        else
            error_set(e, "%s: %s", c->name, why);
    }
    libarchive.archive_write_free(a);
    return ok;
}

// ---------------------------------------------------------------------------------------------- the other way

static bool is_compressed(span head)
{
    static const u8 GZIP[] = {0x1f, 0x8b}, ZSTD[] = {0x28, 0xb5, 0x2f, 0xfd};
    return (head.len >= sizeof(GZIP) && memcmp(head.at, GZIP, sizeof(GZIP)) == 0) ||
           (head.len >= sizeof(ZSTD) && memcmp(head.at, ZSTD, sizeof(ZSTD)) == 0);
}

size_t packed_head(span head, u8 *out, size_t capacity)
{
    struct archive_entry *entry;
    struct archive *a = is_compressed(head) && libarchive_is_there() ? libarchive.archive_read_new() : NULL;
    size_t len = 0;
    if (!a)
        return 0;
    if (libarchive.archive_read_support_filter_all(a) <= ARCHIVE_WARN - 1 ||
        libarchive.archive_read_support_format_raw(a) != ARCHIVE_OK ||
        libarchive.archive_read_open_memory(a, head.at, head.len) != ARCHIVE_OK ||
        libarchive.archive_read_next_header(a, &entry) != ARCHIVE_OK)
        capacity = 0;
    while (len < capacity) {
        la_ssize_t got = libarchive.archive_read_data(a, out + len, capacity - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    libarchive.archive_read_free(a);
    return len;
}

#else

static const packing KNOWN[] = {{"gzip", ".gz", 0, ""}, {"zstd", ".zst", 0, ""}};

bool packing_works(const packing *c, error *e)
{
    return error_set(e, "%s: this program was built without libarchive, which compresses outputs", c->suffix);
}

bool pack_block(const packing *c, span text, outbuf *out, error *e)
{
    (void)text, (void)out;
    return packing_works(c, e);
}

size_t packed_head(span head, u8 *out, size_t capacity)
{
    (void)head, (void)out, (void)capacity;
    return 0;
}

#endif

// ---------------------------------------------------------------------------------------------- names

const packing *packing_of(const char *name, size_t *len)
{
    for (size_t i = 0; i < COUNT_OF(KNOWN); i++) {
        size_t suffix = strlen(KNOWN[i].suffix);
        if (*len > suffix && strncasecmp(name + *len - suffix, KNOWN[i].suffix, suffix) == 0) {
            *len -= suffix;
            return &KNOWN[i];
        }
    }
    return NULL;
}

const char *packing_suffix(const packing *c)
{
    return c->suffix;
}

const char *packing_names(void)
{
    return ".gz, .zst";
}
