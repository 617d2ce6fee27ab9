# What may include what: the parser knows neither exporters nor commands, and each library has its few users.
set -eu
cd "$(dirname "$0")/.."
fail=0

# refuse WHAT WHERE ALLOWED: a line that includes WHAT in WHERE stands only in files matching ALLOWED.
refuse() {
    found=$(grep -rlE "#include [<\"]$1" $2 --include='*.c' --include='*.h' | grep -vE "$3" || true)
    if [ -n "$found" ]; then
        echo "layers: $1 may not be included by:" $found
        fail=1
    fi
}

refuse 'expat\.h' 'parser exporters cli' 'parser/schema/(schema_)?manifest'
refuse 'sqlite3\.h' 'parser exporters cli' 'exporters/sqlite|parser/schema/schema_cache'
refuse 'pthread\.h' 'parser exporters cli' 'cli/(crew|pipeline|hash|ahead)\.c|parser/(tdh_manifest|opentrace)\.c'
refuse 'cjson/' 'parser exporters cli' 'cli/|exporters/(sqlite|l2tcsv)|parser/schema/schema_json'
refuse 'openssl/' 'parser exporters cli' 'parser/base/sha256\.c'
refuse '(exporter|pipeline|options|evidence|filter|commands|info)\.h' 'parser' '^$'
refuse '(pipeline|options|evidence|commands|info|trace|decode/merge)\.h' 'exporters' '^$'
refuse '(schema/|decode/|trace)' 'parser/base parser/container' '^$'
refuse '(decode/|trace\.h)' 'parser/schema' '^$'
[ $fail = 0 ] && echo "layers: in order"
exit $fail
