# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# A dm-crypt volume of 64 MiB on the device's ciphers, written and read back.

insmod "/modules/$DRIVER.ko"
settle 60
errors_since start >/dev/null
mount -t tmpfs tmpfs /tmp
dd if=/dev/zero of=/tmp/volume bs=1M count=64 2>/dev/null

sent() { cat "/sys/kernel/debug/$DRIVER/$BDF/sec_dfx/send_cnt"; }
before=$(sent)
why=$(labtool dmcrypt 'capi:xts(aes)-plain64' 64 /tmp/volume >/tmp/answers \
  2>&1 || cat /tmp/answers)
text answers </tmp/answers
jobs=$(($(sent) - before))
echo "$jobs jobs" | text jobs
# 4096-byte sectors, each once out and once in
[ "$jobs" -ge 32768 ] || why="$jobs jobs only; $why"
check volume "$why$(errors_since volume)"
