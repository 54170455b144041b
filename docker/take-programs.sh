#!/bin/sh
# Copies programs, each with the shared libraries it is linked with, below a folder, at the paths they have here:
#   take-programs.sh BASE TARGET PROGRAM...
# A library that the image below (its /usr/lib lies in BASE/usr/lib) has in the very same form is left out. Every step
# that fails ends this with its status; no pipe hides one.
set -eu
base=$1
target=$2
shift 2
linked=$(mktemp)

for name in "$@"; do
  program=$(command -v "$name")
  mkdir -p "$target$(dirname "$program")"
  cp -L "$program" "$target$program"
  ldd "$program" >"$linked"
  if grep 'not found' "$linked"; then
    echo "take-programs: $program lacks a library" >&2
    exit 1
  fi
  # Lines of libraries are "name => path (address)"; the others are the loader and the kernel's own.
  awk '$2 == "=>" { print $3 }' "$linked" >"$linked.paths"
  while read -r path; do
    # The loader asks for the name as it stands in the program, so the file is kept under it, whatever it is a link to;
    # its folder without links, since /lib is one.
    file=$(readlink -f "$(dirname "$path")")/$(basename "$path")
    if [ -e "$target$file" ] || cmp -s "$file" "$base$file"; then continue; fi
    mkdir -p "$target$(dirname "$file")"
    cp -L "$file" "$target$file"
  done <"$linked.paths"
done
rm "$linked" "$linked.paths"
