// Payload atoms: one word of a description, such as u32:7 or wstr:"a name", into bytes.
//
//   u8 u16 u32 u64 i8 i16 i32 i64 x8 x16 x32 x64   integers, also lists: u16:1,2,3
//   be16 be32 port                                 big-endian
//   f32 f64                                        floating point
//   bool                                           win:Boolean, 4 bytes: yes or no
//   ptr                                            as wide as the event's header says
//   wstr astr                                      UTF-16 or bytes, with a terminator
//   wchars chars                                   the same without
//   cwstr castr cbin                               after a u16 length in bytes
//   wfixed:8:"text" afixed:8:"text"                padded with zeros to 8 characters
//   guid sid wbemsid filetime systemtime           wbemsid:none has four zero bytes
//   time                                           session clock: +100us
//   ipv4 ipv6 hex zeros:4 ones:4 text:NAME
#ifndef ETWKIT_TESTS_ETL_PAYLOAD_H
#define ETWKIT_TESTS_ETL_PAYLOAD_H

#include "etl_words.h"

typedef struct text_block {
    const char *name, *text;
    struct text_block *next;
} text_block;

typedef struct payload_context {
    u32 bits; // of the event
    const etl_trace *trace;
    const text_block *texts;
    arena *memory;
} payload_context;

bool payload_put(outbuf *to, const char *atom, const payload_context *context, error *e);
bool payload_put_all(outbuf *to, const words *w, const payload_context *context, error *e);
const char *text_find(const text_block *texts, const char *name); // NULL: no such block

#endif
