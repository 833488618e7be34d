"""What stages are given instead of reaching for it: a way to ask a model."""

from collections.abc import Callable

from pipeline.llm.port import Reply, Request

Ask = Callable[[Request], Reply]
"""Answers a request; counts, stores and shows what happens on the way."""
