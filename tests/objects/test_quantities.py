"""Quantities are the numbers that the official client reads, and texts that a person reads."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from kubernetes.utils import parse_quantity as official

from kuberunbooks.objects import parse_quantity, quantity_text

PLAIN = [
    "0",
    "1",
    "100m",
    "0.5",
    "1.5Gi",
    "64Mi",
    "128974848",
    "129e6",
    "129M",
    "123Mi",
    "1E",
    "2Ei",
    "5k",
    "1e3",
    "1E3",
    "-1",
    "+2",
    "7n",
    "3u",
    ".5",
    "1.",
    "110",
]


@pytest.mark.parametrize("text", PLAIN)
def test_a_quantity_is_the_number_the_official_client_reads(text: str) -> None:
    assert parse_quantity(text) == official(text)


def test_random_quantities_are_the_numbers_the_official_client_reads() -> None:
    dice = random.Random(7)
    suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
    for _ in range(500):
        number = dice.choice([str(dice.randrange(10**6)), f"{dice.uniform(0, 1000):.3f}"])
        text = number + dice.choice(suffixes)
        assert parse_quantity(text) == official(text), text


@pytest.mark.parametrize("value", [2, 0.25, Decimal("1.5")])
def test_numbers_are_quantities_too(value: float) -> None:
    assert parse_quantity(value) == Decimal(str(value))


@pytest.mark.parametrize(
    "text", ["", "lots", "1 Gi", "1GiB", "--1", "m", "Ki", "NaN Mi", "NaN", "Infinity", "1e999999999"]
)
def test_what_is_no_quantity_counts_as_none(text: str) -> None:
    assert parse_quantity(text) == 0


@pytest.mark.parametrize(
    ("resource", "quantity", "text"),
    [
        ("cpu", "900m", "900m"),
        ("cpu", "2", "2"),
        ("cpu", "1500m", "1500m"),
        ("requests.cpu", "0.1", "100m"),
        ("memory", "64Mi", "64Mi"),
        ("memory", "1536Mi", "1.5Gi"),
        ("memory", "128974848", "123Mi"),
        ("memory", "100", "100"),
        ("ephemeral-storage", "10Gi", "10Gi"),
        ("hugepages-2Mi", "4Mi", "4Mi"),
        ("pods", "110", "110"),
        ("nvidia.com/gpu", "1", "1"),
    ],
)
def test_an_amount_is_written_for_people(resource: str, quantity: str, text: str) -> None:
    assert quantity_text(resource, parse_quantity(quantity)) == text
