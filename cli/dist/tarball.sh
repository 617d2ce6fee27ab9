# The sources as a release: the same bytes from the same commit, wherever and whenever.
set -eu
cd "$(dirname "$0")/../.."
name=etwkit-$VERSION
out=$BUILD/$name.tar.gz
mkdir -p "$BUILD"
if [ -z "$(git rev-parse --show-prefix 2>&1)" ]; then
    files=$(git ls-files)
else
    files=$(find . -path ./build -prune -o -type f -print | sed 's|^\./||')
fi
echo "$files" | LC_ALL=C sort | tar --create --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$SOURCE_DATE_EPOCH" --transform="s|^|$name/|" --files-from=- --file=- | gzip -9 -n >"$out"
(cd "$BUILD" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$out"
