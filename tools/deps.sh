#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh GROUP...: make sure Debian's packages of these groups are installed.
# Silent and instant when nothing is missing.  Works as root and through sudo.
#
#   build   compiler, CMake, libcrypto, libgcrypt and zlib headers
#   demo    what demo.sh shows: nginx, curl
#   test    what test.sh runs beside that: linters, cross compilers, sources,
#           kernel modules
set -euo pipefail

packages_of() {
  case $1 in
    build) echo gcc libc6-dev cmake ninja-build pkg-config git python3 \
                openssl libssl-dev libgcrypt20-dev zlib1g-dev ;;
    demo)  echo nginx-light curl ;;
    test)  echo clang clang-format clang-tidy libclang-rt-14-dev cppcheck \
                shellcheck codespell valgrind make perl dpkg-dev xz-utils \
                gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user \
                gcc-12 gcc-12-aarch64-linux-gnu libelf-dev acpica-tools \
                nginx-light curl procps spin openssh-server cryptsetup-bin \
                haproxy apache2-bin stunnel4 postgresql \
                python3-prometheus-client ;;
    *)     echo "deps.sh: unknown group '$1' (build, demo, test)" >&2; exit 2 ;;
  esac
}

case ${1-} in
  -h|--help|'') sed -n '3,10s/^# \{0,1\}//p' "$0"; [ $# -gt 0 ]; exit ;;
esac

missing=()
for group in "$@"; do
  for package in $(packages_of "$group"); do
    # nginx-light, -full, -extras or the plain package: any nginx will do.
    [ "$package" = nginx-light ] && [ -x /usr/sbin/nginx ] && continue
    case " ${missing[*]-} " in *" $package "*) continue ;; esac
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null |
      grep -q '^ii' || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "deps.sh: need root or sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2; return 1; }
}
# A package manager that is busy elsewhere (a fresh machine's first boot) is
# waited for.  Services of a fresh package (nginx) must not start by
# themselves: they would claim ports that are not ours.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
  made_policy=yes
fi
status=0
{ run apt-get -o DPkg::Lock::Timeout=300 update -q &&
  run apt-get -o DPkg::Lock::Timeout=300 install -y -q \
    --no-install-recommends "${missing[@]}"; } || status=$?
[ $made_policy = yes ] && "${as_root[@]}" rm -f $policy
exit $status
