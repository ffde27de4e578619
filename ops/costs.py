"""`make costs`: what a month of the stack costs, line by line.

Prices are those of us-east-1 without free tiers. The numbers of functions, routes and
alarms come from template.yaml; the rest of the load is a guess until you give the
numbers of your own stack: `make costs ARGS='--requests 5e6 --duration-ms 9'`.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path

from local.template import load_template, read_template

TEMPLATE = Path(__file__).parents[1] / "template.yaml"

MONTH = 730.0
"""Hours, as AWS counts a month."""

GB = 1024.0**3


@dataclass(frozen=True)
class Price:
    """One price of a price list, and where and when it was read."""

    usd: float
    unit: str
    source: str
    read: str


AWS = "https://aws.amazon.com/"
UNDATED = "a copy without a date"
NEON = "https://neon.com/docs/introduction/plans"

PRICES = {
    "lambda requests": Price(0.20e-6, "request", AWS + "lambda/pricing/", "2026-09"),
    "lambda arm64": Price(0.0000133334, "GB-s", AWS + "lambda/pricing/", "2026-09"),
    "lambda x86_64": Price(0.0000166667, "GB-s", AWS + "lambda/pricing/", "2026-09"),
    "snapshot kept": Price(0.0000015046, "GB-s", AWS + "lambda/pricing/", "2026-09"),
    "snapshot restored": Price(0.0001397998, "GB", AWS + "lambda/pricing/", "2026-09"),
    "http api": Price(1.00e-6, "request", AWS + "api-gateway/pricing/", "2026-09"),
    "data out": Price(0.09, "GB", AWS + "ec2/pricing/on-demand/", UNDATED),
    "logs in": Price(0.50, "GB", AWS + "cloudwatch/pricing/", "2026-06"),
    "logs kept": Price(0.03, "GB-month", AWS + "cloudwatch/pricing/", "2026-06"),
    "metric": Price(0.30, "metric", AWS + "cloudwatch/pricing/", "2026-06"),
    "alarm": Price(0.10, "alarm metric", AWS + "cloudwatch/pricing/", "2026-06"),
    "dashboard": Price(3.00, "dashboard", AWS + "cloudwatch/pricing/", "2026-06"),
    "trace": Price(5.00e-6, "trace", AWS + "xray/pricing/", UNDATED),
    "secret": Price(0.40, "secret", AWS + "secrets-manager/pricing/", "2026-09"),
    "secret read": Price(0.05e-4, "read", AWS + "secrets-manager/pricing/", "2026-09"),
    "key": Price(1.00, "key", AWS + "kms/pricing/", UNDATED),
    "neon compute": Price(0.106, "CU-hour", NEON, "2026-11"),
    "neon storage": Price(0.35, "GB-month", NEON, "2026-11"),
    "neon history": Price(0.20, "GB-month", NEON, "2026-11"),
}


@cache
def counts(template: Path = TEMPLATE) -> dict[str, int]:
    """Return what a template says about the load, by the names of `Load`."""
    functions = load_template(template).functions
    routes = sum(len(function.routes) for function in functions)
    return {
        "memory_mb": max(function.memory for function in functions),
        "functions": len(functions),
        "snapshots": len(functions),
        "route_metrics": 6 * routes,
        "alarms": sum(watched_metrics(template)),
    }


def watched_metrics(template: Path) -> Iterator[int]:
    """Yield how many metrics each alarm watches: 2 if it computes a share."""
    resources = read_template(template)["Resources"]
    for resource in resources.values() if isinstance(resources, dict) else ():
        match resource:
            case {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": queries}}:
                yield sum("MetricStat" in query for query in queries)
            case {"Type": "AWS::CloudWatch::Alarm"}:
                yield 1


def from_template(name: str) -> int:
    """Return a dataclass's field whose default is the template's."""
    default: int = field(default_factory=lambda: counts()[name])
    return default


@dataclass(frozen=True)
class Load:
    """A month of one stack; each field is an option of the command."""

    requests: float = 1e6
    active_hours: float = MONTH
    """Hours with requests; the rest of the time, Neon sleeps."""

    architecture: str = "arm64"
    memory_mb: float = from_template("memory_mb")
    functions: int = from_template("functions")
    duration_ms: float = 15
    cold_share: float = 0.01
    init_ms: float = 600
    """Of a cold start; billed since August 2025, but not with SnapStart."""

    snapshots: int = from_template("snapshots")
    """Versions kept with SnapStart: each costs until it is deleted."""

    log_bytes: float = 1700
    """Of a request: its own line with metrics, Lambda's lines and the gateway's."""

    log_days: float = 30
    response_bytes: float = 1500
    metrics: int = 12
    route_metrics: int = from_template("route_metrics")
    """Detailed ones of the gateway: 6 for each route."""

    alarms: int = from_template("alarms")
    """Metrics that alarms watch."""

    environments: float = 10
    """Warm ones on average; each reads the secret every 5 minutes."""

    neon_cu: float = 0.25
    neon_gb: float = 1
    neon_history_gb: float = 1


@dataclass(frozen=True)
class Line:
    """One line of the sum; scales: whether it grows with the requests."""

    what: str
    quantity: float
    price: str
    scales: bool

    @property
    def usd(self) -> float:
        return self.quantity * PRICES[self.price].usd


def lines(load: Load, *, snapstart: bool = False) -> Iterator[Line]:
    """Yield the lines of a month's costs."""
    memory = load.memory_mb / 1024
    colds = load.requests * load.cold_share
    seconds = load.requests * load.duration_ms / 1000
    processor = f"lambda {load.architecture}"
    yield Line("Lambda: requests", load.requests, "lambda requests", True)
    yield Line("Lambda: duration", seconds * memory, processor, True)
    if snapstart:
        kept = load.snapshots * memory * MONTH * 3600
        yield Line("SnapStart: restoring", colds * memory, "snapshot restored", True)
        yield Line("SnapStart: snapshots", kept, "snapshot kept", False)
    else:
        starting = colds * load.init_ms / 1000 * memory
        yield Line("Lambda: cold starts", starting, processor, True)
    yield Line("API Gateway: requests", load.requests, "http api", True)
    out = load.requests * load.response_bytes / GB
    yield Line("API Gateway: data out", out, "data out", True)
    logs = load.requests * load.log_bytes / GB
    # CloudWatch keeps them compressed, to about 0.15 of their size.
    kept = logs * 0.15 * load.log_days * 24 / MONTH
    yield Line("Logs: written", logs, "logs in", True)
    yield Line("Logs: kept", kept, "logs kept", True)
    yield Line("X-Ray: traces", traces(load), "trace", True)
    # Metrics are billed by the hours in which there were any.
    share = load.active_hours / MONTH
    yield Line("Metrics: own", load.metrics * share, "metric", False)
    yield Line("Metrics: each route's", load.route_metrics * share, "metric", False)
    yield Line("Alarms", load.alarms, "alarm", False)
    yield Line("Dashboard", 1, "dashboard", False)
    yield Line("Alarms' key", 1, "key", False)
    yield Line("Secret", 1, "secret", False)
    reads = load.environments * load.active_hours * 12
    yield Line("Secret: reads", min(reads, load.requests), "secret read", False)
    compute = load.neon_cu * load.active_hours
    yield Line("Neon: compute", compute, "neon compute", False)
    yield Line("Neon: storage", load.neon_gb, "neon storage", False)
    yield Line("Neon: history", load.neon_history_gb, "neon history", False)


