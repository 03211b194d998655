"""The text of model files as TOML tables: sizes, encodings and syntax errors with their place.

Not for what the tables mean (`model_file`).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from sdekit.errors import ModelFileError

#: A model file beyond this size is no model.
LARGEST_FILE = 1_000_000


def file_text(path: str | Path) -> str:
    """The text of a model file.

    Args:
        path: The file.

    Raises:
        ModelFileError: If it cannot be read; the message names the place.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelFileError(
                f"{path} is too large for a model file",
                expected=f"at most {LARGEST_FILE} bytes",
                found=path.stat().st_size,
            )
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ModelFileError(f"cannot read {path}", found=error.strerror or error) from None
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"{path} is no UTF-8 text", found=f"byte {error.object[error.start]:#04x}"
        ) from None
    return text


def toml_table(text: str) -> dict[str, Any]:
    """The text of a model file as a table.

    Raises:
        ModelFileError: If it is no TOML; the message names the place.
    """
    if len(text) > LARGEST_FILE:
        raise ModelFileError("the text is too long for a model", found=f"{len(text)} characters")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _toml_error(str(error)) from None
    except (RecursionError, ValueError) as error:
        # tomllib hands on what int() says of numbers with too many digits.
        raise ModelFileError("this is no readable TOML", found=str(error)[:120]) from None


def _toml_error(message: str) -> ModelFileError:
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    what = "this is no TOML: " + message.partition(" (at")[0]
    if found is None:
        return ModelFileError(what)
    return ModelFileError(what, line=int(found[1]), column=int(found[2]))
