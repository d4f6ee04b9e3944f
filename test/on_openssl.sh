#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# on_openssl.sh VERSION PROGRAM ARGS...: a program of ours on another libcrypto
# than the one it was linked to; VERSION as in build_evp_test.sh.
here=$(cd "$(dirname "$0")" && pwd)
version=$1
shift
dir=$("$here/build_evp_test.sh" "$version") || exit 1
exec "$dir/run" "$@"
