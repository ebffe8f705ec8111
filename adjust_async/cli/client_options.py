"""The options of the client, which every command takes, before or after its name."""

from adjust_async.cli.flags import Flag

__all__ = ["CLIENT_FLAGS"]

CLIENT_FLAGS = (
    Flag("api_url", help="Where Adjust is, such as an emulator's URL.", metavar="URL"),
    Flag("reports_url", help="Where the Report Service is, if elsewhere.", metavar="URL"),
    Flag("account_id", help="The account, for users of several.", metavar="ID"),
    Flag("campaign_version", help="Campaign API: v1 (default) or v2.", metavar="v1|v2"),
    Flag("max_concurrency", "integer", help="Requests at a time; 50 by default."),
    Flag("quiet", "bool", help="No progress, no warnings.", also=("-q",)),
    Flag("verbose", "bool", help="Tell of requests and retries on stderr.", also=("-v",)),
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
