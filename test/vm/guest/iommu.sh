# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# With an IOMMU that translates (--append intel_iommu=on): each buffer is
# lent to the device page by page, while it works.

type=$(cat "$PCI/iommu_group/type" 2>&1)
case $type in
  DMA*) check translated ;;
  *) check translated "type of the IOMMU group: $type" ;;
esac

insmod "/modules/$DRIVER.ko" || check insmod "insmod failed"
settle 120
errors=$(errors_since selftests)
algorithms | text algorithms
check selftests "$(not_passed)$errors"

why=
answers >/tmp/answers 2>&1 || why=$(grep ^labtool /tmp/answers)
text answers </tmp/answers
check work "$why$(errors_since work)"

rmmod "$DRIVER"
check rmmod "$(errors_since rmmod)"
