# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The model is told to go wrong at three jobs after the self-tests: one ends
# in an error, at one the device reports a corrected error, one breaks it so
# that the driver resets it through firmware.  After each, jobs succeed again.

insmod "/modules/$DRIVER.ko"
settle 60
errors_since start >/dev/null

# Jobs until the kernel has something to say, 40 at most.
until_log() {
  local job=0
  while [ "$job" -lt 40 ]; do
    labtool dh 256 >>/tmp/answers 2>&1 || true
    [ "$(dmesg | wc -l)" -gt 0 ] && return
    job=$((job + 1))
  done
}

# incident NAME PATTERN [LAST]: the log matches PATTERN, within 10 seconds
# also LAST, and jobs go on
incident() {
  local why='' left=20
  : >/tmp/answers
  until_log
  while [ "$left" -gt 0 ] && ! dmesg | grep -q "${3:-.}"; do
    usleep 500000
    left=$((left - 1))
  done
  dmesg | grep -q "$2" || why="no '$2' in the log; "
  [ "$left" -gt 0 ] || why="${why}no '$3' in the log; "
  dmesg -c | text "$1.log"
  labtool dh 256 >/tmp/last 2>&1 || why="$why$(cat /tmp/last)"
  cat /tmp/last >>/tmp/answers
  text "answers.$1" </tmp/answers
  check "$1" "$why"
}

incident failed_job 'alg\[0x5\] error: done\[0x3\], etype\[0x7\]'
incident corrected_error 'qm_ecc_1bit .error status=0x8. found'
incident broken_device 'qm_ecc_mbit .error status=0x4. found' \
  'Controller reset complete'
check rest "$(errors_since rest)"
