"""Turn an executed lesson into one HTML file that needs nothing else: no network, no script, figures inside.

Equations are drawn when the page is made; an interactive view becomes the picture it starts with.
"""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from ziamath import Latex

from mricourse.evaluation.claims import bounds_text, readable, typed

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
STYLE = """
body { max-width: 62rem; margin: 0 auto; padding: 1rem; font-family: system-ui, sans-serif; line-height: 1.5; }
table.claims { border-collapse: collapse; margin: 1rem 0; }
table.claims th, table.claims td { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; }
table.claims tr.fails { background: #fbdcdc; }
.highlight pre { white-space: pre-wrap !important; }
.jp-OutputArea-output pre { word-break: normal !important; overflow-wrap: anywhere; }
.jp-InputPrompt, .jp-OutputPrompt { color: #595959 !important; opacity: 1 !important; }
.highlight .mi, .highlight .mf, .highlight .mh, .highlight .il { color: #00640a !important; }
.highlight .ow, .highlight .o, .highlight .kc { color: #6a1b9a !important; }
.highlight .c, .highlight .c1, .highlight .cm { color: #35605f !important; }
.jp-RenderedHTMLCommon :is(p, li, td) a { text-decoration: underline !important; }
.jp-RenderedHTML details { margin-bottom: 1.4rem; }
svg.display { display: block; margin: .8rem auto; }
"""
PAGE_NAMES = {"START": "index"}  # what a notebook's links are called on pages, where that differs
EQUATION_SIZE = 16  # px
SVG = "image/svg+xml"
PICTURES = ("image/png", "image/jpeg", SVG)
PICTURE = """<div class="jp-RenderedImage jp-OutputArea-output {{{{ extra_class }}}}">
<img src="data:{kind};base64,{{{{ {data} | escape_html }}}}"
alt="{{{{ (output | get_metadata('alt', '{kind}') or '') | escape_html }}}}"
{{%- for side in ('width', 'height') if output | get_metadata(side, '{kind}') %}}
{{{{ side }}}}="{{{{ output | get_metadata(side, '{kind}') | escape_html }}}}"
{{%- endfor %}}></div>"""
INPUT = """{% if cell.metadata.get('jupyter', {}).get('source_hidden') %}
<details><summary>Folded code</summary>{{ super() }}</details>
{% else %}{{ super() }}{% endif %}"""
TEMPLATE = "{% extends 'lab/index.html.j2' %}" + "".join(
    f"{{% block {name} %}}{content}{{% endblock %}}"
    for name, content in {
        "html_head_js": "",
        "jupyter_widgets": "",
        "html_head_js_mathjax": "",
        "html_head_js_mermaidjs": "",
        "html_head_css": f"<style>{STYLE}</style>",
        "input_group": INPUT,
        "data_png": PICTURE.format(kind="image/png", data="output.data['image/png']"),
        "data_jpg": PICTURE.format(kind="image/jpeg", data="output.data['image/jpeg']"),
        "data_svg": PICTURE.format(kind=SVG, data=f"output.data['{SVG}'] | text_base64"),
    }.items()
)
REPAIRS = (  # what the converter reads wrongly, written as it reads rightly
    (r"\\arg\s*\\(min|max)(?![a-zA-Z])", r"\\mathrm{arg\\,\1}"),
    (r"\\arg(?![a-zA-Z])", r"\\mathrm{arg}"),
    (r"\\operatorname\*?\s*\{([^{}]*\\,[^{}]*)\}", r"\\mathrm{\1}"),
    (r"\\operatorname\*", r"\\operatorname"),
    (r"\\mathop\s*\{(\\mathrm\s*\{[^{}]*\})\}", r"\1"),
    (r"\\(begin|end)\{align(?:ed)?\}", r"\\\1{align*}"),
    (r"\\(begin|end)\{equation\*?\}", r""),
    (r"\\(mathcal|mathbb|mathsf|mathbf|mathrm|boldsymbol)\s*(\\[a-zA-Z]+|[a-zA-Z0-9])", r"\\\1{\2}"),
)
BESIDE = re.compile(r'href="(\d\d_\w+|START|GLOSSARY|SYMBOLS)\.(?:ipynb|md)"')  # pages lie beside one another
ENVIRONMENTS = {"align*", "cases", "matrix", "pmatrix", "bmatrix", "vmatrix", "array"}


