"""Measures reading a million events, compared with httpx reading and discarding the same bytes."""

import sys
from statistics import median

from tests.benchmarks.process import cost
from tests.benchmarks.service import JOB_ID, service

_FLOOR = """
import asyncio, sys, httpx

async def main():
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        async with client.stream("GET", sys.argv[1]) as response:
            async for chunk in response.aiter_raw():
                pass

asyncio.run(main())
"""


def run(events: int = 1_000_000, runs: int = 3) -> None:
    ratios = []
    with service(backlog=events) as base_url:
        for _ in range(runs):
            floor = cost([sys.executable, "-c", _FLOOR, f"{base_url}/fine-tunes/{JOB_ID}/events?stream=true"])
            ftmon = cost(
                [sys.executable, "-m", "ftmon", JOB_ID, "--base-url", base_url, "--json", "--no-history"]
            )
            ratios.append(ftmon.cpu / floor.cpu)
            print(
                f"stream   {events:,} events: ftmon {ftmon.cpu:.2f} s CPU, {ftmon.peak:.0f} MiB, "
                f"exit {ftmon.status}; httpx alone {floor.cpu:.2f} s, {floor.peak:.0f} MiB; "
                f"ratio {ratios[-1]:.1f}"
            )
    with service(backlog=events // 10) as base_url:
        tenth = cost(
            [sys.executable, "-m", "ftmon", JOB_ID, "--base-url", base_url, "--json", "--no-history"]
        )
        print(f"stream   {events // 10:,} events: ftmon {tenth.cpu:.2f} s CPU, {tenth.peak:.0f} MiB")
    print(f"stream   ratio {median(ratios):.1f} (aim: under 9)")
