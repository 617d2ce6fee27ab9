// Most files are read past libtsk: where their clusters lie is noted once, and the disk is read there, by any number of
// threads and to the last good byte before a bad one. What NTFS compressed is read by libtsk.
#include "input/image_file.h"

#ifdef HAS_LIBTSK
#include <string.h>

#include "base/arena.h"
#include "base/bisect.h"
#include "base/limits.h"

typedef enum extent_kind { ON_DISK, ZEROS, LOST } extent_kind;

// Of the file, in order of offsets and without gaps.
typedef struct extent {
    u64 at, bytes; // in the file
    u64 on_disk;
    extent_kind kind;
} extent;

typedef struct image_input {
    input common;
    image *image;
    TSK_FS_INFO *volume;
    extent *extents;
    u32 count, capacity;
    u64 valid;    // bytes that were ever written; what comes after is zeros
    u8 *resident; // all of it, where it lies in the file's own record
    // By libtsk:
    TSK_FS_FILE *file; // NULL: not needed
    const TSK_FS_ATTR *stream;
} image_input;

static image_input *of(input *in)
{
    return (image_input *)in;
}

void image_release(image *m)
{
    if (--m->users)
        return;
    for (u32 i = 0; i < m->volume_count; i++)
        libtsk.tsk_fs_close(m->volumes[i]);
    libtsk.tsk_img_close(&m->tsk->info);
    pthread_mutex_destroy(&m->lock.mutex);
    mem_free(m);
}

// ---------------------------------------------------------------------------------------------- where it lies

static u64 end_of(const image_input *f)
{
    return f->count ? f->extents[f->count - 1].at + f->extents[f->count - 1].bytes : 0;
}

// Up to `until`, the last offset in the file.
static void add_extent(image_input *f, u64 until, u64 on_disk, extent_kind kind)
{
    u64 at = end_of(f);
    if (until <= at)
        return;
    GROW(f->extents, f->count, f->capacity);
    f->extents[f->count++] = (extent){at, until - at, on_disk, kind};
}

// False: there are more than are read.
static bool add_run(image_input *f, const TSK_FS_INFO *volume, const TSK_FS_ATTR_RUN *run)
{
    u64 block = volume->block_size, most = INT64_MAX / block;
    if (f->count >= LIMIT_FILE_EXTENTS || run->offset > most || run->len > most || run->addr > most)
        return false;
    u64 until = (run->offset + run->len) * block;
    if (until > f->common.bytes)
        until = f->common.bytes;
    add_extent(f, run->offset * block < until ? run->offset * block : until, 0, LOST);
    if (run->offset * block != end_of(f) && end_of(f) != until)
        return true; // it overlaps the one before: that one counts
    add_extent(f, until, (u64)volume->offset + run->addr * block,
               run->flags & TSK_FS_ATTR_RUN_FLAG_SPARSE   ? ZEROS
               : run->flags & TSK_FS_ATTR_RUN_FLAG_FILLER ? LOST
                                                          : ON_DISK);
    return true;
}

static void note_runs(image_input *f, const TSK_FS_INFO *volume, const TSK_FS_ATTR *stream)
{
    for (const TSK_FS_ATTR_RUN *run = stream->nrd.run; run; run = run->next)
        if (run->len && !add_run(f, volume, run))
            break;
    add_extent(f, f->common.bytes, 0, LOST);
    if (TSK_FS_TYPE_ISNTFS(volume->ftype) && stream->nrd.initsize >= 0)
        f->valid = (u64)stream->nrd.initsize;
}

static void note_resident(image_input *f, const TSK_FS_ATTR *stream)
{
    size_t len = (size_t)f->common.bytes < stream->rd.buf_size ? (size_t)f->common.bytes : stream->rd.buf_size;
    f->resident = memcpy(mem_alloc(len + 1), stream->rd.buf, len);
    f->common.bytes = len;
}

// Opened anew: the one that is being looked at goes with its folder.
static void keep_open(image_input *f, TSK_FS_INFO *volume, const TSK_FS_FILE *file, const TSK_FS_ATTR *stream)
{
    f->file = libtsk.tsk_fs_file_open_meta(volume, NULL, file->meta->addr);
    if (f->file)
        f->stream = libtsk.tsk_fs_file_attr_get_type(f->file, stream->type, stream->id, 1);
}

static bool needs_libtsk(const TSK_FS_ATTR *stream)
{
    return (stream->flags & TSK_FS_ATTR_COMP) || stream->r || stream->nrd.skiplen;
}

// ---------------------------------------------------------------------------------------------- reading

static const extent *extent_at(const image_input *f, u64 offset)
{
    u32 count;
    BISECT(count, 0, f->count, f->extents[index_].at <= offset);
    return &f->extents[count ? count - 1 : 0];
}