def draw_equation(latex: str, *, display: bool = False) -> str:
    """Draw one equation, given without its dollar signs, as an SVG element that carries its source as a label.

    Raises
    ------
    ValueError
        When it cannot be read, or holds a command that is not known; the message names it.
    """
    text = latex.strip()
    for pattern, replacement in REPAIRS:
        text = re.sub(pattern, replacement, text)
    try:
        unknown = re.findall(r"<m[io][^>]*>\\+(\w+|.)", convert(text))
        unknown += set(re.findall(r"\\begin\{(.*?)\}", text)) - ENVIRONMENTS
        drawing = Latex(text, size=EQUATION_SIZE, inline=not display)
        svg = drawing.svg()
    except Exception as error:  # the converter raises a different class for each mistake
        raise ValueError(f"the equation {latex!r} cannot be read ({type(error).__name__}).") from error
    if unknown:
        raise ValueError(f"the equation {latex!r} uses {unknown[0]!r}, which the offline pages cannot draw.")
    label = html.escape(" ".join(latex.split()), quote=True)
    place = 'class="display"' if display else f'style="vertical-align: {drawing.getyofst():.1f}px"'
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" {place} ', 1)


def equations(text: str) -> list[str]:
    """The equations of a markdown text, as `lesson_page` will meet them."""
    found: list[str] = []

    class Collector(_Renderer):
        def _math(self, body: str, display: bool) -> str:
            found.append(body)
            return ""

    MarkdownWithMath(renderer=Collector(escape=False)).render(text)
    return found


def lesson_page(notebook: NotebookNode, *, title: str, folder: Path, claims: list[dict]) -> str:
    """The HTML of an executed notebook with its claims table at the end.

    Parameters
    ----------
    notebook
        Executed notebook; widget states, where there are any, as nbclient stores them.
    title
        Title of the page.
    folder
        Where the text's relative pictures lie.
    claims
        Records of `mricourse.evaluation.claims.claim`.
    """
    table = f"## The claims of this lesson\n\n{claims_table(claims)}" if claims else "*This lesson makes no claim.*"
    return _page(notebook, [nbformat.v4.new_markdown_cell(table)], title, folder)


