#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test.sh: every test that needs no accelerator, on a fresh Debian 12 or later.
#
#   ./test.sh           everything: about 25 minutes on two cores
#   ./test.sh quick     unit tests and static checks only
#   ./test.sh STAGE...  of: cross asan tsan fuzz vm main
#
# Installs what is missing (root or sudo), builds, and runs
#   cross   AArch64 build; its unit tests under qemu-user
#   asan    all C tests under the address, undefined and leak sanitizers
#   tsan    threads under the thread sanitizer
#   fuzz    descriptors, registers and messages, a minute each
#   vm      mainline's drivers on the model, in virtual machines
#   main    every other label; its ctest closing line is the last line
set -uo pipefail
top=$(cd "$(dirname "$0")" && pwd)
cd "$top" || exit 1

case ${1-} in
  -h|--help) sed -n '3,15s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
stages=("$@")
[ $# -eq 0 ] && stages=(cross asan tsan fuzz vm main)

tools/deps.sh build demo test || exit 1
# The sources of evp_test come through apt's own lists.
export WD_CACHE=${WD_CACHE:-$HOME/.cache/wd}
jobs=$(nproc)
failed=()

say() { printf '\n== %s (%dm%02ds) ==\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

build() { # build PRESET: configure and build, the log only on failure
  local log=$WD_CACHE/build-$1.log
  mkdir -p "$WD_CACHE"
  { cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"; } \
    >"$log" 2>&1 || { tail -n 40 "$log"; return 1; }
}

# qemu-user dies when a process with threads forks; valgrind runs native code.
not_under_qemu='unit.(offload_async|constant_time)|emu.(host|vfio|offload)'

stage_cross() {
  say "cross: AArch64"
  tools/fetch.sh debs arm64 "$WD_CACHE/arm64" libssl-dev libssl3 \
    libgcrypt20-dev libgcrypt20 libgpg-error-dev libgpg-error0 \
    zlib1g-dev zlib1g &&
    build aarch64 &&
    ctest --preset aarch64 -j "$jobs" -L 'unit|emu' -E "$not_under_qemu"
}

stage_asan() {
  say "asan: address, undefined and leak sanitizers"
  build asan || return 1
  ctest --preset asan -j "$jobs" -LE 'lint|bench|apps|cli|vm|fuzz'
}

stage_tsan() {
  say "tsan: thread sanitizer"
  build tsan || return 1
  # The fibres of ASYNC jobs and threads in a forked child are beyond this
  # sanitizer, and it makes stacks too large to measure: asan has those.
  ctest --preset tsan -j "$jobs" -LE 'lint|bench|apps|cli|vm|fuzz' \
    -E 'stress.(drop|fork|daemon|full)|provider.cost'
}

stage_fuzz() {
  say "fuzz: hostile guests and peers"
  build fuzz || return 1
  ctest --preset fuzz -j "$jobs" -L fuzz
}

stage_vm() {
  say "vm: mainline's drivers on the model"
  build release || return 1
  # Reasons to skip (nothing could be fetched) belong on the screen.
  ctest --preset release -j "$jobs" -L vm || return 1
  grep -h '^prepare: cannot fetch' build/Testing/Temporary/LastTest.log |
    sort -u
  return 0
}

stage_main() {
  say "main: every label"
  build release || return 1
  ctest --preset release -j "$jobs" -LE vm
}

stage_quick() {
  build release || return 1
  ctest --preset release -j "$jobs" -L 'unit|lint'
}

for stage in "${stages[@]}"; do
  declare -F "stage_$stage" >/dev/null || {
    echo "test.sh: no stage '$stage' (cross, asan, tsan, fuzz, vm, main, quick)" >&2
    exit 2
  }
  "stage_$stage" || failed+=("$stage")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "FAILED: ${failed[*]}" >&2
  exit 1
fi
