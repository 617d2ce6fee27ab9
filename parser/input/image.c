#include "input/image.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/outbuf.h"
#include "input/image_file.h"
#include "input/member_names.h"

#ifdef HAS_LIBTSK

// One file system, while its files are visited.
typedef struct volume_walk {
    image *image;
    const archive_visitor *visitor;
    TSK_FS_INFO *volume;
    const char *root; // IMAGE!/pN
    outbuf path;
    map by_address;
    u64 *seen; // addresses of folders, and of files that were deleted
    u32 seen_count, seen_capacity;
    member_names *deleted; // of files
    u32 depth;
    u64 names;
    u32 unreadable; // folders
    error first;    // about them
} volume_walk;

static bool fail(const archive_visitor *v, const char *path, const error *e)
{
    return v->failed(v->context, path, e);
}

// What libtsk said last.
static const char *tsk_why(void)
{
    const char *text = libtsk.tsk_error_get_errstr();
    return text && *text ? text : "libtsk cannot read it";
}

// ---------------------------------------------------------------------------------------------- the path

static const char *path_text(volume_walk *w)
{
    *outbuf_reserve(&w->path, 1) = 0;
    return (const char *)w->path.bytes;
}

// Returns the length to go back to.
static size_t path_add(volume_walk *w, const char *separator, const char *name)
{
    size_t before = w->path.len;
    outbuf_text(&w->path, separator);
    outbuf_text(&w->path, name);
    return before;
}

// ---------------------------------------------------------------------------------------------- files

static bool is_seen(const void *items, u32 index, const void *key)
{
    return ((const u64 *)items)[index] == *(const u64 *)key;
}

// Folders that lead to each other are entered once, and so is a deleted file that several traces of its name lead to.
static bool is_first(volume_walk *w, u64 address)
{
    u64 hash = hash_u64(address);
    if (map_find(&w->by_address, hash, is_seen, w->seen, &address) != MAP_NONE)
        return false;
    GROW(w->seen, w->seen_count, w->seen_capacity);
    w->seen[w->seen_count] = address;
    map_add(&w->by_address, hash, w->seen_count++);
    return true;
}

// A file that was wanted, unless it cannot be what it claims to be.
static bool give(volume_walk *w, input *in, bool encrypted)
{
    const archive_visitor *v = w->visitor;
    u64 whole = disk_bytes(w->image->tsk->disk);
    error e = {0};
    if (encrypted)
        error_code_set(&e, ERR_ENCRYPTED, "%s: it is encrypted by its file system (EFS)", in->path);
    else if (in->bytes > whole && in->bytes - whole > LIMIT_ARCHIVE_FREE_BYTES)
        error_code_set(&e, ERR_LIMIT, "%s: it claims %llu bytes, the whole disk has %llu", in->path,
                       (unsigned long long)in->bytes, (unsigned long long)whole);
    if (!e.code)
        return v->member(v->context, in);
    bool goes_on = fail(v, in->path, &e);
    input_close(in);
    return goes_on;
}

// A folder may have had several files of one name, one after the other.
static bool visit_stream(volume_walk *w, const TSK_FS_FILE *file, const TSK_FS_ATTR *stream, bool deleted)
{
    arena a = {0};
    const char *path = deleted ? member_name_new(w->deleted, path_text(w), &a) : path_text(w);
    library_enter(&w->image->lock);
    input *in = image_file_new(w->image, w->volume, file, stream, path);
    library_leave(&w->image->lock);
    arena_free(&a);
    if (w->visitor->wants(w->visitor->context, in))
        return give(w, in, stream->flags & TSK_FS_ATTR_ENC);
    input_close(in);
    return true;
}

// libtsk names the stream that is the file itself "$Data".
static bool is_alternate(const TSK_FS_ATTR *stream)
{
    return stream->type == TSK_FS_ATTR_TYPE_NTFS_DATA && stream->name && strcmp(stream->name, "$Data") != 0;
}

static bool is_content(const TSK_FS_ATTR *stream, bool folder)
{
    return is_alternate(stream) ||
           (!folder && (stream->type == TSK_FS_ATTR_TYPE_NTFS_DATA || stream->type == TSK_FS_ATTR_TYPE_DEFAULT));
}

static bool visit_streams(volume_walk *w, TSK_FS_FILE *file, bool folder, bool deleted)
{
    bool goes_on = true;
    library_enter(&w->image->lock);
    int count = libtsk.tsk_fs_file_attr_getsize(file);
    library_leave(&w->image->lock);
    for (int i = 0; i < count && goes_on; i++) {
        const TSK_FS_ATTR *stream = libtsk.tsk_fs_file_attr_get_idx(file, i);
        if (!stream || !is_content(stream, folder) || (deleted && stream->size <= 0))
            continue;
        size_t before = w->path.len;
        if (is_alternate(stream))
            path_add(w, ":", stream->name);
        if (deleted)
            path_add(w, " ", "(deleted)");
        goes_on = visit_stream(w, file, stream, deleted);
        w->path.len = before;
    }
    return goes_on;
}

