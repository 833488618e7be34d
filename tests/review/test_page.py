"""A review as a page, in a browser: what is seen, clicked and pressed, and that nothing of it is sent for or run."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, browsing
from review.reviews import HOSTILE, SILENT, WHOLE, function, review

from pipeline.review.page import render_page

SHOWN = "[...document.querySelectorAll('article')].filter(a => a.offsetParent).map(a => a.dataset.name)"
EVERY = ["shop.pay", "shop.total", "shop.harm", "shop.new", "shop.order", "decisions"]
FOCUSED = "(document.activeElement.closest('article') || {dataset: {}}).dataset.name || ''"
PAPER = "getComputedStyle(document.body).backgroundColor"
CONTRASTS = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    const own = getComputedStyle(e).backgroundColor;
    return parts(own).length < 4 || parts(own)[3] > 0 ? own : behind(e.parentElement);
  };
  const contrast = (e, color) => {
    const [less, more] = [light(color), light(behind(e))].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };
  const find = document.getElementById('find');
  const texts = [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && !e.closest('svg, script')
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  const found = texts.map((e) => [e.tagName + '.' + e.className, contrast(e, getComputedStyle(e).color)]);
  return [...found, ['placeholder', contrast(find, getComputedStyle(find, '::placeholder').color)]];
})()"""
"""Of every text, and of what stands in the empty field: what it is, and its contrast as WCAG 2 counts it."""
LONG = "".join(f"    value_{number} = n * {number}\n" for number in range(150))
DARK, LIGHT = "rgb(13, 17, 23)", "rgb(255, 255, 255)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Browser:
    """The page of a whole review, opened from a file."""
    path = tmp_path / "review.html"
    path.write_text(render_page(WHOLE), encoding="utf-8")
    browser.open(path)
    return browser


def test_nothing_is_sent_for(page: Browser) -> None:
    """The file is all there is, and the console is quiet."""
    (only,) = page.requests()
    assert only.endswith("review.html")
    assert page.troubles() == []


def test_words_that_mean_harm_are_shown_and_do_none(page: Browser) -> None:
    """Code, values and a model's words are text: no element comes of them, no script runs."""
    assert page.see("document.title") == "drystone review: 4 changed"
    assert page.see("document.querySelectorAll('img, iframe, object').length") == 0
    assert page.see("document.querySelectorAll('script').length") == 1
    assert HOSTILE.replace("\n", " ") in page.see("document.body.textContent.replace(/\\n/g, ' ')")


def test_no_script_runs_but_its_own(page: Browser) -> None:
    """Even where one had slipped in, the policy of the page would stop it."""
    page.see(
        "const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s)"
    )
    assert page.see("window.owned === undefined") is True


def test_the_headline_is_what_is_seen_first(page: Browser) -> None:
    """It is the one heading of the first order, and it alarms."""
    assert page.see("document.querySelector('h1.alarm').textContent") == WHOLE.headline
    assert page.see("document.querySelector('h1').getBoundingClientRect().top < 60") is True


def test_a_kind_of_change_is_filtered_by_a_click(page: Browser) -> None:
    """Several kinds are any of them; a second click takes one back; Escape shows all."""
    assert page.see(SHOWN) == EVERY
    page.click("[data-kind=silent]")
    assert page.see(SHOWN) == ["shop.pay"]
    page.click("[data-kind=loosened]")
    assert page.see(SHOWN) == ["shop.pay", "shop.total"]
    assert page.see("document.getElementById('told').textContent") == "2 of 6 shown"
    page.click("[data-kind=silent]")
    assert page.see(SHOWN) == ["shop.total"]
    page.press("Escape")
    assert page.see(SHOWN) == EVERY


def test_every_button_of_a_filter_shows_its_kind(page: Browser) -> None:
    """As many as it says, in the list above as well, and nothing else."""
    kinds = page.see("[...document.querySelectorAll('.filter')].map(b => b.dataset.kind)")
    assert kinds == ["silent", "loosened", "contract", "behaviour", "code", "added", "flow", "decision"]
    for kind in kinds:
        page.click(f"[data-kind={kind}]")
        count = int(page.see(f"document.querySelector('[data-kind={kind}] .count').textContent"))
        own = f"[...document.querySelectorAll('article[data-kinds~={kind}]')].map(a => a.dataset.name)"
        assert page.see(SHOWN) == page.see(own)
        assert (
            page.see("[...document.querySelectorAll('nav li')].filter(a => a.offsetParent).length") == count
        )
        page.click(f"[data-kind={kind}]")


