#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_py.sh BUILD_DIR TEST.py: a Python story against the built provider, on
# the model unless WD_DEVICE says otherwise.  Debian's python3, standard
# library only.
build=$1
story=$2
here=$(cd "$(dirname "$0")" && pwd)
export OPENSSL_MODULES="$build/provider"
export WD_BUILD="$build"
export WD_DEVICE="${WD_DEVICE-emu}"
export PYTHONPATH="$here"
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$story" -v
