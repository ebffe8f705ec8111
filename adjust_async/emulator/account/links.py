"""The URLs of a tracker, as Adjust builds them from its token and its partner."""

CLICK = 1
IMPRESSION = 2
BOTH = CLICK | IMPRESSION
"""Bit field of the URLs that a tracker has besides `url`."""

_ADCOLONY = 174
_ADCOLONY_MACROS = (
    "s2s=1&idfa=[IDFA]&gps_adid=[GOOGLE_AD_ID]&ip_address=[IP_ADDRESS]&adcolony_click_id=[CLICK_ID]"
    "&android_id_upper_sha1=[SHA1_ANDROID_ID]&cost_id=[CLICK_ID]&cost_type=[BID_TYPE]&cost_amount=[BID]"
    "&cost_currency=USD"
)
_MACROS = "campaign={campaign_name}&idfa={idfa}"
_DEEPLINK = "deeplink=http%3A%2F%2Fa.b%2Fc%3Fd%3D1%26e%3D%%MACROS%%"


def tracker_urls(token: str, partner_id: int | None, links: int) -> dict[str, str]:
    """Return `url`, and `click_url` and `impression_url` if `links` has their bit."""
    urls = {"url": f"https://app.adjust.com/{token}"}
    own_macros = partner_id == _ADCOLONY
    if links & CLICK:
        urls["click_url"] = (
            f"https://s2s.app.adjust.com/{token}?{_ADCOLONY_MACROS}"
            if own_macros
            else f"https://app.adjust.com/{token}?{_MACROS}&{_DEEPLINK}"
        )
    if links & IMPRESSION:
        macros = _ADCOLONY_MACROS if own_macros else f"{_MACROS}&s2s=1"
        urls["impression_url"] = f"https://s2s.adjust.com/impression/{token}?{macros}"
    return urls
