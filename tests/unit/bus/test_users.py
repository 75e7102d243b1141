from collections.abc import Mapping

from oo.bus.roles import ROLES
from oo.bus.users import make


class HeldSecrets:
    def __init__(self) -> None:
        self.held: dict[str, Mapping[str, str]] = {}

    def get(self, name: str) -> Mapping[str, str] | None:
        return self.held.get(name)

    def put(self, name: str, fields: Mapping[str, str]) -> None:
        self.held[name] = fields


def test_every_role_has_a_password_of_its_own_and_the_server_knows_all() -> None:
    secrets = HeldSecrets()
    assert make(secrets, "oo-nats") == [*(f"oo-nats-{role}" for role in ROLES), "oo-nats-server"]
    passwords = {secrets.held[f"oo-nats-{role}"]["password"] for role in ROLES}
    assert len(passwords) == len(ROLES)
    assert all(len(password) >= 32 for password in passwords)
    configuration = secrets.held["oo-nats-server"]["auth.conf"]
    for role in ROLES:
        assert f'{{user: {role}, password: "{secrets.held[f"oo-nats-{role}"]["password"]}"' in configuration


def test_what_is_there_stays() -> None:
    secrets = HeldSecrets()
    make(secrets, "oo-nats")
    before = dict(secrets.held)
    assert make(secrets, "oo-nats") == []
    assert secrets.held == before


def test_a_deleted_secret_comes_back_with_another_password_and_the_server_learns_it() -> None:
    secrets = HeldSecrets()
    make(secrets, "oo-nats")
    old = secrets.held.pop("oo-nats-scorer")
    assert make(secrets, "oo-nats") == ["oo-nats-scorer", "oo-nats-server"]
    new = secrets.held["oo-nats-scorer"]
    assert new["password"] != old["password"]
    configuration = secrets.held["oo-nats-server"]["auth.conf"]
    assert new["password"] in configuration
    assert old["password"] not in configuration
