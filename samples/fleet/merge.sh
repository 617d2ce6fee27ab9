#!/bin/sh
# What became of all tasks: merge.sh OUT. Sums on standard output, what was not read on standard error; exit 4 where
# there is such.
set -eu
out=$1
cat "$out"/summaries/*.jsonl | jq -rs '
    group_by(.file) | map(last) |
    "\(length) traces, \(map(select(.status | IN("ok", "damaged", "skipped", "duplicate"))) | length) done, " +
    "\(map(select(.status == "damaged" or (.status == "skipped" and .damage > 0))) | length) of them damaged"'
cat "$out"/summaries/*.jsonl | jq -rs '
    group_by(.file) | map(last) | .[] | select(.error) | "\(.file): \(.reason): \(.error)"' >"$out/not-read.txt"
cat "$out/not-read.txt" >&2
[ ! -s "$out/not-read.txt" ] || exit 4
