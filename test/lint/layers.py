#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point down only.  Usage: layers.py TOP; exits 1 naming each line
that includes upwards, prints the dependencies found otherwise."""
import pathlib
import re
import sys

# What a layer may include, beside itself.  A file pattern narrows the right.
MAY = {
    "base": [],
    "uacce": ["base/"],
    "hw/qm": ["base/", "uacce/uacce.h"],
    "hw/hpre": ["base/"],
    "hw/sec": ["base/"],
    "hw/zip": ["base/"],
    # The model shares tables with the drivers, never code.
    "emu": ["base/", "uacce/uacce.h", "uacce/uacce_unix_wire.h", r"hw/\w+/\w+_fields.h",
            r"hw/\w+/\w+\.def"],
    "offload": ["base/", "uacce/", "hw/"],
    "provider": ["base/", "uacce/uacce.h", "hw/hpre/hpre", "hw/sec/sec",
                 "offload/"],
    "engine_compat": ["base/"],
    "zlib_compat": ["base/", "offload/"],
    "tools": ["base/", "uacce/", "offload/", "emu/emu_host.h",
              "emu/emu_dev.h", "emu/emu_engine.h", "emu/emu_serve.h",
              "emu/vfio_user.h"],
    "test": [""],
}
# Who may know libcrypto and libgcrypt.
OUTSIDE = {
    "openssl/": ("provider", "engine_compat", "tools", "test",
                 "emu/emu_hpre"),
    "gcrypt.h": ("emu/emu_sec", "test"),
    "zlib.h": ("emu/emu_zip", "zlib_compat", "test"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def layer_of(path):
    return max((name for name in MAY if path.startswith(name + "/")),
               key=len, default=None)


def upward(path, target):
    mine = layer_of(path)
    if layer_of(target) == mine:
        return False
    return not any(re.match(pattern, target) for pattern in MAY[mine])


def check(top):
    bad, edges = [], {}
    files = [f for ext in ("c", "h", "def") for f in top.rglob("*." + ext)
             if not f.relative_to(top).as_posix().startswith("build")]
    for file in sorted(files):
        path = file.relative_to(top).as_posix()
        if layer_of(path) is None:
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            quote, target = found.groups()
            place = f"{path}:{number}: {target}"
            if quote == '"':
                if layer_of(target) is None:
                    bad.append(f"{place}: not a path from the top of the tree")
                elif upward(path, target):
                    bad.append(f"{place}: points up or aside")
                edges.setdefault(layer_of(path), set()).add(layer_of(target))
            for prefix, who in OUTSIDE.items():
                if target.startswith(prefix) and not path.startswith(who):
                    bad.append(f"{place}: not for this layer")
    return len(files), bad, edges


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    count, bad, edges = check(pathlib.Path(sys.argv[1]))
    for line in bad:
        print(line)
    if not bad:
        for layer, targets in sorted(edges.items()):
            below = sorted(t for t in targets if t and t != layer)
            print(f"{layer:14} -> {' '.join(below) or '-'}")
    print(f"{count} files, {len(bad)} includes point up")
    sys.exit(1 if bad or not count else 0)


main()
