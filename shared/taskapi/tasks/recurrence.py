"""Read the recurrence in a request: a rule of RFC 5545, section 3.3.10.

A ValueError without a text stands for the sentence of the field's rule.
"""

import re
from collections.abc import Callable
from datetime import datetime

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""A week begins with Monday."""


def parse_recurrence(text: str) -> str | None:
    """Return the rule in one spelling; None for an empty text.

    The parts come in the order of the RFC's examples, without INTERVAL=1. Numbers have
    no leading zeros and no plus. Days come in their order, each only once.
    """
    if not text:
        return None
    # upper() makes ASCII of some letters that aren't.
    if not text.isascii():
        raise ValueError
    rule = text.upper()
    if rule in FREQUENCIES:
        return f"FREQ={rule}"
    if rule.startswith("RRULE:"):
        raise ValueError("Recurrence must come without RRULE: before it")
    if not re.fullmatch(r"[A-Z]+=[^;=]*(;[A-Z-]+=[^;=]*)*", rule):
        raise ValueError
    sent = [part.split("=") for part in rule.split(";")]
    parts = dict(sent)
    for name in parts:
        if name not in PARSERS:
            supported = ", ".join(PARSERS)
            raise ValueError(f"Recurrence can only have the parts {supported}")
        if len([part for part in sent if part[0] == name]) > 1:
            raise ValueError(f"Recurrence must have {name} only once")
    check_parts(parts)
    values = {
        name: parse(parts[name]) for name, parse in PARSERS.items() if name in parts
    }
    if parts["FREQ"] == "WEEKLY" and re.search(r"\d", values.get("BYDAY", "")):
        raise ValueError("Recurrence can number days (2TU) only with FREQ=MONTHLY")
    if values.get("INTERVAL") == "1":
        del values["INTERVAL"]
    return ";".join(f"{name}={value}" for name, value in values.items())


def check_parts(parts: dict[str, str]) -> None:
    """Raise ValueError for parts that can't come together."""
    frequency = parts.get("FREQ")
    if frequency is None:
        raise ValueError("Recurrence must have FREQ")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("Recurrence must have COUNT or UNTIL, not both")
    if "BYDAY" in parts and frequency in ("DAILY", "YEARLY"):
        raise ValueError("Recurrence can have BYDAY only if it is WEEKLY or MONTHLY")
    if "BYMONTHDAY" in parts and frequency in ("DAILY", "WEEKLY", "YEARLY"):
        raise ValueError("Recurrence can have BYMONTHDAY only if it is MONTHLY")


def parse_frequency(value: str) -> str:
    if value not in FREQUENCIES:
        raise ValueError("FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY")
    return value


def parse_interval(value: str) -> str:
    return parse_number("INTERVAL", value, 999)


def parse_count(value: str) -> str:
    return parse_number("COUNT", value, 999_999)


def parse_number(name: str, value: str, highest: int) -> str:
    """Return a number from 1 to the highest, without leading zeros."""
    if not re.fullmatch(r"0*[1-9]\d{0,5}", value) or int(value) > highest:
        raise ValueError(f"{name} must be a number from 1 to {highest}")
    return str(int(value))


def parse_until(value: str) -> str:
    """Return a day (20261231) or an instant in UTC (20261231T170000Z)."""
    try:
        if not re.fullmatch(r"\d{8}(T\d{6}Z)?", value) or value[9:11] == "24":
            raise ValueError
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(
            "UNTIL must be a day (20261231) or an instant in UTC (20261231T170000Z) "
            "that exists"
        ) from error
    return value


def parse_weekdays(value: str) -> str:
    """Return weekdays: each (TU), or one of those in a month (2TU, -1FR)."""
    found: set[tuple[bool, int, int]] = set()
    for each in value.split(","):
        form = re.fullmatch(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", each)
        if not form:
            raise ValueError(
                "BYDAY must be a list of MO, TU, WE, TH, FR, SA and SU, in a month "
                "also with a number from 1 to 5 or -1 to -5 (2TU, -1FR)"
            )
        number = int(form[1] or 0)
        found.add((number < 0, number, DAYS.index(form[2])))
    return ",".join(f"{number or ''}{DAYS[day]}" for _, number, day in sorted(found))


def parse_month_days(value: str) -> str:
    """Return days of a month; the last day, -1, comes last."""
    days = value.split(",")
    for day in days:
        if not re.fullmatch(r"-0?1|\+?(0?[1-9]|[12]\d|3[01])", day):
            raise ValueError(
                "BYMONTHDAY must be a list of days from 1 to 31; -1 is the last one"
            )
    return ",".join(map(str, sorted({*map(int, days)}, key=lambda day: day % 33)))


PARSERS: dict[str, Callable[[str], str]] = {
    "FREQ": parse_frequency,
    "INTERVAL": parse_interval,
    "COUNT": parse_count,
    "UNTIL": parse_until,
    "BYDAY": parse_weekdays,
    "BYMONTHDAY": parse_month_days,
}
"""The parts of a rule, in the order in which it is kept."""
