# The library as others get it: its names, and programs that are linked with it, from the place it is installed to.
#
# BUILD, CC and FLAGS are those of the build under test.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
cc=${CC:-cc}
map=parser/include/etwkit.map
headers='parser/include/etwkit.h parser/include/opentrace.h parser/include/tdh.h'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

refuse() {
    echo "library: $*"
    failed=1
}

same() { # what, wanted, found
    if ! diff "$2" "$3" >"$work/difference"; then
        refuse "$1"
        sed -n 's/^</  missing:/p; s/^>/  more:/p' "$work/difference" | head -n 12
    fi
}

# ---------------------------------------------------------------------------------------------- names

sed -n 's/^ *\([A-Za-z0-9_]*\);$/\1/p' "$map" | sort >"$work/map"
nm -g --defined-only "$build/libetwkit.a" | awk 'NF == 3 {print $3}' | sort >"$work/archive"
nm -D --defined-only "$build/libetwkit.so" | awk '$2 != "A" {sub("@.*", "", $3); print $3}' | sort >"$work/shared"
# Functions that the headers declare and do not define.
cat $headers | awk '
    /^[A-Za-z].*[ *][A-Za-z0-9_]+\(/ && !/typedef|static|inline|#/ {
        name = $0
        sub("\\(.*", "", name)
        sub(".*[ *]", "", name)
        if (name != "" && !/\{/)
            print name
    }' | sort -u >"$work/declared"
same "libetwkit.a has the names of etwkit.map" "$work/map" "$work/archive"
same "libetwkit.so has the names of etwkit.map" "$work/map" "$work/shared"
same "etwkit.map has the names that the headers declare" "$work/declared" "$work/map"
grep -vE '^(etwkit_[a-z0-9_]+|OpenTraceW|ProcessTrace|CloseTrace|GetLastError|SetLastError|FileTimeToSystemTime|Tdh[A-Za-z]+)$' "$work/map" \
    >"$work/foreign" && refuse "neither Windows' names nor etwkit_: $(tr '\n' ' ' <"$work/foreign")"

# What the program has of the engine is what it uses.
sed -n 's/^ENGINE(\([a-z0-9_]*\))$/\1/p' parser/include/etwkit_engine.h | sort >"$work/door"
find "$build/obj/cli" "$build/obj/exporters" -name '*.o' -exec nm -u {} + | awk 'NF == 2 {print $2}' | sort -u >"$work/used"
comm -23 "$work/door" "$work/used" >"$work/unused"
[ -s "$work/unused" ] && refuse "etwkit_engine.h lists what nobody uses: $(tr '\n' ' ' <"$work/unused")"
sort -u "$work/door" | cmp -s - "$work/door" || refuse "etwkit_engine.h lists a name twice"

# ---------------------------------------------------------------------------------------------- programs

MAKEFLAGS= make --no-print-directory install BUILD="$build" CC="$cc" DESTDIR="$work/root" PREFIX=/opt/etwkit LIBDIR=/opt/etwkit/lib \
    FLAGS="${FLAGS:--O3 -g}" CFLAGS="${CFLAGS:-}" LDFLAGS="${LDFLAGS:-}" >/dev/null
lib=$work/root/opt/etwkit/lib
value() { # of the .pc file, as pkg-config gives it
    sed "s|^prefix=|&$work/root|; s|^libdir=|&$work/root|" "$lib/pkgconfig/etwkit.pc" >"$work/etwkit.pc"
    prefix=$(sed -n 's/^prefix=//p' "$work/etwkit.pc") libdir=$(sed -n 's/^libdir=//p' "$work/etwkit.pc")
    sed -n "s/^$1: //p" "$work/etwkit.pc" |
        sed "s|\${includedir}|\${prefix}/include|g; s|\${prefix}|$prefix|g; s|\${libdir}|$libdir|g"
}

# A host with everyday names of its own, which the library uses inside as well, and one of Windows' words.
cat >"$work/host.c" <<'END'
#include <stdio.h>
#include <string.h>
#include "etwkit.h"
#include "opentrace.h"
#include "tdh.h"
static int called;
void *mem_alloc(size_t bytes);
void *mem_alloc(size_t bytes) { called++; return bytes ? &called : NULL; }
int session_new(void);
int session_new(void) { return ++called; }
void error_set(int code);
void error_set(int code) { called += code; }
int arena_take, os_open, text_time, map_find;
static VOID WINAPI on_event(PEVENT_RECORD record)
{
    ULONG size = 0;
    called += TdhGetEventInformation(record, 0, NULL, NULL, &size) != ERROR_INSUFFICIENT_BUFFER;
    ++*(unsigned *)record->UserContext;
}
int main(void)
{
    static WCHAR name[] = u"samples/merged.etl";
    unsigned events = 0;
    EVENT_TRACE_LOGFILEW log = {.LogFileName = name, .ProcessTraceMode = PROCESS_TRACE_MODE_EVENT_RECORD,
                                .EventRecordCallback = on_event, .Context = &events};
    TRACEHANDLE trace = OpenTraceW(&log);
    ULONG status = ProcessTrace(&trace, 1, NULL, NULL);
    printf("%u events, status %u, %d calls of ours\n", events, status, called);
    return CloseTrace(trace) != 0 || strcmp(etwkit_version(), ETWKIT_VERSION) != 0;
}
END
for form in static shared; do
    libraries=$(value Libs)
    [ $form = shared ] || libraries="$lib/libetwkit.a $(value Libs.private)"
    # shellcheck disable=SC2086
    $cc -std=c17 -Wall -Wextra -Werror ${FLAGS:-} ${CFLAGS:-} $(value Cflags) "$work/host.c" -o "$work/host" ${LDFLAGS:-} \
        $libraries || refuse "a host does not link with the $form library"
    said=$(LD_LIBRARY_PATH=$lib "$work/host") || refuse "the $form host failed"
    [ "$said" = "247 events, status 0, 0 calls of ours" ] || refuse "the $form host says: $said"
done
# What C++ consumers do with the headers; and with wchar_t as WCHAR.
cat >"$work/consumer.cpp" <<'END'
#include <string>
#include "etwkit.h"
#include "opentrace.h"
#include "tdh.h"
static void CALLBACK on_event(PEVENT_RECORD) {}
static bool is_header(const EVENT_RECORD &r)
{
    return r.EventHeader.ProviderId == EventTraceGuid && IsEqualGUID(r.EventHeader.ProviderId, EventTraceGuid) &&
           r.EventHeader.ProviderId != GUID_NULL;
}
int main()
{
    EVENT_TRACE_LOGFILE log = {};
#ifdef ETWKIT_WCHAR_T
    log.LogFileName = const_cast<LPWSTR>(L"samples/dns.etl");
#else
    std::u16string name(u"samples/dns.etl");
    log.LogFileName = &name[0];
#endif
    log.ProcessTraceMode = PROCESS_TRACE_MODE_EVENT_RECORD;
    log.EventRecordCallback = on_event;
    PROCESSTRACE_HANDLE trace = OpenTrace(&log);
    EVENT_FILTER_DESCRIPTOR filter = {};
    EVENT_DATA_DESCRIPTOR data = {};
    TDH_HANDLE none = nullptr;
    EVENT_RECORD event = {};
    event.EventHeader.ProviderId = EventTraceGuid;
    REFGUID same = event.EventHeader.ProviderId;
    struct { TRACE_EVENT_INFO info; WCHAR name[2]; } described = {};
    described.info.ProviderNameOffset = sizeof(described.info);
    EVENT_PROPERTY_INFO property = {};
    property.Flags = PROPERTY_FLAGS(PropertyStruct | PropertyParamCount);
    SYSTEMTIME time;
    FILETIME start = {log.LogfileHeader.StartTime.LowPart, (DWORD)log.LogfileHeader.StartTime.HighPart};
    bool right = is_header(event) && same == EventTraceGuid && TEI_PROVIDER_NAME(&described.info) == described.name &&
                 !TEI_PROPERTY_NAME(&described.info, &property) && FAILED(HRESULT_FROM_WIN32(ERROR_FILE_CORRUPT)) &&
                 FileTimeToSystemTime(&start, &time) && time.wYear == 2024 && !filter.Ptr && !data.Ptr && !none;
    return right ? (int)(ProcessTrace(&trace, 1, nullptr, nullptr) + CloseTrace(trace)) : 99;
}
END
cxx=${CXX:-c++}
if command -v "$cxx" >/dev/null; then
    for kind in -DUNICODE "-DUNICODE -DETWKIT_WCHAR_T -fshort-wchar"; do
        case ${FLAGS:-} in
        *-fsanitize*) built=-fsyntax-only ;; # the library wants its sanitizer, loaded first
        *) built="-o $work/consumer $(value Libs)" ;;
        esac
        # shellcheck disable=SC2086
        $cxx -std=c++17 -Wall -Wextra -Wpedantic -Werror $kind $(value Cflags) "$work/consumer.cpp" $built ||
            refuse "C++ with $kind does not compile"
        [ "$built" != -fsyntax-only ] || continue
        LD_LIBRARY_PATH=$lib "$work/consumer" || refuse "the C++ consumer with $kind fails with $?"
    done
else
    echo "library: no C++ compiler, the headers were not tried with one"
fi
[ "$(readlink "$lib/libetwkit.so")" = libetwkit.so.1 ] || refuse "libetwkit.so is no link to libetwkit.so.1"

[ $failed = 0 ] && echo "library: its names are its own, and it links"
exit $failed
