# What may include what.
#
# LAYERS lists the folders of the product from the ground up: a file may include files of its own folder and of folders
# above it in this list, no others. The program (cli/, exporters/) has the engine through one door: of parser/ it includes
# base/, etwkit_engine.h, etwkit.h and the list decode/columns.def only. LIBRARIES names the files that may use each library.
set -eu
cd "$(dirname "$0")/.."

LAYERS='
parser/base
parser/threads
parser/input
parser/container
parser/schema/model
parser/schema/core
parser/schema/tables
parser/schema/wevt
parser/schema/manifest
parser/schema/wpp
parser/schema/mof
parser/schema/carried
parser/schema/files
parser/schema/machine
parser/schema/cache
parser/decode
parser/correlate
parser/activity
parser/session
parser/query
parser/detect
parser/include
parser/native
parser/winapi
exporters
cli
cli/detect
cli/convert
cli/carve
cli/schemas
cli/report
cli/verify
'

LIBRARIES='
expat.h    parser/schema/(carried|manifest)/|cli/version[.]c
sqlite3.h  exporters/sqlite|cli/detect/detect_sqlite[.]c|parser/schema/cache/|parser/base/sqlite_fd|cli/verify/|cli/version[.]c
csv.h      cli/verify/|cli/version[.]c
zstd.h     exporters/parquet_chunk[.]c|cli/version[.]c
pthread.h  parser/threads/|parser/base/spill[.]c|parser/winapi/|parser/input/|parser/session/schema_store[.]c|cli/(inputs|pipeline)[.][ch]
cjson/     cli/|exporters/sqlite
tsk/       parser/input/libtsk
libewf.h   parser/input/libtsk
hivex.h    parser/input/hive[.]c
yaml.h     parser/detect/libyaml
pcre2.h    parser/detect/libpcre2
openssl/   parser/base/sha256[.]c|cli/version[.]c
'

headers=$(find parser exporters cli -name '*.h' -o -name '*.def')

find parser exporters cli -name '*.[ch]' | sort | LAYERS="$LAYERS" LIBRARIES="$LIBRARIES" HEADERS="$headers" xargs awk '
    BEGIN {
        count = split(ENVIRON["LAYERS"], layers)
        for (i = 1; i <= count; i++)
            rank[layers[i]] = i
        count = split(ENVIRON["HEADERS"], headers)
        for (i = 1; i <= count; i++) {
            name = headers[i]
            sub("^(parser/include|parser|exporters|cli)/", "", name)
            folder[name] = folder_of(headers[i])
        }
        libraries = split(ENVIRON["LIBRARIES"], words) / 2
        for (i = 1; i <= libraries; i++) {
            library[i] = words[2 * i - 1]
            users[i] = words[2 * i]
        }
    }
    function folder_of(path) {
        sub("/[^/]*$", "", path)
        return path
    }
    function refuse(why) {
        printf "layers: %s:%d: %s\n", FILENAME, FNR, why
        failed = 1
    }
    FNR == 1 {
        own = folder_of(FILENAME)
        if (!(own in rank))
            refuse(own " is not among the layers")
    }
    /^#include "/ {
        split($0, part, "\"")
        if (!(part[2] in folder))
            refuse("no such header: " part[2])
        else if (rank[folder[part[2]]] > rank[own])
            refuse(own " includes " part[2] " of " folder[part[2]] ", a higher layer")
        else if (own !~ /^parser/ && folder[part[2]] ~ /^parser/ && part[2] !~ "^(base/.*|decode/columns.def|etwkit_engine.h|etwkit.h)$")
            refuse(own " includes " part[2] ": the program has the engine through etwkit_engine.h")
    }
    /^#include </ {
        split($0, part, "[<>]")
        for (i = 1; i <= libraries; i++)
            if (index(part[2], library[i]) == 1 && FILENAME !~ users[i])
                refuse("only " users[i] " may include " part[2])
    }
    END {
        if (!failed)
            print "layers: in order"
        exit failed
    }'
