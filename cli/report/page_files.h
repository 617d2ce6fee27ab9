// page.html, page.css and page.js as the Makefile embeds them.
#ifndef ETWKIT_PAGE_FILES_H
#define ETWKIT_PAGE_FILES_H

#include "base/base.h"

extern const u8 page_html[], page_css[], page_js[];
extern const size_t page_html_bytes, page_css_bytes, page_js_bytes;

#endif
