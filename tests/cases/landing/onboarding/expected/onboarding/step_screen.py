# Written by a model under step_screen.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:93b9369baa1d22fbaae3f52a43eb7541cf5c4c325c7bae552b7332eb48a212d8

from __future__ import annotations

from .types import Progress, Screen


def step_screen(progress: Progress) -> Screen:
    """The screen that shows how far the user has come."""
    return Screen(title=progress.step.value.title(), min_width=320)
