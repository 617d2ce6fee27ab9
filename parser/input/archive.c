#include "input/archive.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/os.h"
#include "input/input_spooled.h"
#include "input/libarchive.h"
#include "input/member_names.h"

#ifdef HAS_LIBARCHIVE

// ---------------------------------------------------------------------------------------------- reading

enum { CHUNK = 256 << 10 };

typedef struct reader {
    const input *in;
    const archive_visitor *visitor;
    struct archive *archive;
    u64 at;      // in the input
    u64 made;    // bytes that came out of it
    u32 members; // so far
    member_names *names;
    bool is_broken;    // which was said
    bool lacks_memory; // it takes more to unpack than there is
    u8 chunk[CHUNK], out[CHUNK];
} reader;

static la_ssize_t read_more(struct archive *a, void *context, const void **bytes)
{
    (void)a;
    reader *r = context;
    bool failed = false;
    size_t got = input_read(r->in, r->at, r->chunk, CHUNK, &failed);
    r->at += got;
    *bytes = r->chunk;
    return failed && !got ? -1 : (la_ssize_t)got;
}

static la_int64_t skip_bytes(struct archive *a, void *context, la_int64_t count)
{
    (void)a;
    reader *r = context;
    u64 left = r->in->bytes - r->at, step = (u64)count < left ? (u64)count : left;
    r->at += step;
    return (la_int64_t)step;
}

static la_int64_t seek_to(struct archive *a, void *context, la_int64_t offset, int whence)
{
    (void)a;
    reader *r = context;
    i64 base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (i64)r->at : (i64)r->in->bytes;
    if (offset < -base || base + offset > (i64)r->in->bytes)
        return ARCHIVE_FATAL;
    r->at = (u64)(base + offset);
    return (la_int64_t)r->at;
}

// What little expands to very much is a bomb, once it is much at all.
static bool is_bomb(const reader *r)
{
    return r->made > LIMIT_ARCHIVE_FREE_BYTES && r->made / LIMIT_ARCHIVE_RATIO > r->in->bytes;
}

static bool fail(reader *r, const char *path, error_code code, const char *why)
{
    error e = {0};
    error_code_set(&e, code, "%s: %s", path, why ? why : "the archive cannot be read");
    return r->visitor->failed(r->visitor->context, path, &e);
}

static const char NO_MEMORY[] = "unpacking it takes more memory than there is";

// Of the archive as a whole.
static bool fail_once(reader *r, const char *why)
{
    if (r->is_broken)
        return true;
    r->is_broken = true;
    return r->lacks_memory ? fail(r, r->in->path, ERR_MEMORY, NO_MEMORY) : fail(r, r->in->path, ERR_BROKEN, why);
}

// Behind a call of the library, which goes on without what it found no memory for.
static bool has_memory(reader *r)
{
    r->lacks_memory = r->lacks_memory || mem_watch_lacked();
    return !r->lacks_memory;
}

// Up to `want` bytes of the member into it. Returns how many came; 0 at its end, or where it breaks off (*why).
static size_t read_member(reader *r, spooled_input *to, size_t want, const char **why, error *e)
{
    size_t part = want < CHUNK ? want : CHUNK;
    mem_watch_begin();
    la_ssize_t got = libarchive.archive_read_data(r->archive, r->out, part);
    if (!has_memory(r)) {
        error_code_set(e, ERR_MEMORY, "%s", NO_MEMORY);
        *why = e->message;
        return 0;
    }
    if (got < 0)
        *why = libarchive.archive_error_string(r->archive) ? libarchive.archive_error_string(r->archive)
                                                           : "the archive is broken";
    if (got <= 0)
        return 0;
    r->made += (u64)got;
    if (is_bomb(r))
        *why = "it expands beyond all measure (LIMIT_ARCHIVE_RATIO)";
    else if (!spooled_add(to, (span){r->out, (size_t)got}, e))
        *why = e->message;
    return *why ? 0 : (size_t)got;
}

// ---------------------------------------------------------------------------------------------- members

// A name that libarchive gives no bytes of, since they are not what they claim to be, is a number.
static const char *path_of(const reader *r, const char *utf8, const char *bytes, arena *a)
{
    const char *name = utf8 ? utf8 : bytes;
    while (name && name[0] == '.' && name[1] == '/')
        name += 2 + strspn(name + 2, "/");
    if (!name || !*name)
        name = arena_format(a, "?%u", r->members);
    return arena_format(a, "%s!/%s", r->in->path, name);
}

static const char *path_of_member(reader *r, struct archive_entry *entry, arena *a)
{
    const char *path =
        path_of(r, libarchive.archive_entry_pathname_utf8(entry), libarchive.archive_entry_pathname(entry), a);
    return member_name_new(r->names, path, a);
}

// The member it is a link to; NULL: it is none.
static const char *target_of(const reader *r, struct archive_entry *entry, arena *a)
{
    const char *utf8 = libarchive.archive_entry_hardlink_utf8(entry), *bytes = libarchive.archive_entry_hardlink(entry);
    if ((!utf8 && !bytes) || libarchive.archive_entry_size(entry) > 0) // some formats keep the bytes with the last link
        return NULL;
    return member_name_last(r->names, path_of(r, utf8, bytes, a), a);
}

