# cJSON as an archive, which Debian does not have: made from Debian's source package, with its patches, into FOLDER.
#
# CJSON=FOLDER names sources that are there already.
set -eu
folder=$1
cc=${CC:-cc}
mkdir -p "$folder"
[ -f "$folder/libcjson.a" ] && exit 0
[ -f "$($cc -print-file-name=libcjson.a)" ] && exit 0

if [ -z "${CJSON:-}" ]; then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-source >/dev/null; then
        echo "no libcjson.a here: CJSON=FOLDER names the sources of cJSON" >&2
        exit 1
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial"
    chmod 755 "$work"
    for list in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/ubuntu.sources; do
        [ ! -f "$list" ] || sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/from.sources"
    done
    [ -f "$work/from.sources" ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$work/from.list"
    from=$(echo "$work"/from.*)
    apt="apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList=$from -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$work/lists"
    (cd "$work" && $apt update && $apt source cjson >/dev/null)
    CJSON=$(echo "$work"/cjson-*/)
fi
$cc -O2 -g -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffile-prefix-map="$CJSON"=cjson/ -c -o "$folder/cJSON.o" "$CJSON/cJSON.c"
ar rcsD "$folder/libcjson.a" "$folder/cJSON.o"
