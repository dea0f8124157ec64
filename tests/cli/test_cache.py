"""`mldsl cache`: what is kept, and that nothing is called cleared that is still there."""

import shutil


def test_what_is_kept_is_shown_and_cleared(command, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLDSL_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path)
    assert command("cache").out == "nothing is kept\n"
    (tmp_path / "kept" / "executables").mkdir(parents=True)
    (tmp_path / "kept" / "executables" / "one").write_bytes(bytes(2_000_000))
    (tmp_path / "runs" / ".index").mkdir(parents=True)
    ended = command("cache", "--clear")
    assert [line.split() for line in ended.out.splitlines()] == [
        ["executables", "1", "files", "2.0", "MB"], ["runs/.index", "0", "files", "0.0", "MB"], ["cleared"],
    ]  # fmt: skip
    assert not (tmp_path / "kept" / "executables").exists()
    assert not (tmp_path / "runs" / ".index").exists()


def test_what_cannot_be_removed_is_named(command, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLDSL_CACHE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "executables").mkdir()

    def refused(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(shutil, "rmtree", refused)
    ended = command("cache", "--clear")
    assert ended.status == 1
    assert "could not be removed: executables" in ended.err
    assert "cleared" not in ended.out
