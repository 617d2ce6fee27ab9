// MOF texts.
#include "fuzz.h"

extern const schema_source schema_source_mof;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    fuzz_source(&schema_source_mof, "x.mof", (span){data, size});
    return 0;
}
