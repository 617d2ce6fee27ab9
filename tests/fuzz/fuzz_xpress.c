// The three decompressors: byte 0 chooses, bytes 1 and 2 are the length wanted, the rest is the stream.
#include "fuzz.h"

#include <stdlib.h>

#include "container/lznt1.h"
#include "container/xpress.h"
#include "container/xpress_huffman.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    span in = {data, size};
    u32 form = fuzz_take_u8(&in) % 4;
    size_t len = fuzz_take_u8(&in);
    len |= (size_t)fuzz_take_u8(&in) << 8;
    size_t made = 0;
    error e = {0};
    outbuf all = {0};
    u8 *out = mem_alloc(len + XPRESS_SLACK);
    bool ok = form == 0   ? xpress_inflate_part(in, out, len, &made, &e)
              : form == 1 ? xpress_huffman_inflate_part(in, out, len, &made, &e)
              : form == 2 ? lznt1_inflate_part(in, out, len, &made, &e)
                          : lznt1_inflate_all(in, 1 << 20, &all, &e);
    if (made > len || (form != 3 && ok != (made == len)) || (!ok && !e.message[0]) || all.len > 1 << 20)
        abort();
    mem_free(out);
    outbuf_free(&all);
    return 0;
}
