# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# A function's life: probe, self-tests, unbind, rebind, reset, rmmod.

insmod "/modules/$DRIVER.ko" || check insmod "insmod failed"
why=$(errors_since probe)
bound || why="not bound; $why"
check probe "$why"

settle 60
why=$(not_passed)
errors=$(errors_since selftests)
algorithms | text algorithms
check selftests "$why$errors"

echo "$BDF" >"$DRV/unbind"
why=$(errors_since unbind)
bound && why="still bound; $why"
[ -z "$(algorithms)" ] || why="algorithms left; $why"
check unbind "$why"

echo "$BDF" >"$DRV/bind"
settle 60
why=$(errors_since rebind)
bound || why="not bound; $why"
check rebind "$why$(not_passed)"

echo 1 >"$PCI/reset" || echo "no reset"
why=$(errors_since flr)
bound || why="not bound; $why"
check flr "$why$(not_passed)"

answers >/tmp/answers 2>&1 || why=$(grep ^labtool /tmp/answers)
text answers </tmp/answers
check work "$why$(errors_since work)"

rmmod "$DRIVER"
check rmmod "$(errors_since rmmod)"
