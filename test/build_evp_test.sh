#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build_evp_test.sh: OpenSSL's own evp_test from Debian's source package,
# compiled against the system's libcrypto into the cache.  Prints the folder
# that holds `evp_test` and `data/` (the *.txt of test/recipes/30-test_evp_data).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${WD_CACHE:-$HOME/.cache/wd}
version=$(openssl version | awk '{print $2}')
out=$cache/evp_test-$version
if [ ! -x "$out/evp_test" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/evp_test.lock"
  flock 9
fi
if [ ! -x "$out/evp_test" ]; then
  src=$cache/openssl-$version-src
  if [ ! -d "$src" ]; then
    # The source of exactly this libcrypto where the archive still has it, the
    # newest of the same series otherwise.
    exact=$(dpkg-query -W -f '${source:Version}' libssl3 2>/dev/null || true)
    { [ -n "$exact" ] &&
      "$here/../tools/fetch.sh" source "openssl=$exact" "$src" 2>/dev/null; } ||
      "$here/../tools/fetch.sh" source openssl "$src"
  fi
  log=$cache/evp_test-build.log
  rm -rf "$out.part"
  bash -eu >"$log" 2>&1 <<EOF || { tail -n 20 "$log" >&2; exit 1; }
cd "$src"
# Options as Debian builds it, where they decide which data runs.
./Configure --prefix=/usr no-shared no-idea no-mdc2 no-rc5 no-ssl3 \
  enable-rfc3779 enable-cms "linux-$(uname -m)"
make -s build_generated
mkdir -p "$out.part/data" "$out.part/obj"
# The harness is an archive, so that evp_test.c's own functions win over its
# defaults.
(cd "$out.part/obj" && gcc -O1 -w -I"$src" -I"$src/include" \
  -I"$src/apps/include" -I"$src/test" -c "$src"/test/testutil/*.c \
  "$src/apps/lib/opt.c" && ar rc ../libtestutil.a ./*.o)
gcc -O1 -w -I. -Iinclude -Iapps/include -Itest -o "$out.part/evp_test" \
  test/evp_test.c "$out.part/libtestutil.a" -lssl -lcrypto -lpthread
cp test/recipes/30-test_evp_data/*.txt "$out.part/data/"
rm -r "$out.part/obj"
EOF
  rm -rf "$out"
  mv "$out.part" "$out"
fi
echo "$out"
