"""Analyzes an archive as a job: ``XCLOUD_KEY=xc_… python job.py photos.zip results.csv [http://127.0.0.1:8000]``."""

# ruff: noqa: T201 -- a program for people to read and run.

import os
import sys

from xcloud_client import ApiError, XCloud


def main(archive: str, table: str, url: str = "http://127.0.0.1:8000") -> int:
    with XCloud(url, os.environ["XCLOUD_KEY"]) as cloud:
        try:
            started = cloud.start_job(archive=archive, attributes=["age", "gender"], max_faces=10, ttl_days=30)
            for job in cloud.progress(started["id"], look_s=0.5):
                print(f"{job['counts']['done']} of {job['images']} images", file=sys.stderr)
            cloud.save_results(started["id"], table)
        except ApiError as error:
            print(error, file=sys.stderr)
            return 1
        # What abstained is missing in this table; it needs `pip install xcloud-client[pandas]`.
        frame = cloud.results_frame(started["id"])
    for name, age, gender in zip(frame["name"], frame["age"], frame["gender"], strict=True):
        print(f"{name}: {age:.0f} years, {gender}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
