# Rules of the source that a program can check: the length of files and of commit subjects, and the format where
# clang-format 14 is at hand (other versions make other things of the same rules). `layers.sh` checks what may include
# what.
set -u
cd "$(dirname "$0")/.."
LINES=700   # of a file of the product; tables are .def files, which may be longer
SUBJECT=72  # characters, as `git log --oneline` and mails show them
failed=0

complain() {
    echo "rules: $*"
    failed=1
}

# What users include is as much a document as a header.
allowed() {
    case $1 in
    parser/include/*.h) echo 800 ;;
    *) echo $LINES ;;
    esac
}

for file in $(find parser exporters cli -name '*.[ch]' -o -name 'page.*'); do
    lines=$(wc -l <"$file")
    [ "$lines" -le "$(allowed "$file")" ] || complain "$file has $lines lines, $LINES are enough"
done

if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    wrong=$(find parser exporters cli tests samples -name '*.[ch]' | xargs clang-format --dry-run 2>&1 |
        sed -n 's/: warning: code should be clang-formatted.*//p' | head -n 10)
    [ -z "$wrong" ] || complain "not as clang-format has it (make format):
$wrong"
fi

# Commits that are not upstream yet, or not in main.
base=$(git rev-parse -q --verify '@{upstream}' 2>/dev/null || git rev-parse -q --verify main 2>/dev/null)
if [ -n "$base" ]; then
    long=$(git log --no-merges --format=%s "$base..HEAD" | awk -v most=$SUBJECT 'length($0) > most')
    [ -z "$long" ] || complain "commit subjects of more than $SUBJECT characters:
$long"
fi

[ $failed = 0 ] && echo "rules: kept"
exit $failed
