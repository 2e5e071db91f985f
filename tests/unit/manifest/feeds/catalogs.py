"""Random products, each format's way of writing them, and what they must come back as."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from xml.sax.saxutils import escape

from batchtryon.manifest.feeds.products import FeedPicture, Product, Variant

__all__ = ["FORMATS", "Format", "Written", "products"]

Row = dict[str, str]
_COLORS = ("Red", "Bleu d'été", "Schwarz/Weiß", 'The "9, to 5"', "青")
_SIZES = ("S", "M", "38", "One, size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A catalog in one format."""

    content: bytes
    #: In any order.
    expected: list[Product]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: its writer, its extension, and what must be mapped by hand."""

    write: Callable[[Sequence[Product], Random], Written]
    suffix: str = ".csv"
    mapping: Mapping[str, str] | None = None


def products(rng: Random, count: int, words: Sequence[str]) -> list[Product]:
    """Products whose cells are made of ``words``; what a format cannot say its writer leaves out."""
    return [_product(rng, number, words) for number in range(count)]


def _product(rng: Random, number: int, words: Sequence[str]) -> Product:
    def text(most: int) -> str:
        return " ".join(rng.choice(words) for _ in range(rng.randint(0, most))).strip()

    names = rng.sample(range(100), rng.randint(1, 5))
    pictures = tuple(
        FeedPicture(text=f"https://cdn.shop.test/{number}/{rng.choice(['p', 'w_1%2Ch_2/p'])}{name}@2x.jpg?v={name}",
                    position=place, alt=text(2)) for place, name in enumerate(names, start=1))
    variants = tuple(
        Variant(line=0, sku=f"{number}-{each}", color=rng.choice(_COLORS), size=rng.choice(_SIZES),
                picture=rng.choice(pictures).text)
        for each in range(rng.randint(1, 4)))
    return Product(
        key=f"product-{number}", line=0, title=text(3), type=text(1), category=text(2).replace(",", " ").strip(),
        tags=tuple(dict.fromkeys(tag for _ in range(rng.randint(0, 3)) if (tag := text(1).replace(",", "").strip()))),
        gender=rng.choice(["", "female", "male", "unisex"]), age_group=rng.choice(["", "adult", "kids", "newborn"]),
        published=rng.random() > 0.2, pictures=pictures, variants=variants,
    )


def _table(rows: Sequence[Row], columns: Sequence[str], delimiter: str = ",") -> bytes:
    written = io.StringIO()
    table = csv.DictWriter(written, columns, restval="", delimiter=delimiter, quoting=csv.QUOTE_ALL)
    table.writeheader()
    table.writerows(rows)
    return written.getvalue().encode()


def _laid(made: Sequence[tuple[Product, list[Row]]], rng: Random,
          *, apart: bool) -> Iterator[tuple[int, Product, Row]]:
    """Every row with its number; ``apart``: rows of different products between each other, in their own order."""
    piles = [(product, list(rows)) for product, rows in made]
    number = 0
    while piles:
        at = rng.randrange(len(piles)) if apart else 0
        product, rows = piles[at]
        number += 1
        yield number, product, rows.pop(0)
        if not rows:
            del piles[at]


def _written(made: Sequence[tuple[Product, list[Row]]], rng: Random, columns: Sequence[str], *,
             write: Callable[[Sequence[Row], Sequence[str]], bytes] = _table, apart: bool = True) -> Written:
    """The rows as one file; the products with the numbers and the cells of their rows."""
    laid = list(_laid(made, rng, apart=apart and rng.random() < 0.5))
    lines: dict[str, list[int]] = {}
    heads: dict[str, Row] = {}
    for number, product, row in laid:
        lines.setdefault(product.key, []).append(number)
        heads.setdefault(product.key, row)
    expected = []
    for product, _ in made:
        mine = lines[product.key]
        variants = tuple(replace(each, line=mine[each.line]) for each in product.variants)
        head = {column: heads[product.key].get(column, "") for column in columns}
        expected.append(replace(product, line=mine[0], variants=variants, columns=head))
    return Written(content=write([row for _, _, row in laid], columns), expected=expected)


def _shopify(made: Sequence[Product], rng: Random) -> Written:
    def either(old: str, new: str) -> str:
        return old if rng.random() < 0.5 else new

    names = {
        "handle": either("Handle", "URL handle"), "title": either("Title", "TITLE"), "type": "Type",
        "category": either("Product Category", "Product category"), "tags": "Tags",
        "published": either("Published", "Published on online store"), "status": "Status",
        "gender": "Google Shopping / Gender",
        "age": either("Google Shopping / Age Group", "Google Shopping / Age group"),
        "n1": either("Option1 Name", "Option1 name"), "v1": either("Option1 Value", "Option1 value"),
        "n2": either("Option2 Name", "Option2 name"), "v2": either("Option2 Value", "Option2 value"),
        "sku": either("Variant SKU", "SKU"), "own": either("Variant Image", "Variant image URL"),
        "picture": either("Image Src", "Product image URL"), "place": either("Image Position", "Image position"),
        "alt": either("Image Alt Text", "Image alt text"),
    }
    tables = []
    for product in made:
        title = product.title or "Untitled"
        most = max(len(product.variants), len(product.pictures))
        rows: list[Row] = [{names["handle"]: product.key} for _ in range(most)]
        hidden = rng.choice([("false", "active"), ("TRUE", "Draft"), ("true", "archived")])
        shown = ("true", "active") if product.published else hidden
        rows[0] |= {
            names["title"]: title, names["type"]: product.type, names["category"]: product.category,
            names["tags"]: ", ".join(product.tags), names["published"]: shown[0], names["status"]: shown[1],
            names["gender"]: product.gender, names["age"]: product.age_group, names["n1"]: "Größe",
            names["n2"]: "Farbe",
        }
        for row, variant in zip(rows, product.variants, strict=False):
            row |= {names["sku"]: variant.sku, names["v1"]: variant.size, names["v2"]: variant.color,
                    names["own"]: variant.picture}
        for row, picture in zip(rows, rng.sample(product.pictures, len(product.pictures)), strict=False):
            row |= {names["picture"]: picture.text, names["place"]: str(picture.position), names["alt"]: picture.alt}
        tables.append((replace(product, title=title, variants=_numbered(product.variants)), rows))
    columns = list(names.values())
    rng.shuffle(columns)
    return _written(tables, rng, columns)


def _numbered(variants: Sequence[Variant], start: int = 0) -> tuple[Variant, ...]:
    """Variants on the product's rows from ``start``, which :func:`_written` turns into rows of the file."""
    return tuple(replace(each, line=number) for number, each in enumerate(variants, start=start))


