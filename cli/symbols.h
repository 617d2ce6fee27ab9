// Symbols of native code: which program databases a trace asks for, and those of a folder of the user's.
#ifndef ETWKIT_SYMBOLS_H
#define ETWKIT_SYMBOLS_H

#include "evidence.h"

// "ntdll.pdb/1F2E…A1/ntdll.pdb", as symbol servers and their folders have it, a line each, with the image.
void symbols_list(const session *s, outbuf *out);

typedef struct symbols {
    public_symbols *list;
    u32 count;
} symbols;

// What the folder has of them, as NAME/GUIDAGE/NAME or as NAME, becomes known to the session's frames.
symbols *symbols_load(session *s, const char *folder, bool quiet);
void symbols_free(symbols *s); // after the session; NULL is allowed

#endif
