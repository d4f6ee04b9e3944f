#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_anchors.py [TREE]: facts about the hardware have a source, and keep it.

Every `docs/hw/NAME.md#ANCHOR` that a source file names must exist; every row of a
.def table must name one, and must stand in that document with the same
position (and no document may describe a row that is gone); links inside the
documents must lead somewhere.  Exits 1 and names what is wrong.
"""
import os
import re
import sys

SOURCES = (".c", ".h", ".def", ".py", ".md")
SKIP = re.compile(r"^(build.*|\.git|\..*)$")

CITE = re.compile(r"(docs/hw/[a-z0-9_-]+\.md)(?:#([\w-]+))?")
ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')
HEADING = re.compile(r"^#+ +(.*)$", re.M)
LINK = re.compile(r"\]\((?:([\w./-]+\.md))?#([\w-]+)\)")
FIELD = re.compile(r"^WD_FIELD\((\w+), (\w+), (\d+), (\d+), (\d+)\)(.*)$", re.M)
REG = re.compile(r"^QM_REG\((\w+), (\w+), (\w+)\)(.*)$", re.M)
TOLD = re.compile(r"^\| `(\w+)` \| (\w+) \| ([\w:]+) \|", re.M)


def files(tree):
    for folder, dirs, names in os.walk(tree):
        dirs[:] = sorted(d for d in dirs if not SKIP.match(d))
        for name in sorted(names):
            if name.endswith(SOURCES):
                yield os.path.relpath(os.path.join(folder, name), tree)


def slug(heading):
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.strip().replace(" ", "-")


def anchors(text):
    found = ANCHOR.findall(text)
    return set(found) | {slug(h) for h in HEADING.findall(text)}, found


def rows(text):
    """name -> (position, position) and what follows on the line."""
    for prefix, field, word, lo, width, rest in FIELD.findall(text):
        top = int(lo) + int(width) - 1
        bits = lo if width == "1" else "%d:%s" % (top, lo)
        yield "%s_%s" % (prefix, field), (word, bits), rest
    for name, offset, reset, rest in REG.findall(text):
        yield "QM_REG_" + name, (offset, reset), rest


def check(tree):
    wrong = []
    text = {}
    for path in files(tree):
        with open(os.path.join(tree, path), encoding="utf-8") as f:
            text[path] = f.read()

    docs = {p: t for p, t in text.items() if p.startswith("docs/hw/")}
    known = {}
    for path, body in docs.items():
        known[path], explicit = anchors(body)
        for twice in {a for a in explicit if explicit.count(a) > 1}:
            wrong.append("%s: anchor %s twice" % (path, twice))

    for path, body in text.items():
        for doc, anchor in CITE.findall(body):
            if doc not in docs:
                wrong.append("%s: %s does not exist" % (path, doc))
            elif anchor and anchor not in known[doc]:
                wrong.append("%s: %s#%s does not exist" % (path, doc, anchor))
    for path, body in docs.items():
        for doc, anchor in LINK.findall(body):
            doc = os.path.join("docs/hw", doc) if doc else path
            if anchor not in known.get(doc, ()):
                wrong.append("%s: link to #%s leads nowhere" % (path, anchor))

    tables = {doc: dict() for doc in docs}
    count = 0
    for path in sorted(p for p in text if re.match(r"hw/.*\.def$", p)):
        for name, place, rest in rows(text[path]):
            count += 1
            cite = CITE.search(rest)
            if not cite or not cite.group(2):
                wrong.append("%s: %s names no evidence" % (path, name))
            elif cite.group(1) in tables:
                tables[cite.group(1)][name] = place
    for doc, body in docs.items():
        told = {n: (a, b) for n, a, b in TOLD.findall(body)}
        for name, place in tables[doc].items():
            if name not in told:
                wrong.append("%s: %s is not told" % (doc, name))
            elif told[name] != place:
                wrong.append("%s: %s is at %s, told at %s" % (
                    doc, name, "/".join(place), "/".join(told[name])))
        for name in told.keys() - tables[doc].keys():
            wrong.append("%s: %s is in no table" % (doc, name))
    return wrong, count, sum(len(k) for k in known.values())


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(
        os.path.dirname(os.path.abspath(__file__)))
    wrong, count, known = check(tree)
    for line in wrong:
        print(line)
    print("%d rows, %d anchors, %d wrong" % (count, known, len(wrong)))
    sys.exit(1 if wrong or not count else 0)


if __name__ == "__main__":
    main()
