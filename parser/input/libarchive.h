// libarchive, loaded when it is needed first, so that a run without archives does not pay for it.
#ifndef ETWKIT_LIBARCHIVE_H
#define ETWKIT_LIBARCHIVE_H

#include "base/base.h"

// The library's version and those of the libraries it uses; NULL: this program was built without it, or it is not
// installed here.
const char *archive_library(void);

#if !defined(_WIN32) && __has_include(<archive.h>)
#define HAS_LIBARCHIVE
#include <archive.h>
#include <archive_entry.h>

#define LIBARCHIVE_FUNCTIONS(X)                                                                                        \
    X(archive_version_details)                                                                                         \
    X(archive_errno)                                                                                                   \
    X(archive_error_string)                                                                                            \
    X(archive_read_new)                                                                                                \
    X(archive_read_support_filter_all)                                                                                 \
    X(archive_read_support_format_7zip)                                                                                \
    X(archive_read_support_format_ar)                                                                                  \
    X(archive_read_support_format_cab)                                                                                 \
    X(archive_read_support_format_cpio)                                                                                \
    X(archive_read_support_format_empty)                                                                               \
    X(archive_read_support_format_iso9660)                                                                             \
    X(archive_read_support_format_lha)                                                                                 \
    X(archive_read_support_format_rar)                                                                                 \
    X(archive_read_support_format_rar5)                                                                                \
    X(archive_read_support_format_tar)                                                                                 \
    X(archive_read_support_format_warc)                                                                                \
    X(archive_read_support_format_xar)                                                                                 \
    X(archive_read_support_format_zip)                                                                                 \
    X(archive_read_support_format_raw)                                                                                 \
    X(archive_read_set_read_callback)                                                                                  \
    X(archive_read_set_seek_callback)                                                                                  \
    X(archive_read_set_skip_callback)                                                                                  \
    X(archive_read_set_callback_data)                                                                                  \
    X(archive_read_open1)                                                                                              \
    X(archive_read_open_memory)                                                                                        \
    X(archive_read_next_header)                                                                                        \
    X(archive_read_data)                                                                                               \
    X(archive_read_free)                                                                                               \
    X(archive_format)                                                                                                  \
    X(archive_entry_new)                                                                                               \
    X(archive_entry_free)                                                                                              \
    X(archive_entry_set_filetype)                                                                                      \
    X(archive_entry_pathname)                                                                                          \
    X(archive_entry_pathname_utf8)                                                                                     \
    X(archive_entry_hardlink)                                                                                          \
    X(archive_entry_hardlink_utf8)                                                                                     \
    X(archive_entry_size)                                                                                              \
    X(archive_entry_filetype)                                                                                          \
    X(archive_entry_is_encrypted)                                                                                      \
    X(archive_write_new)                                                                                               \
    X(archive_write_add_filter)                                                                                        \
    X(archive_write_set_format_raw)                                                                                    \
    X(archive_write_set_options)                                                                                       \
    X(archive_write_set_bytes_per_block)                                                                               \
    X(archive_write_open_memory)                                                                                       \
    X(archive_write_header)                                                                                            \
    X(archive_write_data)                                                                                              \
    X(archive_write_close)                                                                                             \
    X(archive_write_free)

typedef struct libarchive_functions {
#define MEMBER(name) __typeof__(name) *name;
    LIBARCHIVE_FUNCTIONS(MEMBER)
#undef MEMBER
} libarchive_functions;

// Valid once libarchive_is_there() was true.
extern libarchive_functions libarchive;
bool libarchive_is_there(void); // on any thread
#endif

#endif
