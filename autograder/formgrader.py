"""How nbgrader's pages show a submission: feedback to the student, formgrader to the instructor.

nbconvert makes both from the graded notebook. `nbgrader_config.py` puts what is here into both.
"""

from __future__ import annotations

import html
from functools import lru_cache
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import from_dict


class InstructorView(Preprocessor):
    """What only the instructor may see, added where formgrader shows a submission, and nowhere else."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        if getattr(self.parent, "template_name", None) != "formgrade":
            return nb, resources
        about = nb.metadata.get("speechlab", {})
        if "isolation" in about:
            text = f"For the instructor only: {about['isolation']}, seed {about['seed']}"
            note = {"cell_type": "markdown", "id": "instructor", "metadata": {}, "source": html.escape(text)}
            nb.cells.insert(0, from_dict(note))
        for cell in nb.cells:
            about = cell.metadata.get("speechlab", {})
            words = [about.get("fault", ""), about.get("detail", "")]
            text = "\n".join(word for word in words if word)
            if text and cell.cell_type == "code":
                shown = f"<b>For the instructor only</b><pre>{html.escape(text)}</pre>"
                data = {"text/html": shown, "text/plain": text}
                cell.outputs.append(from_dict({"output_type": "display_data", "data": data, "metadata": {}}))
        return nb, resources


_TAGS = """a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p
pre s span strong sub summary sup table tbody td tfoot th thead tr u ul var""".split()
_ATTRIBUTES = ("id", "class", "title", "alt", "width", "height", "style", "start", "open")


def _allowed(tag: str, name: str, value: str) -> bool:
    """Attributes that a page may have; links lead to pages, pictures are pictures."""
    if (tag, name) == ("a", "href"):
        return value.lower().startswith(("http://", "https://", "mailto:", "#"))
    if (tag, name) == ("img", "src"):
        return value.lower().startswith(
            ("http://", "https://", "data:image/png", "data:image/jpeg", "data:image/gif")
        )
    return name in _ATTRIBUTES


@pass_context
def safe_markdown(context: Any, source: str) -> str:
    """nbconvert's filter for Markdown, without anything that a browser would run.

    A written answer is a stranger's text, and formgrader shows it where the instructor is logged in.
    """
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=False, attachments=attachments)
    try:
        rendered = MarkdownWithMath(renderer=renderer).render(source)
    except InvalidNotebook:  # a picture that is not there would end the whole page
        bare = source.replace("attachment:", "missing-attachment:")
        rendered = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(bare)
    return _cleaned(rendered)


@lru_cache(maxsize=2048)
def _cleaned(rendered: str) -> str:
    # the page's own text is the same for the whole class
    return bleach.clean(
        rendered,
        tags=set(_TAGS),
        attributes=_allowed,
        protocols={"http", "https", "mailto", "data"},
        css_sanitizer=CSSSanitizer(allowed_css_properties=["text-align", "width", "height"]),
    )
