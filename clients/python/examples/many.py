"""Analyzes photos, four at a time, and keeps nothing: ``XCLOUD_KEY=xc_… python many.py URL PHOTO…``."""

# ruff: noqa: T201 -- a program for people to read and run.

import asyncio
import os
import sys

from xcloud_client import ApiError, AsyncXCloud

AT_ONCE = 4


async def main(url: str, *photos: str) -> int:
    places = asyncio.Semaphore(AT_ONCE)
    async with AsyncXCloud(url, os.environ["XCLOUD_KEY"]) as cloud:

        async def describe(photo: str) -> str:
            async with places:
                try:
                    analysis = await cloud.analyse(photo, attributes=["age"], keep_result=False)
                except ApiError as error:
                    return f"{photo}: {error.code}"
            return f"{photo}: {len(analysis['faces'])} faces"

        for line in await asyncio.gather(*map(describe, photos)):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
