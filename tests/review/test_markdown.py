"""A review as Markdown: what a real renderer makes of it, however hostile the words and however little the room."""

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from review.reviews import DIFF, HARM, HOSTILE, LOOSENED, SILENT, WHOLE, function, review

from pipeline.review.markdown import code, prose, render_markdown


class _Tags(HTMLParser):
    """The tags of a document, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(text: str) -> _Tags:
    found = _Tags()
    found.feed(MarkdownIt("commonmark", {"html": True}).render(text))
    return found


def test_the_headline_is_the_first_line() -> None:
    """Before any heading: that is what a person must see."""
    assert render_markdown(WHOLE).splitlines()[0] == f"**{WHOLE.headline}**"


def test_words_that_mean_harm_stay_words() -> None:
    """No tag comes of code, of values or of what a model says, and nobody is mentioned."""
    found = rendered(render_markdown(review(HARM)))
    assert found.tags <= {"p", "strong", "h3", "code", "ul", "li", "details", "summary", "pre", "blockquote"}
    outside = re.sub(r"(?s)(`+)(?!`).*?(?<!`)\1(?!`)", "", render_markdown(review(HARM)))
    assert "octocat" in outside
    assert "@octocat" not in outside


@pytest.mark.parametrize("text", ["a", "`", "``a`", " ", "a\nb", HOSTILE, "x" * 9])
def test_code_within_a_line_is_what_it_was(text: str) -> None:
    """Whatever is in it, ticks included; a new line is a space."""
    assert rendered(code(text)).text.strip() == text.replace("\n", " ").strip()


@pytest.mark.parametrize("text", ["a_b*c*", "<b>", "[a](b)", "# a", "a & b &amp; c", "1 | 2", "~~a~~", "\\*"])
def test_prose_is_what_it_was(text: str) -> None:
    """Nothing of it is taken for Markdown or HTML."""
    found = rendered(prose(text))
    assert (found.text.strip(), found.tags) == (text, {"p"})


def test_what_is_not_seen_is_spelled_out() -> None:
    """A mark that turns the direction of text would show other code than there is."""
    assert code("a\u202eb\x1b[1m") == "`a\\u202eb\\x1b[1m`"


MANY = review(*(function(f"shop.f{number}", diff="+" + "x" * 3000) for number in range(60)))


@pytest.mark.parametrize("most", [2_000, 20_000, 65_000, 1_000_000])
def test_a_report_is_never_longer_than_it_may_be(most: int) -> None:
    """The headline stays; whoever is left out is named, or counted."""
    text = render_markdown(MANY, most=most)
    assert len(text) <= most
    assert text.startswith(f"**{MANY.headline}**")
    shown = set(re.findall(r"^### `(shop\.f\d+)`", text, re.MULTILINE))
    named = re.search(r"^Left out here.*", text, re.MULTILINE)
    missing = {each.function for each in MANY.functions} - shown
    counted = int((re.search(r"and (\d+) more", named[0]) or [0, "0"])[1]) if named else 0
    assert len(missing) == counted + (len(re.findall(r"`shop", named[0])) if named else 0)


def test_letters_of_more_than_one_byte_count_as_such() -> None:
    """A step summary is cut by the byte."""
    wide = review(*(function(f"shop.f{number}", diff="+" + "\u00e4\u4e16" * 1000) for number in range(60)))
    assert len(render_markdown(wide, most=20_000).encode()) <= 20_000


def test_two_hundred_functions_fit_a_comment_and_a_step_summary() -> None:
    """As the forge counts them; every function is shown or named, and in the summary every diff is there."""
    many = review(*(function(f"shop.function_number_{number}", diff=DIFF * 20) for number in range(200)))
    comment, summary = render_markdown(many), render_markdown(many, most=1_000_000)
    assert (len(comment) < 65_536, len(summary.encode()) < 1 << 20) == (True, True)
    assert (len(re.findall(r"^### ", summary, re.MULTILINE)), summary.count("```diff")) == (200, 200)
    assert rendered(summary).tags >= {"details", "summary", "pre", "h3"}


def test_long_diffs_go_before_functions_do() -> None:
    """What is cut first is what can be seen elsewhere."""
    text = render_markdown(MANY, most=65_000)
    assert len(re.findall(r"^### ", text, re.MULTILINE)) == 60
    assert "The code diff is left out here for its length." in text


def test_what_was_loosened_is_marked() -> None:
    """In bold, with its sentence."""
    assert r"- **loosened**: ensures\[0\]: promises less" in render_markdown(review(LOOSENED))


def test_a_models_words_are_marked() -> None:
    """A reader knows that they are no promise."""
    assert "A model's words, written from the code alone" in rendered(render_markdown(review(SILENT))).text
