# Profiles in speedscope itself, in a real browser: the page that its package has, opened as its command line tool opens it,
# lists the profiles with their sums, which are held against the samples and switches with stacks in JSON Lines.
#
# sh tests/browser/speedscope.sh [BUILD]. Exit code 77: there is no Chromium, or no speedscope (npm install -g speedscope,
# or SPEEDSCOPE=its folder).
set -eu
cd "$(dirname "$0")/../.."
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
page=${SPEEDSCOPE:-$(npm root -g 2>/dev/null || true)/speedscope}/dist/release/index.html
if [ -z "$browser" ]; then
    echo "no Chromium"
    exit 77
fi
if [ ! -f "$page" ]; then
    echo "no speedscope"
    exit 77
fi
build=${1:-build}
etwkit=${ETWKIT:-$build/etwkit}
shared=${ETWKIT_SHARED:-../shared}
work=$(mktemp -d "${TMPDIR:-/tmp}/etwkit-speedscope.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

opened() { # TRACE
    code=0
    "$etwkit" convert "$1" -q --no-hash --force -f speedscope -o "$work/x.json" || code=$?
    case $code in
    0 | 3) ;;
    *) return 1 ;;
    esac
    "$etwkit" convert "$1" -q --no-hash --force -f jsonl -o "$work/events.jsonl" \
        --where "event_name in ('PerfInfo/SampleProf', 'Thread/CSwitch') and stack is not null" || true
    wanted=$(wc -l <"$work/events.jsonl")
    {
        printf 'speedscope.loadFileFromBase64("x.json", "'
        base64 -w 0 "$work/x.json"
        printf '")'
    } >"$work/load.js"
    "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --allow-file-access-from-files --user-data-dir="$work/profile" \
        --enable-logging=stderr --virtual-time-budget=30000 --dump-dom "file://$page#localProfilePath=$work/load.js" \
        >"$work/page.html" 2>"$work/log" || true
    # A row for each profile: <tr title="NAME" …>…<td …>1,234</td></tr>
    found=$(grep -o '<tr title=.*</tr>' "$work/page.html" | sed 's/<\/tr>/&\n/g' |
        sed -n 's/.*<td[^>]*>\([0-9,]*\)<\/td><\/tr>$/\1/p' | tr -d , | awk '{sum += $1} END {print sum + 0}')
    title=$(sed -n 's/.*<title>\(.*\) - speedscope<\/title>.*/\1/p' "$work/page.html")
    if [ -z "$title" ] || [ "$found" != "$wanted" ]; then
        echo "FAILED: $1: \"$title\" with $found of $wanted samples"
        failed=1
        return
    fi
    echo "$1: $found samples"
}

some=0
for trace in "$shared"/corpus/perfview-net452-x64.etl "$shared"/corpus/perfview-net45-x86.etl; do
    [ -f "$trace" ] || continue
    opened "$trace"
    some=1
done
if [ $some = 0 ]; then
    echo "no trace with samples"
    exit 77
fi
exit $failed
