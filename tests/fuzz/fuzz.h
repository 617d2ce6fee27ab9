// What the fuzz targets share. Each fuzz_<name>.c is one libFuzzer entry; linked with replay.c instead of libFuzzer the
// same file runs over a folder of inputs, which `make check` does with tests/corpus/<name>.
#ifndef ETWKIT_TESTS_FUZZ_H
#define ETWKIT_TESTS_FUZZ_H

#include "base/outbuf.h"
#include "base/span.h"
#include "schema/model/schema.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

// Takes the first `len` bytes (fewer where there are none left) off the input.
span fuzz_take(span *data, size_t len);
u32 fuzz_take_u8(span *data); // 0 where nothing is left

// Puts bytes into a file of this process and returns its name, the same one on every call.
const char *fuzz_file(span bytes);

// A trace through everything a conversion does: open, survey, plans, every record as JSON Lines and CSV, info. Aborts
// where the bytes do not add up or a record was lost between the two passes. Nothing where no trace is found.
void fuzz_trace(span bytes);

// A trace of one buffer with these bytes as its records, after a sound header buffer. Frees nothing of the caller's.
void fuzz_records(span records);
void fuzz_wrap(outbuf *file, span records); // only makes that trace

// A source of schemas over the input; what it gives must hold together.
void fuzz_source(const schema_source *source, const char *path, span data);

// Records in memory, as tests/etl_build.c writes them. payload and extended item `type` (0: none) are the input's.
void fuzz_put_event(outbuf *to, const guid *provider, u16 id, u16 type, span extended, span payload);
void fuzz_put_metadata(outbuf *to, u8 opcode, span payload);

#endif
