from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.cases.configuration import weak_secrets
from roadworthy.facts.env import EnvAsk, EnvFileWanted, EnvObservation
from roadworthy.onhost import ground
from roadworthy.onhost.dotenv import parsed
from roadworthy.onhost.env import bits, look, to_fill
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from pathlib import Path

READERS = ("laravel", "node", "compose")
PATH = "/srv/app/.env"
TEXTS = st.text(alphabet=st.sampled_from("ABab1 =:#\"'`\\${}-+?\n\r\t<>[]x\0é\ufeff"), max_size=200)


def values(text: str, reader: str) -> dict[str, str]:
    found, problem = parsed(text, reader)
    assert problem == ""
    return {entry.key: entry.value for entry in found}


def problem(text: str, reader: str) -> str:
    return parsed(text, reader)[1]


@pytest.mark.parametrize("reader", READERS)
def test_what_all_readers_read_alike(reader: str) -> None:
    text = (
        "\ufeff# a comment = none\r\nAPP=one\r\n\r\n export B = two  \nC='three # #' # four\nD=\"five\\nsix\"\n"
        "E=\nF=seven # eight\nG=https://x.test/?a=b&c=d\nAPP=last\n  # the end\nH='seven $X \"'"
    )
    assert values(text, reader) == {
        "APP": "last",
        "B": "two",
        "C": "three # #",
        "D": "five\nsix",
        "E": "",
        "F": "seven",
        "G": "https://x.test/?a=b&c=d",
        "H": 'seven $X "',
    }


def test_lines_of_one_value() -> None:
    text = 'KEY="-----BEGIN\nabc\n-----END"\nNEXT=1'
    for reader in READERS:
        found, _ = parsed(text, reader)
        assert [(entry.key, entry.value, entry.line) for entry in found] == [
            ("KEY", "-----BEGIN\nabc\n-----END", 1),
            ("NEXT", "1", 4),
        ]
    assert values("A='b\nc'", "node") == {"A": "b\nc"}
    assert problem("A='b\nc'", "laravel").startswith("line 1: a quote that is not closed")


def test_where_readers_differ() -> None:
    assert values("A=b#c", "laravel") == values("A=b#c", "node") == {"A": "b"}
    assert values("A=b#c", "compose") == {"A": "b#c"}
    assert values("A=b c", "node") == {"A": "b c"}
    assert problem("X=1\nA=b c", "laravel") == "line 2: a blank in a value without quotes"
    assert values("A: b", "compose") == {"A": "b"}
    assert values("A-B=1\n2FA=on", "node") == {"A-B": "1", "2FA": "on"}
    assert problem("A-B=1", "laravel") == "line 1: a hyphen in the name of a key"
    assert problem("A: b", "laravel") == "line 1: it is no KEY=value"
    assert values("A", "laravel") == values("export A", "compose") == {}
    assert problem("A", "node") == "line 1: it has no value, and is left out"
    assert values(r'A="\$B \" \\ \t"', "laravel") == {"A": '$B " \\ \t'}
    assert problem(r'A="\d"', "laravel") == "line 1: an unknown escape"
    assert values(r'A="\d"', "compose") == {"A": "d"}
    assert values(r'A="a\"b\n"', "node") == {"A": 'a\\"b\n'}
    assert values("A=`'\"`", "node") == {"A": "'\""}


def test_references() -> None:
    text = 'N=shop\nA="${N} $N"\nB=\'${N}\'\nC=${N}-x\nD=${NOPE}\nE="${N:-other}/${NOPE:-other}/${N:+set}"'
    shown = {
        "N": "shop",
        "A": "shop $N",
        "B": "${N}",
        "C": "shop-x",
        "D": "${NOPE}",
        "E": "${N:-other}/${NOPE:-other}/${N:+set}",
    }
    assert values(text, "laravel") == shown
    assert values(text, "compose") == shown | {"A": "shop shop", "E": "shop/other/set"}
    assert values(text, "node")["C"] == "${N}-x"
    assert values('A=x\nB="\\${A}"', "laravel")["B"] == "${A}"


def test_references_do_not_grow_without_end() -> None:
    text = "A0=0123456789\n" + "".join(f'A{n}="{f"${{A{n - 1}}}" * 10}"\n' for n in range(1, 40))
    for reader in ("laravel", "compose"):
        found, told = parsed(text, reader)
        assert "refers to more than" in told
        assert max(len(entry.value) for entry in found) < 10 * 65536


@pytest.mark.parametrize("text", ['A="b', "A='b", 'A="b"c', "=b", "A B=c", "-----BEGIN KEY-----", "A=1\n\0", "<html>"])
def test_what_no_reader_understands(text: str) -> None:
    assert all(problem(text, reader) for reader in READERS)


@given(TEXTS, st.sampled_from(READERS))
def test_any_text_is_read(text: str, reader: str) -> None:
    found, told = parsed(text, reader)
    assert all(entry.key and "\0" not in entry.value for entry in found)
    assert isinstance(told, str)
    for entry in found:
        to_fill(entry.value, {})
        assert bits(entry.value) >= 0