// ---------------------------------------------------------------------------------------------- folders

static bool visit_folder(volume_walk *w, u64 address);

static void note_unreadable(volume_walk *w, const char *why)
{
    if (w->unreadable++ == 0)
        error_set(&w->first, "%s: %s", path_text(w), why);
}

// The file system's own files: its tables and logs, never content of anybody.
static bool is_internal(const volume_walk *w, const TSK_FS_META *meta)
{
    enum { NTFS_FIRST_FILE = 16 };
    return meta->type == TSK_FS_META_TYPE_VIRT ||
           (TSK_FS_TYPE_ISNTFS(w->volume->ftype) && meta->addr < NTFS_FIRST_FILE);
}

// libtsk would have to read all of a FAT file system to find files without a folder.
static bool is_entered(const volume_walk *w, const TSK_FS_META *meta)
{
    return meta->type == TSK_FS_META_TYPE_DIR ||
           (meta->type == TSK_FS_META_TYPE_VIRT_DIR && TSK_FS_TYPE_ISNTFS(w->volume->ftype));
}

static bool visit_entry(volume_walk *w, TSK_FS_FILE *file)
{
    const TSK_FS_NAME *name = file->name;
    const TSK_FS_META *meta = file->meta;
    if (!name || !name->name || !meta || TSK_FS_ISDOT(name->name))
        return true;
    bool deleted = (name->flags & TSK_FS_NAME_FLAG_UNALLOC) || (meta->flags & TSK_FS_META_FLAG_UNALLOC);
    bool folder = is_entered(w, meta);
    if (deleted && (meta->flags & TSK_FS_META_FLAG_ALLOC))
        return true; // its place was given to another file
    if (!folder && meta->type != TSK_FS_META_TYPE_REG)
        return true;
    if ((folder || deleted) && !is_first(w, meta->addr))
        return true;
    size_t before = path_add(w, "/", name->name);
    bool goes_on = is_internal(w, meta) || visit_streams(w, file, folder, deleted);
    if (goes_on && folder)
        goes_on = visit_folder(w, meta->addr);
    w->path.len = before;
    return goes_on;
}

// Deleting a file counts the sequence number of its record up, and libtsk takes a name with the number before for one
// of another file: as long as nothing else was put there, it is not.
static TSK_FS_FILE *find_deleted(const volume_walk *w, TSK_FS_FILE *named)
{
    TSK_FS_NAME *name = named->name;
    if (named->meta || !name || !(name->flags & TSK_FS_NAME_FLAG_UNALLOC) || !TSK_FS_TYPE_ISNTFS(w->volume->ftype))
        return named;
    TSK_FS_FILE *file = libtsk.tsk_fs_file_open_meta(w->volume, NULL, name->meta_addr);
    if (!file)
        return named;
    bool same = file->meta && (file->meta->flags & TSK_FS_META_FLAG_UNALLOC) && file->meta->seq == name->meta_seq + 1;
    TSK_FS_FILE *other = same ? named : file;
    if (same) {
        file->name = name;
        named->name = NULL;
    }
    libtsk.tsk_fs_file_close(other);
    return same ? file : named;
}

static TSK_FS_FILE *get_entry(const volume_walk *w, const TSK_FS_DIR *folder, size_t i)
{
    library_enter(&w->image->lock);
    TSK_FS_FILE *file = libtsk.tsk_fs_dir_get(folder, i);
    if (file)
        file = find_deleted(w, file);
    library_leave(&w->image->lock);
    return file;
}

static void close_entry(const volume_walk *w, TSK_FS_FILE *file)
{
    library_enter(&w->image->lock);
    libtsk.tsk_fs_file_close(file);
    library_leave(&w->image->lock);
}

static TSK_FS_DIR *open_folder(volume_walk *w, u64 address)
{
    if (w->depth == LIMIT_FOLDER_DEPTH) {
        note_unreadable(w, "folders are nested deeper than they are read");
        return NULL;
    }
    library_enter(&w->image->lock);
    libtsk.tsk_error_reset();
    TSK_FS_DIR *folder = libtsk.tsk_fs_dir_open_meta(w->volume, address);
    library_leave(&w->image->lock);
    if (!folder)
        note_unreadable(w, tsk_why());
    return folder;
}

