#!/bin/sh
# The long tests of `make test-all`. What a missing program or package would need is skipped by name.
#   usage: tools/test_all.sh MAKE BUILD
set -u
make=$1 build=$2
passed=0 failed=0

check() {
  name=$1; shift
  echo "[ run ] $name"
  if "$@"; then passed=$((passed + 1)); echo "[ passed ] $name"
  else failed=$((failed + 1)); echo "[ FAILED ] $name"; fi
}
skip() { echo "[ skipped ] $1: needs $2 (make deps-all)"; }

# Python of Debian, where the packages of deps-all are.
python=/usr/bin/python3
has_module() { "$python" -c "import $1" 2>/dev/null; }

# Every golden file is what its script writes today, on this machine's PyTorch, PIL and OpenCV.
goldens() { "$python" tests/golden/check.py; }
# The report opens in a browser without the network and without a complaint on its console.
report_in_browser() {
  report=runs/demo/report/index.html
  [ -f "$report" ] || { echo "no $report; run make demo first"; return 1; }
  chromium --headless --no-sandbox --disable-gpu --enable-logging=stderr --dump-dom "file://$PWD/$report" \
    2>"$build/chromium.log" | grep -q '<h1>' && ! grep -E 'CONSOLE|ERR_' "$build/chromium.log"
}

# Tensors, operators, their gradients and fast loops compiled for 64-bit Arm and run by an emulator.
arm() { $make -j"$(nproc)" core-tests CXX=aarch64-linux-gnu-g++ EMULATOR="qemu-aarch64 -L /usr/aarch64-linux-gnu"; }

check "make test" $make test
check "address and undefined behaviour sanitizers" env CLEARCUT_FUZZ=2000 $make unit SAN=address,undefined
# A whole network on the emulated device, trained by two ranks, has more CUDA threads than the sanitizer can follow (8128).
check "thread sanitizer" $make unit SAN=thread FILTER='Loader*:Sampler*:Jsonl*:Memory*:AllReduce*:RanksTrain*:GradientBuckets*:PictureByPicture*:NotFinite*:Checkpoint*:Tensorboard*:RunLog*:Published*:MatFile*:WriteData*:VendorNccl*:View*:Server*:Planted*:CudaLanguage*:TensorCore*:*/CudaOpTest.Agrees*-RanksTrain.SameLossesOnTheEmulatedDevice'
check "long damage loops" env CLEARCUT_FUZZ=20000 $make unit FILTER='*Fuzz*'
check "labelling killed at 20 moments" tests/faults.sh "$build/full/clearcut" 20
if command -v mpirun >/dev/null; then
  check "labelling under Open MPI" tests/mpi.sh "$build/full/clearcut"
  check "training under Open MPI" tests/mpi_train.sh "$build/full/clearcut"
else skip "labelling and training under Open MPI" openmpi-bin; fi
check "MINIMAL=1 unit tests" $make unit MINIMAL=1
if command -v clang++ >/dev/null; then check "libFuzzer on every reader" $make fuzz
else skip "libFuzzer on every reader" clang; fi

if [ -x /usr/local/cuda/bin/nvcc ] || command -v nvcc >/dev/null; then
  check "PTX of the kernels, interpreted" $make -j"$(nproc)" test-ptx
  check "the build for GPUs" $make -j"$(nproc)" gpu-check
else skip "PTX of the kernels, interpreted, and the build for GPUs" "the CUDA toolkit"; fi
if has_module torch && has_module cv2 && has_module skimage && has_module sklearn; then check "golden numbers" goldens
else skip "golden numbers" "python3-torch, python3-opencv, python3-skimage and python3-sklearn"; fi
if has_module tensorboard; then check "TensorBoard reads a run's events" "$python" tools/check_events.py "$build/full/clearcut"
else skip "TensorBoard reads a run's events" "tensorboard, which Debian has not"; fi
if has_module onnx && { has_module cv2 || has_module onnx.reference; }; then
  check "exported networks" "$python" tools/check_exports.py "$build/full/clearcut"
else skip "exported networks" "python3-onnx and python3-opencv"; fi
if has_module numpy && has_module PIL && has_module skimage; then
  check "labels for other programs" "$python" tools/check_labels.py "$build/full/clearcut"
else skip "labels for other programs" "python3-numpy, python3-pil and python3-skimage"; fi
missing_for_arm=
command -v aarch64-linux-gnu-g++ >/dev/null || missing_for_arm=g++-aarch64-linux-gnu
command -v qemu-aarch64 >/dev/null || missing_for_arm="$missing_for_arm qemu-user"
[ -d /usr/src/googletest ] || missing_for_arm="$missing_for_arm googletest"
if [ -z "$missing_for_arm" ]; then check "64-bit Arm" arm
else skip "64-bit Arm" "$missing_for_arm"; fi
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
  check "viewer in a browser" "$python" tests/view_in_browser.py "$build/full/clearcut"
else skip "viewer in a browser" "chromium and chromium-driver"; fi
if command -v chromium >/dev/null; then check "report in a browser" report_in_browser
else skip "report in a browser" chromium; fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
