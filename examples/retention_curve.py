"""Print the retention curve of a month's new users for each app."""

import asyncio

from adjust_async import AsyncAdjust

DAYS = range(1, 15)


async def main() -> None:
    """Fetch the retention of mature cohorts, and draw it."""
    async with AsyncAdjust() as adjust:
        tokens = [app.token async for app in adjust.apps.list()]
        report = await adjust.reports.fetch(
            dimensions=["app"],
            metrics=[f"retention_rate_d{day}" for day in DAYS],
            date_period=("2026-01-01", "2026-01-31"),
            app_tokens=tokens,
            cohort_maturity="mature",
            on_failure="keep",
        )
    for row in report.rows():
        print(row["app"])
        for day in DAYS:
            rate = row[f"retention_rate_d{day}"]
            if rate is not None:  # a missing rate is not 0
                print(f"  day {day:>2} {rate:>6.1%} {'█' * round(rate * 60)}")
    for token, error in report.failures.items():
        print(f"{token} is missing: {error}")


if __name__ == "__main__":
    asyncio.run(main())
