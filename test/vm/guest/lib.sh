# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash disable=SC2034 # for scripts that read this file
# What guest scripts are made of.  Each check says one line,
#   @check NAME ok    or    @check NAME fail REASON
# and everything a reader may want beside it stands between "@text NAME" and
# "@end".
# shellcheck disable=SC1091 # made for each machine
. /lab/env
BDF=0000:00:05.0
PCI=/sys/bus/pci/devices/$BDF
DRV=/sys/bus/pci/drivers/$DRIVER

check() { # check NAME [REASON]: fails when there is a reason
  if [ -z "$2" ]; then
    echo "@check $1 ok"
  else
    echo "@check $1 fail $2"
  fi
}

text() { # text NAME < lines
  echo "@text $1"
  cat
  echo "@end"
}

# Lines of the kernel log at level error or worse since the last call, as one
# line; the log itself goes out as text NAME.  Lines that match $EXPECTED are
# no errors: self-tests try wrong tags, and the driver says what it found.
EXPECTED='hisi_sec2.*flag\[[0-9]*\], icv\[2\]'
errors_since() {
  dmesg -r >/tmp/log
  dmesg -c >/dev/null
  text "$1.log" </tmp/log >&2
  grep '^<[0-3]>' /tmp/log | grep -vE "$EXPECTED" | head -n 3 | tr '\n' ';'
}

bound() { [ -e "$DRV/$BDF" ]; }

# Names of the drivers' algorithms in /proc/crypto with state, one per line:
# "rsa hpre-rsa passed".
algorithms() {
  awk -F ' *: ' -v module="$DRIVER" '
    $1 == "name" { name = $2 }
    $1 == "driver" { driver = $2 }
    $1 == "module" { mine = $2 == module }
    $1 == "selftest" && mine { print name, driver, $2 }' /proc/crypto
}

# Waits until no self-test is under way; returns non-zero after $1 seconds.
# Algorithms are tested one after the other by a thread that takes its time
# under emulation: the list must stand still too.  One that failed stays
# "unknown": nothing happens any more after 10 seconds.
settle() {
  local left=$(($1 * 2)) before='' now same=0
  while [ "$left" -gt 0 ]; do
    now=$(algorithms)
    same=$((same + 1))
    [ "$now" = "$before" ] || same=0
    if echo "$now" | grep -qv ' passed$'; then
      [ "$same" -ge 20 ] && return 1
    else
      [ "$same" -ge 3 ] && return 0
    fi
    before=$now
    left=$((left - 1))
    usleep 500000
  done
  return 1
}

not_passed() {
  algorithms | grep -v ' passed$' | tr '\n' ';'
}

# Work for the device outside the self-tests, as lines that the host judges.
# DH with any base, and ciphers that this kernel has no self-test for.
answers() {
  case $DRIVER in
    hisi_hpre)
      labtool dh 256 && labtool dh 128 ;;
    hisi_sec2)
      labtool cipher 'hisi_sec_cbc(aes)' 16 16 1024 &&
        labtool cipher 'hisi_sec_xts(sm4)' 32 16 1024 ;;
  esac
}
