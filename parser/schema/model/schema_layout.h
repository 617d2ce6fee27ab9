// The text in which built-in tables write a payload: "u32 Count; ptr[Count] Frames; wstr Name".
//
// A field is a type and a name, fields are separated by "; ". It knows nothing of where the text comes from; the text
// is part of the program, never input.
//
//   i8 i16 i32 i64 u8 u16 u32 u64 f32 f64   numbers          x8 x16 x32 x64   unsigned, shown as hex
//   hex32 hex64   win:HexInt32/64           ptr size_t       of the event's pointer size
//   bool   win:Boolean, 4 bytes             bool8            one byte
//   guid, sid, wbemsid (TOKEN_USER and SID), ipv4, ipv6, port (big-endian), sockaddr
//   time   FILETIME                         systime          SYSTEMTIME
//   wmitime   a time of the session clock, always 8 bytes
//   wstr astr   to the NUL                  cwstr castr cbytes   u16 byte length in front
//   char wchar  one character               dump             u32 byte length in front
//   wstr(256) astr(16) bytes(16)   fixed length (characters for wstr)      wstr(Len) bytes(Len)   as Len says
//   bytes(rest)   all that is left, one value: IN_BINARY, PROP_COUNT_REST and no length
//   lznt1(rest)   likewise: UTF-16 in LZNT1, or with :Utf8 UTF-8 (PROP_LZNT1)
//   T[5] T[Count] T[rest]   an array; Count names an earlier field
//   {ptr Object; u8 Type}[Count] Objects   a struct, or an array of them
//   ~ptr Name   hidden: located, not shown
//   pad3   hidden bytes                     padptr   4 hidden bytes which only events with 8-byte pointers may have
//   u32:NTSTATUS   another out type, by its manifest name                  u32=MapName   a value map of the provider
#ifndef ETWKIT_SCHEMA_LAYOUT_H
#define ETWKIT_SCHEMA_LAYOUT_H

#include "schema/model/schema.h"

// How many events a layout makes: 2 where it has a padptr (first with, then without those bytes), else 1. Which one
// holds for a payload shows only when both are tried: some native structs were logged packed, some as they are.
u32 layout_variants(const char *text);

// Fills properties, property_count and top_count of `event` from `text`; memory comes from the arena. Maps are looked
// up in `provider`, which may be NULL where the text names none. False and one sentence where the text is wrong.
bool layout_compile(arena *a, const provider_schema *provider, const char *text, u32 variant, event_schema *event,
                    error *e);

#endif
