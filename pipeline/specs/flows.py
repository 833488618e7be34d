"""The `flows` section of a spec: from its written form to flows that make sense."""

from collections.abc import Mapping

from pipeline.records import Finding, SpecFlow, SpecFunction
from pipeline.specs.draft import Draft


def read_flows(
    draft: Draft,  # noqa: ARG001
    derived: Mapping[str, SpecFunction],  # noqa: ARG001
) -> tuple[tuple[SpecFlow, ...], list[Finding]]:
    """The flows of a spec, over its derived functions, and the findings about them."""
    return (), []
