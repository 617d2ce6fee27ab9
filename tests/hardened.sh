# What the compiler and the loader do for the program and the library, as their files say; and that no file of the build
# names the folder it was made in.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
case "${HARDEN:-yes} ${FLAGS:-} ${CFLAGS:-}" in
*-fsanitize* | no*) echo "hardened: not in this build" && exit 0 ;;
esac
command -v readelf >/dev/null || { echo "hardened: no readelf, not looked at" && exit 0; }
failed=0

refuse() {
    echo "hardened: $*"
    failed=1
}

holds() { # what, pattern, how readelf is called
    what=$1 pattern=$2
    shift 2
    readelf -W "$@" 2>/dev/null | grep -Eq "$pattern" || refuse "$what"
}

[ "$(dd if="$build/etwkit" bs=1 count=4 2>/dev/null)" = "$(printf '\177ELF')" ] || { echo "hardened: not ELF, not looked at" && exit 0; }
holds "the program is not position-independent" 'FLAGS_1.* PIE' -d "$build/etwkit"
for file in etwkit libetwkit.so; do
    holds "$file: functions are bound while it runs" 'BIND_NOW|FLAGS_1.* NOW' -d "$build/$file"
    holds "$file: nothing becomes read-only after relocation" GNU_RELRO -l "$build/$file"
    holds "$file: the stack may be executed" 'GNU_STACK .* RW ' -l "$build/$file"
    holds "$file: no check of the stack" __stack_chk_fail --dyn-syms "$build/$file"
    readelf -lW "$build/$file" | grep -q ' RWE ' && refuse "$file: memory that is written and executed"
done
holds "the program calls no checked functions of the C library" '__(memcpy|snprintf)_chk' --dyn-syms "$build/etwkit"
if [ "$(uname -m)" = x86_64 ] && ${CC:-cc} -fcf-protection -E -x c /dev/null >/dev/null 2>&1; then
    find "$build/obj/parser" "$build/obj/cli" "$build/obj/exporters" -name '*.o' | while read -r object; do
        source=${object#"$build/obj/"} # an object whose source is gone is not part of the program
        [ -f "${source%.o}.c" ] || continue
        readelf -n "$object" | grep -q 'IBT, SHSTK' || echo "$object"
    done >"$build/unmarked"
    [ -s "$build/unmarked" ] && refuse "without branch protection: $(tr '\n' ' ' <"$build/unmarked")"
fi
# As a whole: a folder /src is not meant by ../../src/lib, which the archives of other libraries name.
folder=$(pwd | sed 's/[][\\.*^$+?(){}|]/\\&/g')
for file in etwkit libetwkit.so libetwkit.a; do
    grep -aqE "(^|[^[:alnum:]_./-])$folder(/|\$)" "$build/$file" && refuse "$file names $(pwd)"
done

[ $failed = 0 ] && echo "hardened: as it is meant to be"
exit $failed
