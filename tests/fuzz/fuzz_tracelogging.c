// TraceLogging metadata and a payload for it: bytes 0 and 1 are the metadata's length, byte 2 that of the traits.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const guid PROVIDER = {{1, 2, 3, 4}};
    span in = {data, size};
    size_t meta = fuzz_take_u8(&in);
    meta |= (size_t)fuzz_take_u8(&in) << 8;
    size_t traits = fuzz_take_u8(&in);
    if (size > 60000)
        return 0;
    span schema = fuzz_take(&in, meta), identity = fuzz_take(&in, traits);
    outbuf records = {0};
    fuzz_put_event(&records, &PROVIDER, 0, 11, schema, in);
    fuzz_put_event(&records, &PROVIDER, 0, 12, identity, in);
    fuzz_records((span){records.bytes, records.len});
    outbuf_free(&records);
    return 0;
}
