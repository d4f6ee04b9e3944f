#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build_evp_test.sh        OpenSSL's own evp_test for the system's libcrypto
# build_evp_test.sh 3.5    the same for Debian trixie's OpenSSL 3.5
#
# From Debian's source package, into the cache; nothing of the system changes.
# Prints a folder with
#
#   evp_test   the program
#   data/      the *.txt of test/recipes/30-test_evp_data
#   run        run PROGRAM ARGS...: any program, one of this build too, on that
#              libcrypto; 3.5's needs trixie's loader and C library, unpacked
#              in the cache, and a program linked to libcrypto.so.3 does not
#              notice
#   openssl    that version's command
#
# So a story or a C test of wd runs on 3.5 without being built again:
#
#   dir=$(test/build_evp_test.sh 3.5)
#   OPENSSL_MODULES=$PWD/build/provider "$dir/run" build/test/test_provider_rsa
#   OPENSSL_MODULES=$PWD/build/provider WD_DEVICE=emu \
#     "$dir/openssl" speed -provider wd rsa2048
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${WD_CACHE:-$HOME/.cache/wd}
suites=trixie,trixie-security
case ${1-} in
  "") version=$(openssl version | awk '{print $2}') ;;
  3.5) version=3.5-trixie ;;
  *) sed -n '3,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
out=$cache/evp_test-$version
src=$cache/openssl-$version-src
root=$cache/openssl-$version-root
log=$cache/evp_test-$version-build.log

fetch_system() { # the source of this libcrypto, or the series' newest
  local exact
  ln -sf "$(command -v openssl)" "$out.part/openssl"
  # shellcheck disable=SC2016 # the script's own argument
  printf '#!/bin/sh\nexec "$@"\n' >"$out.part/run"
  libs=(-lssl -lcrypto)
  [ -d "$src" ] && return
  exact=$(dpkg-query -W -f '${source:Version}' libssl3 2>/dev/null || true)
  { [ -n "$exact" ] &&
    "$here/../tools/fetch.sh" source "openssl=$exact" "$src" 2>/dev/null; } ||
    "$here/../tools/fetch.sh" source openssl "$src"
}

fetch_trixie() {
  local lib loader
  "$here/../tools/fetch.sh" -s "$suites" source openssl "$src"
  "$here/../tools/fetch.sh" -s "$suites" debs \
    "$(dpkg --print-architecture)" "$root" openssl libssl3t64 libc6 zlib1g \
    libzstd1 libgcc-s1
  lib=$root/usr/lib/$(gcc -print-multiarch)
  loader=$(echo "$lib"/ld-linux*.so.*)
  cat >"$out.part/run" <<EOF2
#!/bin/sh
exec "$loader" --library-path "$lib" "\$@"
EOF2
  cat >"$out.part/openssl" <<EOF2
#!/bin/sh
exec "$loader" --library-path "$lib" "$root/usr/bin/openssl" "\$@"
EOF2
  libs=("-Wl,--allow-shlib-undefined" "$lib/libssl.so.3" "$lib/libcrypto.so.3")
}

build() {
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
    test/evp_test.c "$out.part/libtestutil.a" "${libs[@]}" -lpthread
  cp test/recipes/30-test_evp_data/*.txt "$out.part/data/"
  rm -r "$out.part/obj"
}

make_folder() {
  rm -rf "$out.part"
  mkdir -p "$out.part"
  if [ "$version" = 3.5-trixie ]; then fetch_trixie; else fetch_system; fi
  chmod +x "$out.part/run"
  [ -L "$out.part/openssl" ] || chmod +x "$out.part/openssl"
  (build) >"$log" 2>&1
  rm -rf "$out"
  mv "$out.part" "$out"
}

if [ ! -x "$out/run" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/evp_test.lock"
  flock 9
fi
if [ ! -x "$out/run" ]; then
  # In a child: set -e stops at the first failure only outside of conditions.
  set +e
  (set -e; make_folder >&2)
  rc=$?
  set -e
  [ $rc -eq 0 ] || { tail -n 20 "$log" >&2; exit 1; }
fi
echo "$out"