static bool take_member(reader *r, const char *path)
{
    const archive_visitor *v = r->visitor;
    const char *why = NULL;
    error e = {0};
    spooled_input *s = spooled_begin(path);
    while (spooled_input_of(s)->bytes < ARCHIVE_HEAD && read_member(r, s, ARCHIVE_HEAD, &why, &e))
        continue;
    if (!v->wants(v->context, spooled_input_of(s))) {
        spooled_abandon(s);
        return true;
    }
    while (!why && read_member(r, s, CHUNK, &why, &e))
        continue;
    input *in = spooled_end(s);
    if (!why)
        return v->member(v->context, in);
    if (!in->bytes || is_bomb(r)) {
        input_close(in);
        return fail(r, path, e.code ? e.code : is_bomb(r) ? ERR_LIMIT : ERR_BROKEN, why) && !is_bomb(r);
    }
    // What came is evidence as well.
    in->is_cut = true;
    return v->member(v->context, in) && (path == r->in->path || fail_once(r, why));
}

static bool visit_entry(reader *r, struct archive_entry *entry)
{
    bool raw = libarchive.archive_format(r->archive) == ARCHIVE_FORMAT_RAW;
    if (!raw && libarchive.archive_entry_filetype(entry) == AE_IFDIR)
        return true;
    arena a = {0};
    const char *target = raw ? NULL : target_of(r, entry, &a), *path = raw ? r->in->path : path_of_member(r, entry, &a);
    bool goes_on;
    if (target || (!raw && libarchive.archive_entry_filetype(entry) != AE_IFREG))
        goes_on = !r->visitor->linked || r->visitor->linked(r->visitor->context, path, target);
    else if (libarchive.archive_entry_is_encrypted(entry))
        goes_on = fail(r, path, ERR_ENCRYPTED, "it is encrypted in the archive");
    else
        goes_on = take_member(r, path);
    arena_free(&a);
    return goes_on;
}

static bool visit_all(reader *r)
{
    struct archive_entry *entry;
    bool goes_on = true;
    for (r->members = 0; goes_on; r->members++) {
        mem_watch_begin();
        int code = libarchive.archive_read_next_header(r->archive, &entry);
        if (!has_memory(r))
            return fail_once(r, NULL);
        if (code == ARCHIVE_EOF)
            break;
        if (code == ARCHIVE_RETRY)
            continue;
        if (code < ARCHIVE_WARN)
            return fail_once(r, libarchive.archive_error_string(r->archive));
        if (r->members == LIMIT_ARCHIVE_MEMBERS)
            return fail(r, r->in->path, ERR_LIMIT,
                        "it has more members than LIMIT_ARCHIVE_MEMBERS: the rest is not read");
        goes_on = visit_entry(r, entry);
    }
    return goes_on;
}

// All but mtree, which is a list of files of this machine: any text may pass for one.
static void support_formats(struct archive *a)
{
    static int (*const *const FORMATS[])(struct archive *) = {
        &libarchive.archive_read_support_format_7zip,  &libarchive.archive_read_support_format_ar,
        &libarchive.archive_read_support_format_cab,   &libarchive.archive_read_support_format_cpio,
        &libarchive.archive_read_support_format_empty, &libarchive.archive_read_support_format_iso9660,
        &libarchive.archive_read_support_format_lha,   &libarchive.archive_read_support_format_rar,
        &libarchive.archive_read_support_format_rar5,  &libarchive.archive_read_support_format_tar,
        &libarchive.archive_read_support_format_warc,  &libarchive.archive_read_support_format_xar,
        &libarchive.archive_read_support_format_zip,   &libarchive.archive_read_support_format_raw,
    };
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++)
        (void)(*FORMATS[i])(a);
}

static bool open_archive(reader *r)
{
    mem_watch_begin();
    struct archive *a = r->archive = libarchive.archive_read_new();
    if (!a)
        mem_run_out(0);
    libarchive.archive_read_support_filter_all(a);
    support_formats(a);
    libarchive.archive_read_set_read_callback(a, read_more);
    libarchive.archive_read_set_skip_callback(a, skip_bytes);
    libarchive.archive_read_set_seek_callback(a, seek_to);
    libarchive.archive_read_set_callback_data(a, r);
    bool opened = has_memory(r) && libarchive.archive_read_open1(a) == ARCHIVE_OK;
    return has_memory(r) && opened;
}

static void free_archive(void *reader_discarded)
{
    reader *r = reader_discarded;
    if (r->archive)
        libarchive.archive_read_free(r->archive);
    r->archive = NULL;
    member_names_free(r->names);
    r->names = NULL;
}

bool archive_each(const input *in, const archive_visitor *v)
{
    reader *r = mem_zeroed(1, sizeof(*r));
    r->in = in;
    r->visitor = v;
    r->names = member_names_new();
    mem_on_discard(r, free_archive);
    bool goes_on;
    if (!libarchive_is_there()) {
        goes_on = fail(r, in->path, ERR_BROKEN, "it is an archive, and libarchive is not installed here");
    } else {
        // Names of members come in the locale's character set, which must be able to hold them.
        locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = utf8 ? uselocale(utf8) : (locale_t)0;
        goes_on = open_archive(r) ? visit_all(r) : fail_once(r, libarchive.archive_error_string(r->archive));
        free_archive(r);
        if (utf8) {
            uselocale(before);
            freelocale(utf8);
        }
    }
    mem_free(r);
    return goes_on;
}

#else

bool archive_each(const input *in, const archive_visitor *v)
{
    error e = {0};
    error_code_set(&e, ERR_BROKEN, "%s: it is an archive, and this program was built without libarchive", in->path);
    return v->failed(v->context, in->path, &e);
}

#endif
