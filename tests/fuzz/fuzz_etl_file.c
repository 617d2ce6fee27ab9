// A whole file.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size)
        fuzz_trace((span){data, size});
    return 0;
}
