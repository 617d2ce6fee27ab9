# What is installed and shipped: install and uninstall, man pages, completions, the tarball. Shells and readers that are
# not here are passed over, and said.
#
# BUILD, CC, FLAGS and CFLAGS are those of the build under test.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
etwkit=$(pwd)/$build/etwkit
case $build in /*) etwkit=$build/etwkit ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
absent=""

refuse() {
    echo "dist: $*"
    failed=1
}

# Whether a program is here to judge by.
has() {
    command -v "$1" >/dev/null && return 0
    absent="$absent $1"
    return 1
}

again() { # make, as this build was made
    MAKEFLAGS= make --no-print-directory "$@" BUILD="$build" CC="${CC:-cc}" FLAGS="${FLAGS:--O3 -g}" CFLAGS="${CFLAGS:-}" \
        LDFLAGS="${LDFLAGS:-}" >/dev/null
}

# ---------------------------------------------------------------------------------------------- install, uninstall

for place in "" "LIBDIR=/usr/lib64"; do
    # shellcheck disable=SC2086
    again install DESTDIR="$work/root" PREFIX=/usr $place
    for file in bin/etwkit share/man/man1/etwkit.1 share/man/man5/etwkit.5 share/bash-completion/completions/etwkit; do
        [ -s "$work/root/usr/$file" ] || refuse "install $place puts no $file"
    done
    # shellcheck disable=SC2086
    again uninstall DESTDIR="$work/root" PREFIX=/usr $place
    left=$(cd "$work/root" && find . ! -type d -o -name etwkit | tr '\n' ' ')
    [ -z "$left" ] || refuse "uninstall $place leaves $left"
done

# ---------------------------------------------------------------------------------------------- man pages

if has mandoc; then
    mandoc -T lint -W warning cli/dist/etwkit.[15] || refuse "the man pages are not clean"
elif has groff; then
    groff -man -ww -z cli/dist/etwkit.[15] 2>"$work/warnings"
    [ -s "$work/warnings" ] && refuse "$(cat "$work/warnings")"
fi
# Every column of the record, and every command.
tr -d '\\' <cli/dist/etwkit.5 >"$work/record"
sed -n 's/^COLUMN(\([a-z_]*\),.*/\1/p' parser/decode/columns.def | while read -r column; do
    grep -qw "$column" "$work/record" || echo "$column"
done >"$work/missing"
[ -s "$work/missing" ] && refuse "etwkit.5 does not know $(tr '\n' ' ' <"$work/missing")"
sed -n 's/^COMMAND(\(.*\))$/\1/p' cli/commands.def | while read -r command; do
    grep -q "^\.B $command\$" cli/dist/etwkit.1 || echo "$command"
done >"$work/missing"
[ -s "$work/missing" ] && refuse "etwkit.1 does not know $(tr '\n' ' ' <"$work/missing")"

# ---------------------------------------------------------------------------------------------- completions

offers() { # what, shell, word; what it offers on standard input
    grep -qw -- "$3" || refuse "$2 does not offer $3 for: $1"
}

"$etwkit" --completions bash >"$work/etwkit.bash"
"$etwkit" --completions zsh >"$work/_etwkit"
"$etwkit" --completions fish >"$work/etwkit.fish"
"$etwkit" --completions tcsh >/dev/null 2>&1 && refuse "a script for a shell that is not known"

in_bash() { # the words of a line, the last one unfinished
    # shellcheck disable=SC2016
    bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _etwkit; echo "${COMPREPLY[@]}"' "$work/etwkit.bash" "$@"
}
if has bash; then
    in_bash etwkit co | offers "etwkit co" bash convert
    in_bash etwkit convert --fo | offers "etwkit convert --fo" bash --format
    in_bash etwkit convert x.etl -f js | offers "etwkit convert x.etl -f js" bash jsonl
    in_bash etwkit schemas ad | offers "etwkit schemas ad" bash add
    in_bash etwkit schemas add --ca | offers "etwkit schemas add --ca" bash --cache
    [ -z "$(in_bash etwkit info --fo)" ] || refuse "bash offers info an option it does not have"
fi
if has fish; then
    for line in "co convert" "convert --fo --format" "convert -f js jsonl" "schemas ad add" "schemas add --ca --cache"; do
        fish -c "source $work/etwkit.fish; complete -C 'etwkit ${line% *}'" 2>&1 | offers "etwkit ${line% *}" fish "${line##* }"
    done
fi
if has zsh; then
    zsh -n "$work/_etwkit" || refuse "zsh does not read its script"
    # Every option of every command has its line in it.
    for command in info convert report carve verify; do
        "$etwkit" $command --help | sed -n 's/^  .*\(--[a-z-]*\).*/\1/p' | while read -r option; do
            grep -q -- "[*,]$option" "$work/_etwkit" || echo "$option"
        done
    done >"$work/missing"
    [ -s "$work/missing" ] && refuse "zsh does not know $(tr '\n' ' ' <"$work/missing")"
fi

# ---------------------------------------------------------------------------------------------- the tarball

if [ -z "$(git rev-parse --show-prefix 2>&1)" ]; then
    for folder in one two; do
        BUILD="$work/$folder" VERSION=1 SOURCE_DATE_EPOCH=1700000000 sh cli/dist/tarball.sh >/dev/null
        sleep 1
    done
    cmp "$work/one/etwkit-1.tar.gz" "$work/two/etwkit-1.tar.gz" || refuse "two tarballs of one commit differ"
    (cd "$work/one" && sha256sum --quiet -c etwkit-1.tar.gz.sha256) || refuse "the checksum is wrong"
    tar -xzf "$work/one/etwkit-1.tar.gz" -C "$work" && MAKEFLAGS= make -C "$work/etwkit-1" -n BUILD=build build/etwkit >/dev/null 2>&1 ||
        refuse "the tarball cannot be built from"
fi

[ $failed = 0 ] && echo "dist: as it is meant to be${absent:+ (not here:$absent)}"
exit $failed
