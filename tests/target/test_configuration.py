from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from roadworthy.onhost import env as onhost
from roadworthy.target.blocks import env as block
from roadworthy.target.blocks.built import Built
from roadworthy.target.blocks.env import Env, is_secret
from roadworthy.target.blocks.keys import Keys
from roadworthy.target.loading import load_target
from roadworthy.target.problems import TargetError

if TYPE_CHECKING:
    from pathlib import Path

FILE = {"path": "/srv/.env", "reader": "laravel"}
KEY = {"path": "/srv/key.pem"}


@pytest.mark.parametrize(
    ("block", "promised", "told"),
    [
        (Env, {}, "promises nothing"),
        (Env, {"files": {}}, "at least 1"),
        (Env, {"files": {"a": FILE}}, "promises nothing"),
        (Env, {"files": {"a": {**FILE, "path": ".env", "no_repeats": True}}}, "starts with '/'"),
        (Env, {"files": {"a": {"path": "/x", "no_repeats": True}}}, "reader"),
        (Env, {"files": {"a": {**FILE, "has": {"DB_PASSWORD": "x"}}}}, "is a secret, and is not shown"),
        (Env, {"files": {"a": {**FILE, "isnt": {"JWT_SECRET": "x"}}}}, "is a secret, and is not shown"),
        (Env, {"files": {"a": {**FILE, "has": {"DB_URL": "postgres://a:b@c/d"}}}}, "can't be shown"),
        (Env, {"files": {"a": {**FILE, "has": {"A": "x" * 1001}}}}, "can't be shown"),
        (Env, {"files": {"a": {**FILE, "isnt": {"AWS_ID": "AKIAIOSFODNN7EXAMPLE"}}}}, "can't be shown"),
        (Env, {"files": {"a": {**FILE, "sets": ["A B"]}}}, "is no key"),
        (Env, {"files": {"a": {**FILE, "sets": ["A"], "absent": ["A"]}}}, "can't be absent and have a value"),
        (Env, {"files": {"a": {**FILE, "has": {"A": 1}, "secrets": {"A": {}}}}}, "as a secret, which is not shown"),
        (Env, {"files": {"a": {**FILE, "mode": 640}}}, "in quotes"),
        (Env, {"files": {n: {**FILE, "no_repeats": True} for n in "ab"}}, "is there twice"),
        (Keys, {"pairs": {"a": KEY}}, "promises nothing"),
        (Keys, {"pairs": {"a": {**KEY, "public_mode": "644"}}}, "public says of which file"),
        (Keys, {"pairs": {"a": {**KEY, "passphrase": "needed", "min_bits": 1}}}, "can't be looked into"),
        (Keys, {"pairs": {n: {**KEY, "mode": "600"} for n in "ab"}}, "is there twice"),
        (Built, {}, "promises nothing"),
        (Built, {"laravel": {"a": {"path": "/srv"}}}, "promises nothing"),
        (Built, {"laravel": {"a": {"path": "/srv", "caches": ["packages"]}}}, "config"),
        (Built, {"outputs": {"a": {"path": "/srv/x", "newer_than": "src"}}}, "starts with '/'"),
        (Built, {"outputs": {n: {"path": "/x", "newer_than": "/y"} for n in "ab"}}, "is there twice"),
    ],
)
def test_what_cannot_be_promised(block: type[BaseModel], promised: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        block.model_validate(promised)


@pytest.mark.parametrize(
    "key",
    [
        "DB_PASSWORD",
        "REDIS_PASS",
        "MAIL_PASSWORD_2",
        "APP_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "JWT_SECRET",
        "API_TOKEN",
        "SENTRY_DSN",
        "dbPassword",
        "STRIPE_KEY",
        "JWT_PRIVATE_KEY",
        "SECRET_KEY_BASE",
        "STRIPE_APIKEY",
        "PWD_SALT",
        "LOG_SLACK_WEBHOOK_URL",
        "VAULT_SECRET_ID",
    ],
)
def test_names_of_secrets(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key",
    [
        "APP_ENV",
        "APP_URL",
        "JWT_ACCESS_TOKEN_TTL",
        "RATE_LIMIT_PASSWORD_RESET",
        "JWT_PUBLIC_KEY",
        "AWS_ACCESS_KEY_ID",
        "KEYCLOAK_URL",
        "MONKEY",
        "COMPASS_URL",
        "NODE_ENV",
        "JWT_ALGORITHM",
    ],
)
def test_names_of_plain_settings(key: str) -> None:
    assert not is_secret(key)


def test_what_is_not_shown_is_not_promised() -> None:
    assert vars(block)["_CREDENTIALS"].pattern == vars(onhost)["_CREDENTIALS"].pattern


def test_a_secret_does_not_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    told = "network: {vantages: {app: {ssh: a@app.test}}}\ncomponents:\n  app:\n    host: app\n    env:\n"
    told += "      files: {app: {path: /srv/.env, reader: node, secrets: {DB_PASSWORD: {equals: %s}}}}\n"
    head = "schema: 1\nname: shop\nenvironment: test\n"
    file.write_text(head + told % "in-plain-words")
    with pytest.raises(TargetError, match="must not stand in a file"):
        load_target(file, environ={})
    file.write_text(head + told % '"${env:DB_PASSWORD}"')
    loaded = load_target(file, environ={"DB_PASSWORD": "in-plain-words"})
    assert "in-plain-words" in str(loaded.target.components["app"].env)


def test_a_key_s_passphrase_does_not_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    told = "schema: 1\nname: shop\nenvironment: test\ncomponents: {app: {host: app, system: {cores: 1}}}\n"
    told += "network: {vantages: {app: {ssh: a@app.test, passphrase: %s}}}\n"
    file.write_text(told % "in-plain-words")
    with pytest.raises(TargetError, match=r"network\.vantages\.app\.passphrase: give it by reference"):
        load_target(file, environ={})
    file.write_text(told % '"${env:PHRASE}"')
    assert load_target(file, environ={"PHRASE": "in-plain-words"}).target.network.vantages["app"].passphrase


def test_a_secret_among_plain_values_is_told_where_it_belongs(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    told = "schema: 1\nname: shop\nenvironment: test\nnetwork: {vantages: {app: {ssh: a@app.test}}}\ncomponents:\n"
    told += "  app: {host: app, env: {files: {app: {path: /srv/.env, reader: node, has: {DB_PASSWORD: x}}}}}\n"
    file.write_text(told)
    with pytest.raises(TargetError, match="DB_PASSWORD is a secret, and is not shown; promise it under `secrets`"):
        load_target(file, environ={})
