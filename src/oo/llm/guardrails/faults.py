"""Why a tip is not shown."""

from typing import Literal, get_args

Fault = Literal[
    "not_a_tip",
    "title_length",
    "body_length",
    "control_characters",
    "emojis",
    "language",
    "topic",
    "unsafe",
    "medical_claim",
    "financial_claim",
    "legal_claim",
    "danger",
    "toxicity",
    "personal_data",
    "secret",
    "foreign_link",
    "foreign_name",
    "echo",
    "instruction",
    "leak",
    "markup",
    "opaque",
    "shouting",
]

FAULTS: tuple[Fault, ...] = get_args(Fault)
"""All of them, in the order in which they are told."""
