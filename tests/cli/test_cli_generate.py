from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from lob_backtest.cli.group import main


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["generate", *(str(word) for word in words)])
    return int(stop.value.code or 0)


def test_writes_a_file_and_says_so_on_standard_error(tmp_path, capsys):
    path = tmp_path / "m.parquet"
    assert run("-o", path, "--events", 1_000, "--seed", 3, "--level", 2, "--symbol", "ABC") == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "m.parquet: 1,00" in printed.err
    assert "seed 3" in printed.err
    assert pq.read_schema(path).metadata[b"lob.symbol"] == b"ABC"
    assert "order_id" not in pq.read_schema(path).names


def test_json_goes_to_standard_output(tmp_path, capsys):
    path = tmp_path / "m.parquet"
    assert run("-o", path, "--events", 1_000, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == pq.read_metadata(path).num_rows
    assert (told["path"], told["level"], told["seed"]) == (str(path), 3, 1)


def test_existing_file_stays_without_force(tmp_path, capsys):
    path = tmp_path / "m.parquet"
    path.write_text("mine")
    assert run("-o", path, "--events", 1_000) == 6
    assert path.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run("-o", path, "--events", 1_000, "--force") == 0
    assert pq.read_metadata(path).num_rows >= 1_000


def test_truth_is_written_beside_the_market(tmp_path, capsys):
    path, truth = tmp_path / "m.parquet", tmp_path / "m.truth.parquet"
    assert run("-o", path, "--events", 1_000, "--truth", truth) == 0
    assert pq.read_metadata(truth).num_rows == pq.read_table(path)["sequence"][-1].as_py()
    assert run("-o", tmp_path / "n.parquet", "--events", 1_000, "--truth", truth) == 6
    assert "m.truth.parquet: exists" in capsys.readouterr().err
    assert not (tmp_path / "n.parquet").exists()


def test_truth_does_not_go_over_the_market(tmp_path, capsys):
    path = tmp_path / "m.parquet"
    assert run("-o", path, "--events", 1_000, "--truth", path) == 6
    assert "another name" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--events", "7"), 2, "events = 7"),
        (("--events", "many"), 2, "--events"),
        (("--seed", "-1"), 2, "seed = -1"),
        (("--level", "4"), 2, "--level"),
        (("--tick-size", "abc"), 2, "tick_size 'abc'"),
    ],
)
def test_bad_settings_end_with_2_and_one_message(tmp_path, capsys, words, code, message):
    assert run("-o", tmp_path / "m.parquet", *words) == code
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_an_output_error(tmp_path, capsys):
    assert run("-o", tmp_path / "none" / "m.parquet", "--events", 1_000) == 6
    assert "none" in capsys.readouterr().err


def test_truth_is_no_option_of_the_help_page(capsys):
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert "--compression" in shown
    assert "--truth" not in shown
