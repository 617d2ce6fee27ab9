// Instrumentation manifests.
#include "fuzz.h"

extern const schema_source schema_source_manifest;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    fuzz_source(&schema_source_manifest, "x.man", (span){data, size});
    return 0;
}
