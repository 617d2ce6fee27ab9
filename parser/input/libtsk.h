// libtsk and libewf, loaded when they are needed first, so that a run without disk images does not pay for them.
#ifndef ETWKIT_LIBTSK_H
#define ETWKIT_LIBTSK_H

#include <pthread.h>

#include "base/memory.h"

// The libraries' versions; NULL: this program was built without it, or it is not installed here.
const char *libtsk_version(void);
const char *libewf_version(void);

// Around calls of them that share what one thread at a time may use. They swallow that they found no memory.
typedef struct library_lock {
    pthread_mutex_t mutex;
    bool lacked_memory; // once: what was said to be not there, or broken, may be neither
} library_lock;

static inline void library_enter(library_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    mem_watch_begin();
}

static inline void library_leave(library_lock *lock)
{
    lock->lacked_memory = lock->lacked_memory || mem_watch_lacked();
    pthread_mutex_unlock(&lock->mutex);
}

#if !defined(_WIN32) && !defined(ETWKIT_NO_IMAGES) && __has_include(<tsk/libtsk.h>)
#define HAS_LIBTSK
#include <tsk/libtsk.h>

#define LIBTSK_FUNCTIONS(X)                                                                                            \
    X(tsk_version_get_str)                                                                                             \
    X(tsk_error_get_errstr)                                                                                            \
    X(tsk_error_reset)                                                                                                 \
    X(tsk_img_open_external)                                                                                           \
    X(tsk_img_open_utf8_sing)                                                                                          \
    X(tsk_img_read)                                                                                                    \
    X(tsk_img_close)                                                                                                   \
    X(tsk_vs_open)                                                                                                     \
    X(tsk_vs_close)                                                                                                    \
    X(tsk_fs_open_img)                                                                                                 \
    X(tsk_fs_close)                                                                                                    \
    X(tsk_fs_path2inum)                                                                                                \
    X(tsk_fs_dir_open_meta)                                                                                            \
    X(tsk_fs_dir_getsize)                                                                                              \
    X(tsk_fs_dir_get)                                                                                                  \
    X(tsk_fs_dir_close)                                                                                                \
    X(tsk_fs_file_open_meta)                                                                                           \
    X(tsk_fs_file_close)                                                                                               \
    X(tsk_fs_file_attr_getsize)                                                                                        \
    X(tsk_fs_file_attr_get_idx)                                                                                        \
    X(tsk_fs_file_attr_get_type)                                                                                       \
    X(tsk_fs_attr_read)

typedef struct libtsk_functions {
#define MEMBER(name) __typeof__(name) *name;
    LIBTSK_FUNCTIONS(MEMBER)
#undef MEMBER
} libtsk_functions;

// Valid once libtsk_is_there() was true.
extern libtsk_functions libtsk;
bool libtsk_is_there(void); // on any thread
#endif

#if !defined(_WIN32) && !defined(ETWKIT_NO_IMAGES) && __has_include(<libewf.h>)
#define HAS_LIBEWF
#include <libewf.h>

#define LIBEWF_FUNCTIONS(X)                                                                                            \
    X(libewf_get_version)                                                                                              \
    X(libewf_glob)                                                                                                     \
    X(libewf_glob_free)                                                                                                \
    X(libewf_error_sprint)                                                                                             \
    X(libewf_error_free)                                                                                               \
    X(libewf_handle_initialize)                                                                                        \
    X(libewf_handle_free)                                                                                              \
    X(libewf_handle_set_maximum_number_of_open_handles)                                                                \
    X(libewf_handle_open)                                                                                              \
    X(libewf_handle_close)                                                                                             \
    X(libewf_handle_read_random)                                                                                       \
    X(libewf_handle_get_media_size)                                                                                    \
    X(libewf_handle_get_bytes_per_sector)                                                                              \
    X(libewf_handle_get_number_of_checksum_errors)                                                                     \
    X(libewf_handle_get_checksum_error)

typedef struct libewf_functions {
#define MEMBER(name) __typeof__(name) *name;
    LIBEWF_FUNCTIONS(MEMBER)
#undef MEMBER
} libewf_functions;

// Valid once libewf_is_there() was true.
extern libewf_functions libewf;
bool libewf_is_there(void); // on any thread
#endif

#endif
