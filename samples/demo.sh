# demo.sh BUILD: converts the bundled samples to every format into a temporary folder and shows what came out.
# Needs nothing but the program and a POSIX shell with awk; sqlite3 is used where it is there.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
etwkit=$build/etwkit
folder=$(mktemp -d "${TMPDIR:-/tmp}/etwkit-demo.XXXXXX")

title() {
    printf '\n== %s\n\n' "$*"
}

run() { # shows a command as one would type it, then runs it
    printf '$ etwkit %s\n' "$*"
    "$etwkit" "$@"
}

bytes_of() {
    wc -c <"$1" | tr -d ' '
}

# String members of JSON Lines as a table, "-" where there is none. Escapes stay as they are.
table() { # FILE MEMBER...
    file=$1
    shift
    awk -v members="$*" '
        function member(line, name,   key, at, rest, end) {
            key = "\"" name "\":\""
            at = index(line, key)
            if (!at) return "-"
            rest = substr(line, at + length(key))
            for (end = 1; substr(rest, end, 1) != "\""; end++)
                if (substr(rest, end, 1) == "\\") end++
            return end > 1 ? substr(rest, 1, end - 1) : "-"
        }
        BEGIN { n = split(members, name, " ") }
        {
            line = ""
            for (i = 1; i <= n; i++) {
                cell = member($0, name[i])
                if (name[i] == "timestamp") cell = substr(cell, 12, 12)
                line = line sprintf(i == n ? "%s" : i == 3 ? "%-46s" : "%-16s", cell)
            }
            print line
        }' "$file"
}

title "What is this trace?"
run info --cache none samples/dns.etl

title "Which process looked up which name?"
where="provider = 'Microsoft-Windows-DNS-Client' and event_id = 3008"
printf '$ etwkit convert samples/dns.etl --where "%s"\n\n' "$where"
"$etwkit" convert -q --cache none samples/dns.etl --where "$where" -o "$folder/names.jsonl"
table "$folder/names.jsonl" timestamp process_name QueryName QueryResults

title "The same as SQL"
"$etwkit" convert -q --cache none samples/dns.etl -o "$folder/dns.db"
query="SELECT process_name, count(*) AS lookups, group_concat(QueryName, ', ') AS names
FROM \"Microsoft-Windows-DNS-Client/3008\" GROUP BY process_name ORDER BY min(record);"
printf '%s\n\n' "$query"
if command -v sqlite3 >/dev/null 2>&1; then
    sqlite3 -separator '  ' "$folder/dns.db" "$query"
else
    echo "(sqlite3 is not installed; the database is $folder/dns.db)"
fi

title "Every sample in every format"
printf '%-14s %9s %9s %9s %9s %9s %9s\n' "" ".etl" .csv .json .jsonl .db records
for trace in samples/*.etl; do
    name=$(basename "$trace" .etl)
    line=$(printf '%-14s %9s' "$name" "$(bytes_of "$trace")")
    for suffix in csv json jsonl db; do
        code=0
        "$etwkit" convert -q --cache none --schemas samples/schemas "$trace" -o "$folder/$name.$suffix" || code=$?
        case $code in
        0 | 3) line="$line $(printf '%9s' "$(bytes_of "$folder/$name.$suffix")")" ;;
        *)
            echo "etwkit convert $trace: exit code $code"
            exit 1
            ;;
        esac
    done
    records=$(wc -l <"$folder/$name.jsonl" | tr -d ' ')
    printf '%s %9s\n' "$line" "$records"
done

title "A damaged trace: what is left comes out, what is lost is told"
code=0
run convert --cache none samples/damaged.etl -o "$folder/damaged.jsonl" 2>&1 || code=$?
echo "exit code $code"
[ $code = 3 ] || exit 1

if "$etwkit" --help | grep -q 'etwkit report'; then
    title "The report"
    run report -q --cache none samples/dns.etl samples/processes.etl -o "$folder/report.html"
    echo "$(bytes_of "$folder/report.html") bytes, for a browser: $folder/report.html"
fi

title "Where everything is"
echo "$folder"
