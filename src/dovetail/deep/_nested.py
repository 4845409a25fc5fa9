"""Parameters that are given on to a part of an estimator, such as `module__hidden`."""

from __future__ import annotations

import difflib
import functools
from typing import Any, ClassVar, Self

__all__ = ["Nested"]


class Nested:
    """Takes, keeps and shows `part__name=value` for each of its parts.

    parts : what arguments may be given on to
    """

    parts: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        plain = cls.__init__

        @functools.wraps(plain)
        def with_nested(self: Any, *args: Any, **given: Any) -> None:
            nested = {name: given.pop(name) for name in list(given) if "__" in name}
            plain(self, *args, **given)
            for name, value in nested.items():
                self._set_nested(name, value)

        cls.__init__ = with_nested  # type: ignore[method-assign]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters, those given on to parts too."""
        own: dict[str, Any] = super().get_params(deep=deep)  # type: ignore[misc]
        heads = tuple(f"{part}__" for part in self.parts)
        return own | {k: v for k, v in vars(self).items() if k.startswith(heads)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters; `module__name=value` is given on to the module."""
        heads = tuple(f"{part}__" for part in self.parts)
        nested = {name: params.pop(name) for name in list(params) if name.startswith(heads)}
        super().set_params(**params)  # type: ignore[misc]
        for name, value in nested.items():
            self._set_nested(name, value)
        return self

    def _set_nested(self, name: str, value: Any) -> None:
        head, _, tail = name.partition("__")
        if head not in self.parts or not tail:
            near = difflib.get_close_matches(head, self.parts, 1)
            hint = f" Did you mean {near[0]}__{tail}?" if near else ""
            raise TypeError(
                f"{type(self).__name__} has no parameter {name!r}: arguments are given on to "
                f"{', '.join(f'{part}__name' for part in self.parts)}.{hint}"
            )
        setattr(self, name, value)

    def _nested(self, part: str) -> dict[str, Any]:
        """The arguments given on to a part."""
        mark = f"{part}__"
        return {k.removeprefix(mark): v for k, v in vars(self).items() if k.startswith(mark)}
