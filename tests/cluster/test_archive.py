"""Case archives: opened by what they are, read lazily, refused when they are an attack."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from kuberunbooks.cluster import limits, tarball
from kuberunbooks.cluster.archive import open_archive
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.errors import CaseAlien, CaseHostile, CaseMissing, CaseUnreadable
from tests.conftest import INCIDENTS

PODS = b'{"kind":"PodList","apiVersion":"v1","items":[]}'
FILES = {"version.json": b"{}", "api/v1/namespaces/shop/pods.json": PODS}


def zip_of(path: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files:
            archive.writestr(name, body)
    return path


def tar_of(path: Path, files: Iterable[tuple[str, bytes]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, body in files:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return path


def folder_of(path: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    for name, body in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(body)
    return path


MAKERS: list[Callable[[Path, Iterable[tuple[str, bytes]]], Path]] = [zip_of, tar_of, folder_of]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("top", ["", "crashloop/", "./crashloop/"])
def test_a_case_opens_whatever_it_is_packed_in_and_whatever_it_is_called(
    tmp_path: Path, make: Callable[..., Path], top: str
) -> None:
    path = make(tmp_path / "case.misnamed", [(top + name, body) for name, body in FILES.items()])
    archive = open_archive(path)
    assert archive.names() == sorted(FILES)
    assert archive.read("api/v1/namespaces/shop/pods.json") == PODS
    with pytest.raises(KeyError):
        archive.read("api/v1/nodes.json")


@pytest.mark.parametrize("path", sorted(INCIDENTS.glob("*.tar.gz")), ids=lambda path: path.name)
def test_every_recorded_incident_opens_as_it_is(path: Path) -> None:
    case = CaseSource(path)
    assert case.now().year == 2026
    case.close()


def test_a_case_that_is_only_logs_keeps_its_folder(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "c.zip", [("logs/shop/web/app.log", b"x")])
    assert open_archive(path).names() == ["logs/shop/web/app.log"]


@pytest.mark.parametrize(
    "name",
    ["../evil", "api/../../evil", "/etc/passwd", "C:/evil", "c:evil", "api\\v1\\x", "..\\evil", "a/../../b"],
)
@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_paths_that_lead_out_are_refused(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    path = make(tmp_path / "case", [*FILES.items(), (name, b"x")])
    with pytest.raises(CaseHostile, match="outside the case"):
        open_archive(path)


@pytest.mark.parametrize(
    "type_", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.BLKTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, type_: bytes) -> None:
    path = tmp_path / "case.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("api/v1/nodes.json")
        member.type, member.linkname = type_, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(CaseHostile, match="link or device"):
        open_archive(path)


def test_a_symlink_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("api/v1/nodes.json")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(CaseHostile, match="link or device"):
        open_archive(path)


def test_a_link_in_a_folder_may_stay_inside_it_but_not_lead_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(b"secret")
    case = folder_of(tmp_path / "case", FILES.items())
    (case / "api/v1/copy.json").symlink_to(case / "version.json")
    assert open_archive(case).read("api/v1/copy.json") == b"{}"
    (case / "api/v1/nodes.json").symlink_to(outside)
    with pytest.raises(CaseHostile, match="leads outside"):
        open_archive(case)


def test_a_linked_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    case = folder_of(tmp_path / "case", FILES.items())
    (case / "logs").symlink_to(tmp_path)
    with pytest.raises(CaseHostile):
        open_archive(case)


@pytest.mark.parametrize("make", [zip_of, tar_of])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path: Path, make: Callable[..., Path]) -> None:
    path = make(tmp_path / "case", [*FILES.items(), ("api/./v1/namespaces/shop/pods.json", b"{}")])
    with pytest.raises(CaseHostile, match="twice"):
        open_archive(path)


@pytest.mark.parametrize("make", MAKERS)
def test_too_many_files_are_refused(
    tmp_path: Path, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 10)
    path = make(tmp_path / "case", [(f"logs/n/p/{number}.log", b"") for number in range(11)])
    with pytest.raises(CaseHostile, match="more than 10 files"):
        open_archive(path)


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, make: Callable[..., Path]) -> None:
    bomb = make(tmp_path / "case", [("api/v1/nodes.json", bytes(260 << 20))])
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(CaseHostile, match="times its size"):
        open_archive(bomb)


def test_a_tar_that_announces_a_huge_file_is_refused_at_its_header(tmp_path: Path) -> None:
    member = tarfile.TarInfo("api/v1/nodes.json")
    member.size = 3 << 30
    path = tmp_path / "case.tar"
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(CaseHostile, match="GiB"):
        open_archive(path)


def test_a_tar_whose_file_name_is_gigabytes_long_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 3 << 30
    path = tmp_path / "case.tar"
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(CaseHostile, match="file name"):
        open_archive(path)


def test_a_zip_whose_files_share_their_bytes_is_refused(tmp_path: Path) -> None:
    body = os.urandom(4096)
    path = zip_of(tmp_path / "case.zip", [(f"logs/n/p/{number}.log", body) for number in range(4)])
    raw = bytearray(path.read_bytes())
    for entry in range(4):
        start = [place for place in range(len(raw)) if raw[place : place + 4] == b"PK\x01\x02"][entry]
        raw[start + 20 : start + 24] = struct.pack("<I", 16384)
    path.write_bytes(bytes(raw))
    with pytest.raises(CaseHostile, match="share the same bytes"):
        open_archive(path)


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CaseMissing, match="There is no case at"):
        open_archive(tmp_path / "nothing.zip")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(CaseMissing):
        open_archive(tmp_path / "file" / "case.zip")


def test_an_empty_file_says_that_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "case.zip").write_bytes(b"")
    with pytest.raises(CaseUnreadable, match="is empty"):
        open_archive(tmp_path / "case.zip")


@pytest.mark.parametrize("make", [zip_of, tar_of])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_truncated_archive_says_so(tmp_path: Path, make: Callable[..., Path], kept: float) -> None:
    path = make(tmp_path / "case", [(f"logs/n/p/{number}.log", os.urandom(3000)) for number in range(9)])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(CaseUnreadable, match="damaged or truncated"):
        open_archive(path)


def test_a_damaged_file_inside_a_zip_is_reported_when_it_is_read(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "case.zip", [("version.json", os.urandom(3000))])
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 0xFF
    path.write_bytes(bytes(raw))
    with pytest.raises(CaseUnreadable, match=r"version\.json in .* is damaged"):
        open_archive(path).read("version.json")


def test_an_encrypted_zip_says_so(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "case.zip", FILES.items())
    raw = bytearray(path.read_bytes())
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 8] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(CaseUnreadable, match="encrypted"):
        open_archive(path)


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"hello", b"BZh91AY", b"\xfd7zXZ\0", b"\x89PNG\r\n", b"{}"])
def test_a_file_of_another_kind_is_alien(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "case.zip"
    path.write_bytes(content)
    with pytest.raises(CaseAlien, match=r"no folder, \.zip or \.tar\.gz"):
        open_archive(path)


def test_an_archive_of_something_else_is_alien(tmp_path: Path) -> None:
    for make in MAKERS:
        path = make(tmp_path / f"other-{make.__name__}", [("src/main.py", b"print()"), ("README.md", b"#")])
        with pytest.raises(CaseAlien, match="no recorded case"):
            CaseSource(path)


def test_a_device_is_no_case() -> None:
    with pytest.raises(CaseAlien, match="neither a folder nor a file"):
        open_archive(Path("/dev/null"))


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_of(tmp_path / "case.zip", FILES.items())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(CaseUnreadable, match="may not be read"):
        open_archive(path)


def test_a_tar_beyond_the_memory_budget_is_read_again_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tarball, "KEPT", 10)
    bodies = {f"logs/n/p/{number}.log": os.urandom(2000) for number in range(5)}
    archive = open_archive(tar_of(tmp_path / "case.tgz", bodies.items()))
    assert {name: archive.read(name) for name in archive.names()} == bodies


def test_opening_a_zip_reads_no_content(tmp_path: Path) -> None:
    """A damaged content does not keep the rest from being read."""
    path = zip_of(tmp_path / "case.zip", [("version.json", b"{}"), ("logs/n/p/c.log", os.urandom(9000))])
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"c.log") + 500] ^= 0xFF
    path.write_bytes(bytes(raw))
    assert CaseSource(path).raw("version") == b"{}"
