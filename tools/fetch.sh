#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch.sh [-s SUITES] source PACKAGE[=VERSION] DIR   upstream sources
# fetch.sh [-s SUITES] debs ARCH DIR PACKAGE...   packages unpacked into DIR
# fetch.sh [-s SUITES] root ARCH DIR PACKAGE...   the same with all they need
# fetch.sh [-s SUITES] depends ARCH PACKAGE       what a package depends on
#
# Downloads through a private apt configuration made from the repositories the
# machine already uses: no root, nothing of the system is changed.  SUITES
# (trixie,trixie-backports: the first one with backports in its name is
# preferred) replaces the machine's own suites on the same servers.  DIR
# appears complete or not at all.  Sources: orig tarball unpacked, Debian
# patches not applied.
set -euo pipefail

usage() { sed -n '3,13s/^# \{0,1\}//p' "$0"; }
suites=
case ${1-} in
  -h|--help) usage; exit ;;
  -s) suites=${2-}; shift 2 ;;
esac
[ $# -ge 3 ] || { usage >&2; exit 2; }
verb=$1

cache=${WD_CACHE:-$HOME/.cache/wd}
work= # removed on exit, so not local
mkdir -p "$cache"

repositories() { # repositories TYPE: lines of a sources.list
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(SUITE)' \
      'Created-By: Packages' 2>/dev/null |
    awk -v type="$1" -v suites="$suites" '
      function emit(line) { if (!seen[line]++) print type " " line }
      $1 !~ /debian/ { next }
      { security = $1 ~ /security/ }
      suites == "" {
        if (security && $2 !~ /-security/) $2 = $2 "-security"
        emit($1 " " $2 " " $3)
        next
      }
      $3 == "main" {
        n = split(suites, wanted, ",")
        for (i = 1; i <= n; i++)
          if (security == (wanted[i] ~ /-security/))
            emit($1 " " wanted[i] " main")
      }'
}

private_apt() { # private_apt ARCH TYPE: writes $apt (options) for that arch
  local arch=$1 type=$2 root
  root=$cache/apt-$1-$2${suites:+-$suites}
  mkdir -p "$root"/{lists/partial,cache/archives/partial,etc}
  : >"$root/status"
  repositories "$type" >"$root/etc/sources.list"
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
  local suite
  for suite in ${suites//,/ }; do
    [[ $suite = *-backports ]] && apt+=(-t "$suite") && break
  done
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

unpack() { # unpack DIR DEB...
  local dir=$1
  shift
  mkdir "$work/tree"
  for deb in "$@"; do dpkg-deb -x "$deb" "$work/tree"; done
  mkdir -p "$(dirname "$dir")"
  mv "$work/tree" "$dir"
}

fetch_debs() {
  local arch=$1 dir=$2
  shift 2
  # Again when the list has grown since.
  [ "$(cat "$dir/.packages" 2>/dev/null)" = "$*" ] && return 0
  private_apt "$arch" deb
  work=$(mktemp -d "$cache/debs.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && apt-get "${apt[@]}" download "$@")
  rm -rf "$dir"
  unpack "$dir" "$work"/*.deb
  echo "$*" >"$dir/.packages"
}

fetch_root() {
  local arch=$1 dir=$2
  shift 2
  [ -e "$dir" ] && return 0
  private_apt "$arch" deb
  work=$(mktemp -d "$cache/root.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/cache/archives/partial"
  apt-get "${apt[@]}" -o "Dir::Cache::archives=$work/cache/archives" \
    --no-install-recommends --download-only -y install "$@" >/dev/null
  unpack "$dir" "$work"/cache/archives/*.deb
}

print_depends() {
  private_apt "$1" deb
  apt-cache "${apt[@]}" depends "$2" | awk '$1 == "Depends:" { print $2 }'
}

case $verb in
  source)  fetch_source "$2" "$3" ;;
  debs)    shift; fetch_debs "$@" ;;
  root)    shift; fetch_root "$@" ;;
  depends) print_depends "$2" "$3" ;;
  *)       usage >&2; exit 2 ;;
esac
