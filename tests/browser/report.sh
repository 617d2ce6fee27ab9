# The report in a real browser, where one is at hand: opens it, sorts and searches a table, switches light and dark, and
# looks for console errors and for requests that leave the page. sh tests/browser/report.sh [TRACE]
set -eu
cd "$(dirname "$0")/../.."
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "skipped: no Chromium"
    exit 0
fi
etwkit=${ETWKIT:-build/etwkit}
work=$(mktemp -d "${TMPDIR:-/tmp}/etwkit-browser.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$etwkit" report --cache none -q "${1:-samples/processes.etl}" -o "$work/page.html" || [ $? = 3 ]

# The same page with a script behind it that acts as a reader would and writes what it saw into the page's title.
sed 's|</body></html>|<script>/*TEST*/</script></body></html>|' "$work/page.html" >"$work/with.html"
cat >"$work/test.js" <<'JS'
(function () {
  var seen = [];
  function check(name, ok) { seen.push((ok ? 'ok ' : 'FAILED ') + name); }
  var tables = document.querySelectorAll('table.rows'), table = tables[tables.length - 1], body = table.tBodies[0];
  var column = Array.prototype.findIndex.call(table.tHead.rows[0].cells, function (c) { return c.textContent === 'events'; });
  var head = table.tHead.rows[0].cells[column];
  function numbers() { return Array.prototype.map.call(body.rows, function (r) { return Number(r.cells[column].textContent); }); }
  head.click();
  var up = numbers();
  check('sorts upwards', up.every(function (n, i) { return i === 0 || up[i - 1] <= n; }));
  head.click();
  var down = numbers();
  check('sorts downwards', down.every(function (n, i) { return i === 0 || down[i - 1] >= n; }));
  check('keeps every row', up.length === down.length && up.length > 0);
  var box = table.parentNode.querySelectorAll('input.search'), last = box[box.length - 1];
  last.value = 'no such text anywhere';
  last.dispatchEvent(new Event('input'));
  check('search hides', Array.prototype.every.call(body.rows, function (r) { return r.hidden; }));
  last.value = body.rows[0].cells[0].textContent.slice(0, 8);
  last.dispatchEvent(new Event('input'));
  check('search shows', !body.rows[0].hidden);
  var before = getComputedStyle(document.body).backgroundColor;
  document.getElementById('theme').click();
  check('light and dark differ', getComputedStyle(document.body).backgroundColor !== before);
  check('timeline has bars', document.querySelectorAll('#chart rect').length > 0);
  document.title = 'RESULT ' + seen.join('; ');
})();
JS
python3 - "$work" <<'PY' 2>/dev/null || sed -i "s|/\*TEST\*/|$(tr '\n' ' ' <"$work/test.js" | sed 's/[&|\\]/\\&/g')|" "$work/with.html"
import sys
work = sys.argv[1]
page = open(work + "/with.html", encoding="utf-8").read()
open(work + "/with.html", "w", encoding="utf-8").write(page.replace("/*TEST*/", open(work + "/test.js").read()))
PY

"$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --user-data-dir="$work/profile" --enable-logging=stderr --log-net-log="$work/net.json" \
    --virtual-time-budget=5000 --dump-dom "file://$work/with.html" >"$work/dom.html" 2>"$work/log.txt" || true

failed=0
result=$(sed -n 's/.*<title>RESULT \([^<]*\)<\/title>.*/\1/p' "$work/dom.html" | head -n 1)
echo "${result:-FAILED: the page's script did not run}" | tr ';' '\n'
case "$result" in
"" | *FAILED*) failed=1 ;;
esac
if grep -q 'CONSOLE' "$work/log.txt"; then
    echo "FAILED: the console said:"
    grep 'CONSOLE' "$work/log.txt" | head -n 5
    failed=1
fi
if grep -oE '"url":"https?://[^"]*' "$work/net.json" | grep -vE 'accounts\.google|update\.google|clients[0-9]*\.google|gstatic|googleapis|content-autofill' | head -n 3 | grep .; then
    echo "FAILED: the page asked for something outside"
    failed=1
fi
[ $failed = 0 ] && echo "ok: no console error, no request leaves the page"
exit $failed
