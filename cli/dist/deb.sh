# The Debian package: what `make install` puts into /usr, described. The same bytes from the same commit.
set -eu
cd "$(dirname "$0")/../.."
arch=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
umask 022
maintainer="${DEBFULLNAME:-etwkit} <${DEBEMAIL:-etwkit@localhost}>"
chmod 755 "$root"
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

# LDLIBS: the system's libraries, which it mends for all that use them.
make --no-print-directory library "$BUILD/deb/etwkit" BUILD="$BUILD/deb" LDLIBS="$LDLIBS" >/dev/null
make --no-print-directory install BUILD="$BUILD/deb" LDLIBS="$LDLIBS" DESTDIR="$root" PREFIX=/usr LIBDIR="/usr/lib/$multiarch" >/dev/null
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/etwkit" "$root/usr/lib/$multiarch/libetwkit.so.$VERSION"
strip --strip-debug --enable-deterministic-archives "$root/usr/lib/$multiarch/libetwkit.a"
gzip -9 -n "$root"/usr/share/man/man?/*

doc=$root/usr/share/doc/etwkit
mkdir -p "$doc" "$root/usr/share/lintian/overrides" "$root/DEBIAN"
{
    echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    echo "Upstream-Name: etwkit"
    echo
    echo "Files: *"
    sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
    echo "License: Expat"
    sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /'
} >"$doc/copyright"
{
    echo "etwkit ($VERSION) stable; urgency=medium"
    echo
    echo "  * See CHANGELOG.gz."
    echo
    echo " -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9 -n >"$doc/changelog.gz"
gzip -9 -n <CHANGELOG.md >"$doc/CHANGELOG.gz"
cp README.md "$doc/"
# One package for the program and the library it belongs to; whoever publishes it sets DEBFULLNAME and DEBEMAIL.
cat >"$root/usr/share/lintian/overrides/etwkit" <<'END'
etwkit: package-name-doesnt-match-sonames libetwkit1
etwkit: link-to-shared-library-in-wrong-package *
etwkit: bogus-mail-host Maintainer etwkit@localhost
etwkit: bogus-mail-host-in-debian-changelog etwkit@localhost *
END

# What the programs are linked with; what is loaded when it is needed is recommended.
mkdir -p "$root/debian"
printf 'Source: etwkit\n\nPackage: etwkit\nArchitecture: any\n' >"$root/debian/control"
depends=$(cd "$root" && dpkg-shlibdeps -O -l"usr/lib/$multiarch" usr/bin/etwkit "usr/lib/$multiarch/libetwkit.so.$VERSION" 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
rm -r "$root/debian"
echo "libetwkit 1 etwkit (>= $VERSION)" >"$root/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$root/DEBIAN/triggers"
(cd "$root" && find usr -type f | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)
cat >"$root/DEBIAN/control" <<END
Package: etwkit
Version: $VERSION
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size "$root/usr" | cut -f 1)
Depends: $depends
Recommends: libarchive13, libtsk19, libewf2, libhivex0
Section: admin
Priority: optional
Description: read, decode and convert Windows event traces (.etl)
 etwkit reads what Event Tracing for Windows writes, without Windows: single
 traces, folders, archives and disk images of them. It decodes events by the
 schemas in the traces, its own and those given to it, and writes each as one
 record: CSV, JSON, JSON Lines, SQLite, timelines, or a forensic report.
 .
 The package holds the program and the library behind it with its headers.
END
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH dpkg-deb --root-owner-group -Zxz --build "$root" "$BUILD/etwkit_${VERSION}_$arch.deb" >/dev/null
echo "$BUILD/etwkit_${VERSION}_$arch.deb"
