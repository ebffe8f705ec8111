"""Keep one CSV file per day of figures, and fetch again the days that Adjust may have restated."""

import asyncio
import csv
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

from adjust_async import AsyncAdjust, Report, lookback

RESTATED_DAYS = 7


def newest(folder: Path, today: date) -> date:
    """Return the newest stored day, or the day a month ago if the folder is empty."""
    days = [date.fromisoformat(path.stem) for path in folder.glob("????-??-??.csv")]
    return max(days, default=today - timedelta(days=30))


async def figures(since: date, today: date) -> Report:
    """Fetch all newer days, and the earlier ones that may have changed."""
    async with AsyncAdjust() as adjust:
        return await adjust.reports.fetch(
            dimensions=["day", "app", "country"],
            metrics=["installs", "cost"],
            date_period=lookback(since, RESTATED_DAYS, today=today),
            app_tokens=[app.token async for app in adjust.apps.list()],
        )


def main(folder: Path, today: date) -> None:
    """Replace the files of all fetched days."""
    folder.mkdir(exist_ok=True)
    report = asyncio.run(figures(newest(folder, today), today))
    rows = sorted(report.rows(), key=lambda row: row["day"])
    for day, of_day in groupby(rows, key=lambda row: row["day"]):
        with (folder / f"{day}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, report.columns)
            table.writeheader()
            table.writerows(of_day)
    print(f"{len(rows)} rows, {len(list(folder.glob('*.csv')))} days in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "installs"), datetime.now(UTC).date())
