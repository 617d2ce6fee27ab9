// Chunks of EventSource manifests: pieces of the input, each after a u16 length, come as events of one thread.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const guid PROVIDER = {{5, 6, 7, 8}};
    span in = {data, size};
    outbuf records = {0};
    if (size > 60000)
        return 0;
    while (in.len) {
        size_t len = fuzz_take_u8(&in);
        len |= (size_t)fuzz_take_u8(&in) << 8;
        span chunk = fuzz_take(&in, len);
        fuzz_put_event(&records, &PROVIDER, 0xfffe, 0, (span){NULL, 0}, chunk);
        if (records.len > 100000)
            break;
    }
    fuzz_put_event(&records, &PROVIDER, 1, 0, (span){NULL, 0}, (span){data, size < 64 ? size : 64});
    fuzz_records((span){records.bytes, records.len});
    outbuf_free(&records);
    return 0;
}
