"""Builds the compiled modules of the engine; everything else stands in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

from build_support.extensions import DIRECTIVES, ROOT, compile_args, module_sources

extensions = [
    Extension(name, [str(path.relative_to(ROOT))], extra_compile_args=compile_args())
    for name, path in module_sources().items()
]
setup(
    ext_modules=cythonize(extensions, compiler_directives=DIRECTIVES, build_dir="build/cython"),
)
