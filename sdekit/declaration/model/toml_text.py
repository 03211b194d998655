"""The text of model files as TOML tables: sizes, encodings and syntax errors with their place.

A report holds its model between two marked lines; that text alone is read from it, never run.
Not for what the tables mean (`model_file`).
"""

from __future__ import annotations

import html
import re
import tomllib
from pathlib import Path
from typing import Any

from sdekit.errors import ModelFileError

#: A model file beyond this size is no model.
LARGEST_FILE = 1_000_000
#: Documents that may hold a model, and how large they may be: they hold figures too.
REPORTS = (".html", ".md", ".tex")
LARGEST_REPORT = 50_000_000
#: The lines, comments of TOML, between which a report holds its model.
MODEL_BEGINS = "# sdekit model: begin"
MODEL_ENDS = "# sdekit model: end"
_MODEL = re.compile(rf"^{MODEL_BEGINS}[ \t\r]*$(.*?)^{MODEL_ENDS}", re.MULTILINE | re.DOTALL)


def file_text(path: str | Path) -> str:
    """The text of a model file, or of the model that a report (.html, .md, .tex) holds.

    Args:
        path: The file.

    Raises:
        ModelFileError: If it cannot be read; the message names the place.
    """
    path = Path(path)
    is_report = path.suffix.lower() in REPORTS
    largest = LARGEST_REPORT if is_report else LARGEST_FILE
    try:
        if path.stat().st_size > largest:
            raise ModelFileError(
                f"{path} is too large for a model file",
                expected=f"at most {largest} bytes",
                found=path.stat().st_size,
            )
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ModelFileError(f"cannot read {path}", found=error.strerror or error) from None
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"{path} is no UTF-8 text", found=f"byte {error.object[error.start]:#04x}"
        ) from None
    return model_of_report(text, path) if is_report else text


def marked(model: str) -> str:
    """The text of a model file between the lines by which `model_of_report` finds it."""
    return f"{MODEL_BEGINS}\n{model.strip()}\n{MODEL_ENDS}"


def model_of_report(text: str, path: Path) -> str:
    """The one model that a document holds.

    Raises:
        ModelFileError: If it holds none, or several.
    """
    found = _MODEL.findall(text)
    if len(found) != 1:
        raise ModelFileError(
            f"{path} holds {len(found) or 'no'} models",
            expected=f"one, between the lines {MODEL_BEGINS!r} and {MODEL_ENDS!r}",
            fix="give a model file, or a report that sdekit wrote of one model",
        )
    return html.unescape(found[0]) if path.suffix.lower() == ".html" else found[0]


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
