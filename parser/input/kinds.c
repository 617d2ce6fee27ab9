#include "input/kinds.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

typedef struct magic {
    u16 offset, len;
    const char *bytes;
    input_kind kind;
} magic;

#define MAGIC(offset, bytes) offset, sizeof(bytes) - 1, bytes

// From the formats' own descriptions (APPNOTE, RFC 1952, RFC 8878, …) and file(1)'s magic. The first that fits counts.
static const magic MAGICS[] = {
    {MAGIC(0, "PK\x03\x04"), {"a ZIP archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "PK\x05\x06"), {"an empty ZIP archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "PK\x07\x08"), {"a ZIP archive in parts", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "7z\xbc\xaf\x27\x1c"), {"a 7z archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "MSCF\0\0\0\0"), {"a cabinet (.cab)", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "Rar!\x1a\x07"), {"a RAR archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "\x1f\x8b\x08"), {"gzip data", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "\xfd\x37zXZ\0"), {"xz data", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "\x28\xb5\x2f\xfd"), {"zstd data", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "BZh"), {"bzip2 data", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "\x04\x22\x4d\x18"), {"lz4 data", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "LZIP\x01"), {"lzip data", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "\x1f\x9d\x90"), {"compress data (.Z)", NULL, FORM_ARCHIVE}},
    {MAGIC(257, "ustar"), {"a tar archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "070701"), {"a cpio archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "070702"), {"a cpio archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "070707"), {"a cpio archive", NULL, FORM_ARCHIVE}},
    {MAGIC(0, "xar!\0\x1c"), {"a xar archive", NULL, FORM_ARCHIVE}},

    {MAGIC(0, "EVF\x09\x0d\x0a\xff\0\x01\x01\0"), {"an EnCase image (.E01)", NULL, FORM_EWF}},
    {MAGIC(0, "EVF\x09\x0d\x0a\xff\0"), {"a later part of an EnCase image", "give its first part (.E01)", FORM_PLAIN}},
    {MAGIC(0, "EVF2\x0d\x0a\x81\0"), {"an EnCase image (.Ex01)", NULL, FORM_EWF}},
    {MAGIC(3, "NTFS    "), {"an image of an NTFS file system", NULL, FORM_DISK}},
    {MAGIC(3, "EXFAT   "), {"an image of an exFAT file system", NULL, FORM_DISK}},
    {MAGIC(82, "FAT32   "), {"an image of a FAT file system", NULL, FORM_DISK}},
    {MAGIC(54, "FAT16   "), {"an image of a FAT file system", NULL, FORM_DISK}},
    {MAGIC(54, "FAT12   "), {"an image of a FAT file system", NULL, FORM_DISK}},
    {MAGIC(512, "EFI PART"), {"a disk image", NULL, FORM_DISK}},
    {MAGIC(0, "KDMV"), {"a VMware disk (.vmdk)", NULL, FORM_VIRTUAL}},
    {MAGIC(0, "# Disk DescriptorFile"), {"the description of a VMware disk", "give the disk's data file", FORM_PLAIN}},
    {MAGIC(0, "vhdxfile"), {"a virtual disk (.vhdx)", "convert it to a raw image first (qemu-img)", FORM_PLAIN}},
    {MAGIC(0, "conectix"), {"a virtual disk (.vhd)", NULL, FORM_VIRTUAL}},
    {MAGIC(0, "QFI\xfb"), {"a virtual disk (.qcow2)", "convert it to a raw image first (qemu-img)", FORM_PLAIN}},
    {MAGIC(3, "-FVE-FS-"), {"a BitLocker volume", "decrypt it first (dislocker)", FORM_PLAIN}},

    {MAGIC(0, "ElfFile\0"), {"an event log (.evtx)", "an .evtx reader reads it", FORM_PLAIN}},
    {MAGIC(4, "LfLe"), {"an event log of old (.evt)", "an .evt reader reads it", FORM_PLAIN}},
    {MAGIC(0, "SQLite format 3\0"), {"an SQLite database", NULL, FORM_PLAIN}},
    {MAGIC(0, "regf"), {"a registry hive", NULL, FORM_PLAIN}},
    {MAGIC(4, "\xef\xcd\xab\x89"), {"an ESE database", NULL, FORM_PLAIN}},
    {MAGIC(0, "PAGEDU64"), {"a memory dump", "etwkit carve finds traces in it", FORM_PLAIN}},
    {MAGIC(0, "PAGEDUMP"), {"a memory dump", "etwkit carve finds traces in it", FORM_PLAIN}},
    {MAGIC(0, "MDMP"), {"a minidump", "etwkit carve finds traces in it", FORM_PLAIN}},
    {MAGIC(0, "MAM\x04"), {"a prefetch file", NULL, FORM_PLAIN}},
    {MAGIC(4, "SCCA"), {"a prefetch file", NULL, FORM_PLAIN}},
    {MAGIC(0, "\x0a\x0d\x0d\x0a"), {"a packet capture (.pcapng)", NULL, FORM_PLAIN}},
    {MAGIC(0, "\xd4\xc3\xb2\xa1"), {"a packet capture (.pcap)", NULL, FORM_PLAIN}},
    {MAGIC(0, "MZ"), {"a program or library (PE)", "--schemas takes descriptions from it", FORM_PLAIN}},
    {MAGIC(0, "\x7f\x45LF"), {"a program or library (ELF)", NULL, FORM_PLAIN}},
    {MAGIC(0, "%PDF-"), {"a PDF document", NULL, FORM_PLAIN}},
    {MAGIC(0, "Microsoft C/C++ MSF 7.00"), {"a PDB file", "--schemas takes descriptions from it", FORM_PLAIN}},
    {MAGIC(0, "<?xml"), {"an XML document", "--schemas takes descriptions from a manifest", FORM_PLAIN}},
    {MAGIC(0, "\xff\xfe<\0?\0x\0m\0l\0"),
     {"an XML document", "--schemas takes descriptions from a manifest", FORM_PLAIN}},
    {MAGIC(0, "<!DOCTYPE html"), {"an HTML page", NULL, FORM_PLAIN}},
    {MAGIC(0, "\x89PNG"), {"a picture (PNG)", NULL, FORM_PLAIN}},
    {MAGIC(0, "{\""), {"JSON", NULL, FORM_PLAIN}},
};

enum { HEAD = 1024 };

// A master boot record: the mark, and at least one partition with a type and a length.
static bool is_partitioned(const u8 *head, size_t len)
{
    if (len < 512 || head[510] != 0x55 || head[511] != 0xaa)
        return false;
    for (u32 i = 0; i < 4; i++) {
        const u8 *entry = head + 446 + 16 * i;
        if ((entry[0] & 0x7f) == 0 && entry[4] && load_u32(entry + 12))
            return true;
    }
    return false;
}

// Of the format that had no mark yet: properties as everybody leaves them, a dictionary of 2^n or 2^n + 2^(n-1) bytes,
// and a size that is not known or not beyond reason.
static bool is_lzma(const u8 *head, size_t len)
{
    enum { BEGIN = 13, MOST_BITS = 40 };
    if (len < BEGIN || head[0] != 0x5d)
        return false;
    u32 dictionary = load_u32(head + 1), top = dictionary ? 1u << (31 - __builtin_clz(dictionary)) : 0;
    u64 size = load_u64(head + 5);
    return dictionary >= 4096 && (dictionary == top || dictionary == top + top / 2) &&
           (size == UINT64_MAX || size >> MOST_BITS == 0);
}

// An optical disc, by ISO 9660: its first descriptor is in sector 16.
static bool is_disc(const input *in)
{
    enum { AT = 16 * 2048 + 1 };
    char mark[5];
    bool failed = false;
    return in->bytes > AT && input_read(in, AT, mark, sizeof(mark), &failed) == sizeof(mark) &&
           memcmp(mark, "CD001", sizeof(mark)) == 0;
}

const input_kind *input_kind_of(const input *in)
{
    static const input_kind DISK = {"a disk image", NULL, FORM_DISK}, LZMA = {"lzma data", NULL, FORM_ARCHIVE},
                            DISC = {"an image of a disc (.iso)", NULL, FORM_ARCHIVE};
    u8 head[HEAD];
    bool failed = false;
    size_t len = input_read(in, 0, head, sizeof(head), &failed);
    for (u32 i = 0; i < COUNT_OF(MAGICS); i++) {
        const magic *m = &MAGICS[i];
        if ((size_t)m->offset + m->len <= len && memcmp(head + m->offset, m->bytes, m->len) == 0)
            return &m->kind;
    }
    return is_lzma(head, len) ? &LZMA : is_disc(in) ? &DISC : is_partitioned(head, len) ? &DISK : NULL;
}

const char *input_kind_text(const input *in, char text[KIND_TEXT])
{
    const input_kind *kind = input_kind_of(in);
    u8 b[4] = {0};
    bool failed = false;
    if (kind) {
        snprintf(text, KIND_TEXT, "it is %s%s%s", kind->name, kind->advice ? "; " : "",
                 kind->advice ? kind->advice : "");
    } else if (input_read(in, 0, b, sizeof(b), &failed) < sizeof(b)) {
        snprintf(text, KIND_TEXT, "it has %llu bytes", (unsigned long long)in->bytes);
    } else {
        snprintf(text, KIND_TEXT, "its first bytes are %02x %02x %02x %02x", b[0], b[1], b[2], b[3]);
    }
    return text;
}
