"""What is printed while a run works is what was said."""

import pytest

from pipeline.asking import Usage
from pipeline.progress import watch


def test_names_between_colons_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a picture nor a style is made of what others wrote."""
    with watch() as view:
        view.stage("shop.pay", "asks m1:x: [red]now[/red] :warning:", Usage())
    assert "shop.pay: asks m1:x: [red]now[/red] :warning:" in capsys.readouterr().err