_GOOGLE = ("id", "title", "item_group_id", "image_link", "additional_image_link", "color", "size", "gender",
           "age_group", "product_type", "google_product_category")


def _google(made: Sequence[Product], rng: Random, write: Callable[[Sequence[Row], Sequence[str]], bytes],
            columns: Sequence[str]) -> Written:
    tables = []
    for product in made:
        texts = [each.text for each in product.pictures]
        own = [texts[0], *(each.picture for each in product.variants[1:])]
        title = product.title or "Untitled"
        rows: list[Row] = [{
            "id": variant.sku, "title": title, "item_group_id": product.key, "image_link": picture,
            "color": variant.color, "size": variant.size, "gender": product.gender, "age_group": product.age_group,
            "product_type": product.type, "google_product_category": product.category,
        } for variant, picture in zip(product.variants, own, strict=True)]
        rows[0]["additional_image_link"] = ",".join(texts[1:])
        variants = [replace(each, picture=picture) for each, picture in zip(product.variants, own, strict=True)]
        tables.append((replace(
            product, title=title, tags=(), published=True, variants=_numbered(variants),
            pictures=tuple(replace(each, alt="") for each in product.pictures)), rows))
    return _written(tables, rng, columns, write=write)


def _google_tsv(made: Sequence[Product], rng: Random) -> Written:
    return _google(made, rng, lambda rows, columns: _table(rows, columns, "\t"), _GOOGLE)


