#define _DEFAULT_SOURCE // S_IFDIR
#include "ntfs_build.h"

#if __has_include(<ntfs-3g/volume.h>)

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ntfs-3g/types.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/layout.h>
#include <ntfs-3g/runlist.h>
#include <ntfs-3g/unistr.h>
#include <ntfs-3g/volume.h>

// The library gives not all of its memory back; a leak checker is to look at ours.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libntfs-3g";
}

struct ntfs_image {
    ntfs_volume *volume;
    char path[512];
};

bool ntfs_can_build(void)
{
    return system("PATH=$PATH:/usr/sbin:/sbin; command -v mkntfs >/dev/null") == 0;
}

static void mount(ntfs_image *n)
{
    n->volume = ntfs_mount(n->path, 0);
    assert_non_null(n->volume);
}

// The library does not always find what it has just made.
static void remount(ntfs_image *n)
{
    assert_int_equal(ntfs_umount(n->volume, FALSE), 0);
    mount(n);
}

ntfs_image *ntfs_begin(const char *path, u32 megabytes)
{
    char command[1200];
    snprintf(command, sizeof(command),
             "PATH=$PATH:/usr/sbin:/sbin; rm -f '%s' && truncate -s %uM '%s' && "
             "mkntfs -q -F -Q -s 512 -p 0 -H 255 -S 63 '%s' >/dev/null 2>&1",
             path, megabytes, path, path);
    assert_int_equal(system(command), 0);
    ntfs_image *n = calloc(1, sizeof(*n));
    snprintf(n->path, sizeof(n->path), "%s", path);
    mount(n);
    return n;
}

// A name in UTF-16, from the heap.
static ntfschar *name_of(const char *text, u8 *len)
{
    ntfschar *name = NULL;
    int count = ntfs_mbstoucs(text, &name);
    assert_true(count > 0 && count < 256);
    *len = (u8)count;
    return name;
}

static ntfs_inode *open_path(ntfs_image *n, const char *path)
{
    return ntfs_pathname_to_inode(n->volume, NULL, path);
}

static ntfs_inode *make_entry(ntfs_inode *folder, const char *name, mode_t type)
{
    u8 len;
    ntfschar *text = name_of(name, &len);
    ntfs_inode *made = ntfs_create(folder, const_cpu_to_le32(0), text, len, type);
    free(text);
    assert_non_null(made);
    return made;
}

// The folder a path is in, made where it is missing. *last is the rest of the path.
static ntfs_inode *make_folders(ntfs_image *n, char *path, const char **last)
{
    ntfs_inode *folder = open_path(n, "/");
    char *part = path, *slash;
    for (; (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        *slash = 0;
        ntfs_inode *next = open_path(n, path);
        if (!next)
            next = make_entry(folder, part, S_IFDIR);
        ntfs_inode_close(folder);
        folder = next;
        *slash = '/';
    }
    *last = part;
    return folder;
}

static void write_stream(ntfs_inode *ni, ntfschar *name, u8 name_len, const void *bytes, size_t len)
{
    ntfs_attr *at = ntfs_attr_open(ni, AT_DATA, name, name_len);
    assert_non_null(at);
    for (size_t done = 0; done < len;) {
        s64 part = ntfs_attr_pwrite(at, (s64)done, (s64)(len - done), (const u8 *)bytes + done);
        assert_true(part > 0);
        done += (size_t)part;
    }
    if (NAttrCompressed(at))
        assert_int_equal(ntfs_attr_pclose(at), 0);
    ntfs_attr_close(at);
}

static void put(ntfs_image *n, const char *path, const void *bytes, size_t len, bool compressed)
{
    char copy[1024];
    const char *last;
    snprintf(copy, sizeof(copy), "%s", path);
    ntfs_inode *folder = make_folders(n, copy, &last), *ni = make_entry(folder, last, S_IFREG);
    if (compressed) {
        ni->flags |= FILE_ATTR_COMPRESSED;
        assert_int_equal(ntfs_attr_set_flags(ni, AT_DATA, AT_UNNAMED, 0, ATTR_IS_COMPRESSED, ATTR_COMPRESSION_MASK), 0);
    }
    write_stream(ni, AT_UNNAMED, 0, bytes, len);
    ntfs_inode_close(ni);
    ntfs_inode_close(folder);
    remount(n);
}

void ntfs_put(ntfs_image *n, const char *path, const void *bytes, size_t len)
{
    put(n, path, bytes, len, false);
}

void ntfs_put_compressed(ntfs_image *n, const char *path, const void *bytes, size_t len)
{
    put(n, path, bytes, len, true);
}

void ntfs_put_stream(ntfs_image *n, const char *path, const char *stream, const void *bytes, size_t len)
{
    u8 name_len;
    ntfschar *name = name_of(stream, &name_len);
    ntfs_inode *ni = open_path(n, path);
    assert_non_null(ni);
    assert_int_equal(ntfs_attr_add(ni, AT_DATA, name, name_len, NULL, 0), 0);
    write_stream(ni, name, name_len, bytes, len);
    ntfs_inode_close(ni);
    free(name);
}

void ntfs_remove(ntfs_image *n, const char *path)
{
    char copy[1024];
    const char *last;
    u8 len;
    snprintf(copy, sizeof(copy), "%s", path);
    ntfs_inode *folder = make_folders(n, copy, &last), *ni = open_path(n, path);
    ntfschar *name = name_of(last, &len);
    assert_non_null(ni);
    assert_int_equal(ntfs_delete(n->volume, path, ni, folder, name, len), 0); // closes both
    free(name);
    remount(n);
}

u64 ntfs_place(ntfs_image *n, const char *path)
{
    ntfs_inode *ni = open_path(n, path);
    assert_non_null(ni);
    ntfs_attr *at = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
    assert_non_null(at);
    u64 place = NAttrNonResident(at) ? (u64)ntfs_attr_vcn_to_lcn(at, 0) * n->volume->cluster_size : 0;
    ntfs_attr_close(at);
    ntfs_inode_close(ni);
    return place;
}

void ntfs_end(ntfs_image *n)
{
    assert_int_equal(ntfs_umount(n->volume, FALSE), 0);
    free(n);
}

#else

#include <stdlib.h>

bool ntfs_can_build(void)
{
    return false;
}

ntfs_image *ntfs_begin(const char *path, u32 megabytes)
{
    (void)path, (void)megabytes;
    abort();
}

void ntfs_put(ntfs_image *n, const char *path, const void *bytes, size_t len)
{
    (void)n, (void)path, (void)bytes, (void)len;
}

void ntfs_put_compressed(ntfs_image *n, const char *path, const void *bytes, size_t len)
{
    (void)n, (void)path, (void)bytes, (void)len;
}

void ntfs_put_stream(ntfs_image *n, const char *path, const char *stream, const void *bytes, size_t len)
{
    (void)n, (void)path, (void)stream, (void)bytes, (void)len;
}

void ntfs_remove(ntfs_image *n, const char *path)
{
    (void)n, (void)path;
}

u64 ntfs_place(ntfs_image *n, const char *path)
{
    (void)n, (void)path;
    return 0;
}

void ntfs_end(ntfs_image *n)
{
    (void)n;
}

#endif