def traces(load: Load) -> float:
    """Return how many requests X-Ray records at most; under a small load, that is all.

    Of each function's requests Lambda takes the first in a second, and 5% of the rest.
    """
    seconds = load.active_hours * 3600 * load.functions
    first = min(load.requests, seconds)
    return first + 0.05 * (load.requests - first)


def report(load: Load) -> str:
    """Return the sum as a Markdown table, with the sources of the prices."""
    without, with_ = list(lines(load)), list(lines(load, snapstart=True))
    rows = [
        "| a month | how much | price in USD | USD | with SnapStart |",
        "| --- | ---: | --- | ---: | ---: |",
    ]
    for line in [*without, *(line for line in with_ if line not in without)]:
        price = PRICES[line.price]
        each = f"{number(price.usd, 10)} / {price.unit}"
        usd = [f"{line.usd:.2f}" if line in sum_ else "" for sum_ in (without, with_)]
        rows.append(
            f"| {line.what} | {number(line.quantity)} | {each} | {' | '.join(usd)} |"
        )
    for what, scales in (("grows with requests", True), ("does not", False)):
        usd = [
            f"**{sum(line.usd for line in sum_ if line.scales == scales):.2f}**"
            for sum_ in (without, with_)
        ]
        rows.append(f"| **All that {what}** | | | {' | '.join(usd)} |")
    sources = sorted({(price.source, price.read) for price in PRICES.values()})
    origins = [f"- {source} ({read})" for source, read in sources]
    heading = "Prices of us-east-1 without free tiers, and when their pages said so:"
    return "\n".join([*rows, "", heading, "", *origins])


def number(value: float, digits: int = 2) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".")


def as_json(load: Load) -> str:
    """Return the sum with and without SnapStart, as JSON."""
    document = {
        "load": asdict(load),
        "prices": {n: asdict(p) for n, p in PRICES.items()},
    }
    for name, snapstart in (("without_snapstart", False), ("with_snapstart", True)):
        document[name] = {
            line.what: {
                "quantity": line.quantity,
                "usd": line.usd,
                "scales": line.scales,
            }
            for line in lines(load, snapstart=snapstart)
        }
    return json.dumps(document, indent=2)


def main(given: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="make costs", description="What a month of the stack costs."
    )
    default = Load()
    for each in fields(Load):
        value = getattr(default, each.name)
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=type(value),
            default=value,
            metavar=str(value),
            choices=["arm64", "x86_64"] if each.name == "architecture" else None,
        )
    parser.add_argument(
        "--prices", type=Path, help="a JSON object: other prices by name, in USD"
    )
    parser.add_argument("--json", action="store_true", help="JSON, not Markdown")
    options = vars(parser.parse_args(given))
    as_document, prices = options.pop("json"), options.pop("prices")
    if prices:
        for name, usd in json.loads(prices.read_text()).items():
            PRICES[name] = replace(PRICES[name], usd=usd, source=str(prices))
    load = Load(**options)
    print(as_json(load) if as_document else report(load))


if __name__ == "__main__":
    main(sys.argv[1:])
