"""Revenue and cost of a fact in the modes of a request, as SQL over a row of the table `facts`."""

from dataclasses import dataclass

from adjust_async.emulator.kpis.measures import share

AD_REVENUE_SOURCES = ("admob", "applovin_max", "ironsource", "unknown")
"""Each fact's ad revenue is from one of these."""

AD_SPEND_MODES = ("adjust", "network", "mixed")
IAP_REVENUE_MODES = {f"gross_{percent}": percent for percent in (100, 95, 85, 80, 70, 65, 60, 50)}
"""The percentage of gross revenue that counts; the store keeps the rest."""

HAS_PARTNER = "trackers.partner_id IS NOT NULL"
ADJUST_COST = "cost"
NETWORK_COST = f"CASE WHEN {HAS_PARTNER} THEN {share('cost', 96)} ELSE 0 END"

_SOURCE = f"(dither % {len(AD_REVENUE_SOURCES)})"


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts in minor units of the app's currency, as SQL."""

    cost: str
    revenue: str
    ad_revenue: str

    @property
    def all_revenue(self) -> str:
        """The sum of both kinds of revenue."""
        return f"({self.revenue} + {self.ad_revenue})"


def amounts_of(ad_spend_mode: str, iap_revenue_mode: str, ad_revenue_sources: tuple[str, ...]) -> Amounts:
    """Return the amounts for these modes; no sources mean all."""
    cost = {
        "adjust": ADJUST_COST,
        "network": NETWORK_COST,
        # The network's cost, or Adjust's if the network reports none.
        "mixed": f"CASE WHEN ({NETWORK_COST}) > 0 THEN ({NETWORK_COST}) ELSE {ADJUST_COST} END",
    }[ad_spend_mode]
    percent = IAP_REVENUE_MODES[iap_revenue_mode]
    revenue = "revenue" if percent == 100 else f"({share('revenue', percent)})"
    ad_revenue = "ad_revenue"
    if ad_revenue_sources:
        places = ", ".join(str(AD_REVENUE_SOURCES.index(source)) for source in ad_revenue_sources)
        ad_revenue = f"(CASE WHEN {_SOURCE} IN ({places}) THEN ad_revenue ELSE 0 END)"
    return Amounts(f"({cost})", revenue, ad_revenue)