def test_the_keyboard_is_enough(page: Browser) -> None:
    """With j and k a person goes from change to change, o unfolds one, / finds by name; in the field letters are letters."""
    page.press("j", "j")
    assert page.see(FOCUSED) == "shop.total"
    page.press("k")
    assert page.see(FOCUSED) == "shop.pay"
    page.press("o")
    assert page.see("[...document.activeElement.querySelectorAll('details')].every(d => d.open)") is True
    page.press("/", "t", "o", "t")
    assert (page.see(SHOWN), page.see("document.getElementById('find').value")) == (["shop.total"], "tot")
    page.press("Escape", "j")
    assert page.see(FOCUSED) == "shop.pay"


def test_code_stands_side_by_side(page: Browser) -> None:
    """The old line beside the new one, and what differs in them marked."""
    page.click("#unfold")
    row = "document.querySelectorAll('#change-0 .sides tbody tr')[1]"
    assert page.see(f"[...{row}.cells].map(c => c.textContent)") == [
        "2",
        "    return n",
        "2",
        "    return n + 1",
    ]
    assert page.see(f"{row}.querySelector('ins').textContent") == " + 1"
    assert (
        page.see(
            f"{row}.cells[1].getBoundingClientRect().right <= {row}.cells[3].getBoundingClientRect().left"
        )
        is True
    )


