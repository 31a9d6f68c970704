"""torchaudio beside a CPU build of torch."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types


def import_torchaudio():
    """torchaudio, also where its compiled extension does not fit the installed torch.

    The extension of a torchaudio wheel is linked against one build of torch (often the CUDA one), and
    `import torchaudio` fails beside another. Everything that the labs use (transforms, functional,
    pipelines' definitions) is plain torch code. So where the import fails, `torchaudio._extension` is
    replaced by a stand-in that says "no extension here", as torchaudio itself does on a platform for
    which none is built.

    Returns:
        The module torchaudio.
    Raises:
        ImportError: if torchaudio is not installed, or fails for another reason than its extension.
    """
    if "torchaudio" in sys.modules:
        return sys.modules["torchaudio"]
    if importlib.util.find_spec("torchaudio") is None:
        raise ImportError("torchaudio is not installed; `pip install torchaudio` brings it")
    try:
        return importlib.import_module("torchaudio")
    except (ImportError, OSError):
        # a half-imported package must not stay behind
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
    sys.modules["torchaudio._extension"] = _no_extension()
    try:
        return importlib.import_module("torchaudio")
    except BaseException:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        raise


def _no_extension() -> types.ModuleType:
    module = types.ModuleType("torchaudio._extension", "Stand-in: no compiled extension.")

    def fail_if_no_align(function):
        def needs_extension(*args, **kwargs):
            raise RuntimeError(f"torchaudio.{function.__name__} needs torchaudio's compiled extension")

        needs_extension.__name__ = function.__name__
        needs_extension.__doc__ = function.__doc__
        return needs_extension

    vars(module).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _load_lib=lambda name: False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=fail_if_no_align,
    )
    return module
