#!/usr/bin/env bash
# Makes book/_vendor/vendor again from the packages that npm serves. Nothing in it is edited by hand.
#
#   book/_vendor/update.sh            fetch the versions below and replace vendor/
#   book/_vendor/update.sh --check    fetch them and compare with what is committed (exit 1: they differ)
#
# The book is built and read without a network; only this script needs one.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() {  # fetch NAME@VERSION FOLDER: unpack an npm package below $work/FOLDER
    mkdir -p "$work/$2"
    local archive
    archive=$(cd "$work" && npm pack --silent "$1")
    tar -xzf "$work/$archive" -C "$work/$2" --strip-components=1 --no-same-owner
}

fetch mathjax@3.2.2 mathjax
fetch requirejs@2.3.7 requirejs
fetch @jupyter-widgets/html-manager@1.0.15 html-manager
fetch @jupyter-widgets/base@6.0.11 widgets-base        # only for the licence: html-manager carries none
fetch anywidget@0.11.0 anywidget
fetch @fontsource-variable/source-serif-4@5.3.1 source-serif
fetch @fontsource-variable/source-sans-3@5.3.0 source-sans
fetch @fontsource-variable/jetbrains-mono@5.3.0 jetbrains-mono

new="$work/vendor"
mkdir -p "$new/mathjax/output/chtml/fonts" "$new/widgets" "$new/fonts"

# Formulas
cp "$work/mathjax/es5/tex-mml-chtml.js" "$new/mathjax/"
cp -r "$work/mathjax/es5/output/chtml/fonts/woff-v2" "$new/mathjax/output/chtml/fonts/"
cp "$work/mathjax/LICENSE" "$new/mathjax/LICENSE"

# Widgets (require-setup.js, which joins the three, is ours: book/_ext/require-setup.js)
cp "$work/requirejs/require.js" "$new/widgets/"
cp "$work/html-manager/dist/embed-amd.js" "$work"/html-manager/dist/*.woff2 "$new/widgets/"
cp "$work/anywidget/dist/index.js" "$new/widgets/anywidget.js"
cp "$here/licences/requirejs.txt" "$new/widgets/LICENSE.require.txt"   # named in its header, not in its package
cp "$work/widgets-base/LICENSE" "$new/widgets/LICENSE.embed-amd.txt"
cp "$work/html-manager/dist/embed.js.LICENSE.txt" "$new/widgets/LICENSE.embed-amd.bundled.txt"
cp "$work/anywidget/LICENSE" "$new/widgets/LICENSE.anywidget.txt"

# Type
for family in source-serif:source-serif-4 source-sans:source-sans-3 jetbrains-mono:jetbrains-mono; do
    from=${family%%:*} name=${family##*:}
    cp "$work/$from/files/$name-latin-wght-normal.woff2" "$new/fonts/"
    cp "$work/$from/files/$name-greek-wght-normal.woff2" "$new/fonts/"
    [[ $name == jetbrains-mono ]] || cp "$work/$from/files/$name-latin-wght-italic.woff2" "$new/fonts/"
    cp "$work/$from/LICENSE" "$new/fonts/LICENSE.$name.txt"
done

find "$new" -type f -exec chmod 644 {} +

if [[ ${1:-} == --check ]]; then
    diff -r "$new" "$here/vendor" && echo "book/_vendor/vendor is what npm serves"
else
    rm -rf "$here/vendor"
    cp -r "$new" "$here/vendor"
    du -sh "$here/vendor"
fi
