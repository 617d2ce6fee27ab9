// Embedded schemas: bytes 0 and 1 are the length of a TRACE_EVENT_INFO, 2 and 3 that of an EVENT_MAP_INFO after it,
// the rest is a payload, decoded for the provider and id the TRACE_EVENT_INFO names.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    span in = {data, size};
    size_t lengths[2];
    if (size > 60000)
        return 0;
    for (int i = 0; i < 2; i++) {
        lengths[i] = fuzz_take_u8(&in);
        lengths[i] |= (size_t)fuzz_take_u8(&in) << 8;
    }
    span info = fuzz_take(&in, lengths[0]), map = fuzz_take(&in, lengths[1]);
    outbuf records = {0};
    fuzz_put_metadata(&records, 33, map);
    fuzz_put_metadata(&records, 32, info);
    // TRACE_EVENT_INFO: ProviderGuid at 0, EventDescriptor.Id at 32.
    if (info.len >= 34) {
        guid provider = guid_load(info.at);
        fuzz_put_event(&records, &provider, load_u16(info.at + 32), 0, (span){NULL, 0}, in);
    }
    fuzz_records((span){records.bytes, records.len});
    outbuf_free(&records);
    return 0;
}
