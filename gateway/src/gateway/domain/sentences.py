"""The form of what the gateway says, in Chinese and English."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentences:
    """A title that is the same for every occurrence, and a sentence with the facts of this one."""

    title_en: str
    title_zh: str
    sentence_en: str
    sentence_zh: str