static bool visit_folder(volume_walk *w, u64 address)
{
    TSK_FS_DIR *folder = open_folder(w, address);
    bool goes_on = true;
    if (!folder)
        return true;
    w->depth++;
    for (size_t i = 0, count = libtsk.tsk_fs_dir_getsize(folder); i < count && goes_on; i++) {
        if (++w->names > LIMIT_IMAGE_NAMES) {
            note_unreadable(w, "the file system has more names than LIMIT_IMAGE_NAMES: the rest is not read");
            break;
        }
        TSK_FS_FILE *file = get_entry(w, folder, i);
        if (!file)
            continue;
        goes_on = visit_entry(w, file);
        close_entry(w, file);
    }
    w->depth--;
    library_enter(&w->image->lock);
    libtsk.tsk_fs_dir_close(folder);
    library_leave(&w->image->lock);
    return goes_on;
}

static bool tell_unreadable(const volume_walk *w)
{
    error e = {0};
    if (!w->unreadable)
        return true;
    if (w->unreadable == 1)
        error_set(&e, "%s", w->first.message);
    else
        error_set(&e, "%s: %u folders cannot be read, the first: %s", w->root, w->unreadable, w->first.message);
    return fail(w->visitor, w->root, &e);
}

static bool visit_volume(image *m, TSK_FS_INFO *volume, const char *root, const archive_visitor *v)
{
    volume_walk w = {.image = m, .visitor = v, .volume = volume, .root = root, .deleted = member_names_new()};
    outbuf_text(&w.path, root);
    (void)is_first(&w, volume->root_inum);
    bool goes_on = visit_folder(&w, volume->root_inum) && tell_unreadable(&w);
    outbuf_free(&w.path);
    map_free(&w.by_address);
    mem_free(w.seen);
    member_names_free(w.deleted);
    return goes_on;
}

// ---------------------------------------------------------------------------------------------- volumes

static const char *magic_of(disk *d, u64 offset)
{
    static const char *const NAMES[] = {"NTFS    ", "EXFAT   ", "-FVE-FS-", "MSDOS5.0", "MSWIN4.1", "mkfs.fat"};
    char name[8];
    bool failed = false;
    if (disk_read(d, offset + 3, name, sizeof(name), &failed) == sizeof(name))
        for (u32 i = 0; i < COUNT_OF(NAMES); i++)
            if (memcmp(name, NAMES[i], sizeof(name)) == 0)
                return NAMES[i];
    return NULL;
}

// A partition may hold anything; only what begins as a file system of Windows is missed.
static bool tell_unopened(const image *m, u64 offset, const char *root, const archive_visitor *v)
{
    const char *magic = magic_of(m->tsk->disk, offset);
    error e = {0};
    if (!magic)
        return true;
    if (strcmp(magic, "-FVE-FS-") == 0)
        error_code_set(&e, ERR_ENCRYPTED, "%s: it is a BitLocker volume; decrypt it first (dislocker)", root);
    else
        error_set(&e, "%s: its file system cannot be read: %s", root, tsk_why());
    return fail(v, root, &e);
}

static u32 partition_at(const image *m, u64 offset)
{
    for (u32 i = 0; i < m->partitions.count; i++)
        if (m->partitions.list[i].start == offset)
            return i;
    return NO_PARTITION;
}

static bool visit_at(image *m, u64 offset, const char *root, const archive_visitor *v)
{
    if (m->volume_count == MOST_VOLUMES || offset > INT64_MAX)
        return true;
    library_enter(&m->lock);
    libtsk.tsk_error_reset();
    TSK_FS_INFO *volume = libtsk.tsk_fs_open_img(&m->tsk->info, (TSK_OFF_T)offset, TSK_FS_TYPE_DETECT);
    library_leave(&m->lock);
    if (!volume)
        return tell_unopened(m, offset, root, v);
    m->partition_of[m->volume_count] = partition_at(m, offset);
    m->volumes[m->volume_count++] = volume;
    return visit_volume(m, volume, root, v);
}

// As Windows and Linux number it. `logical` counts those in an extended partition.
static u32 partition_number(const TSK_VS_INFO *table, const TSK_VS_PART_INFO *part, u32 *logical)
{
    enum { FIRST_LOGICAL = 5 };
    bool in_extended = table->vstype == TSK_VS_TYPE_DOS && part->table_num > 0;
    return in_extended ? FIRST_LOGICAL + (*logical)++ : (u32)part->slot_num + 1;
}

static bool is_partition(const TSK_VS_INFO *table, const TSK_VS_PART_INFO *part)
{
    return (part->flags & TSK_VS_PART_FLAG_ALLOC) && part->start <= INT64_MAX / table->block_size;
}

static u64 partition_start(const TSK_VS_INFO *table, const TSK_VS_PART_INFO *part)
{
    return (u64)part->start * table->block_size + (u64)table->offset;
}

