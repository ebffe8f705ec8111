"""The client's options, which every command accepts before or after its name."""

from adjust_async.cli.flags import Flag

__all__ = ["CLIENT_FLAGS"]

CLIENT_FLAGS = (
    Flag("api_url", help="URL of Adjust's API, or of an emulator.", metavar="URL"),
    Flag("reports_url", help="URL of the Report Service, if different.", metavar="URL"),
    Flag("account_id", help="The account, if you have access to several.", metavar="ID"),
    Flag("campaign_version", help="Campaign API version: v1 (default) or v2.", metavar="v1|v2"),
    Flag("max_concurrency", "integer", help="Maximum concurrent requests; default 50."),
    Flag("quiet", "bool", help="Show no progress and no warnings.", also=("-q",)),
    Flag("verbose", "bool", help="Log requests and retries to stderr.", also=("-v",)),
    Flag("max_rate", "number", further=True),
    Flag("burst", "integer", further=True),
    Flag("timeout", "number", further=True),
    Flag("deadline", "number", further=True),
    Flag("reports_max_rate", "number", further=True),
    Flag("reports_burst", "integer", further=True),
    Flag("reports_timeout", "number", further=True),
    Flag("reports_deadline", "number", further=True),
    Flag("max_attempts", "integer", further=True),
    Flag("max_body_size", "integer", further=True),
    Flag("insecure_hosts", "names", further=True),
    Flag("coordinator", metavar="URL", further=True),
)
