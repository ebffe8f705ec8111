"""Names of dimensions, metrics, KPIs and levels, as the integrations take them."""

from adjust_async import ConfigurationError
from adjust_async._figures.encoding import check_names

__all__ = ["names_of"]


def names_of(value: object, argument: str) -> tuple[str, ...]:
    """Return one name, or the names of a list, in their order.

    Raises:
        ConfigurationError: It is empty, or is not a list of different names.
    """
    __tracebackhide__ = True
    if isinstance(value, (list, tuple)) and not value:
        raise ConfigurationError(f"{argument} is empty: name at least one")
    return check_names([value] if isinstance(value, str) else value, argument)
