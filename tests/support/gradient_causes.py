"""Mistakes of gradients, and what a report may rightly say about each."""

# What a report may rightly say about a mistake. A wrong sign or factor inside a formula makes the
# slope of an elementwise layer wrong, or one term of a sum, or what one branch computes, so those
# are right answers as well. The table was written before the first mutant was run, but for six
# words that the half for tuning added: "offset", "extra term", a factor for a sign inside one, and
# what a mask in a quotient ("not finite"), an index in a slice ("shape") and an array in place of a
# copy ("in place") lead to. Since then it has stood as it is and the halves were drawn anew, by
# another salt of their digests, before the last diagnoses were written. It is no virgin half: of
# what is kept apart now, about as much as by chance was in the first half for tuning.
LOCAL = {"slope", "term", "region", "offset", "extra term"}
CAUSES = {
    "sign": {"sign", "factor"} | LOCAL,
    "factor": {"factor"} | LOCAL,
    "power": {"factor"} | LOCAL,
    "product for quotient": {"factor", "upstream", "not finite"} | LOCAL,
    "missing factor": {"factor", "upstream", "missing sum"} | LOCAL,
    "missing term": {"factor", "zero", "missing sum"} | LOCAL,
    "transpose": {"transpose", "shape"},
    "missing sum": {"missing sum", "missing mean", "shape", "term"},
    "mean for sum": {"factor", "term"},
    "wrong axis": {"wrong axis", "missing sum", "shape", "term"},
    "wrong array": {"wrong array", "upstream", "order", "factor", "in place"} | LOCAL,
    "stale": {"stale", "input ignored"},
    "in place": {"in place"},
    "overwritten": {"overwritten", "missing sum", "region"},
    "index": {"shift", "missing sum", "region", "shape"},
    "mask": {"mask", "slope", "region"},
}
