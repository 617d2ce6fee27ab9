# The report in a real browser: opens the page as it is, and looks whether it shows its data, sorts and searches, whether
# any text of a trace became markup or ran, and for console errors and requests that leave the page.
#
# sh tests/browser/report.sh [BUILD]; prints a line for each page. Exit code 77: there is no Chromium.
set -eu
cd "$(dirname "$0")/../.."
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "no Chromium"
    exit 77
fi
build=${1:-build}
etwkit=${ETWKIT:-$build/etwkit}
here=$(pwd)/tests/browser
work=$(mktemp -d "${TMPDIR:-/tmp}/etwkit-browser.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

# What the browser asks of the network on its own account, whichever page is open.
OWN='accounts\.google|update\.google|clients[0-9]*\.google|gstatic|googleapis|content-autofill|optimizationguide'

complain() {
    echo "FAILED: $*"
    failed=1
}

# Accessibility, where axe-core is installed (npm install -g axe-core): a copy of the page that lets it run.
axe=${AXE:-$(npm root -g 2>/dev/null || true)/axe-core/axe.min.js}

accessible() { # NAME: of the page of that name
    [ -f "$axe" ] || return 0
    sed '/Content-Security-Policy/d' "$work/$1-page.html" >"$work/$1-axe.html"
    {
        echo '<script>'
        cat "$axe"
        cat "$here/axe.js"
        echo '</script>'
    } >>"$work/$1-axe.html"
    browse "file://$work/$1-axe.html#$2" "$1-found"
    result=$(sed -n 's/.*<title>AXE \([^<]*\)<\/title>.*/\1/p' "$work/$1-found.html" | head -n 1)
    case $result in
    '0 serious'*) ;;
    *) complain "$1: accessibility: ${result:-the checks did not run}" ;;
    esac
}

browse() { # ADDRESS NAME: the page's DOM in NAME.html once its scripts are done
    "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --disable-web-security --allow-file-access-from-files \
        --user-data-dir="$work/profile" --enable-logging=stderr --log-net-log="$work/$2.net" \
        --virtual-time-budget=10000 --dump-dom "$1" >"$work/$2.html" 2>"$work/$2.log" || true
}

page() { # NAME TRACES [|TEXT THAT MUST SHOW]...
    name=$1
    code=0
    # shellcheck disable=SC2086 # several traces
    "$etwkit" report --cache none -q --force $2 -o "$work/$name-page.html" || code=$?
    case $code in
    0 | 3) ;;
    *) complain "etwkit report $2: exit code $code" ;;
    esac
    browse "file://$here/check.html#$work/$name-page.html$3" "$name"
    result=$(sed -n 's/.*<title>RESULT \([^<]*\)<\/title>.*/\1/p' "$work/$name.html" | head -n 1)
    [ -n "$result" ] || complain "$name: the page did not load"
    printf '%s\n' "$result" | tr ';' '\n' | grep FAILED | while read -r line; do echo "$name: $line"; done
    case $result in
    *FAILED*) failed=1 ;;
    esac
    if grep -q CONSOLE "$work/$name.log"; then
        complain "$name: the console said:"
        grep CONSOLE "$work/$name.log" | head -n 5
    fi
    if grep -oE '"url":"https?://[^"]*' "$work/$name.net" | grep -vE "$OWN" | head -n 3 | grep .; then
        complain "$name: the page asked for something outside"
    fi
    echo "$name: $(printf '%s\n' "$result" | tr ';' '\n' | grep -c 'ok ') checks passed"
}

"$build/etl_make" tests/browser/hostile.case "$work/hostile.etl"
"$build/etl_make" tests/browser/striking.case "$work/striking.etl"
page dns samples/dns.etl '|27 read = 27 decoded + 0 partly decoded + 0 raw|yes: both are equal|x7q2-updates.c2-panel.example|-EncodedCommand'
page processes samples/processes.etl '|198.51.100.23:80'
page damaged samples/damaged.etl '|Damage: 5 places.|0x2588|The traces do not record any process.'
page merged samples/merged.etl ''
page service samples/service.etl ''
page driver samples/driver.etl ''
page two "samples/dns.etl samples/processes.etl" '|Processes of host 1|Processes of host 2'
page hostile "$work/hostile.etl" ''
page striking "$work/striking.etl" '|means Get-Alias|CurrentVersion\Run Updater|203.0.113.9:443|NT AUTHORITY\SYSTEM'
if [ -f "$axe" ]; then
    accessible dns process-4
    accessible processes ''
    accessible striking ''
else
    echo "axe-core is not installed: accessibility was not checked"
fi
[ $failed = 0 ] && echo "no console error, no request leaves the pages, nothing ran that was text"
exit $failed
