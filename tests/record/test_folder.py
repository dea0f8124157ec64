"""The run folder: complete or absent, one process at a time, checkpoints kept for `--resume`."""

import errno
import os
import subprocess
import sys
from datetime import datetime

import pytest

from mldsl.diagnostics import MldslError
from mldsl.record import folder
from mldsl.record.disk import replace_folder, write_file, writing
from mldsl.record.find import runs_in

NOW = datetime(2026, 8, 1, 14, 22, 33)


def code(caught) -> str:
    return caught.value.diagnostics[0].code


def test_nothing_is_seen_before_it_is_complete(tmp_path) -> None:
    partial = folder.start(tmp_path / "runs", "abc123")
    (partial.path / "run.json").write_text("{}")
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [".partial"]
    assert runs_in(tmp_path / "runs") == []
    done = partial.finish(partial.run_id("examples/my file.mlp", NOW))
    assert done.name == "20260801-142233-my-file-abc123"
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [done.name]
    assert runs_in(tmp_path / "runs") == [done]


def test_a_second_run_of_one_second_gets_another_name(tmp_path) -> None:
    names = []
    for _ in range(3):
        partial = folder.start(tmp_path, "abc123")
        names.append(partial.finish(partial.run_id("iris.mlp", NOW)).name)
    assert [n.removeprefix("20260801-142233-iris-abc123") for n in names] == ["", "-2", "-3"]


def test_leftovers_are_cleared_unless_resumed(tmp_path) -> None:
    first = folder.start(tmp_path, "abc")
    (first.path / "checkpoint").write_text("half")
    first.release()
    resumed = folder.start(tmp_path, "abc", resume=True)
    assert (resumed.path / "checkpoint").read_text() == "half"
    resumed.release()
    fresh = folder.start(tmp_path, "abc")
    assert not list(fresh.path.iterdir())
    fresh.discard()


def test_a_failed_run_leaves_no_trace(tmp_path) -> None:
    partial = folder.start(tmp_path / "runs", "abc")
    (partial.path / "x").write_text("x")
    partial.discard()
    assert not (tmp_path / "runs").exists()


def test_the_same_run_twice_at_once_is_refused_and_other_runs_are_not(tmp_path) -> None:
    held = folder.start(tmp_path, "abc")
    with pytest.raises(MldslError, match=f"process {os.getpid()}") as caught:
        folder.start(tmp_path, "abc")
    assert code(caught) == "MLP0602"
    other = folder.start(tmp_path, "def")
    other.discard()
    held.discard()
    folder.start(tmp_path, "abc").discard()


def test_a_killed_process_holds_nothing(tmp_path) -> None:
    text = (
        "import sys, time; from pathlib import Path; from mldsl.record import folder\n"
        f"p = folder.start(Path({str(tmp_path)!r}), 'abc'); (p.path / 'checkpoint').write_text('half')\n"
        "print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(MldslError):
        folder.start(tmp_path, "abc", resume=True)
    child.kill()
    child.wait()
    child.stdout.close()
    resumed = folder.start(tmp_path, "abc", resume=True)
    assert (resumed.path / "checkpoint").read_text() == "half"
    resumed.discard()


def test_a_folder_that_cannot_be_made_is_a_coded_error(tmp_path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(MldslError) as caught:
        folder.start(tmp_path / "runs", "abc")
    assert code(caught) == "MLP0602"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO])
def test_disk_errors_say_reason_and_remedy(tmp_path, number) -> None:
    with pytest.raises(MldslError) as caught, writing(tmp_path / "x"):
        raise OSError(number, os.strerror(number))
    found = caught.value.diagnostics[0]
    assert found.code == "MLP0602"
    assert str(tmp_path / "x") in found.message
    assert number == errno.EIO or found.help


def test_a_file_is_written_whole_or_not_at_all(tmp_path) -> None:
    path = write_file(tmp_path / "deep" / "x.csv", "old")

    def fail(target) -> None:
        target.write_text("half")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(MldslError):
        write_file(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["x.csv"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "out"
    replace_folder(target, lambda f: (f / "a").write_text("1"))

    def fail(fresh) -> None:
        (fresh / "b").write_text("2")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(MldslError):
        replace_folder(target, fail)
    assert [p.name for p in target.iterdir()] == ["a"]
    replace_folder(target, lambda f: (f / "b").write_text("2"))
    assert [p.name for p in target.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
