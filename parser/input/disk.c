#include "input/disk.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/bisect.h"
#include "base/limits.h"
#include "base/os.h"
#include "input/as_file.h"
#include "input/kinds.h"
#include "input/libtsk.h"

struct disk {
    u64 bytes;
    u32 sector;
    input **parts; // of a raw image; of others those that were found
    u64 *starts;   // where each begins on the disk
    u32 part_count, part_capacity;
    library_lock lock; // of the libraries' handles
    as_file file;      // the first part, for libewf
#ifdef HAS_LIBEWF
    libewf_handle_t *ewf;
#endif
#ifdef HAS_LIBTSK
    TSK_IMG_INFO *other;
#endif
};

static void add_part(disk *d, input *in)
{
    if (d->part_count == d->part_capacity) {
        u32 capacity = d->part_capacity ? 2 * d->part_capacity : 4;
        d->parts = mem_grow(d->parts, d->part_count, capacity, sizeof(*d->parts));
        d->starts = mem_grow(d->starts, d->part_count, capacity, sizeof(*d->starts));
        d->part_capacity = capacity;
    }
    input_will_read(in);
    d->parts[d->part_count] = in;
    d->starts[d->part_count++] = d->bytes;
    d->bytes += in->bytes;
}

// ---------------------------------------------------------------------------------------------- raw

// The digits at the end of a path, after a dot: 3 of disk.001.
static size_t count_digits(const char *path)
{
    size_t len = strlen(path), digits = 0;
    while (digits < len && path[len - 1 - digits] >= '0' && path[len - 1 - digits] <= '9')
        digits++;
    return digits < len && path[len - 1 - digits] == '.' ? digits : 0;
}

// The next number; false: there is none with as many digits.
static bool count_up(char *digits, size_t count)
{
    while (count--) {
        if (digits[count]++ != '9')
            return true;
        digits[count] = '0';
    }
    return false;
}

static bool add_numbered_parts(disk *d, const char *first, error *e)
{
    size_t digits = count_digits(first);
    arena a = {0};
    char *path = arena_format(&a, "%s", first), *number = path + strlen(path) - digits;
    bool ok = true;
    while (ok && digits >= 2 && count_up(number, digits) && os_kind(path) == OS_FILE) {
        input *in;
        ok = input_open(&in, path, e);
        if (ok)
            add_part(d, in);
    }
    arena_free(&a);
    return ok;
}

// The last part that begins at or before an offset.
static u32 part_at(const disk *d, u64 offset)
{
    u32 count;
    BISECT(count, 0, d->part_count, d->starts[index_] <= offset);
    return count ? count - 1 : 0;
}

static size_t read_parts(const disk *d, u64 offset, u8 *into, size_t len, bool *failed)
{
    size_t done = 0;
    for (u32 i = part_at(d, offset); i < d->part_count && done < len; i++) {
        u64 in_part = offset + done - d->starts[i], left = d->parts[i]->bytes - in_part;
        size_t want = len - done < left ? len - done : (size_t)left;
        size_t got = input_read(d->parts[i], in_part, into + done, want, failed);
        done += got;
        if (got < want)
            break;
    }
    return done;
}

// ---------------------------------------------------------------------------------------------- EnCase

#ifdef HAS_LIBEWF

static bool ewf_fail(libewf_error_t **why, const char *path, error *e)
{
    char text[256] = "";
    bool lacked = mem_watch_lacked();
    if (*why)
        libewf.libewf_error_sprint(*why, text, sizeof(text));
    libewf.libewf_error_free(why);
    if (lacked)
        return error_code_set(e, ERR_MEMORY, "%s: reading it takes more memory than there is", path);
    return error_set(e, "%s: %s", path, text[0] ? text : "libewf cannot read it");
}

// A set of files ends in a section named "done"; each before the last one in "next".
static void check_end(const disk *d, error *missing)
{
    enum { SECTION_BYTES = 76, NAME_BYTES = 16 };
    const input *last = d->parts[d->part_count - 1];
    char name[NAME_BYTES] = "";
    bool failed = false;
    if (last->bytes > SECTION_BYTES)
        (void)input_read(last, last->bytes - SECTION_BYTES, name, NAME_BYTES, &failed);
    if (strncmp(name, "next", NAME_BYTES) == 0)
        error_set(missing, "%s: parts of the image that come after %s are missing", d->parts[0]->path, last->name);
    else if (strncmp(name, "done", NAME_BYTES) != 0)
        error_set(missing, "%s: the image breaks off in %s: what comes after is lost", d->parts[0]->path, last->name);
}

// The parts are opened as inputs too, so that everybody knows what is read.
static bool add_segments(disk *d, char *const *names, int count, error *e)
{
    for (int i = 1; i < count; i++) {
        input *in;
        if (!input_open(&in, names[i], e))
            return false;
        add_part(d, in);
    }
    return true;
}

