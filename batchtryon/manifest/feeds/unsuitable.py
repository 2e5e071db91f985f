"""What of an export is no garment to be rendered: gift cards, size charts, swatches; by its name, in some languages.

Names are compared as words: without case, with spaces for all that is neither letter nor digit.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

__all__ = ["file_name", "is_gift_card", "why_no_garment"]

_YES: Final = frozenset({"true", "yes", "1", "1.0", "wahr", "vrai", "verdadero", "vero", "waar", "sant"})
_GIFT_CARD: Final = re.compile(
    r"\b(?:e ?)?gift ?(?:card|voucher|certificate)s?\b|\be gift\b|\bgeschenk ?(?:gutschein|karte)|"
    r"\b(?:einkaufs|wert)?gutscheine?\b|\b(?:cartes?|cheques?|chèques?|bons?) cadeaux?\b|\btarjetas? (?:de )?regalo\b|"
    r"\b(?:carta|buono|buoni) regalo\b|\bcadeau ?(?:bon|kaart)|\bpresentkort\b|\bgavekort|\blahjakort|"
    r"\b(?:cart[aã]o|vale) presente\b|\bkarta podarunkowa\b|ギフトカード|礼品卡|подарочн\w+ (?:карт|сертификат)")
#: What is sold for gift cards, and is none.
_FOR_GIFT_CARDS: Final = re.compile(r"\b(?:holder|wallet|case|sleeve|envelope|box|pocket|print|hülle|etui)\b")
_LONGEST_TEXT: Final = 2000

#: A logo is told by a name that says nothing else: many garments show one.
_LOGO: Final = re.compile(r"(?:(?:brand|shop|store|company|our|the|site|header|footer|my) )*logos?"
                          r"(?: (?:small|large|black|white|dark|light|square|final|transparent|px|x))*")
#: Without their digits, as names are compared: those of a product's pictures differ in little else.
_VIDEO_FILE: Final = re.compile(r"\.(?:mp|mov|mv|webm|avi|mu|glb|gltf|usdz)\Z", re.IGNORECASE)
_NO_DIGITS: Final = str.maketrans("", "", "0123456789")
_SPACED: Final = {code: " " for code in range(128) if not chr(code).isalnum()}
_SIGNS: Final = (
    ("size chart", re.compile(
        r"\bsiz(?:e|es|ing) ?(?:chart|guide|table|info|spec|map|card|diagram)|\bfit ?guide|"
        r"\bmeasurements?\b|\bgr(?:oe|ö|o)ss?en ?(?:tabelle|tafel|guide|chart|ratgeber|berater|uebersicht|übersicht)|"
        r"\bma(?:ss|ß) ?tabelle|\b(?:guide|tableau|grille) (?:des |de )?tailles?\b|"
        r"\b(?:gu[ií]a|tabla) (?:de )?(?:tallas|medidas)\b|\b(?:tabela|guia) (?:de )?(?:tamanhos|medidas)\b|"
        r"\b(?:tabella|guida) (?:alle |delle )?(?:taglie|misure)\b|\bmaat ?tabel|\bstorleks ?guide|"
        r"\btabela rozmiar|\brozmiar\w* tabela")),
    ("swatch", re.compile(
        r"\bswatch|\bsw(?: x)?\Z|\bcolou?r ?(?:chip|card|chart|tile|dot|sample)|\bchip\Z|"
        r"\bfarb ?(?:karte|muster|kachel|chip|feld)|\bstoff ?muster|\bfabric ?(?:sample|chip)|\bnuancier\b")),
    ("care label", re.compile(
        r"\bcare ?(?:label|guide|instruction|symbol|card|tag)|\bwash(?:ing)? ?(?:care|instruction|label|symbol)|"
        r"\bpflege ?(?:hinweis|etikett|anleitung|symbol|label)|\bwasch ?(?:anleitung|hinweis|etikett|symbol)|"
        r"\b(?:conseils|instructions) d entretien\b|\binstrucciones de lavado\b|\bwasvoorschrift")),
    ("logo", re.compile(rf"\A{_LOGO.pattern}\Z")),
    ("video", re.compile(
        r"\bvideo ?(?:placeholder|thumb|thumbnail|preview|poster|still|cover)|\bplay ?button|\Avideo\Z")),
    ("placeholder", re.compile(
        r"\bplace ?holder\b|\bno ?(?:image|photo|picture)\b|\b(?:image|photo|picture) coming soon\b|\Acoming soon\Z|"
        r"\bkein ?bild\b|\bimage non disponible\b")),
)
#: Most names hold none of these, and need not be looked at more closely.
_HINTS: Final = (
    "siz", "fit", "measurement", "gröss", "grös", "gross", "groess", "mass", "taille", "talla", "medida", "tamanho",
    "taglie", "misure", "maat", "storlek", "rozmiar", "swatch", "sw", "chip", "colo", "farb", "stoff", "fabric",
    "nuancier", "care", "wash", "pfleg", "wasch", "entretien", "lavado", "wasv", "logo", "video", "play", "place", "no",
    "coming", "kein",
)
_GIFT_HINTS: Final = (
    "gift", "geschenk", "gutschein", "cadeau", "regalo", "presentkort", "gavekort", "lahjakort", "presente",
    "podarunkowa", "ギフト", "礼品", "подароч",
)


def is_gift_card(title: str, kind: str, flag: str) -> bool:
    """Whether a product is a gift card: by its flag, its type or category in ``kind``, or its title."""
    if flag.casefold() in _YES:
        return True
    named = _words(title)
    return _names_gift(_words(kind)) or (_names_gift(named) and not _FOR_GIFT_CARDS.search(named))


def _names_gift(words: str) -> bool:
    for hint in _GIFT_HINTS:
        if hint in words:
            return _GIFT_CARD.search(words) is not None
    return False


def why_no_garment(text: str, alt: str, title: str) -> str | None:
    """Why a picture shows no garment, by its file's name or its description; None if it may show one.

    What a product is called in its title is no reason against its own pictures: a 'Logo Tee', a dress 'Swatch'.
    """
    name = file_name(text)
    reason = _sign_in_name(name.translate(_NO_DIGITS)) or (_sign_in(alt[:_LONGEST_TEXT].translate(_NO_DIGITS))
                                                           if alt else None)
    return None if reason is None or reason == _sign_in(title[:_LONGEST_TEXT].translate(_NO_DIGITS)) else reason


def file_name(text: str) -> str:
    """The file's name in an address or path, without its query, as a person reads it."""
    path = text.split("?", 1)[0].split("#", 1)[0] if "://" in text[:12] or text.startswith("//") else text
    name = path.rstrip("/").replace("\\", "/").rpartition("/")[2][-_LONGEST_TEXT:]
    return unquote(name) if "%" in name else name


@lru_cache(maxsize=4096)
def _sign_in_name(name: str) -> str | None:
    if _VIDEO_FILE.search(name):
        return "video"
    return _sign_in(name.rpartition(".")[0] or name)


@lru_cache(maxsize=4096)
def _sign_in(text: str) -> str | None:
    words = _words(text)
    for hint in _HINTS:
        if hint in words:
            return next((reason for reason, sign in _SIGNS if sign.search(words)), None)
    return None


def _words(text: str) -> str:
    if text.isascii():
        return " ".join(text[:_LONGEST_TEXT].lower().translate(_SPACED).split())
    # Some systems write an accent as a character of its own.
    whole = unicodedata.normalize("NFC", text[:_LONGEST_TEXT])
    return re.sub(r"[\W_]+", " ", whole.casefold()).strip()
