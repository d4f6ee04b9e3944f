#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch.sh source PACKAGE[=VERSION] DIR   upstream sources of a Debian package
# fetch.sh debs ARCH DIR PACKAGE...       packages of ARCH unpacked into DIR
#
# Downloads through a private apt configuration made from the repositories the
# machine already uses: no root, nothing of the system is changed.  DIR appears
# complete or not at all.  Sources: orig tarball unpacked, Debian patches not
# applied.
set -euo pipefail

usage() { sed -n '3,9s/^# \{0,1\}//p' "$0"; }
[ $# -ge 3 ] || { usage >&2; exit 2; }
verb=$1

cache=${WD_CACHE:-$HOME/.cache/wd}
work= # removed on exit, so not local
mkdir -p "$cache"

private_apt() { # private_apt ARCH TYPE: writes $apt (options) for that arch
  local arch=$1 type=$2 root=$cache/apt-$1-$2
  mkdir -p "$root"/{lists/partial,cache/archives/partial,etc}
  : >"$root/status"
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(SUITE)' \
      'Created-By: Packages' 2>/dev/null |
    awk -v type="$type" '$1 ~ /debian/ { if ($1 ~ /security/ && $2 !~ /-security/) $2 = $2 "-security"
      line = type " " $1 " " $2 " " $3; if (!seen[line]++) print line }' \
    >"$root/etc/sources.list"
  if [ ! -s "$root/etc/sources.list" ]; then # lists never fetched: config alone
    echo "fetch.sh: no Debian repository is configured (try 'apt-get update')" >&2
    return 1
  fi
  apt=(-o "Dir::Etc::SourceList=$root/etc/sources.list"
       -o Dir::Etc::SourceParts=/dev/null
       -o "Dir::State::Lists=$root/lists" -o "Dir::State::status=$root/status"
       -o "Dir::Cache=$root/cache" -o "APT::Architecture=$arch"
       -o "APT::Architectures::=$arch" -o Acquire::Languages=none
       -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 -qq)
  apt-get "${apt[@]}" update
}

fetch_source() {
  local package=$1 dir=$2
  [ -e "$dir" ] && return 0
  private_apt "$(dpkg --print-architecture)" deb-src
  work=$(mktemp -d "$cache/src.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && apt-get "${apt[@]}" source --tar-only --download-only \
    "$package" >/dev/null)
  mkdir "$work/tree"
  tar -xf "$work"/*.orig.tar.* --strip-components=1 -C "$work/tree"
  mkdir -p "$(dirname "$dir")"
  mv "$work/tree" "$dir"
}

fetch_debs() {
  local arch=$1 dir=$2
  shift 2
  [ -e "$dir" ] && return 0
  private_apt "$arch" deb
  work=$(mktemp -d "$cache/debs.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && apt-get "${apt[@]}" download "$@")
  mkdir "$work/tree"
  for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/tree"; done
  mkdir -p "$(dirname "$dir")"
  mv "$work/tree" "$dir"
}

case $verb in
  source) fetch_source "$2" "$3" ;;
  debs)   shift; fetch_debs "$@" ;;
  *)      usage >&2; exit 2 ;;
esac
