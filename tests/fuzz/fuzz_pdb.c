// Program databases.
#include <string.h>

#include "fuzz.h"

#include "schema/wpp/pdb_publics.h"

extern const schema_source schema_source_pdb;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    public_symbols symbols;
    error e = {0};
    guid id = {{0}};
    if (size > sizeof(id)) // whatever the file is, of a build that it may be of
        memcpy(id.bytes, data + size - sizeof(id), sizeof(id));
    if (pdb_publics((span){data, size}, &id, &symbols, &e))
        public_symbols_free(&symbols);
    fuzz_source(&schema_source_pdb, "x.pdb", (span){data, size});
    return 0;
}
