# SPDX-License-Identifier: Apache-2.0
"""check_anchors.py finds each kind of broken citation."""
import os
import tempfile
import unittest

import check_anchors

# Not written out: these are citations of nothing.
X = "docs/hw" + "/x.md"
Y = "docs/hw" + "/y.md"
ROW = "WD_FIELD(X_SQE, ALG, 0, 4, 5) /* %s#alg */\n" % X
REG = "QM_REG(ALPHA, 0x40, 1) /* %s#regs */\n" % X
DOC = """# X
<a id="alg"></a>
| `X_SQE_ALG` | 0 | 8:4 | the algorithm, see [registers](#regs) |
## Regs
| `QM_REG_ALPHA` | 0x40 | 1 | a register |
"""


class Anchors(unittest.TestCase):
    def wrong(self, **files):
        with tempfile.TemporaryDirectory() as tree:
            tables = {"hw/x/x.def": ROW + REG, X: DOC}
            tables.update((k.replace("__", "/").replace("_", "."), v)
                          for k, v in files.items())
            for path, text in tables.items():
                path = os.path.join(tree, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as f:
                    f.write(text)
            return check_anchors.check(tree)[0]

    def one(self, words, **files):
        wrong = self.wrong(**files)
        self.assertEqual(len(wrong), 1, wrong)
        for word in words.split():
            self.assertIn(word, wrong[0])

    def test_a_tree_in_order(self):
        self.assertEqual(self.wrong(), [])

    def test_an_anchor_nobody_set(self):
        self.one("src/a.c #nowhere not exist",
                 src__a_c=X + "#nowhere")

    def test_a_document_nobody_wrote(self):
        self.one(Y + " not exist", src__a_c=Y + "#a")

    def test_a_row_without_evidence(self):
        self.one("X_SQE_ALG no evidence X_SQE_ALG",
                 hw__x__x_def=ROW.replace("#alg", "") + REG,
                 docs__hw__x_md=DOC.replace("| `X_SQE_ALG`", "| X_SQE_ALG"))

    def test_a_row_the_document_does_not_tell(self):
        self.one("X_SQE_ALG not told",
                 docs__hw__x_md=DOC.replace("| `X_SQE_ALG`", "| ALG"))

    def test_a_row_told_at_another_place(self):
        self.one("X_SQE_ALG 0/8:4 0/7:3",
                 docs__hw__x_md=DOC.replace("8:4", "7:3"))
        self.one("QM_REG_ALPHA 0x40/1 0x44/1",
                 docs__hw__x_md=DOC.replace("0x40", "0x44"))

    def test_a_row_told_that_is_gone(self):
        self.one("QM_REG_ALPHA no table", hw__x__x_def=ROW)

    def test_a_link_that_leads_nowhere(self):
        self.one("#lost nowhere",
                 docs__hw__x_md=DOC.replace("(#regs)", "(#lost)"))

    def test_an_anchor_set_twice(self):
        self.one("alg twice", docs__hw__x_md=DOC + '<a id="alg"></a>\n')


if __name__ == "__main__":
    unittest.main()
