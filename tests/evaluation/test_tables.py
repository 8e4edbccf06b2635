"""Tables of reports."""

import numpy as np
import pytest

from siamkeras import evaluation

RNG = np.random.default_rng(8)
SAME = RNG.random(3000) < 0.4
DISTANCES = RNG.normal(size=3000) + ~SAME


def verification(**options):
    return evaluation.verification_from_distances(DISTANCES, SAME, **{"resamples": 0} | options)


def test_a_table_has_one_row_per_report():
    first, second = verification(resamples=100), verification(threshold=0.5)
    text = evaluation.table({"first": first, "second": second})
    assert repr(text) == str(text)
    heading, *rows = text.splitlines()
    assert heading.split() == ["AUC", "EER", "TAR@10%", "TAR@1%", "threshold", "FAR", "FRR", "pairs"]
    low, high = first.interval["auc"]
    assert rows[0].startswith(f"first   {first.auc:.3f} [{low:.3f}, {high:.3f}]")
    assert f"{second.eer:.1%} " in rows[1] and "0.500 given" in rows[1] and "given" not in rows[0]
    assert max(map(len, text.splitlines())) <= 105  # the width of a page
    assert repr(first) == repr(evaluation.table({"": first}))


def test_a_table_needs_reports_of_one_kind_and_with_the_same_columns():
    retrieval = [evaluation.retrieval([[0], [1], [2]], [1, 1, 1], k=k, resamples=0) for k in (1, 2)]
    for reports in ([verification(), retrieval[0]], retrieval, [verification(far=(0.1,)), verification(far=(0.5,))]):
        with pytest.raises(ValueError, match="the same columns: of one kind.* Received: .* and "):
            evaluation.table(dict(enumerate(reports)))
    with pytest.raises(ValueError, match="Received: no reports"):
        evaluation.table({})
