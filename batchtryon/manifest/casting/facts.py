"""What a garment is by its product's words: for whom, what kind, and which words it is known by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from batchtryon.manifest.casting.persons import CHILD_AGES, age_of, gender_of, words_in
from batchtryon.manifest.feeds.products import Product

__all__ = ["Facts"]


@dataclass(frozen=True)
class Facts:
    """A product's facts, each with where it was read."""

    product: Product

    @cached_property
    def gender(self) -> tuple[str, str]:
        """``female``, ``male``, ``unisex`` or "", and the field that says so."""
        if self.product.gender:
            return gender_of([self.product.gender.casefold()]) or self.product.gender, "gender"
        for name, words in self.words_by_field:
            found = gender_of(words)
            if found:
                return found, name
        return "", ""

    @cached_property
    def is_for_children(self) -> bool:
        """Whether it is made for children."""
        if self.product.age_group:
            return age_of([self.product.age_group]) in CHILD_AGES
        return any(age_of(words) in CHILD_AGES for _, words in self.words_by_field)

    @cached_property
    def words_by_field(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """The fields that say what it is, the surest first, each as words."""
        product = self.product
        return (
            ("type", words_in(product.type)), ("category", words_in(product.category)),
            ("tags", words_in(" ".join(product.tags))), ("title", words_in(product.title)),
        )

    @cached_property
    def words(self) -> frozenset[str]:
        """All of them."""
        return frozenset().union(*(words for _, words in self.words_by_field))