def test_dark_and_light_follow_the_system_or_the_switch(page: Browser) -> None:
    """The switch wins over what the system prefers."""
    for preferred, paper in (("dark", DARK), ("light", LIGHT)):
        features = [{"name": "prefers-color-scheme", "value": preferred}]
        page.do("Emulation.setEmulatedMedia", features=features)
        assert page.see(PAPER) == paper
    page.click("#look")
    assert page.see(PAPER) == DARK
    page.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.click("#look")
    assert page.see(PAPER) == LIGHT
    page.do("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize("preferred", ["dark", "light"])
def test_every_text_stands_out_from_what_is_behind_it(page: Browser, preferred: str) -> None:
    """At least 4.5 to 1, unfolded, with every button pressed and with none."""
    page.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": preferred}])
    page.click("#unfold")
    for pressed in ("false", "true"):
        page.see(
            f"document.querySelectorAll('.filter').forEach(b => b.setAttribute('aria-pressed', '{pressed}'))"
        )
        found = page.see(CONTRASTS)
        assert len(found) > 100
        assert [each for each in found if each[1] < 4.5] == []
    page.do("Emulation.setEmulatedMedia", features=[])


def test_nothing_moves_by_itself(page: Browser) -> None:
    """There is no animation to be reduced."""
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s').length"
    scrolling = "getComputedStyle(document.documentElement).scrollBehavior"
    assert (page.see("document.getAnimations().length"), page.see(moving), page.see(scrolling)) == (
        0,
        0,
        "auto",
    )


def test_focus_goes_down_the_page_and_is_seen(page: Browser) -> None:
    """From the way around everything over what filters to the list and the changes; whatever has it has an outline."""
    places = []
    for _ in range(24):
        page.press("Tab")
        assert page.see("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        places.append(page.see("document.activeElement.closest('.skip, .tools, nav, article').localName"))
    assert list(dict.fromkeys(places)) == ["a", "div", "nav", "article"]


def test_headings_are_in_order_and_tables_have_heads(page: Browser) -> None:
    """No level is left out, and every head says whether it is of a row or a column."""
    levels = page.see("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert all(now - before <= 1 for before, now in itertools.pairwise(levels))
    assert (
        page.see("[...document.querySelectorAll('table')].every(t => t.caption && t.querySelector('th'))")
        is True
    )
    assert page.see("document.querySelectorAll('th:not([scope])').length") == 0


def test_a_change_of_behaviour_is_seen_without_a_click(browser: Browser, tmp_path: Path) -> None:
    """However many functions changed: its input and both answers stand on the first screen, twice."""
    more = [
        function(f"shop.f{number}", code_before=LONG, code_after=LONG + "#", diff="+#")
        for number in range(45)
    ]
    path = tmp_path / "review.html"
    path.write_text(render_page(review(SILENT, *more)), encoding="utf-8")
    assert path.stat().st_size < 3_000_000
    browser.do(
        "Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False
    )
    browser.open(path)
    assert browser.see("document.querySelector('.answers').getBoundingClientRect().bottom <= 800") is True
    (first, *_) = browser.see("[...document.querySelectorAll('nav li')].map(e => e.textContent)")
    assert first == "shop.pay not asked for code pay(3) returned 3, now returned 4"
    browser.do("Emulation.clearDeviceMetricsOverride")


def test_without_scripts_everything_can_be_read(page: Browser, tmp_path: Path) -> None:
    """What is for clicking is not there; what is folded can be unfolded, and on paper it is, on white."""
    page.do("Emulation.setScriptExecutionDisabled", value=True)
    page.open(tmp_path / "review.html")
    page.do("Emulation.setScriptExecutionDisabled", value=False)
    assert (page.see(SHOWN), page.see("document.querySelector('.tools').hidden")) == (EVERY, True)
    page.click("#change-0 summary")
    assert page.see("document.querySelector('#change-0 details').open") is True
    page.see("document.documentElement.dataset.look = 'dark'")
    page.do("Emulation.setEmulatedMedia", media="print")
    folded = "[...document.querySelectorAll('details > :not(summary)')]"
    seen = page.see(
        f"{folded}.map(e => e.checkVisibility({{contentVisibilityAuto: true}}) && e.offsetHeight !== 0)"
    )
    wide = "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert (len(seen), set(seen), page.see(wide)) == (9, {True}, 0)
    assert page.see(PAPER) == LIGHT
    page.do("Emulation.setEmulatedMedia", media="")


def test_pictures_of_a_flow_are_in_the_page(page: Browser) -> None:
    """Then and now."""
    page.click("#flow-0 summary")
    assert page.see("document.querySelectorAll('#flow-0 svg').length") == 2
    assert page.see("document.querySelector('#flow-0 svg').getBoundingClientRect().width > 0") is True


def test_on_paper_everything_is_unfolded(page: Browser) -> None:
    """What is for clicking is not printed."""
    page.do("Emulation.setEmulatedMedia", media="print")
    assert page.see("getComputedStyle(document.querySelector('.tools')).display") == "none"
    page.do("Emulation.setEmulatedMedia", media="")
    folded = page.see("document.querySelectorAll('details:not([open])').length")
    page.see(
        "window.seen = null; window.addEventListener('beforeprint', () => { window.seen = document.querySelectorAll('details:not([open])').length; })"
    )
    page.do("Page.printToPDF")
    assert (page.see("window.seen"), page.see("document.querySelectorAll('details:not([open])').length")) == (
        0,
        folded,
    )


def test_a_reader_of_screens_finds_its_way(page: Browser) -> None:
    """Landmarks are there, and whatever can be reached has a name."""
    nodes = [node for node in page.do("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]
    roles = [node["role"]["value"] for node in nodes]
    assert {"banner", "main", "navigation", "contentinfo", "group", "status"} <= set(roles)
    reached = {
        "button",
        "searchbox",
        "link",
        "article",
        "navigation",
        "region",
        "DisclosureTriangle",
    }
    nameless = [
        node for node in nodes if node["role"]["value"] in reached and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert page.see("document.documentElement.lang") == "en"
    ids = page.see("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_a_narrow_window_needs_no_sideways_scrolling(page: Browser) -> None:
    """Wide tables scroll within themselves."""
    page.do("Emulation.setDeviceMetricsOverride", width=360, height=700, deviceScaleFactor=1, mobile=False)
    page.click("#unfold")
    assert page.see("document.documentElement.scrollWidth <= 360") is True
    page.do("Emulation.clearDeviceMetricsOverride")


def test_a_page_of_nothing_says_so() -> None:
    """Without a change there are no filters and no alarm."""
    text = render_page(review(headline="No behaviour was seen to change"))
    assert "<h1>No behaviour was seen to change</h1>" in text
    assert re.findall(r'class="filter"|<article', text) == []
