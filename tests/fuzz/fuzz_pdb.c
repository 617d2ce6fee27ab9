// Program databases.
#include "fuzz.h"

extern const schema_source schema_source_pdb;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    fuzz_source(&schema_source_pdb, "x.pdb", (span){data, size});
    return 0;
}
