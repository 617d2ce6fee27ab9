// Values that events have as numbers or bytes, as people write them.
#ifndef ETWKIT_SHAPES_H
#define ETWKIT_SHAPES_H

#include "decode/value.h"

// Without \\Device\\NamedPipe.
void shape_put_pipe(span path, outbuf *out);

// Bytes that are a text: scripts and documents that were scanned. Others as they are.
void shape_put_text(const typed_value *value, outbuf *out);

// Methods of requests as http.h numbers them (HTTP_VERB); others as they are.
void shape_put_verb(const typed_value *value, outbuf *out);

#endif
