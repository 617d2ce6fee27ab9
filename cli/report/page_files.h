// The files of page/ as the Makefile embeds them.
#ifndef ETWKIT_PAGE_FILES_H
#define ETWKIT_PAGE_FILES_H

#include "base/base.h"

#define PAGE_FILE(name)                                                                                                \
    extern const u8 name[];                                                                                            \
    extern const size_t name##_bytes;

PAGE_FILE(page_html)
PAGE_FILE(page_css)
PAGE_FILE(base_js)
PAGE_FILE(table_js)
PAGE_FILE(timeline_js)
PAGE_FILE(charts_js)
PAGE_FILE(process_js)
PAGE_FILE(page_js)

#undef PAGE_FILE

#endif
