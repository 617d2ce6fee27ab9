// The records of one buffer.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size <= 65536)
        fuzz_records((span){data, size});
    return 0;
}
