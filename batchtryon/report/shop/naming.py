"""File names and descriptions of rendered pictures, from templates such as ``{sku}_{color}_model_{n}.jpg``."""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from collections.abc import Mapping
from typing import Final

from batchtryon.errors import UsageError
from batchtryon.names import safe_stem, shown, stem_key
from batchtryon.report.results import harmless
from batchtryon.report.shop.rendered import Gallery, Rendered
from batchtryon.tryon import did_you_mean

__all__ = ["FIELDS", "LONGEST_ALT", "Names", "Template", "alt_of"]

#: What a template may speak of. ``sku`` falls back on the product's key (``handle``), so that no name is empty.
FIELDS: Final = ("id", "sku", "color", "title", "handle", "person", "n")
#: Characters of a description that Shopify takes; as most web software it counts UTF-16 units.
LONGEST_ALT: Final = 512

_SUFFIX: Final = re.compile(r"\.(jpe?g|png|webp)\s*\Z", re.IGNORECASE)
#: Letters and digits of any script, and what no address, shop or spreadsheet gives a meaning.
_UNPLAIN: Final = re.compile(r"[^\w.-]+")
_GAP: Final = re.compile(r"([-_.])[-_.]+")


class Template:
    """A text with fields in braces. Raises :class:`UsageError`, naming the option, for any other brace."""

    def __init__(self, text: str, option: str) -> None:
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as exc:
            fix = "Write a brace that is meant as such twice."
            raise UsageError(f"{option} '{shown(text)}' has a brace that stands alone. {fix}") from exc
        self._parts = [(literal, field) for literal, field, _, _ in parts]
        for _, field, format_, conversion in parts:
            if field is not None and (field not in FIELDS or format_ or conversion):
                near = did_you_mean(field, FIELDS) if field not in FIELDS else field
                fix = f"Did you mean '{{{near}}}'?" if near else f"Fields: {', '.join(FIELDS)}."
                raise UsageError(f"{option} '{shown(text)}': there is no field '{{{shown(field)}}}'. {fix}")

    @property
    def fixed(self) -> str:
        """Its text without the fields."""
        return "".join(literal for literal, _ in self._parts)

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with its fields filled in."""
        return "".join(literal + (values[field] if field else "") for literal, field in self._parts)


class Names:
    """File names without extension: safe everywhere, plain in an address, and distinct.

    Pictures whose names would be one all get a mark made of their row's id and number, whichever comes first, so that
    a name does not depend on the order of the export.
    """

    def __init__(self, template: str, pictures: Gallery) -> None:
        text = _SUFFIX.sub("", template)
        self._template = Template(text, "--name")
        if not text.strip() or re.search(r"[/\\]", self._template.fixed):
            raise UsageError(f"--name '{shown(template)}' is no file name. Write one such as "
                             "{sku}_{color}_model_{n}.jpg, without folders.")
        met: set[int] = set()
        self._twice: set[int] = set()
        for key, each in pictures.items():
            for picture in each:
                # A number stands for the name: a catalog of a million would not fit otherwise.
                mark = hash(stem_key(self._plain(key, picture)))
                (self._twice if mark in met else met).add(mark)

    def of(self, key: str, picture: Rendered) -> str:
        """The name for a picture of the product ``key``."""
        stem = self._plain(key, picture)
        if hash(stem_key(stem)) not in self._twice:
            return stem
        told_apart = f"{picture.row_id}\0{picture.n}\0{picture.path}"
        return f"{stem}-{hashlib.sha256(told_apart.encode(errors='surrogatepass')).hexdigest()[:8]}"

    def _plain(self, key: str, picture: Rendered) -> str:
        values = {field: _UNPLAIN.sub("-", value).strip("-_.") for field, value in _values(key, picture).items()}
        plain = _UNPLAIN.sub("-", unicodedata.normalize("NFC", self._template.filled(values)))
        return safe_stem(_GAP.sub(r"\1", plain).strip("-_.") or f"{picture.row_id}_{picture.n}")


def alt_of(template: Template, key: str, picture: Rendered) -> str:
    """A picture's description on one line, cut to what Shopify takes at a word, and no formula for a spreadsheet."""
    values = _values(key, picture)
    text = " ".join(template.filled(values).split())
    text = harmless(text if values["title"].strip() else text.lstrip(",;:- "))
    units = text.encode("utf-16-le", errors="surrogatepass")
    if len(units) <= 2 * LONGEST_ALT:
        return text
    cut = units[: 2 * LONGEST_ALT].decode("utf-16-le", errors="ignore")
    whole = cut if not text[len(cut)].isalnum() else cut.rpartition(" ")[0]
    return (whole or cut).rstrip(" ,;:-")


def _values(key: str, picture: Rendered) -> dict[str, str]:
    return {
        "id": picture.row_id, "sku": picture.sku.strip() or key, "color": picture.color, "title": picture.title,
        "handle": key, "person": picture.person, "n": str(picture.n),
    }
