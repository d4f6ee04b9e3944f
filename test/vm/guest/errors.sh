# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The model raises error bits during the self-tests (run with
# --fault error@3, --fault error@5:12): the driver's handler of vector 3 logs
# each, clears it, and goes on.

# shellcheck disable=SC2034 # for errors_since
EXPECTED="$EXPECTED|qm_ecc_1bit|qm_db_random_invalid"
insmod "/modules/$DRIVER.ko" || check insmod "insmod failed"
settle 60
errors=$(errors_since probe)
why=
for name in qm_ecc_1bit qm_db_random_invalid; do
  n=$(grep -c "$name \[error status=" /tmp/log)
  [ "$n" -eq 1 ] || why="$name logged $n times; $why"
done
check logged "$why$errors"

why=
bound || why="not bound; "
check recovered "$why$(not_passed)"

why=
answers >/tmp/answers 2>&1 || why=$(grep ^labtool /tmp/answers)
text answers </tmp/answers
check work "$why$(errors_since work)"

rmmod "$DRIVER"
check rmmod "$(errors_since rmmod)"
