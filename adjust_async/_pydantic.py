"""Support for records in pydantic models and FastAPI routes. pydantic is imported only when it calls this code."""

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import attrs
from attr import asdict

__all__ = ["Record", "serialized_schema"]


class Record:
    """A record that converts to a dictionary, and that pydantic can read and write.

    pydantic accepts the same plain values as `_records`: no text for a number, and no unknown field.
    """

    __slots__ = ()

    def __delattr__(self, name: str) -> None:
        """Refuse it: records are immutable, and attrs refuses only to set a field."""
        raise attrs.exceptions.FrozenInstanceError

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as values that JSON can represent."""
        # attrs.asdict can't turn tuples into lists; the older attr.asdict does.
        return asdict(self)  # type: ignore[arg-type]  # every record is an attrs class

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core import core_schema

        hints = get_type_hints(cls)
        arguments, keys = [], {}
        for field in attrs.fields(cls):  # type: ignore[arg-type]  # as above
            schema: Any = _strict(handler(hints[field.name]))
            keys[field.name] = core_schema.typed_dict_field(schema)
            if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time
                schema = core_schema.with_default_schema(schema, default_factory=field.default.factory)
            elif field.default is not attrs.NOTHING:
                schema = core_schema.with_default_schema(schema, default=field.default)
            arguments.append(core_schema.dataclass_field(field.name, schema, kw_only=field.kw_only))
        return core_schema.dataclass_schema(
            cls,
            core_schema.dataclass_args_schema(cls.__name__, arguments, extra_behavior="forbid"),
            list(keys),
            slots=True,
            ref=f"{cls.__module__}.{cls.__qualname__}",
            serialization=core_schema.plain_serializer_function_ser_schema(
                attrs.asdict, return_schema=core_schema.typed_dict_schema(keys, cls=cls)
            ),
        )


def serialized_schema(cls: type[Any], to_dict: Callable[[Any], Any], shape: Mapping[str, Any], handler: Any) -> Any:
    """Return a pydantic schema for a class that is serialized by `to_dict`, in this shape, and never parsed."""
    from pydantic_core import core_schema

    keys = {name: core_schema.typed_dict_field(handler(of_key)) for name, of_key in shape.items()}
    return core_schema.is_instance_schema(
        cls,
        serialization=core_schema.plain_serializer_function_ser_schema(
            to_dict,
            return_schema=core_schema.typed_dict_schema(keys, cls=cls, ref=f"{cls.__module__}.{cls.__qualname__}"),
        ),
    )


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Make a schema of a plain value refuse other types instead of converting them."""
    if schema["type"] == "nullable":
        return schema | {"schema": _strict(schema["schema"])}
    return schema | {"strict": True} if schema["type"] in {"str", "int", "bool"} else schema