# --- values that are still to be filled in ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "<stored-in-aws-secrets-manager>",
        "<STRONG_PASSWORD_HERE>",
        "STRONG_PASSWORD_HERE",
        "[change to strong password]",
        "changeme",
        "ChangeMe123",
        "change-me",
        "CHANGE_THIS_IN_PRODUCTION",
        "your_api_key",
        "your-secret",
        "your secret key",
        "replace-with-a-secret",
        "insert_your_token",
        "TODO",
        "todo: ask operations",
        "xxx",
        "XXXXXXXX",
        "...",
        "__DB_PASSWORD__",
        "${SSM:/innobic/prod/app-key}",
        "mysql://app:${secretsmanager:prod/db}@db/shop",
        "{{ vault_db_password }}",
        "{{resolve:ssm:db}}",
        "<%= ENV['X'] %>",
        "${UNKNOWN}",
        "https://yourdomain.com",
        "noreply@yourdomain.com",
        "db.xxxxx.us-east-1.rds.amazonaws.com",
        "G-XXXXXXXXXX",
        "postgres://app:<password>@db/shop",
        "op://vault/db/password",
    ],
)
def test_placeholders(value: str) -> None:
    assert to_fill(value, {})


@pytest.mark.parametrize(
    "value",
    [
        "",
        "production",
        "a<b>c",
        "p<ssw>rd",
        "<",
        "3 < 4",
        "The Shop <noreply@shop.test>",
        "<noreply@shop.test>",
        "Your Shop",
        "Here",
        "there",
        "exchange",
        "xx",
        "https://xxx.example",
        "max",
        '["a","b"]',
        "[1,2]",
        "${HOME}/x",
        "${SET}/x",
        "${A:-b}",
        "$2y$10$abcdefghijklmnopqrstuv",
        "additional",
        "tbdomain",
        "base64:c2VjcmV0",
    ],
)
def test_values_that_are_no_placeholders(value: str) -> None:
    assert to_fill(value, {"SET": "1"}) == ""


def test_random_secrets_are_no_placeholders() -> None:
    drawn = [secrets.token_urlsafe(32) for _ in range(500)] + [secrets.token_hex(16) for _ in range(500)]
    assert not [value for value in drawn if to_fill(value, {})]


# --- how strong a secret is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "most"),
    [
        ("", 0),
        ("a" * 64, 8),
        ("abcabcabc" * 8, 20),
        ("abcdefghijklmnopqrstuvwxyz123456", 64),
        ("01234567890123456789012345678901", 40),
        ("aaaaaaaabbbbbbbb" * 4, 20),
        ("secret", 30),
        ("Password123!", 80),
    ],
)
def test_weak_texts_have_few_bits(value: str, most: int) -> None:
    assert bits(value) <= most


def test_random_texts_have_their_bits() -> None:
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(200)]
    assert sum(bits(text[:32]) >= 128 for text in hashes) >= 198
    assert all(bits(text) >= 248 for text in hashes)


# --- the file itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(f"deploy:x:{os.getuid()}:{os.getgid()}::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"deploy:x:{os.getgid()}:\n")
    (tmp_path / "srv/app").mkdir(parents=True)
    return tmp_path


def seen(**wanted: Any) -> EnvObservation:
    file = EnvFileWanted(**{"path": PATH, "reader": "laravel"} | wanted)
    ask = EnvAsk(host="deploy@app.test", via="app", files=(file,), known=weak_secrets())
    return EnvObservation.model_validate({"observed_at": NOW, "now": NOW, **look(ask.wanted)})


def test_a_file(root: Path) -> None:
    file = root / "srv/app/.env"
    file.write_text(
        "APP_ENV=production\nDB_USERNAME=shop\nDB_PASSWORD=shop\nAPP_KEY=base64:AAECAwQFBgc=\nOLD=foobared\n"
        "JWT_SECRET=of-the-Guide\nS3=<key>\nURL=https://a:b@c.test\nAPP_ENV=local\nTWICE=1\nTWICE=1\nLONG="
    )
    file.chmod(0o640)
    keys = ("DB_PASSWORD", "APP_KEY", "OLD", "JWT_SECRET", "NOPE")
    found = seen(
        plain=("APP_ENV", "URL"),
        others=keys,
        published=(("JWT_SECRET", ("of-the-guide",)),),
        secret=(("DB_PASSWORD", "shop"), ("OLD", "another")),
    )
    (one,) = found.files
    assert (one.entry.owner, one.entry.mode, one.entry.kind) == ("deploy", 0o640, "file")  # type: ignore[union-attr]
    text: Any = one.text
    assert text.problem == ""
    assert text.keys["APP_ENV"].value == "local"
    assert (text.keys["URL"].value, text.keys["URL"].length) == (None, 18)
    assert text.keys["DB_PASSWORD"].known == "it is the value of DB_USERNAME"
    assert text.keys["OLD"].known == "it is one that everybody tries"
    assert text.keys["JWT_SECRET"].known == "it is published"
    assert text.keys["APP_KEY"].base64_bytes == 8
    assert (text.keys["DB_PASSWORD"].equals, text.keys["OLD"].equals, text.keys["APP_KEY"].equals) == (
        True,
        False,
        None,
    )
    assert "NOPE" not in text.keys
    assert [(left.key, left.line) for left in text.to_fill] == [("S3", 7)]
    assert [(twice.key, twice.lines) for twice in text.repeated] == [("APP_ENV", (1, 9))]
    assert not {"foobared", "of-the-Guide", "AAECAwQ", "a:b@"} & set(found.model_dump_json().split('"'))
    assert "AAECAwQ" not in found.model_dump_json()