static size_t read_extent(const image_input *f, u64 offset, u8 *into, size_t len, bool *failed)
{
    const extent *x = extent_at(f, offset);
    u64 in_extent = offset - x->at;
    if (len > x->bytes - in_extent)
        len = (size_t)(x->bytes - in_extent);
    switch (x->kind) {
    case ON_DISK:
        return disk_read(f->image->tsk->disk, x->on_disk + in_extent, into, len, failed);
    case ZEROS:
        memset(into, 0, len);
        return len;
    case LOST:
        break;
    }
    *failed = true;
    return 0;
}

static size_t read_extents(const image_input *f, u64 offset, u8 *into, size_t len, bool *failed)
{
    size_t done = 0;
    while (done < len) {
        u64 at = offset + done;
        size_t want = len - done, got = want;
        if (at < f->valid && want > f->valid - at)
            want = (size_t)(f->valid - at);
        if (at >= f->valid)
            memset(into + done, 0, want);
        else
            got = read_extent(f, at, into + done, want, failed);
        done += got;
        if (!got || *failed)
            break;
    }
    return done;
}

static size_t read_by_libtsk(const image_input *f, u64 offset, u8 *into, size_t len, bool *failed)
{
    ssize_t got = -1;
    library_enter(&f->image->lock);
    if (f->stream)
        got = libtsk.tsk_fs_attr_read(f->stream, (TSK_OFF_T)offset, (char *)into, len, TSK_FS_FILE_READ_FLAG_NONE);
    library_leave(&f->image->lock);
    *failed |= got < (ssize_t)len;
    return got > 0 ? (size_t)got : 0;
}

static size_t image_file_read_at(input *in, u64 offset, void *into, size_t len, bool *failed)
{
    const image_input *f = of(in);
    u64 left = offset < in->bytes ? in->bytes - offset : 0;
    if (len > left)
        len = (size_t)left;
    if (!len)
        return 0;
    if (f->resident) {
        memcpy(into, f->resident + offset, len);
        return len;
    }
    return (f->extents ? read_extents : read_by_libtsk)(f, offset, into, len, failed);
}

// ---------------------------------------------------------------------------------------------- the backend

static void image_file_close(input *in)
{
    image_input *f = of(in);
    if (f->file) {
        library_enter(&f->image->lock);
        libtsk.tsk_fs_file_close(f->file);
        library_leave(&f->image->lock);
    }
    mem_free(f->extents);
    mem_free(f->resident);
    image_release(f->image);
    input_finish(in);
}

static bool image_file_near(const input *in, const char *root, const char *path, input **out);

static const struct partition_table *image_file_partitions(const input *in, u32 *own)
{
    const image_input *f = (const image_input *)in;
    const image *m = f->image;
    u32 i = 0;
    while (i < m->volume_count && m->volumes[i] != f->volume)
        i++;
    *own = i < m->volume_count ? m->partition_of[i] : NO_PARTITION;
    return *own == NO_PARTITION ? NULL : &m->partitions;
}

static const input_backend image_file_backend = {
    .name = "file in a disk image",
    .read_at = image_file_read_at,
    .near = image_file_near,
    .partitions = image_file_partitions,
    .close = image_file_close,
};

input *image_file_new(image *m, TSK_FS_INFO *volume, const TSK_FS_FILE *file, const TSK_FS_ATTR *stream,
                      const char *path)
{
    image_input *f = input_begin(&image_file_backend, path, sizeof(*f));
    f->image = m;
    f->volume = volume;
    m->users++;
    f->common.bytes = stream->size > 0 ? (u64)stream->size : 0;
    f->valid = f->common.bytes;
    if (stream->flags & TSK_FS_ATTR_RES)
        note_resident(f, stream);
    else if (needs_libtsk(stream))
        keep_open(f, volume, file, stream);
    else if (f->common.bytes)
        note_runs(f, volume, stream);
    return &f->common;
}

// The stream that a file's name means.
static const TSK_FS_ATTR *content_of(TSK_FS_FILE *file)
{
    const TSK_FS_ATTR *stream = libtsk.tsk_fs_file_attr_get_type(file, TSK_FS_ATTR_TYPE_NTFS_DATA, 0, 0);
    return stream ? stream : libtsk.tsk_fs_file_attr_get_type(file, TSK_FS_ATTR_TYPE_DEFAULT, 0, 0);
}

static input *open_path(const image_input *near, const char *root, const char *path)
{
    TSK_INUM_T address;
    input *in = NULL;
    if (libtsk.tsk_fs_path2inum(near->volume, path, &address, NULL) != 0)
        return NULL;
    TSK_FS_FILE *file = libtsk.tsk_fs_file_open_meta(near->volume, NULL, address);
    const TSK_FS_ATTR *stream = file && file->meta ? content_of(file) : NULL;
    if (stream) {
        arena a = {0};
        in = image_file_new(near->image, near->volume, file, stream, arena_format(&a, "%s%s", root, path));
        arena_free(&a);
    }
    if (file)
        libtsk.tsk_fs_file_close(file);
    return in;
}

static bool image_file_near(const input *in, const char *root, const char *path, input **out)
{
    const image_input *f = (const image_input *)in;
    library_enter(&f->image->lock);
    *out = open_path(f, root, path);
    library_leave(&f->image->lock);
    return *out != NULL;
}

#endif
