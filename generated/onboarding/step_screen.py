# Written by a model under step_screen.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:6ce124945fc077509026cc68675d7428fe282e4feee7a27eb632d9cb08bdfa8c

from __future__ import annotations

from .types import Progress, Screen, Step


def step_screen(progress: Progress) -> Screen:
    """The screen of the step a user is at. Its title is the step in words, such as "First
    action".
    """
    return Screen(
        title=progress.step.value.replace("_", " ").capitalize(),
        body=progress.email,
        button="Done" if progress.step in (Step.ACTIVE, Step.EXPIRED) else "Continue",
        min_width=320,
    )
