#!/bin/sh
# Copies the library, its headers and its pkg-config file.
#   usage: tools/install.sh ROOT PREFIX VERSION BUILD LIBS      ROOT = DESTDIR + PREFIX
set -eu
root=$1 prefix=$2 version=$3 build=$4 libs=$5

mkdir -p "$root/lib/pkgconfig" "$root/include/clearcut"
for room in tensor autograd nn models explain data train recipes; do
  [ -d "$room" ] || continue
  find "$room" \( -name '*.h' -o -name '*.def' \) | while read -r header; do
    mkdir -p "$root/include/clearcut/$(dirname "$header")"
    cp "$header" "$root/include/clearcut/$header"
  done
done
cp "$build/libclearcut.a" "$root/lib/"
if [ -x "$build/clearcut" ]; then mkdir -p "$root/bin" && cp "$build/clearcut" "$root/bin/"; fi
cat >"$root/lib/pkgconfig/clearcut.pc" <<PC
prefix=$prefix
Name: clearcut
Description: From image-level labels to segmentation models
Version: $version
Cflags: -std=c++20 -fopenmp -I\${prefix}/include/clearcut
Libs: -L\${prefix}/lib -lclearcut $libs -fopenmp
PC