def test_no_secret_leaves(root: Path) -> None:
    planted = "Zq7-planted-secret-value"
    (root / "srv/app/.env").write_text(f'A={planted}\nB="{planted}\nC=<{planted}>\nA=other\n')
    for reader in READERS:
        assert "planted" not in seen(reader=reader, others=("A", "B", "C")).model_dump_json()


@pytest.mark.parametrize(
    "value",
    [
        "postgres://a:p4/ss@db.test/shop",
        "redis://:pass@cache.test",
        "mysql:host=db.test;password=hunter2",
        "https://hooks.slack.com/services/T0/B0/xyz",
        "sk_live_1234",
    ],
)
def test_no_plain_value_with_a_secret_in_it_leaves(root: Path, value: str) -> None:
    (root / "srv/app/.env").write_text(f'URL="{value}"\nPLAIN=http://localhost:3000/@shop/cart\n')
    text: Any = seen(plain=("URL", "PLAIN")).files[0].text
    assert (text.keys["URL"].value, text.keys["PLAIN"].value) == (None, "http://localhost:3000/@shop/cart")


def test_a_link_is_followed_below_the_root(root: Path) -> None:
    (root / "srv/shared").mkdir()
    (root / "srv/shared/.env").write_text("A=1\n")
    (root / "srv/shared").chmod(0o777)
    (root / "srv/app/.env").symlink_to("/srv/shared/.env")
    (one,) = seen(plain=("A",)).files
    assert one.text.keys["A"].value == "1"  # type: ignore[union-attr]
    assert one.folder_mode == 0o777


def test_what_is_not_there(root: Path) -> None:
    (one,) = seen().files
    assert one.entry.absent == PATH  # type: ignore[union-attr]
    (root / "srv/app/.env").symlink_to("/nowhere/.env")
    assert seen().files[0].entry.absent == "/nowhere"  # type: ignore[union-attr]
    assert seen().files[0].text is None


def test_what_is_no_file(root: Path) -> None:
    os.mkfifo(root / "srv/app/.env")
    assert seen().files[0].text.problem == "it is no file: other"  # type: ignore[union-attr]
    (root / "srv/app/.env").unlink()
    (root / "srv/app/.env").mkdir()
    assert seen().files[0].text.problem == "it is no file: folder"  # type: ignore[union-attr]
    (root / "srv/app/.env").rmdir()
    (root / "srv/app/.env").symlink_to(".env")
    assert seen().files[0].entry.unseen == "failed"  # type: ignore[union-attr]


def test_what_is_too_large_or_no_text(root: Path) -> None:
    file = root / "srv/app/.env"
    file.write_bytes(b"A=1\n" * 100_000)
    assert "is larger than 256 KiB" in seen().files[0].text.detail  # type: ignore[union-attr]
    file.write_text("A=" + "\N{EURO SIGN}" * 100_000)
    assert "is larger than 256 KiB" in seen().files[0].text.detail  # type: ignore[union-attr]
    file.write_bytes(os.urandom(50_000).replace(b"\0", b"\1") + b"\0")
    assert seen().files[0].text.problem.startswith("line ")  # type: ignore[union-attr]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read all")
def test_what_may_not_be_read(root: Path) -> None:
    (root / "srv/app/.env").write_text("A=1\n")
    (root / "srv/app/.env").chmod(0)
    assert seen().files[0].text.unseen == "not permitted"  # type: ignore[union-attr]
    (root / "srv/app").chmod(0)
    assert seen().files[0].entry.unseen == "not permitted"  # type: ignore[union-attr]
    (root / "srv/app").chmod(0o755)


def test_it_takes_no_time(root: Path) -> None:
    (root / "srv/app/.env").write_text("".join(f'K{n}="{"$" * 200}"\n' for n in range(1200)))
    script = "import sys; sys.path[:0] = ['src']; from roadworthy.onhost import ground, env; "
    script += (
        f"ground.ROOT = {str(root)!r}; env.look({{'files': [{{'path': {PATH!r}, 'reader': 'compose', 'plain': [], "
    )
    script += "'others': ['K1'], 'published': [], 'hashes': {}}], 'known': [], 'salt': '', 'rounds': 1})"
    subprocess.run([sys.executable, "-c", script], timeout=10, check=True)
