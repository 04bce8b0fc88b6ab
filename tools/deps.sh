#!/bin/sh
# Installs the Debian packages that clearcut needs and does not find.   usage: tools/deps.sh GROUP...
#
# Prints each package that it installs with its purpose, and nothing where all is there. Without root
# rights or network: one line with the exact command, exit 2.
set -u

# group  package  what for
packages='
build  libcli11-dev          command line options
build  nlohmann-json3-dev    JSON: safetensors headers, manifests, reports
build  libyaml-cpp-dev       configuration files
build  libexpat1-dev         XML: labels of CVAT
full   libjpeg62-turbo-dev   JPEG pictures
full   libspng-dev           PNG pictures
full   zlib1g-dev            compressed arrays and label files
stb    libstb-dev            pictures in the MINIMAL=1 build
test   libgtest-dev          the tests
test   clang-format          the format check
all    clang                 libFuzzer
all    chromium              reports and the viewer opened in a browser
all    chromium-driver       presses its keys and moves its sliders
all    openmpi-bin           labelling by several ranks
all    python3-numpy         yardstick scripts
all    python3-pil           yardstick: picture codecs and resizing
all    python3-opencv        yardstick: ONNX networks
all    python3-onnx          checker of ONNX files
all    python3-skimage       yardstick: superpixels
all    python3-sklearn       yardstick: linear fits, curves of measures
all    python3-torch         yardstick: operators, losses, training, speed
all    python3-torchvision   yardstick: speed
all    libopenblas0-pthread  yardstick: matrix products of python3-torch, ten times faster with it
all    g++-aarch64-linux-gnu the cross build for Arm
all    qemu-user             runs it here
all    googletest            its tests, from source
'

missing=
reasons=
for group in "$@"; do
  for package in $(echo "$packages" | awk -v g="$group" '$1 == g { print $2 }'); do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    [ "$state" = installed ] && continue
    missing="$missing $package"
    reasons="$reasons$(echo "$packages" | awk -v p="$package" '$2 == p')
"
  done
done
[ -z "$missing" ] && exit 0

command="apt-get install -y --no-install-recommends$missing"
give_up() {
  echo "clearcut needs packages that could not be installed ($1). Run as root: apt-get update && $command"
  exit 2
}
as_root=
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2>/dev/null || give_up "no root rights"
  as_root='sudo -n'
fi
command -v apt-get >/dev/null || give_up "no apt-get here"

echo "Installing Debian packages:"
printf '%s' "$reasons" | awk '{ p = $2; $1 = $2 = ""; printf "  %-22s%s\n", p, $0 }'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { $as_root env DEBIAN_FRONTEND=noninteractive $command -o DPkg::Lock::Timeout=300 >"$log" 2>&1; }
# Package lists are fetched only if the packages cannot be had with the ones on this machine.
install || { $as_root apt-get update >"$log" 2>&1 && install; } ||
  give_up "apt-get failed: $(grep -m 1 '^E:' "$log" || tail -n 1 "$log")"
