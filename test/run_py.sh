#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_py.sh BUILD_DIR TEST.py: a Python story against the built provider, on
# the model unless WD_DEVICE says otherwise.  Debian's python3 with what
# tools/deps.sh installs.  WD_ON: the version of OpenSSL, as build_evp_test.sh
# takes it.
build=$1
story=$2
here=$(cd "$(dirname "$0")" && pwd)
export OPENSSL_MODULES="$build/provider"
export WD_BUILD="$build"
export WD_DEVICE="${WD_DEVICE-emu}"
export PYTHONPATH="$here"
export PYTHONDONTWRITEBYTECODE=1
# Programs that load a sanitized wd.so need the sanitizer's runtime first;
# wdtest.env() preloads it for them alone.
case $(sed -n 's/^WD_SANITIZE:[A-Z]*=//p' "$build/CMakeCache.txt") in
  *address*) WD_PRELOAD=$(gcc -print-file-name=libasan.so) ;;
  *thread*)
    echo "SKIP: programs not built with the thread sanitizer can't load it"
    exit 77 ;;
esac
export WD_PRELOAD
if [ -n "${WD_ON-}" ]; then
  WD_OPENSSL=$("$here/build_evp_test.sh" "$WD_ON")/openssl || exit 1
  export WD_OPENSSL
fi
exec /usr/bin/python3 "$story" -v
