"""Realistic names of partners, apps, campaigns, ad groups and creatives."""

from typing import NamedTuple


class Partner(NamedTuple):
    """A partner as the Campaign API lists it."""

    id: int
    display_name: str
    supports_cost_data: bool


_DOCUMENTED_IDS = {"Adroll": 33, "AdColony": 174}

_WITH_COST_DATA = (
    "Facebook", "Google Ads", "AppLovin", "Apple Search Ads", "TikTok for Business", "Unity Ads",
    "ironSource", "Liftoff", "Moloco", "AdColony", "Adroll", "Vungle", "Chartboost", "Snapchat", "X Ads",
    "Mintegral", "Digital Turbine", "Tapjoy", "InMobi", "Pangle", "Aura from Unity", "Smadex", "Jampp",
    "Remerge", "mediasmart", "Adikteev", "Appreciate", "Hybrid.ai", "Mobusi", "Persona.ly", "Pinterest",
    "Reddit Ads", "Microsoft Advertising", "Yandex Direct", "Kayzen", "Bigabid", "BidMachine", "Criteo",
    "RTB House", "Fyber", "Verve Group", "Taboola", "Outbrain", "Amazon Ads", "LINE Ads", "Kakao Moment",
    "Baidu", "Tencent Ads", "Kuaishou", "Petal Ads", "VK Ads", "Aarki", "Almedia",
)  # fmt: skip
_WITHOUT_COST_DATA = (
    "YouAppi", "Glispa", "Zoomd", "AVOW", "Mobvista", "ClickTech", "Appnext", "Affle", "mCanvas",
    "Motive Interactive", "AdAction", "Fluent", "Prodege", "Mistplay", "adjoe", "Exmox", "AppSamurai",
    "Buzzvil", "Gamelight", "Freecash", "Swagbucks", "Mode Mobile", "Kashkick", "Lockerdome",
    "GlobalWide Media", "NativeX", "Supersonic", "StartApp", "Leadbolt", "Airpush", "MobileFuse", "Ogury",
    "Teads", "Bidease", "Dataseat", "Edge226", "RevX", "Feedmob", "Lifestreet", "Manage.com", "Beeswax",
    "The Trade Desk", "Display & Video 360", "Adform", "MediaMath", "Xandr", "PubMatic", "Magnite", "OpenX",
    "Smaato", "Madhouse", "Nend", "i-mobile", "Maio", "UnicornAds", "Zucks", "AppLift", "Trademob",
    "Sponsorpay", "Crossinstall", "Vdopia", "Mobrain", "Curate Mobile", "Tyroo", "Vserv", "Komli", "Yeahmobi",
    "Avazu", "Batmobi", "Headway", "Adsmovil", "Logan", "Mobupps", "Adperio", "Cheetah Ads", "Opera Ads",
    "Xiaomi GetApps", "vivo Ads", "OPPO Ads", "Samsung Ads", "Roku", "Vibe.co", "tvScientific", "Spotify Ads",
    "Twitch", "Quora Ads", "LinkedIn", "Nextdoor", "Braze", "CleverTap", "Leanplum",
)  # fmt: skip


def _partners() -> tuple[Partner, ...]:
    names = [(name, True) for name in _WITH_COST_DATA] + [(name, False) for name in _WITHOUT_COST_DATA]
    return tuple(
        Partner(_DOCUMENTED_IDS.get(name, 200 + 7 * number), name, supports_cost_data)
        for number, (name, supports_cost_data) in enumerate(names)
    )


PARTNERS = _partners()
"""The best known ones come first."""

SPECIAL_NETWORKS = (
    "Organic", "Untrusted Devices", "Google Organic Search", "No User Consent", "Imported Devices",
    "Unattributed",
)  # fmt: skip
"""Networks that every account has and that belong to no partner."""

APP_NAMES = (
    "Puzzle Harbor", "Wanderlust Travel", "Nimbus Weather", "FitTrack Coach", "Basket – Groceries",
    "Dragon Forge", "Lingua Daily", "PocketLedger", "Ćevap Rush", "夢の農園", "Street Chef", "Calm Tides",
)  # fmt: skip

COUNTRIES = (
    "US", "DE", "FR", "GB", "JP", "KR", "BR", "MX", "IN", "ID", "TR", "ES", "IT", "PL", "NL", "SE", "CA",
    "AU", "SA", "AE", "VN", "TH", "PH", "TW", "ZA",
)  # fmt: skip

PLATFORMS = ("iOS", "Android", "Web to App", "CTV")

CAMPAIGNS = (
    "Spring Sale", "Always On", "Retargeting 50% off", "Été 2026", "UA/ROAS D7", "Lookalike payers",
    "Black Friday", "SpringCampaign", "Brand & Search", "新春キャンペーン", "Soft Launch", "Install Max",
    "Win-back 30d", "tCPA Purchase",
)  # fmt: skip
AD_GROUPS = (
    "Lookalike 1%", "Broad 25-34", "Interest: Puzzle/Casual", "PubID123", "High LTV", "Größere Städte",
    "Exact match", "Women 18+", "Rewarded", "Interstitial", "Publisher A/B", "Lapsed 90 days",
)  # fmt: skip
CREATIVES = (
    "Video 15s", "Playable – Endcard A", "Banner_320x50", "Carousel 4/5", "UGC “unboxing”",
    "Static 1080x1920", "Icon test 100%", "動画 30秒", "Rewarded 30s", "Native_v2",
)  # fmt: skip