def _google_rss(made: Sequence[Product], rng: Random) -> Written:
    def write(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
        return _xml(rows, columns, "<rss version='2.0' xmlns:g='http://base.google.com/ns/1.0'><channel>", "item",
                    "</channel></rss>")

    return _google(made, rng, write, _GOOGLE)


def _google_atom(made: Sequence[Product], rng: Random) -> Written:
    def write(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
        return _xml(rows, columns, "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:g='http://base.google.com/ns/1.0'>",
                    "entry", "</feed>")

    return _google(made, rng, write, _GOOGLE)


def _xml(rows: Sequence[Row], columns: Sequence[str], opening: str, item: str, closing: str) -> bytes:
    """All tags in the first item, so that the columns come in their order; later ones leave out what is blank."""
    parts = [opening]
    for number, row in enumerate(rows):
        parts.append(f"<{item}>")
        for column in columns:
            cell = row.get(column, "")
            values = cell.split(",") if column == "additional_image_link" else [cell]
            parts += [f"<g:{column}>{escape(value)}</g:{column}>" for value in values if value or not number]
        parts.append(f"</{item}>")
    return "".join([*parts, closing]).encode()


def _woocommerce(made: Sequence[Product], rng: Random) -> Written:
    columns = ("ID", "Type", "SKU", "Name", "Published", "Categories", "Tags", "Images", "Parent", "Attribute 1 name",
               "Attribute 1 value(s)", "Attribute 2 name", "Attribute 2 value(s)")
    tables = []
    for number, product in enumerate(made, start=1):
        has_sku, simple = rng.random() < 0.7, len(product.variants) == 1
        parent = product.key if has_sku else f"id:{number}"
        title = product.title or "Untitled"
        rows: list[Row] = [{
            "ID": str(number), "Type": "simple" if simple else "variable", "SKU": product.key if has_sku else "",
            "Name": title, "Published": "1" if product.published else rng.choice(["0", "-1"]),
            "Categories": f"Clothing > {product.category}" if product.category else "", "Tags": ", ".join(product.tags),
            "Images": ", ".join(each.text for each in product.pictures), "Attribute 1 name": "Material",
            "Attribute 1 value(s)": "Cotton, Wool",
        }]
        if simple:
            rows[0] |= {"Attribute 2 name": "Colour", "Attribute 2 value(s)": product.variants[0].color}
            variants = [replace(product.variants[0], sku=rows[0]["SKU"], size="", picture="")]
        else:
            rows += [{
                "ID": str(10_000 * number + each), "Type": "variation", "SKU": variant.sku, "Name": f"{title} - {each}",
                "Published": "1", "Images": variant.picture, "Attribute 1 name": "Colour",
                "Attribute 1 value(s)": variant.color, "Attribute 2 name": "Size", "Attribute 2 value(s)": variant.size,
                "Parent": rng.choice([parent, f"id:{number}"]),
            } for each, variant in enumerate(product.variants)]
            variants = list(product.variants)
        tables.append((replace(
            product, key=parent, title=title, type=product.category.rpartition(">")[2].strip(),
            category=rows[0]["Categories"], gender="", age_group="", variants=_numbered(variants, 0 if simple else 1),
            pictures=tuple(replace(each, alt="") for each in product.pictures)), rows))
    return _written(tables, rng, columns)


def _plain(made: Sequence[Product], rng: Random) -> Written:
    columns = ("Style", "Name", "Photo 1", "Photo 2", "Photo 3", "Article", "Colour", "Size", "Gender", "Age group",
               "Published", "Tags", "Type", "Category")
    tables = []
    for product in made:
        texts = [each.text for each in product.pictures][:3]
        several = len(product.variants) > 1
        own = [texts[0], *(rng.choice(texts) for _ in product.variants[1:])] if several else [""]
        rows: list[Row] = [{
            "Style": product.key, "Article": variant.sku, "Colour": variant.color, "Size": variant.size,
            "Photo 1": picture,
        } for variant, picture in zip(product.variants, own, strict=True)]
        rows[0] |= {f"Photo {place}": text for place, text in enumerate(texts, start=1)}
        rows[0] |= {
            "Name": product.title, "Gender": product.gender, "Age group": product.age_group, "Type": product.type,
            "Published": "" if product.published else "no", "Tags": ",".join(product.tags),
            "Category": product.category,
        }
        variants = [replace(each, picture=picture) for each, picture in zip(product.variants, own, strict=True)]
        tables.append((replace(
            product, variants=_numbered(variants),
            pictures=tuple(replace(each, alt="") for each in product.pictures[:3])), rows))
    return _written(tables, rng, columns)


FORMATS = {
    "shopify": Format(write=_shopify),
    "google tsv": Format(write=_google_tsv, suffix=".tsv"),
    "google rss": Format(write=_google_rss, suffix=".xml"),
    "google atom": Format(write=_google_atom, suffix=".xml"),
    "woocommerce": Format(write=_woocommerce),
    "plain table": Format(write=_plain, mapping={
        "garment": "Photo 1,Photo 2,Photo 3", "handle": "Style", "color": "Colour", "sku": "Article"}),
}
