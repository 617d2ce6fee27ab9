// Payloads without a description, as text where most of them is text.
#ifndef ETWKIT_PAYLOAD_TEXT_H
#define ETWKIT_PAYLOAD_TEXT_H

#include "decode/value.h"

// The payload without NULs at its end as UTF-16, UTF-8 or ANSI, whichever makes text of at least three quarters of it
// (of all of it where it is short); VALUE_NULL where none does.
typed_value payload_text(span payload);

#endif
