// PE files and the compiled manifests in them; also bare CRIM blocks. Where the input holds "MUI!" what follows is the
// language file.
#include "fuzz.h"

#include <string.h>

#include "schema/wevt/pe.h"
#include "schema/wevt/wevt.h"

static span language_part(span *input)
{
    for (size_t i = 0; i + 4 <= input->len; i++) {
        if (memcmp(input->at + i, "MUI!", 4) == 0) {
            span rest = span_from(*input, i + 4);
            input->len = i;
            return rest;
        }
    }
    return (span){NULL, 0};
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    span in = {data, size};
    span mui = language_part(&in);
    fuzz_source(&schema_source_wevt, "x.dll", in);
    bool present = wevt_present(in); // any answer is right
    (void)present;
    schema_set *set = schema_set_new();
    schema_load load = {0};
    error e;
    (void)wevt_load_with_messages(set, in, mui, "x.dll", RANK_USER, &load, &e);
    schema_load_free(&load);
    schema_set_free(set);
    pe_file pe;
    u16 version[4];
    bool told = pe_open(in, &pe, &e) && pe_version(&pe, version);
    (void)told;
    return 0;
}
