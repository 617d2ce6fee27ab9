// TMF files.
#include "fuzz.h"

extern const schema_source schema_source_tmf;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    fuzz_source(&schema_source_tmf, "x.tmf", (span){data, size});
    return 0;
}
