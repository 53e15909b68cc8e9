"""Imports point down: the order of the layers, and who may use which library, read from every import statement.

    anokuro_cli -> engine (public), engine.inspect, grammar, anokuro_bench
    anokuro_bench -> engine (public)
    engine.api > inspect > sql > catalog > record > txn > btree > wal > pool > storage > base
    grammar     -> nothing of the engine

Imports inside functions, under TYPE_CHECKING, by importlib with a constant name, and cimports count like all others.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from build_support.extensions import cimports

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("anokuro_bench", "anokuro_cli", "engine", "grammar")
# From the top; a layer may import itself and what stands behind it.
ENGINE_LAYERS = (
    "engine", "engine.api", "engine.inspect", "engine.sql", "engine.catalog", "engine.record", "engine.txn",
    "engine.btree", "engine.wal", "engine.pool", "engine.storage", "engine.base",
)  # fmt: skip
USES_GRAMMAR = ("anokuro_cli", "engine", "engine.api", "engine.inspect", "engine.sql", "grammar")
CLI_LANGUAGE = "engine.base.dataclass"  # a faster spelling of a thing of Python's own
CLI_USES = ("anokuro_bench", "anokuro_cli", "engine", "engine.api", "engine.inspect", "grammar")
LIBRARIES = {
    "anokuro_bench": {"apsw", "lmdb", "plyvel", "rich", "rocksdict"},  # the engines it measures
    "anokuro_cli": {"click", "prompt_toolkit", "pyarrow", "pygments", "rich", "typer", "wcwidth"},
    "engine.sql": {"pandas", "polars", "pyarrow"},  # a result in the caller's own form
    "grammar": {"lark"},
}


@dataclass(frozen=True)
class Import:
    """One import: the importing file, and the dotted name imported."""

    file: Path
    name: str

    @property
    def importer(self) -> str:
        return layer_of(".".join(self.file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))

    @property
    def imported(self) -> str:
        return layer_of(self.name)


def layer_of(module: str) -> str:
    """`engine.pool.latch` -> `engine.pool`; a name of the package itself (`engine.open`) belongs to `engine`."""
    parts = module.split(".")
    if parts[0] == "engine" and len(parts) > 1 and f"engine.{parts[1]}" in ENGINE_LAYERS:
        return f"engine.{parts[1]}"
    return parts[0]


def python_imports(tree: ast.AST, package: list[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from engine import storage` imports a layer below, not the package alone
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called in ("__import__", "import_module", "importlib.import_module"):
                yield str(node.args[0].value)


def imports_of(file: Path) -> Iterator[Import]:
    package = list(file.parent.relative_to(ROOT).parts)
    if file.suffix in (".py", ".pyi"):
        yield from (Import(file, name) for name in python_imports(ast.parse(file.read_text("utf-8")), package))
    if file.suffix in (".py", ".pxd", ".pyx"):
        for name in cimports(file):
            dots = len(name) - len(name.lstrip("."))
            full = ".".join([*package[: len(package) - dots + 1], name.lstrip(".")]) if dots else name
            yield Import(file, full)


def production_files() -> list[Path]:
    return sorted(
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".pyi", ".pxd", ".pyx")
    )


IMPORTS = [found for file in production_files() for found in imports_of(file)]


def report(wrong: list[Import]) -> str:
    return "\n".join(sorted({f"{found.file.relative_to(ROOT)} imports {found.name}" for found in wrong}))


def is_upward(found: Import) -> bool:
    importer, imported = found.importer, found.imported
    if importer == "anokuro_bench":  # a benchmark of what everybody can use, and of nothing else
        return imported in PACKAGES + ENGINE_LAYERS and imported not in ("anokuro_bench", "engine")
    if imported == "anokuro_bench":
        return importer != "anokuro_cli"
    if imported not in ENGINE_LAYERS:
        return imported == "anokuro_cli" and importer != "anokuro_cli"
    if importer == "anokuro_cli":
        return imported not in CLI_USES and not found.name.startswith(CLI_LANGUAGE)
    if importer == "grammar":
        return True
    return ENGINE_LAYERS.index(imported) < ENGINE_LAYERS.index(importer)


def test_imports_are_found_at_all() -> None:
    """The rules below say nothing if the reader of imports finds none."""
    assert len(IMPORTS) > 100
    seen = {found.importer for found in IMPORTS}
    assert {"grammar", "engine.storage", "engine.wal", "engine.pool", "engine.btree"} <= seen


def test_every_package_of_the_engine_is_a_layer() -> None:
    packages = {f"engine.{path.parent.name}" for path in (ROOT / "engine").glob("*/__init__.py")}
    assert packages == set(ENGINE_LAYERS) - {"engine"}


def test_imports_point_down() -> None:
    wrong = [found for found in IMPORTS if is_upward(found)]
    assert not wrong, report(wrong)


def test_only_upper_layers_use_the_grammar() -> None:
    wrong = [found for found in IMPORTS if found.imported == "grammar" and found.importer not in USES_GRAMMAR]
    assert not wrong, report(wrong)


def test_libraries_belong_to_their_layers() -> None:
    """Nothing but the standard library, and what the table above allows; `cython` only where it is compiled away."""

    def is_wrong(found: Import) -> bool:
        top = found.name.split(".")[0]
        if top in PACKAGES or top in sys.stdlib_module_names or top in LIBRARIES.get(found.importer, ()):
            return False
        if found.file.suffix in (".pxd", ".pyx") and top in ("libc", "cpython", "posix", "cython"):
            return False
        compiled = found.file.suffix == ".pyx" or found.file.with_suffix(".pxd").exists()
        return not (compiled and top in ("cython", "libc", "cpython", "posix"))

    wrong = [found for found in IMPORTS if is_wrong(found)]
    assert not wrong, report(wrong)


def test_production_code_knows_no_test() -> None:
    names = ("tests", "build_support", "conftest", "hypothesis", "pytest")
    wrong = [found for found in IMPORTS if found.name.split(".")[0] in names]
    assert not wrong, report(wrong)


@pytest.mark.parametrize(
    ("file", "code", "upward"),
    [
        ("engine/pool/x.py", "from engine.btree import node", True),
        ("engine/pool/x.py", "def f():\n    import engine.inspect.pages", True),
        ("engine/pool/x.py", "from engine import inspect", True),
        ("engine/pool/x.py", "from ..btree import node", True),
        ("engine/pool/x.py", "import engine", True),
        ("engine/pool/x.py", "import importlib\nimportlib.import_module('engine.sql')", True),
        ("engine/pool/x.py", "from engine.storage import page", False),
        ("engine/pool/x.py", "from . import latch", False),
        ("grammar/x.py", "from engine.base import errors", True),
        ("anokuro_cli/x.py", "from engine.storage import page", True),
        ("anokuro_cli/x.py", "import engine", False),
        ("anokuro_cli/x.py", "from engine.base.dataclass import dataclass", False),
        ("anokuro_cli/x.py", "from anokuro_bench import runner", False),
        ("anokuro_bench/x.py", "import engine", False),
        ("anokuro_bench/x.py", "from engine.txn import store", True),
        ("anokuro_bench/x.py", "from anokuro_cli import text", True),
        ("anokuro_bench/x.py", "import grammar", True),
        ("engine/x.py", "import anokuro_bench", True),
        ("engine/__init__.py", "from engine.api.database import Database", False),
    ],
)
def test_the_rule_itself(file: str, code: str, upward: bool) -> None:
    path = ROOT / file
    package = list(path.parent.relative_to(ROOT).parts)
    found = [Import(path, name) for name in python_imports(ast.parse(code), package)]
    assert any(map(is_upward, found)) is upward
