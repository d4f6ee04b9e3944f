#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documentation names what exists: each `function()` and `path/to/file` in
README.md and docs/ is in the tree.  Usage: doc_names.py TOP; exits 1 naming
what is not."""
import pathlib
import re
import sys

LAYERS = ("base", "uacce", "hw", "offload", "emu", "provider", "tools", "test")
CALL = re.compile(r"`([A-Za-z_]\w*)\(\)`")
FILE = re.compile(r"`((?:%s|docs|conf)/[\w./-]*[\w-])`" % "|".join(LAYERS))
# Functions of others that the text may speak of.
FOREIGN = re.compile(r"^(EVP|OSSL|OPENSSL|ASYNC|SSL|CRYPTO|ERR|RAND|X509|BIO|"
                     r"poll|fork|exit|dup|open|openat|mmap|munmap|ioctl|write|"
                     r"read|close|select|getenv|malloc|free|pthread)")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    top = pathlib.Path(sys.argv[1])
    source = "\n".join(f.read_text() for layer in LAYERS
                       for f in (top / layer).rglob("*.[ch]"))
    defined = set(re.findall(r"\b(\w+)\(", source))
    bad = count = 0
    for page in [*top.glob("*.md"), *sorted((top / "docs").rglob("*.md"))]:
        text = page.read_text()
        missing = [f"{n}()" for n in set(CALL.findall(text))
                   if n not in defined and not FOREIGN.match(n)]
        missing += [p for p in set(FILE.findall(text))
                    if not (top / p).exists()]
        for name in sorted(missing):
            print(f"{page.relative_to(top)}: {name} does not exist")
        bad += len(missing)
        count += 1
    print(f"{count} pages, {bad} names of nothing")
    sys.exit(1 if bad or not count else 0)


main()
