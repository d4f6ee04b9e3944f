#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# lint.sh CHECK TOP BUILD: one static check over the tracked files.
#   format     clang-format changes nothing
#   shell      shellcheck
#   spelling   codespell
#   cppcheck   errors, warnings, portability
#   tidy       clang-tidy with .clang-tidy
#   english    no mark of unfinished work
set -uo pipefail
check=$1 top=$2 build=$3
cd "$top" || exit 1

need() { command -v "$1" >/dev/null || { echo "SKIP: $1 is not installed"; exit 77; }; }
# Tracked files, or all when this is not a checkout.
files() { git ls-files -- "$@" 2>/dev/null || find . -path ./build\* -prune -o -type f -print; }

case $check in
  format)
    need clang-format-14
    mapfile -t list < <(files '*.c' '*.h')
    clang-format-14 --dry-run --Werror "${list[@]}" || exit 1 ;;
  shell)
    need shellcheck
    mapfile -t list < <(files '*.sh' .ci/run)
    shellcheck -x "${list[@]}" || exit 1 ;;
  spelling)
    need codespell
    mapfile -t list < <(files '*.c' '*.h' '*.def' '*.md' '*.sh' '*.py' '*.cnf' 'CMakeLists.txt')
    codespell -L inout,parms,ot,fo,te,ser,crate,dout,nd "${list[@]}" || exit 1 ;;
  cppcheck)
    need cppcheck
    mapfile -t list < <(files '*.c' | grep -v '^test/')
    cppcheck -q -j2 --std=c11 --enable=warning,portability,performance \
      --inline-suppr --suppress=missingIncludeSystem -D__x86_64__ \
      -D__BYTE_ORDER__=1234 -D__ORDER_LITTLE_ENDIAN__=1234 \
      --error-exitcode=1 -I. "${list[@]}" || exit 1 ;;
  tidy)
    need clang-tidy-14
    mapfile -t list < <(files '*.c' | grep -v '^test/')
    printf '%s\n' "${list[@]}" |
      xargs -P2 -n4 clang-tidy-14 --quiet -p "$build" 2>/dev/null || exit 1 ;;
  english)
    mapfile -t list < <(files '*.c' '*.h' '*.py' '*.sh' '*.md' '*.def' '*.txt' '*.cnf' | grep -v test/lint/lint.sh)
    ! grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${list[@]}" || exit 1 ;;
  *)
    sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
echo "$check: ${#list[@]} files"
