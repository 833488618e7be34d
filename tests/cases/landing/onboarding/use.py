from datetime import datetime, timedelta, timezone

from onboarding.step_screen import step_screen
from onboarding.types import Progress, Screen, Step, TokenExpired, TokenMismatch
from onboarding.verify_email import verify_email

sent = datetime(2026, 1, 1, tzinfo=timezone.utc)
start = Progress("a@b.c", Step("unverified"), "abc", sent)
after = verify_email(start, "abc", sent + timedelta(hours=24))
assert after == Progress("a@b.c", Step("profile"), "abc", sent)
assert step_screen(after) == Screen("Profile", 320)
for token, hours, error in (("abd", 1, TokenMismatch), ("abd", 25, TokenExpired)):
    try:
        verify_email(start, token, sent + timedelta(hours=hours))
    except error:
        continue
    raise AssertionError(error)