static bool open_segments(disk *d, char *const *names, int count, const char *path, error *e)
{
    // libewf 20140813 cannot keep a bound by itself, only with the libbfio that libtsk brings: set where it is needed.
    enum { FEW_FILES = 64, OPEN_FILES = 16 };
    libewf_error_t *why = NULL;
    size64_t bytes = 0;
    mem_watch_begin();
    if (libewf.libewf_handle_initialize(&d->ewf, &why) != 1 ||
        (count > FEW_FILES && libewf.libewf_handle_set_maximum_number_of_open_handles(d->ewf, OPEN_FILES, &why) != 1) ||
        libewf.libewf_handle_open(d->ewf, names, count, LIBEWF_OPEN_READ, &why) != 1 ||
        libewf.libewf_handle_get_media_size(d->ewf, &bytes, &why) != 1 ||
        libewf.libewf_handle_get_bytes_per_sector(d->ewf, &d->sector, &why) != 1)
        return ewf_fail(&why, path, e);
    d->bytes = bytes;
    return true;
}

static bool open_ewf(disk *d, const input *in, error *missing, error *e)
{
    char **names = NULL;
    int count = 0;
    libewf_error_t *why = NULL;
    bool ok = as_file_open(&d->file, in, e);
    mem_watch_begin();
    if (ok &&
        libewf.libewf_glob(d->file.path, strlen(d->file.path), LIBEWF_FORMAT_UNKNOWN, &names, &count, &why) != 1) {
        libewf.libewf_error_free(&why);
        count = 0;
    }
    mem_watch_end();
    ok = ok && add_segments(d, names, count, e) &&
         open_segments(d, count ? names : &d->file.path, count ? count : 1, in->path, e);
    if (count)
        libewf.libewf_glob_free(names, count, NULL);
    if (ok && in->backend == &input_file)
        check_end(d, missing);
    return ok;
}

// Where the first sector from `from` on is that failed its checksum, or `until`. libewf gives zeros for those, and
// keeps a list of them in the order of sectors.
static u64 first_bad(const disk *d, u64 from, u64 until)
{
    u32 count = 0;
    if (libewf.libewf_handle_get_number_of_checksum_errors(d->ewf, &count, NULL) != 1)
        return until;
    u64 sector = d->sector ? d->sector : 512, start, sectors;
    for (u32 low = 0, high = count; low < high;) {
        u32 mid = low + (high - low) / 2;
        if (libewf.libewf_handle_get_checksum_error(d->ewf, mid, &start, &sectors, NULL) != 1)
            return until;
        if ((start + sectors) * sector <= from)
            low = mid + 1;
        else if (start * sector >= until)
            high = mid;
        else
            return start * sector > from ? start * sector : from;
    }
    return until;
}

// What is known to be bad is not read again.
static size_t read_ewf(disk *d, u64 offset, u8 *into, size_t len, bool *failed)
{
    library_enter(&d->lock);
    size_t good = (size_t)(first_bad(d, offset, offset + len) - offset);
    ssize_t got = good ? libewf.libewf_handle_read_random(d->ewf, into, good, (off64_t)offset, NULL) : 0;
    good = got > 0 ? (size_t)(first_bad(d, offset, offset + (u64)got) - offset) : 0;
    library_leave(&d->lock);
    *failed |= good < len;
    return good;
}

static void close_ewf(disk *d)
{
    if (!d->ewf)
        return;
    libewf.libewf_handle_close(d->ewf, NULL);
    libewf.libewf_handle_free(&d->ewf, NULL);
}

#endif

// ---------------------------------------------------------------------------------------------- virtual disks

#ifdef HAS_LIBTSK

// A file of the image's folder that the library may read, as it is opened by the last part of a name.
static bool add_near(disk *d, const input *in, span name, error *e)
{
    const char *slash = strrchr(in->path, '/');
    size_t last = name.len;
    while (last && name.at[last - 1] != '/' && name.at[last - 1] != '\\')
        last--;
    name = span_from(name, last);
    arena a = {0};
    const char *path = arena_format(&a, "%.*s%.*s", slash ? (int)(slash + 1 - in->path) : 0, in->path, (int)name.len,
                                    (const char *)name.at);
    input *file;
    bool ok = true;
    if (name.len && os_kind(path) == OS_FILE && !os_same_file(path, in->path)) {
        ok = input_open(&file, path, e);
        if (ok)
            add_part(d, file);
    }
    arena_free(&a);
    return ok;
}

// Whatever stands in quotes: RW 16384 FLAT "disk-flat.vmdk" 0.
static bool add_quoted(disk *d, const input *in, span text, error *e)
{
    const u8 *quote, *end;
    while ((quote = text.len ? memchr(text.at, '"', text.len) : NULL) != NULL) {
        text = span_from(text, (size_t)(quote + 1 - text.at));
        end = text.len ? memchr(text.at, '"', text.len) : NULL;
        if (!end)
            break;
        span name = {text.at, (size_t)(end - text.at)};
        text = span_from(text, name.len + 1);
        if (!memchr(name.at, 0, name.len) && !add_near(d, in, name, e))
            return false;
    }
    return true;
}

