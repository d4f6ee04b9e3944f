# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# A function-level reset while jobs are in its queues: the driver stops queues
# that are at work.  Jobs may fail, nothing may hang or answer wrongly.

insmod "/modules/$DRIVER.ko"
settle 60
errors_since start >/dev/null
# Who comes while queues are stopped is sent away, with these words: the second
# if the stop came between making the queue and starting it.
# shellcheck disable=SC2034 # errors_since reads it
EXPECTED='Can not (create hpre|start) qp'

: >/tmp/answers
for worker in 1 2 3 4 5 6; do
  (for job in 1 2 3 4 5 6; do
     labtool dh 256 2>&1 || echo "worker $worker, job $job: failed"
   done >>/tmp/answers; touch "/tmp/done.$worker") &
done
usleep 200000
before=$(cat "/sys/kernel/debug/$DRIVER/$BDF/hpre_dfx/send_cnt")
echo 1 >"$PCI/reset" || echo "no reset"
why=$(errors_since reset)
[ "$before" -gt 0 ] || why="no job was under way; $why"
check reset_at_work "$why"

left=60
finished() { find /tmp -name 'done.*' | wc -l; }
while [ "$left" -gt 0 ] && [ "$(finished)" -lt 6 ]; do
  usleep 500000
  left=$((left - 1))
done
[ "$left" -gt 0 ] && why='' || why="$((6 - $(finished))) workers hang"
check nothing_hangs "$why"
text answers </tmp/answers

why=$(labtool dh 256 >/tmp/last 2>&1 || cat /tmp/last)
text answers.last </tmp/last
check work "$why$(errors_since work)"
