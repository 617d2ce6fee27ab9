// A PE file with one section of resources, as words for blob.h. The section stands at 0x200 in the file and at 0x1000
// in memory: in the words of the resources an address is u32:@x+0xe00, an offset in the tree u32:@x-0x200, a directory
// u32:@x+0x7ffffe00.
#ifndef ETWKIT_TESTS_PE_BLOB_H
#define ETWKIT_TESTS_PE_BLOB_H

#include "blob.h"

static inline const char *pe_words(arena *a, unsigned machine, bool is_64_bit, const char *resources)
{
    unsigned optional = is_64_bit ? 240 : 224, before = is_64_bit ? 44 : 28;
    return arena_format(a,
                        "ascii:MZ pad:58 u32:@pe here:pe ascii:PE pad:2 u16:%u u16:1 pad:12 u16:%u u16:0x2022\n"
                        "u16:%u pad:58 u32:0x200 pad:%u u32:16 pad:16 u32:0x1000 u32:@end-@rsrc pad:104\n"
                        "ascii:.rsrc pad:3 u32:@end-@rsrc u32:0x1000 u32:@end-@rsrc u32:0x200 pad:16\n"
                        "to:0x200 here:rsrc %s here:end",
                        machine, optional, is_64_bit ? 0x20bu : 0x10bu, before, resources);
}

// One language of one id of one type. `type` is u32:11 or u32:@typename+0x7ffffe00; give the tree's root yourself.
static inline const char *pe_branch(arena *a, const char *label, unsigned id, unsigned language, const char *data)
{
    return arena_format(a,
                        "here:%s pad:12 u16:0 u16:1 u32:%u u32:@%s.l+0x7ffffe00\n"
                        "here:%s.l pad:12 u16:0 u16:1 u32:%u u32:@%s.e-0x200\n"
                        "here:%s.e u32:@%s.d+0xe00 u32:@%s.z-@%s.d pad:8\n"
                        "here:%s.d %s here:%s.z align:8\n",
                        label, id, label, label, language, label, label, label, label, label, label, data, label);
}

#endif