// The description inside a VMware disk names the files that have its data, others than this one among them.
static bool add_extents(disk *d, const input *in, error *e)
{
    enum { HEAD = 44, OFFSET = 28, SIZE = 36, SECTOR = 512 };
    u8 head[HEAD];
    bool failed = false;
    if (input_read(in, 0, head, HEAD, &failed) != HEAD)
        return error_set(e, "%s: its header cannot be read", in->path);
    u64 at = load_u64(head + OFFSET), sectors = load_u64(head + SIZE);
    if (sectors > LIMIT_VMDK_DESCRIPTION / SECTOR || at > in->bytes / SECTOR)
        return error_set(e, "%s: its description claims %llu sectors from sector %llu on", in->path,
                         (unsigned long long)sectors, (unsigned long long)at);
    u8 *text = mem_alloc((size_t)sectors * SECTOR + 1);
    size_t len = input_read(in, at * SECTOR, text, (size_t)sectors * SECTOR, &failed);
    bool ok = add_quoted(d, in, (span){text, len}, e);
    mem_free(text);
    return ok;
}

// Of a type that is named: to find it out, the library would have others try that open what they read for writing.
static bool open_other(disk *d, const input *in, error *e)
{
    if (in->backend != &input_file)
        return error_set(e, "%s: a virtual disk in an archive is not read; extract it first", in->path);
    u8 magic[4] = {0};
    bool failed = false;
    (void)input_read(in, 0, magic, sizeof(magic), &failed);
    bool vmdk = memcmp(magic, "KDMV", sizeof(magic)) == 0;
    if (vmdk && !add_extents(d, in, e))
        return false;
    libtsk.tsk_error_reset();
    mem_watch_begin();
    d->other = libtsk.tsk_img_open_utf8_sing(in->path, vmdk ? TSK_IMG_TYPE_VMDK_VMDK : TSK_IMG_TYPE_VHD_VHD, 0);
    if (mem_watch_lacked())
        return error_code_set(e, ERR_MEMORY, "%s: reading it takes more memory than there is", in->path);
    if (!d->other)
        return error_set(e, "%s: %s", in->path, libtsk.tsk_error_get_errstr());
    d->bytes = d->other->size > 0 ? (u64)d->other->size : 0;
    d->sector = d->other->sector_size;
    return true;
}

static size_t read_other(disk *d, u64 offset, u8 *into, size_t len, bool *failed)
{
    library_enter(&d->lock);
    ssize_t got = libtsk.tsk_img_read(d->other, (TSK_OFF_T)offset, (char *)into, len);
    library_leave(&d->lock);
    *failed |= got < (ssize_t)len;
    return got > 0 ? (size_t)got : 0;
}

#endif

// ---------------------------------------------------------------------------------------------- all

static bool open_as(disk *d, const input *in, input_form form, error *missing, error *e)
{
#ifdef HAS_LIBEWF
    if (form == FORM_EWF) {
#ifdef HAS_LIBTSK
        (void)libtsk_is_there(); // before libewf, see open_segments
#endif
        if (libewf_is_there())
            return open_ewf(d, in, missing, e);
    }
#endif
#ifdef HAS_LIBTSK
    if (form == FORM_VIRTUAL && libtsk_is_there())
        return open_other(d, in, e);
#endif
    (void)missing;
    if (form == FORM_DISK)
        return in->backend != &input_file || add_numbered_parts(d, in->path, e);
    return error_set(e, "%s: %s is not installed here", in->path,
                     form == FORM_EWF ? "it is an EnCase image, and libewf" : "it is a virtual disk, and libtsk");
}

disk *disk_open(input *in, error *missing, error *e)
{
    disk *d = mem_zeroed(1, sizeof(*d));
    pthread_mutex_init(&d->lock.mutex, NULL);
    add_part(d, in);
    if (open_as(d, in, input_kind_of(in)->form, missing, e))
        return d;
    disk_close(d);
    return NULL;
}

void disk_close(disk *d)
{
#ifdef HAS_LIBEWF
    close_ewf(d);
#endif
#ifdef HAS_LIBTSK
    if (d->other)
        libtsk.tsk_img_close(d->other);
#endif
    as_file_close(&d->file);
    for (u32 i = 0; i < d->part_count; i++)
        input_close(d->parts[i]);
    mem_free(d->parts);
    mem_free(d->starts);
    pthread_mutex_destroy(&d->lock.mutex);
    mem_free(d);
}

u64 disk_bytes(const disk *d)
{
    return d->bytes;
}

u32 disk_sector(const disk *d)
{
    return d->sector;
}

size_t disk_read(disk *d, u64 offset, void *into, size_t len, bool *failed)
{
    if (offset >= d->bytes) {
        *failed |= len > 0; // a file system that claims more than there is
        return 0;
    }
    size_t part = len < d->bytes - offset ? len : (size_t)(d->bytes - offset);
    *failed |= part < len;
#ifdef HAS_LIBEWF
    if (d->ewf)
        return read_ewf(d, offset, into, part, failed);
#endif
#ifdef HAS_LIBTSK
    if (d->other)
        return read_other(d, offset, into, part, failed);
#endif
    return read_parts(d, offset, into, part, failed);
}
