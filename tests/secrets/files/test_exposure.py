"""A plaintext in place of a token is seen in every spelling, and nothing else is."""

from __future__ import annotations

import pytest

from tests.secrets.files.exposures import OTHER, TOKEN, exposed
from zemanta_ops.secrets.files.plaintext import ALLOW

KEY = f'KEY = Secret("{TOKEN}")\n'
HEAD = 'from zemanta_ops.secrets import Secret\nNAME = "shop"\nPORT = 5432\n'
DATABASE = f'DATABASES = {{"default": {{"HOST": "db", "PASSWORD": Secret("{TOKEN}")}}}}\n'


SPELLINGS = [
    'KEY = "hunter2"',
    "KEY = 'hunter2'",
    'KEY = """hunter2"""',
    'KEY = r"hunter2"',
    'KEY = u"hunter2"',
    'KEY = b"hunter2"',
    'KEY = b"hunter2".decode()',
    'KEY = bytes("hunter2", "utf-8")',
    'KEY = "hunter2".encode().decode()',
    'KEY = f"hunter2"',
    'KEY = f"hunter2{NAME}"',
    "KEY = f\"{'hunter2'}\"",
    'KEY = f"{NAME}-{PORT}-hunter2"',
    'KEY = "hun" "ter2"',
    'KEY = "hun" + "ter2"',
    'KEY = NAME + "hunter2"',
    'KEY = "{}".format("hunter2")',
    'KEY = "hunter2{}".format(NAME)',
    'KEY = "%s" % "hunter2"',
    'KEY = "hunter2%s" % NAME',
    'KEY = str("hunter2")',
    'KEY = str(b"hunter2", "ascii")',
    'KEY = "hunter2".strip()',
    'KEY = " hunter2 ".strip().lower()',
    'KEY = "2retnuh"[::-1]',
    'KEY = "".join(["hun", "ter2"])',
    'KEY = "".join(("hunter", str(2)))',
    'KEY = "x".replace("x", "hunter2")',
    'KEY = base64.b64decode("aHVudGVyMg==").decode()',
    'KEY = bytes.fromhex("68756e74657232").decode()',
    'KEY = codecs.decode("uhagre2", "rot13")',
    'KEY = os.environ.get("KEY", "hunter2")',
    'KEY = os.environ.get("KEY") or "hunter2"',
    'KEY = os.getenv("KEY", default="hunter2")',
    'KEY = os.environ.setdefault("KEY", "hunter2")',
    'KEY = env("KEY", default="hunter2")',
    'KEY = env.str("KEY", "hunter2")',
    'KEY = config("KEY", default="hunter2", cast=str)',
    'KEY = getattr(local, "KEY", "hunter2")',
    'KEY = secrets.get("KEY", "hunter2")',
    'KEY = json.loads(\'{"a": "hunter2"}\')["a"]',
    'KEY = {"a": "hunter2"}["a"]',
    'KEY = ["hunter2"][0]',
    'KEY = (lambda: "hunter2")()',
    'KEY = [each for each in ["hunter2"]][0]',
    'KEY = "hunter2" if True else ""',
    'KEY = "hunter2" or Secret(TOKEN)',
    'KEY = ("hunter2")',
    'KEY: str = "hunter2"',
    'KEY: Final = "hunter2"',
    'KEY = OLD = "hunter2"',
    'OLD = KEY = "hunter2"',
    'KEY, OLD = "hunter2", "x"',
    '[OLD, KEY] = ["x", "hunter2"]',
    '(OLD, (KEY, LAST)) = "x", ("hunter2", "y")',
    'OLD, *KEY = "x", "hunter2"',
    'KEY, OLD = "hunter2 x".split()',
    'OLD = (KEY := "hunter2")',
    'if (KEY := "hunter2"): pass',
    'globals()["KEY"] = "hunter2"',
    'globals().update(KEY="hunter2")',
    'globals().update({"KEY": "hunter2"})',
    'globals().setdefault("KEY", "hunter2")',
    'globals().__setitem__("KEY", "hunter2")',
    'globals()["K" + "EY"] = "hunter2"',
    'locals()["KEY"] = "hunter2"',
    'vars()["KEY"] = "hunter2"',
    'vars(settings)["KEY"] = "hunter2"',
    'setattr(sys.modules[__name__], "KEY", "hunter2")',
    'sys.modules[__name__].KEY = "hunter2"',
    'settings.KEY = "hunter2"',
    'settings.configure(KEY="hunter2")',
    'os.environ["KEY"] = "hunter2"',
    'for name, value in {"KEY": "hunter2"}.items(): globals()[name] = value',
    'for name, value in [("KEY", "hunter2")]: globals()[name] = value',
    'globals()[name] = "hunter2"',
    "KEY = 123456",
    "KEY = 0x1234",
    "KEY = -123456",
    "KEY = str(123456)",
    "KEY = 1234.5",
    'KEY = {"value": "hunter2"}',
    'KEY = dict(value="hunter2")',
    'KEY = ("hunter2",)',
    'KEY = Secret("hunter2")',
    'KEY = Secret("plain::hunter2")',
    'KEY = Secret("kms::short")',
    'KEY = Secret(f"plain::hunter2")',
    'KEY = Path("/x").read_text() + "hunter2"',
    'KEY = SimpleLazyObject(lambda: "hunter2")',
    '_KEY = "hunter2"\nKEY = _KEY',
    '_A = "hunter2"\n_B = _A\nKEY = _B',
    '_K = {"a": {"b": "hunter2"}}\nKEY = _K["a"]["b"]',
    'class _K:\n    value = "hunter2"\nKEY = _K.value',
    'def _key():\n    return "hunter2"\nKEY = _key()',
    'class Settings:\n    KEY = "hunter2"',
    'class Settings:\n    @property\n    def KEY(self):\n        return "hunter2"',
    'class Settings:\n    def __init__(self):\n        self.KEY = "hunter2"',
    'try:\n    KEY = os.environ["KEY"]\nexcept KeyError:\n    KEY = "hunter2"',
    'KEY = ""\nKEY += "hunter2"',
    'with x:\n    KEY = "hunter2"',
    'with nullcontext("hunter2") as KEY: pass',
    'with x, nullcontext(("a", "hunter2")) as (OLD, KEY): pass',
    'async def f():\n    global KEY\n    async with nullcontext("hunter2") as KEY: pass',
    'match "hunter2":\n    case KEY: pass',
    'match ["a", "hunter2"]:\n    case [_, *KEY]: pass',
    's = SimpleNamespace(k="hunter2")\nKEY = s.k',
    's = SimpleNamespace(a=SimpleNamespace(k="hunter2"))\nKEY = s.a.k',
    's = SimpleNamespace(a={"k": "hunter2"})\nKEY = s.a["k"]',
    's = shop.Options(host="h", k=str("hunter2"))\nKEY = s.k',
    's = SimpleNamespace()\ns.k = "hunter2"\nKEY = s.k',
    'match x:\n    case 1:\n        KEY = "hunter2"',
    'KEY = "$ecret hunter"',
    'env = environ.Env(DEBUG=(bool, False), KEY=(str, "hunter2"))\nKEY = env("KEY")',
    'os.environ.update(KEY="hunter2")\nKEY = os.environ["KEY"]',
    'os.putenv("KEY", "hunter2")',
    'KEY = os.environ["KEY"] if "KEY" in os.environ else "hunter2"',
    'KEY = typing.cast(str, "hunter2")',
    'KEY = operator.add("hun", "ter2")',
    'KEY = next(iter(["hunter2"]))',
    'KEY = parser.get("section", "key", fallback="hunter2")',
    'KEY = Secret(token="hunter2")',
    'KEY = Secret(*["hunter2"])',
    'KEY = StrictSecret("plain::hunter2")',
    'KEY = uuid.UUID("12345678123456781234567812345678")',
    "KEY = -5",
    'KEY = os.environ.get("KEY", "hun" + "ter2")',
    'DEFAULT = "hunter2"\nKEY = os.environ.get("KEY", DEFAULT)',
    "KEY = NAME",
    'KEY = NAME or "hunter2"',
    "KEY = exec('KEY = \"hunter2\"')",
    'KEY = env("KEY", default="hunter2") if DEBUG else os.environ["KEY"]',
    'KEY = x.y.z("hunter2")',
    'KEY = """\nhunter2\n"""',
    'async def f():\n    global KEY\n    KEY = "hunter2"',
    'KEY = ~(lambda x="hunter2": x)()',
    'KEY = await_("hunter2")',
    'KEY = [*"hunter2"]',
    'KEY = {**{"v": "hunter2"}}',
    'KEY = "postgres://app:hunter2@db/shop"',
    'KEY = f"postgres://app:hunter2@{HOST}/shop"',
    f'KEY = Secret("{OTHER}")\nKEY = "hunter2"',
    f'KEY = "hunter2" or Secret("{OTHER}")',
    f'KEY = Secret("{OTHER}")\nKEY = str("hunter2")',
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_plaintext_in_python_is_seen_in_every_spelling(spelling: str) -> None:
    found = exposed("s.py", HEAD + KEY, f"{HEAD}{spelling}\n")
    assert [place.partition(":")[0] for place in found][:1] == ["KEY"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_plaintext_is_seen_two_commits_after_the_token(spelling: str) -> None:
    if TOKEN in spelling or OTHER in spelling:
        pytest.skip("the token is still there")
    found = exposed("s.py", f'{HEAD}KEY = os.environ["KEY"]\n', f"{HEAD}{spelling}\n", HEAD + KEY)
    assert [place.partition(":")[0] for place in found][:1] == ["KEY"]


@pytest.mark.parametrize(
    "spelling",
    [
        'DATABASES = {"default": {"HOST": "db", "PASSWORD": "hunter2"}}',
        'DATABASES = {"default": dict(HOST="db", PASSWORD="hunter2")}',
        'DATABASES = dict(default=dict(HOST="db", PASSWORD="hunter2"))',
        'DATABASES = {"default": {"HOST": "db", **{"PASSWORD": "hunter2"}}}',
        'DATABASES = {"default": {"HOST": "db"} | {"PASSWORD": "hunter2"}}',
        'DATABASES = {"default": dict([("HOST", "db"), ("PASSWORD", "hunter2")])}',
        'DATABASES = {"default": {"HOST": "db"}}\nDATABASES["default"]["PASSWORD"] = "hunter2"',
        'DATABASES = {"default": {"HOST": "db"}}\nDATABASES["default"].update(PASSWORD="hunter2")',
        'DATABASES = {"default": {"HOST": "db"}}\nDATABASES["default"].update({"PASSWORD": "hunter2"})',
        'DATABASES = {"default": {"HOST": "db"}}\nDATABASES["default"] |= {"PASSWORD": "hunter2"}',
        'DATABASES = {"default": {"HOST": "db"}}\nDATABASES["default"].setdefault("PASSWORD", "hunter2")',
        'DATABASES = {"default": {"HOST": "db"}}\ndict.update(DATABASES["default"], {"PASSWORD": "hunter2"})',
        'DATABASES = {"default": {"HOST": "db"}}\noperator.setitem(DATABASES["default"], "PASSWORD", "hunter2")',
        'DATABASES = {"default": {"HOST": "db"}}\nDATABASES[alias]["PASSWORD"] = "hunter2"',
        'DEFAULT = {"HOST": "db", "PASSWORD": "hunter2"}\nDATABASES = {"default": DEFAULT}',
        'DEFAULT = {"PASSWORD": "hunter2"}\nDATABASES = {"default": {"HOST": "db", **DEFAULT}}',
        '_P = "hunter2"\nDATABASES = {"default": {"HOST": "db", "PASSWORD": _P}}',
        'DATABASES = {"default": dj_database_url.parse("postgres://app:hunter2@db/shop")}',
        'DATABASES = {"default": env.db("DATABASE_URL", default="postgres://app:hunter2@db/shop")}',
        'DATABASES = {"default": dj_database_url.config(default="postgres://app:hunter2@db/shop")}',
        'DATABASES = {"default": {"HOST": "db", "PASSWORD": ["hunter2"]}}',
        'DATABASES = {"default": {"HOST": "db", "PASSWORD": 123456}}',
    ],
)
def test_a_plaintext_deep_in_a_setting_is_seen(spelling: str) -> None:
    assert any(
        place.startswith("DATABASES.default.PASSWORD:")
        for place in exposed("s.py", HEAD + DATABASE, f"{HEAD}{spelling}\n")
    )


@pytest.mark.parametrize(
    "new",
    [
        KEY,
        KEY.replace("QUJD", "WFla"),
        KEY + 'NEW = "text"\n',
        f'KEY = "{TOKEN}"\n',
        "",
        'KEY = ""\n',
        "KEY = None\n",
        'KEY = os.environ["KEY"]\n',
        'KEY = os.environ.get("KEY", "")\n',
        'KEY = os.environ.get("SHOP_KEY").encode("utf-8").decode("ascii").strip("=")\n',
        'KEY = os.environ["KEYS"].split(",")[0]\n',
        'KEY = env("KEY")\n',
        'KEY = env.str("KEY")\n',
        'KEY = config("KEY", cast=str)\n',
        'KEY = getattr(local, "KEY")\n',
        'KEY = open("/run/secrets/key").read().strip()\n',
        'KEY = Path("/run/secrets/key").read_text(encoding="utf-8")\n',
        'KEY = (BASE_DIR / "key").read_text()\n',
        'KEY = boto3.client("ssm").get_parameter(Name="/shop/key", WithDecryption=True)["Parameter"]["Value"]\n',
        "KEY = get_random_secret_key()\n",
        "KEY = secrets.token_hex(32)\n",
        'KEY = keyring.get_password("shop", "key")\n',
        'KEY = f"{PREFIX}{SUFFIX}"\n',
        'KEY = f"redis://:{PASSWORD}@{HOST}/0"\n',
        'KEY = "redis://:%s@host/0" % PASSWORD\n',
        'KEY = "redis://:{}@host/0".format(PASSWORD)\n',
        f'KEY = Secret.template("redis://:{{}}@host/0", "{TOKEN}")\n',
        f'if DEBUG:\n    KEY = "dev"\nelse:\n    {KEY}',
        f'KEY = "dev" if DEBUG else Secret("{TOKEN}")\n',
        f'KEY = Secret("{TOKEN}") if os.environ["ENVIRONMENT"] == "production" else "dev"\n',
        f'{KEY}if DEBUG:\n    KEY = "dev"\n',
        f'KEY = "dev"\nif not DEBUG:\n    {KEY}',
        f'try:\n    {KEY}except ImportError:\n    KEY = "dev"\n',
        f'class Dev:\n    KEY = "dev"\nclass Production:\n    {KEY}',
        f'{KEY}OTHERS = ["a", "b"]\n',
        f'_KEY = Secret("{TOKEN}")\nKEY = _KEY\n',
        f'from x import *\n{KEY}ALLOWED_HOSTS = ["example.com"]\n',
        f'KEY = "hunter2"  # {ALLOW}\n',
        f'# {ALLOW}: the key of a public demonstration\nKEY = "hunter2"\n',
        'KEY = "${KEY}"\n',
        'with open("/run/secrets/key") as file:\n    KEY = file.read()\n',
        'with open("/run/secrets/key") as KEY: pass\n',
        's = Dynaconf(settings_files=["settings.toml"], envvar_prefix="SHOP")\nKEY = s.KEY\n',
        's = SimpleNamespace(host="db.example.org", k=os.environ["KEY"])\nKEY = s.k\n',
        f's = SimpleNamespace(host="db.example.org", k=Secret("{TOKEN}"))\nKEY = s.k\n',
        'KEY = "op://vault/shop/key"\n',
    ],
)
def test_other_changes_of_python_are_normal(new: str) -> None:
    assert exposed("s.py", HEAD + KEY, HEAD + new) == []


def test_what_did_not_change_is_not_exposed() -> None:
    beside = f'if DEBUG:\n    KEY = "dev"\nelse:\n    {KEY}'
    assert exposed("s.py", beside, 'KEY = "dev"\n') == []
    assert exposed("s.py", KEY + 'OLD = "hunter2"\n', KEY + '\n\nOLD = "hunter2"\n', 'OLD = Secret("{TOKEN}")\n') == []
    assert exposed("s.py", f'HOSTS = ["a", Secret("{TOKEN}")]\n', f'HOSTS = ["a", "b", Secret("{TOKEN}")]\n') == []
    assert exposed("s.py", f'U = f"r://:{{Secret({TOKEN!r})}}@a"\n', f'U = f"r://:{{Secret({TOKEN!r})}}@b"\n') == []
    assert exposed("s.py", f'U = connect("a", Secret({TOKEN!r}))\n', f'U = connect("b", Secret({TOKEN!r}))\n') == []
    assert exposed("s.py", f"class A:\n  {KEY}", f'class B:\n  {KEY}class Dev(B):\n  KEY = "dev"\n') == []
