import codecs
from pathlib import Path

import pytest

from ftmon.local.encoding import decoded
from ftmon.local.folder import find_runs
from ftmon.local.source import JSON_LINES, FileSource, format_of

TEXTS = {
    "JSON Lines": '{"message": "Ü: 20 €"}\r\n{"step": 1, "loss": 2.5}\r\n{"step": 2, "loss": 2.25}\r\n',
    "a log": "Überprüfung: 20 €\r\nstep 1 | loss: 2.5\r\nstep 2 | loss: 2.25\r\n",
    "a table": "step,loss,größe\r\n1,2.5,3\r\n2,2.25,3\r\n",
}


def encoded(text: str) -> dict[str, bytes]:
    return {
        "UTF-8": text.encode(),
        "UTF-8 with a mark": text.encode("utf-8-sig"),
        "UTF-16 as PowerShell writes it": codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        "UTF-16, the high byte first": codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        "UTF-16 without a mark": text.encode("utf-16-le"),
        "UTF-16 without a mark, the high byte first": text.encode("utf-16-be"),
        "Windows-1252": text.encode("windows-1252"),
    }


@pytest.mark.parametrize("name", TEXTS)
def test_a_growing_file_is_read_alike_whatever_its_encoding(tmp_path: Path, name: str) -> None:
    told = {}
    for encoding, data in encoded(TEXTS[name]).items():
        path = tmp_path / encoding
        path.touch()
        kind = format_of("train", data)
        source = FileSource(path, kind)
        entries = []
        with path.open("ab", buffering=0) as file:
            for start in range(0, len(data), 3):
                file.write(data[start : start + 3])
                entries += source.poll()
        told[encoding] = kind.name, [(entry.message, entry.figures) for _, entry in entries]
    kind_name, expected = told["UTF-8"]
    assert kind_name == name
    assert len(expected) == (2 if name == "a table" else 3)
    assert told == dict.fromkeys(told, told["UTF-8"])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a", ""),
        (b"ok\n", "ok\n"),
        ("损失: 2.5\n".encode("utf-16-le"), "损失: 2.5\n"),
        (b"emoji \xf0\x9f\x8e\x89 and \xe9t\xe9\n", "emoji \U0001f389 and été\n"),
        (b"\x81\xff\xfe\n", "\ufffdÿþ\n"),
        (b"\xff\xfea\x00\x00\xd8b\x00", "a\ufffdb"),
        # A file that was emptied while its writer went on begins with zeros.
        (b"\x00" * 7 + b"loss: 2.5\n", "\x00" * 7 + "loss: 2.5\n"),
        (b"one\x00 of many\n", "one\x00 of many\n"),
    ],
)
def test_bytes_are_text_as_far_as_they_tell(data: bytes, text: str) -> None:
    assert decoded(data) == text


def test_a_file_in_another_encoding_is_found_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes('{"step": 1, "loss": 2.5}\n'.encode("utf-16"))
    [run], _ = find_runs(tmp_path)
    assert [kind for _, kind in run.files] == [JSON_LINES]