def text_page(text: str, *, title: str, folder: Path) -> str:
    """The HTML of a Markdown text that lies beside the lessons, such as the glossary."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    return _page(notebook, [], title, folder)


def _page(notebook: NotebookNode, last: list[NotebookNode], title: str, folder: Path) -> str:
    whole = nbformat.from_dict(notebook)
    whole.cells = [*map(_without_widgets(notebook), whole.cells), *last]
    whole.metadata.pop("widgets", None)  # megabytes that no page uses
    exporter = _Exporter(
        template_file="lesson.html.j2", extra_loaders=[DictLoader({"lesson.html.j2": TEMPLATE})], embed_images=True
    )
    page, _ = exporter.from_notebook_node(whole, {"metadata": {"name": title, "path": str(folder)}})
    return BESIDE.sub(lambda link: f'href="{PAGE_NAMES.get(link[1], link[1])}.html"', page)


def without_alternative(notebook: NotebookNode) -> list[str]:
    """Sentences that name every cell of an executed notebook with a picture that says nothing to who cannot see it."""
    shown, found, n_code = _without_widgets(notebook), [], 0
    for cell in nbformat.from_dict(notebook).cells:
        is_code = cell.cell_type == "code"
        n_code += is_code
        place = f"{cell.get('id', 'a cell')} (code cell {n_code})" if is_code else cell.get("id", "a cell")
        if (is_code and any(map(_is_silent, shown(cell).outputs))) or (
            not is_code and _has_silent_picture(cell.source)
        ):
            advice = (
                "give the figure a title and axis labels, or say what it shows with alt=... or set_alt(figure, ...)"
                if is_code
                else "write it as ![what it shows](figures/name.svg)"
            )
            found.append(f"{place} shows a picture without alternative text: {advice}.")
    return found


def claims_table(claims: list[dict], *, lessons: bool = False) -> str:
    """HTML table: sentence, measured, bound, verdict, and the lesson and its seconds where `lessons`."""
    heads = ["claim", "measured", "claimed", "verdict", *(["lesson", "seconds"] if lessons else [])]
    rows = ["".join(f"<th>{head}</th>" for head in heads)]
    for row in claims:
        cells = [row["sentence"], measured(row), bound(row), "holds" if row["passed"] else "does not hold"]
        cells += [row["lesson"], f"{row['seconds']:.0f}"] if lessons else []
        rows.append("".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells))
    kinds = ["", *("" if row["passed"] else ' class="fails"' for row in claims)]
    body = "".join(f"<tr{kind}>{row}</tr>" for kind, row in zip(kinds, rows, strict=True))
    return f'<table class="claims">{body}</table>'


def measured(claim: dict) -> str:
    """`1.83 dB [1.52, 2.14], bootstrap, 24 slices`, `0.7 dB (0.4, 1), 2 seeds`, or `0.012` for a single number."""
    bounds = (claim.get("at_least"), claim.get("at_most"))
    unit = claim.get("unit", "")
    if claim["n"] == 1:
        return f"{readable(claim['value'], bounds)} {unit}".rstrip()
    mean = f"{claim['value']:.3g} {unit}".rstrip()
    units = f"{claim['n']} {claim['samples']}"
    if claim["interval"] is None:
        return f"{mean} ({', '.join(f'{value:.3g}' for value in claim['values'])}), {units}"
    return f"{mean} [{claim['low']:.3g}, {claim['high']:.3g}], {claim['interval']}, {units}"


def bound(claim: dict) -> str:
    """`at least 0.5 dB`, `at most 1`, `1.23 to 1.28` or `exactly 45 pixels`."""
    low, high, unit = (claim.get(key) for key in ("at_least", "at_most", "unit"))
    if low is not None and low == high:
        return f"exactly {typed(low)} {unit or ''}".rstrip()
    return bounds_text(low, high, unit or "")


class _Renderer(IPythonRenderer):
    """Markdown to HTML with drawn equations; one that cannot be drawn stays readable as its source."""

    def _math(self, body: str, display: bool) -> str:
        try:
            return draw_equation(body, display=display)
        except ValueError:
            return f"<code>{html.escape(body)}</code>"

    def inline_math(self, body: str) -> str:
        return self._math(body, False)

    def block_math(self, body: str) -> str:
        return self._math(body, True)

    def _html_embed_images(self, html: str) -> str:
        """Parse only what holds a picture: the parser would close a fold at once, and lay open what it hides."""
        return super()._html_embed_images(html) if "<img" in html else html

    def latex_environment(self, name: str, body: str) -> str:
        return self._math(f"\\begin{{{name}}}{body}\\end{{{name}}}", True)


class _Exporter(HTMLExporter):
    def default_filters(self):
        yield from super().default_filters()
        yield ("markdown2html", self._to_html)

    def _to_html(self, source: str) -> str:
        path = self._folder if hasattr(self, "_folder") else ""
        renderer = _Renderer(escape=False, embed_images=True, path=path, exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(source)

    def from_notebook_node(self, nb, resources=None, **kw):
        self._folder = (resources or {}).get("metadata", {}).get("path", "")
        return super().from_notebook_node(nb, resources, **kw)


def _is_silent(output: NotebookNode) -> bool:
    data, metadata = output.get("data", {}), output.get("metadata", {})
    silent = [kind for kind in PICTURES if kind in data and not str(metadata.get(kind, {}).get("alt", "")).strip()]
    return bool(silent) or _has_silent_picture("".join(data.get("text/html", "") + data.get("text/markdown", "")))


def _has_silent_picture(text: str) -> bool:
    """Whether a text, Markdown or HTML, has a picture with no or an empty alternative text; code does not count."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    tags = re.findall(r"<img\b[^>]*>", text)
    return bool(re.search(r"!\[\s*\]", text)) or not all(re.search(r"""\balt=(["'])\s*\S.*?\1""", tag) for tag in tags)


def _title_in(svg: str) -> str:
    """What a drawing calls itself."""
    found = re.search(r"<title[^>]*>([^<]+)</title>|<svg[^>]*aria-label=[\"']([^\"']+)", svg)
    return html.unescape(next(filter(None, found.groups()))).strip() if found else ""


def _without_widgets(notebook: NotebookNode):
    """A function that replaces a cell's interactive views by their still, or the first picture in each."""
    states = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})

    def picture(model: str) -> tuple[str, str, str] | None:
        """Its kind, data and, where it has one, its tooltip."""
        entry = states.get(model, {})
        for buffer in entry.get("buffers", []):
            if buffer["path"] == ["value"] and entry["model_name"] == "ImageModel":
                kind = f"image/{entry['state'].get('format', 'png')}"
                data = base64.b64encode(base64.b64decode(buffer["data"])).decode()
                return kind, data, entry["state"].get("tooltip") or ""
        inside = [child for child in entry.get("state", {}).get("children", []) if isinstance(child, str)]
        shown = (picture(child.removeprefix("IPY_MODEL_")) for child in inside)
        return next(filter(None, shown), None)

    def convert_cell(cell: NotebookNode) -> NotebookNode:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            view = data.pop(VIEW, None)
            if view and "image/png" not in data and (found := picture(view["model_id"])):
                kind, content, says = found  # the course's own views carry a still of all their pictures
                data[kind] = content
                output.metadata.setdefault(kind, {})["alt"] = says
            if SVG in data and (says := _title_in(data[SVG])):
                output.metadata.setdefault(SVG, {}).setdefault("alt", says)
        return cell

    return convert_cell
