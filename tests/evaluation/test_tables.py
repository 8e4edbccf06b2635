"""Tables of reports."""

import re

import numpy as np
import pytest

from siamkeras import evaluation
from siamkeras.evaluation.one_shot import OneShot

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
    assert re.split("  +", heading.strip()) == ["AUC", "EER", "TAR at 1 % FAR", "threshold", "FAR / FRR"]
    low, high = first.interval["auc"]
    assert rows[0].startswith(f"first   {first.auc:.3f} [{low:.3f}, {high:.3f}]")
    assert f"{second.eer:.1%} " in rows[1] and "0.500 given" in rows[1] and "given" not in rows[0]
    assert f"  {first.tar_at_far[0.01]:.1%}  " in rows[0] and rows[0].endswith(f"  {first.far:.1%} / {first.frr:.1%}")
    assert max(map(len, text.splitlines())) <= 105  # the width of a page
    assert repr(first) == repr(evaluation.table({"": first}))


REPORTS = {
    "verification": verification(resamples=100),
    "retrieval": evaluation.retrieval(DISTANCES[:300, None], SAME[:300], k=(1, 2, 5, 10), resamples=100),
    "correlation": evaluation.correlation_from_distances(DISTANCES, SAME.astype(float), resamples=100),
    "few shot": evaluation.few_shot_from_embeddings(
        RNG.normal(size=(60, 2)), np.repeat(np.arange(6), 10), np.repeat([0, 1], 30), way=3, episodes=2
    ),
    "one shot": OneShot(0.5, {"accuracy": (0.4, 0.6)}, np.ones(1) / 2, {}, *2 * [np.array([[0, 1]])]),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_a_notebook_shows_a_report_as_an_html_table_of_at_most_six_columns(kind):
    report = REPORTS[kind]
    page = evaluation.table({"<small>": report, "large": report})._repr_html_()
    headings, cells = re.findall("<th>(.*?)</th>", page), re.findall("<td.*?>(.*?)</td>", page)
    assert 4 <= len(headings) <= 6 and headings == ["", *report.columns()]
    assert cells == ["&lt;small&gt;", *report.columns().values(), "large", *report.columns().values()]
    assert re.findall("<t[rd]|</t[rd]|<thead>|</thead>", page)[:4] == ["<thead>", "<tr", "</tr", "</thead>"]


@pytest.mark.parametrize("kind", REPORTS)
def test_a_single_report_has_no_column_of_names(kind):
    page = REPORTS[kind]._repr_html_()
    assert re.findall("<th>(.*?)</th>", page) == list(REPORTS[kind].columns())
    assert re.findall("<td.*?>(.*?)</td>", page) == list(REPORTS[kind].columns().values())
    assert repr(REPORTS[kind]) == str(evaluation.table({"": REPORTS[kind]}))


def test_a_table_of_other_numbers_and_of_a_report_with_further_columns():
    """Floats have three significant digits, integers separators of thousands."""
    text = evaluation.table({"a": {"loss": 0.12345, "steps": 1200}, 5: {"loss": np.float32(2), "steps": "none"}})
    assert [line.split() for line in text.splitlines()] == [
        ["loss", "steps"],
        ["a", "0.123", "1,200"],
        ["5", "2", "none"],
    ]
    text = evaluation.table({"tower": REPORTS["retrieval"].columns() | {"steps": 800}})
    assert text.splitlines()[0].endswith("queries  steps") and text.endswith("  800")


def test_a_table_needs_reports_of_one_kind_and_with_the_same_columns():
    retrieval = [evaluation.retrieval([[0], [1], [2]], [1, 1, 1], k=k, resamples=0) for k in (1, 2)]
    for reports in ([verification(), retrieval[0]], retrieval, [verification(far=(0.1,)), verification(far=(0.5,))]):
        with pytest.raises(ValueError, match="the same columns: of one kind.* Received: .* and "):
            evaluation.table(dict(enumerate(reports)))
    with pytest.raises(ValueError, match="Received: no reports"):
        evaluation.table({})