static void note_partitions(image *m, const TSK_VS_INFO *table)
{
    for (const TSK_VS_PART_INFO *part = table->part_list; part; part = part->next)
        if (is_partition(table, part))
            partitions_add(&m->partitions, partition_start(table, part));
    partitions_identify(&m->partitions, m->tsk->disk, table->block_size);
}

static bool visit_partitions(image *m, const TSK_VS_INFO *table, const char *path, const archive_visitor *v)
{
    bool goes_on = true;
    u32 logical = 0;
    for (const TSK_VS_PART_INFO *part = table->part_list; part && goes_on; part = part->next) {
        if (!is_partition(table, part))
            continue;
        arena a = {0};
        const char *root = arena_format(&a, "%s!/p%u", path, partition_number(table, part, &logical));
        goes_on = visit_at(m, partition_start(table, part), root, v);
        arena_free(&a);
    }
    return goes_on;
}

// A file system without a partition table around it begins as one.
static bool visit_disk(image *m, const char *path, const archive_visitor *v)
{
    arena a = {0};
    const char *root = arena_format(&a, "%s!", path);
    bool goes_on = true;
    library_enter(&m->lock);
    TSK_VS_INFO *table = magic_of(m->tsk->disk, 0) ? NULL : libtsk.tsk_vs_open(&m->tsk->info, 0, TSK_VS_TYPE_DETECT);
    library_leave(&m->lock);
    if (table) {
        note_partitions(m, table);
        goes_on = visit_partitions(m, table, path, v);
        libtsk.tsk_vs_close(table);
    }
    if (goes_on && !m->volume_count && (!table || !magic_of(m->tsk->disk, 0)))
        goes_on = visit_at(m, 0, root, v);
    arena_free(&a);
    return goes_on;
}

// ---------------------------------------------------------------------------------------------- the disk

static ssize_t read_for_tsk(TSK_IMG_INFO *info, TSK_OFF_T offset, char *into, size_t len)
{
    bool failed = false;
    size_t got = offset < 0 ? 0 : disk_read(((tsk_disk *)info)->disk, (u64)offset, into, len, &failed);
    return got || !failed ? (ssize_t)got : -1;
}

static void close_for_tsk(TSK_IMG_INFO *info)
{
    tsk_disk *t = (tsk_disk *)info;
    disk_close(t->disk);
    mem_free(t);
}

static void describe_for_tsk(TSK_IMG_INFO *info, FILE *to)
{
    (void)info, (void)to;
}

static image *image_new(disk *d)
{
    image *m = mem_zeroed(1, sizeof(*m));
    m->users = 1;
    m->tsk = mem_zeroed(1, sizeof(*m->tsk));
    m->tsk->disk = d;
    pthread_mutex_init(&m->lock.mutex, NULL);
    mem_watch_begin();
    if (libtsk.tsk_img_open_external(&m->tsk->info, (TSK_OFF_T)disk_bytes(d), disk_sector(d) ? disk_sector(d) : 512,
                                     read_for_tsk, close_for_tsk, describe_for_tsk))
        return m;
    mem_watch_end();
    disk_close(d);
    mem_free(m->tsk);
    mem_free(m);
    return NULL;
}

static bool visit_image(disk *d, const char *path, const archive_visitor *v, u32 *volumes)
{
    error e = {0};
    image *m = image_new(d);
    if (!m) {
        error_set(&e, "%s: %s", path, tsk_why());
        return fail(v, path, &e);
    }
    bool goes_on = visit_disk(m, path, v);
    if (goes_on && m->lock.lacked_memory) {
        error_code_set(&e, ERR_MEMORY, "%s: looking into it took more memory than there was: there may be more in it",
                       path);
        goes_on = fail(v, path, &e);
    }
    *volumes = m->volume_count;
    image_release(m);
    return goes_on;
}

bool image_each(input *in, const archive_visitor *v, u32 *volumes)
{
    arena a = {0};
    const char *path = arena_text(&a, in->path);
    error e = {0}, missing = {0};
    *volumes = 0;
    bool goes_on = true;
    if (!libtsk_is_there()) {
        error_set(&e, "%s: it is a disk image, and libtsk is not installed here", path);
        input_close(in);
        goes_on = fail(v, path, &e);
    } else {
        disk *d = disk_open(in, &missing, &e);
        goes_on = d ? !missing.code || fail(v, path, &missing) : fail(v, path, &e);
        if (d && goes_on)
            goes_on = visit_image(d, path, v, volumes);
        else if (d)
            disk_close(d);
    }
    arena_free(&a);
    return goes_on;
}

#else

bool image_each(input *in, const archive_visitor *v, u32 *volumes)
{
    error e = {0};
    *volumes = 0;
    error_set(&e, "%s: it is a disk image, and this program was built without libtsk", in->path);
    bool goes_on = v->failed(v->context, in->path, &e);
    input_close(in);
    return goes_on;
}

#endif
