"""Files made of evaluations: the report as a PDF, the template for values as an XLSX.

Chinese is set in WenQuanYi Micro Hei, which comes as a package and is embedded, its used glyphs only: the fonts that PDF names
without embedding are missing from a fresh machine, and a page of gaps says nothing.
"""

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.resources import as_file, files
from math import cos, pi, sin
from typing import Any

import xlsxwriter
from reportlab.graphics.charts.spider import SpiderChart
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from evaluation.adapters.storing import inputs_sha256
from evaluation.domain.evaluations import TARGETS, Assessment, Evaluation, Inputs, InputValue
from evaluation.domain.scoring import NO_THRESHOLD, NodeScore
from evaluation.domain.systems import MAX_DEPTH, ROOT, IndicatorSystem, Node, decimal
from evaluation.domain.values import looks_mistaken
from parkcopies.parks import Park

_FONT = "wqy-microhei"
_WIDTH = A4[0] - 36 * mm
_MAX_DIAGNOSED = 10
_FEWEST_AXES, _MOST_AXES = 3, 12
"""Of a radar that can be read."""

_MAX_LABEL_CHARACTERS = 26
_SMALL_SCALE = 10
_UPRIGHT = 0.2
"""The cosine of an axis that points up or down."""

_LIGHT, _DARK = colors.Color(0.80, 0.91, 0.85), colors.Color(0.33, 0.66, 0.48)

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("园区评价报告", "Evaluation report"),
    "park": ("园区", "Park"),
    "system": ("指标体系", "Indicator system"),
    "year": ("年度", "Year"),
    "weights": ("权重", "Weights"),
    "scored": ("评价时间", "Evaluated"),
    "digest": ("输入摘要 SHA-256", "SHA-256 of the inputs"),
    "score": ("得分", "Score"),
    "reach": ("缺失数据下的可能区间", "What it can still reach"),
    "coverage": ("覆盖率", "Coverage"),
    "stage": ("发展阶段", "Stage"),
    "verdict": ("结论", "Verdict"),
    "gap": ("超出目标的排放量,t CO2e", "Emissions above the target, t CO2e"),
    "synthetic": (
        "注意:部分阈值为演示用的虚构数据,得分不反映真实水平。",
        "Some thresholds are made up for a demonstration: the score says nothing of the real park.",
    ),
    "tree": ("指标树", "Tree"),
    "indicator": ("指标", "Indicator"),
    "value": ("取值", "Value"),
    "origin": ("来源", "Origin"),
    "weight": ("总权重 %", "Weight %"),
    "radar": (
        "深色:已确定的得分;浅色:缺失数据仍可带来的得分。",
        "Dark: what is certain. Light: what missing values can still bring.",
    ),
    "first": ("优先填报:权重最大的缺失指标", "To enter first: what is missing and weighs most"),
    "lacking": ("缺少", "What is missing"),
    "threshold": ("阈值", "threshold"),
    "evidence": ("佐证", "Evidence"),
    "facts": ("取值依据", "What the values stand on"),
    "sets": ("阈值集", "Threshold sets"),
    "page": ("第 {} 页", "page {}"),
    "targets": ("目标", "Targets"),
    "platform": ("平台数据:{}({})", "The platform has {} ({})"),
    "diagnosis": ("失分最多的指标", "Where most points are lost"),
    "lost": ("失分", "Lost"),
    "gain": ("单位改进得分", "Points per unit"),
    "advice": ("策略建议", "Advice"),
    "target": ("目标", "Target"),
    "state": ("达标情况", "State"),
    "missing": ("缺失", "missing"),
    "unscored": ("无阈值", "no threshold"),
    "manual": ("填报", "entered"),
    "derived": ("平台", "derived"),
    "conflict": (",与填报值 {} 不一致", ", conflicts with the entered {}"),
    "met": ("达标", "met"),
    "missed": ("未达标", "missed"),
    "open": ("数据不足", "open"),
    "passed": ("达标", "passed"),
    "failed": ("未达标", "failed"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
}
"""Every word of the files, in Chinese and in English."""

TEMPLATE_COLUMNS: Mapping[str, str] = {
    "indicator_id": "指标编号",
    "name": "名称",
    "year": "年度",
    "value": "取值",
    "unit": "单位",
    "evidence": "佐证",
    "confirmed": "确认",
    "description": "说明",
}
"""The first row of the template, in English and in Chinese; what reads it back goes by these names."""


class Files:
    """The port `Documents`: digests and files."""

    def digest(self, inputs: Inputs) -> str:
        """Returns the SHA-256 of the stored form, lower-case hex."""
        return inputs_sha256(inputs)

    def report(self, evaluation: Evaluation, assessment: Assessment, park: Park, language: str) -> bytes:
        """Returns the report as a PDF: key figures, radar, tree, what is missing, diagnosis, advice.

        The same evaluation gives the same bytes.
        """
        return _Report(evaluation, assessment, park, language).written()

    def template(
        self,
        system: IndicatorSystem,
        year: int,
        entered: Mapping[str, InputValue],
        derived: Mapping[str, InputValue],
        language: str,
    ) -> bytes:
        """Returns an XLSX for entering values: what was entered is filled in, what the platform has stands in the description."""
        place = 0 if language == "zh" else 1
        out = io.BytesIO()
        with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
            sheet = book.add_worksheet("values")
            bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
            for column, (english, chinese) in enumerate(TEMPLATE_COLUMNS.items()):
                sheet.write_string(0, column, (chinese, english)[place], bold)
            for row, leaf in enumerate(system.leaves, start=1):
                known, has = entered.get(leaf.node_id), derived.get(leaf.node_id)
                yes_no = (("是", "否"), ("yes", "no"))[place]
                shown = "" if known is None else _value(leaf, known.value, yes_no)
                # Whoever entered such a value stood by it, and the file sent back does so again.
                stands_by = known is not None and looks_mistaken(leaf, known.value) is not None
                cells = (
                    leaf.node_id,
                    (leaf.name_zh, leaf.name_en)[place],
                    str(year),
                    shown,
                    leaf.unit,
                    known.evidence if known else "",
                    yes_no[0] if stands_by else "",
                    (leaf.description_zh, leaf.description_en)[place] + self._platform_has(leaf, has, yes_no, place),
                )
                for column, cell in enumerate(cells):
                    sheet.write_string(row, column, cell, text)
            sheet.freeze_panes(1, 2)
            sheet.set_column(1, 1, 36)
            sheet.set_column(7, 7, 80)
        return out.getvalue()

    def _platform_has(self, leaf: Node, has: InputValue | None, yes_no: tuple[str, str], place: int) -> str:
        if has is None:
            return ""
        return " " + WORDS["platform"][place].format(f"{_value(leaf, has.value, yes_no)} {leaf.unit}".strip(), has.evidence)


def _value(leaf: Node, value: Fraction, truth: tuple[str, str]) -> str:
    if leaf.kind == "boolean":
        return truth[0] if value else truth[1]
    return decimal(value)


def _register_font() -> None:
    """Makes the font known to reportlab, once: reading it takes a third of a second."""
    if _FONT not in pdfmetrics.getRegisteredFontNames():
        with as_file(files("paperang_p2_fonts_cjk") / "fonts" / f"{_FONT}.ttc") as path:
            pdfmetrics.registerFont(TTFont(_FONT, str(path), subfontIndex=0))


class _Report:
    def __init__(self, evaluation: Evaluation, assessment: Assessment, park: Park, language: str) -> None:
        self._place = 0 if language == "zh" else 1
        self._evaluation = evaluation
        self._assessment = assessment
        self._park = park
        _register_font()
        self._text = ParagraphStyle("text", fontName=_FONT, fontSize=8.5, leading=11, wordWrap="CJK" if language == "zh" else None)
        self._centred = ParagraphStyle("centred", parent=self._text, alignment=TA_CENTER, textColor=colors.grey)
        self._title = ParagraphStyle("title", parent=self._text, fontSize=18, leading=24, spaceAfter=6)
        self._heading = ParagraphStyle("heading", parent=self._text, fontSize=12, leading=16, spaceBefore=10, spaceAfter=4)
        self._indented = [ParagraphStyle(f"depth-{depth}", parent=self._text, leftIndent=9 * depth) for depth in range(MAX_DEPTH)]
        # of a scale to 5 a tenth is much
        self._decimals = 1 if evaluation.inputs.system.scale > _SMALL_SCALE else 2
        self._warning = ParagraphStyle(
            "warning",
            parent=self._text,
            fontSize=10,
            leading=14,
            textColor=colors.firebrick,
            borderColor=colors.firebrick,
            borderWidth=0.75,
            borderPadding=4,
            spaceBefore=10,
            spaceAfter=6,
        )

    def written(self) -> bytes:
        out = io.BytesIO()
        title = f"{self._word('title')}: {self._named(self._park)}"
        document = SimpleDocTemplate(
            out,
            pagesize=A4,
            leftMargin=18 * mm,
            rightMargin=18 * mm,
            topMargin=16 * mm,
            bottomMargin=16 * mm,
            title=title,
            invariant=1,
        )
        system = self._evaluation.inputs.system
        parts: list[Flowable] = [Paragraph(_escaped(title), self._title), self._key_figures()]
        if self._evaluation.inputs.synthetic:
            parts.append(Paragraph(_escaped(self._word("synthetic")), self._warning))
        if system.basis == TARGETS:
            parts += self._verdicts()
        else:
            if _FEWEST_AXES <= len(system.children[ROOT]) <= _MOST_AXES:
                parts += [Spacer(1, 4 * mm), self._radar(), Paragraph(_escaped(self._word("radar")), self._centred)]
            parts += self._tree() + self._diagnosis() + self._first()
        parts += self._facts()
        if self._assessment.strategies:
            parts += self._headed("advice")
            for each in self._assessment.strategies:
                line = f"{(each.text_zh, each.text_en)[self._place]} ({each.source})"
                parts.append(Paragraph(f"· {_escaped(line)}", self._text))
        document.build(parts, onFirstPage=self._footer, onLaterPages=self._footer)
        return out.getvalue()

    def _footer(self, canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setFont(_FONT, 7)
        canvas.setFillColor(colors.grey)
        canvas.drawString(18 * mm, 9 * mm, f"{self._park.park_id} · {self._evaluation.evaluation_id}")
        canvas.drawRightString(18 * mm + _WIDTH, 9 * mm, self._word("page").format(document.page))

    def _headed(self, name: str) -> list[Flowable]:
        # a table goes on over pages, and its heading does not stand alone at the foot of one
        return [CondPageBreak(30 * mm), Paragraph(self._word(name), self._heading)]

    def _word(self, name: str) -> str:
        return WORDS[name][self._place]

    def _named(self, what: Park | Node | IndicatorSystem) -> str:
        return (what.name_zh, what.name_en)[self._place] or what.name_zh or what.name_en

    def _key_figures(self) -> Flowable:
        evaluation, assessment = self._evaluation, self._assessment
        inputs, total = evaluation.inputs, assessment.scores.total
        rows = [
            (self._word("park"), f"{self._named(self._park)} ({self._park.park_id})"),
            (self._word("system"), f"{self._named(inputs.system)} ({inputs.system.system_id})"),
            (self._word("year"), str(inputs.year)),
            (self._word("scored"), evaluation.scored_time.isoformat(timespec="seconds")),
            (self._word("digest"), evaluation.inputs_sha256),
        ]
        if inputs.threshold_set_ids:
            rows.append((self._word("sets"), ", ".join(inputs.threshold_set_ids)))
        if inputs.system.basis == TARGETS:
            rows.append((self._word("verdict"), self._word(assessment.verdict)))
            if assessment.gap_t:
                rows.append((self._word("gap"), decimal(assessment.gap_t, 2)))
        else:
            scale = decimal(inputs.system.scale)
            bands = [(band.name_zh, band.name_en)[self._place] for band in assessment.possible]
            score = self._word("missing") if total.score is None else f"{decimal(total.score, 2)} / {scale}"
            rows += [
                (self._word("weights"), inputs.weight_set_id),
                (self._word("score"), score),
                (self._word("reach"), f"{decimal(total.low, 2)} – {decimal(total.high, 2)}"),
                (self._word("coverage"), f"{decimal(100 * total.coverage, 1)} %"),
                (self._word("stage"), " / ".join(bands) or "–"),
            ]
        return self._table(rows, (0.28, 0.72), header=False)

    def _radar(self) -> Flowable:
        """One axis for each node of the first level: what is certain, and what missing values can still bring."""
        system, scores = self._evaluation.inputs.system, self._assessment.scores
        found = [scores.nodes[node.node_id] for node in system.children[ROOT]]
        drawing = Drawing(_WIDTH, 76 * mm)
        chart = SpiderChart()
        size = int(56 * mm)
        chart.x, chart.y, chart.width, chart.height = int((_WIDTH - size) / 2), int(9 * mm), size, size
        chart.data = [
            [float(system.scale)] * len(found),
            *([float(getattr(each, end)) for each in found] for end in ("high", "low")),
        ]
        chart.labels = [
            f"{_shortened(self._named(system.by_id[each.node_id]))} "
            + (self._word("missing") if each.score is None else decimal(each.score, self._decimals))
            for each in found
        ]
        for axis in range(len(found)):
            angle = pi / 2 - 2 * pi * axis / len(found)
            chart.spokes[axis].strokeColor = colors.grey
            chart.spokes[axis].strokeWidth = 0.3
            chart.spokes[axis].labelRadius = 1.06
            label = chart.spokeLabels[axis]
            label.fontName, label.fontSize = _FONT, 8
            # away from the chart, so that no label lies on it
            label.boxAnchor = "c" if abs(cos(angle)) < _UPRIGHT else "w" if cos(angle) > 0 else "e"
            label.dy = 5 * sin(angle)
        for strand, (fill, stroke) in enumerate(((None, colors.grey), (_LIGHT, None), (_DARK, colors.seagreen))):
            chart.strands[strand].fillColor = fill
            chart.strands[strand].strokeColor = stroke
        drawing.add(chart)
        return drawing

    def _tree(self) -> list[Flowable]:
        scores, system = self._assessment.scores, self._evaluation.inputs.system
        rows: list[tuple[str | Paragraph, ...]] = [tuple(map(self._word, ("indicator", "value", "score", "weight", "origin")))]
        given = {each.node_id: each for each in self._evaluation.inputs.values}
        for node, depth in _walk(system, ROOT, 0):
            name = Paragraph(_escaped(self._named(node) + (f" [{node.node_id}]" if node.is_leaf else "")), self._indented[depth])
            if not node.is_leaf:
                rows.append((name, "", self._range(scores.nodes[node.node_id]), _percent(scores.nodes[node.node_id].weight), ""))
                continue
            leaf, known = scores.leaves[node.node_id], given.get(node.node_id)
            truth = (self._word("yes"), self._word("no"))
            value = self._word("missing") if leaf.value is None else f"{_value(node, leaf.value, truth)} {node.unit}"
            score = decimal(leaf.score, self._decimals) if leaf.score is not None else ""
            if leaf.missing == NO_THRESHOLD:
                score = self._word("unscored")
            origin = self._word(known.origin) + self._conflict(node, known) if known else ""
            rows.append((name, value, score, _percent(leaf.weight), origin))
        return [*self._headed("tree"), self._table(rows, (0.42, 0.16, 0.16, 0.1, 0.16))]

    def _range(self, node: NodeScore) -> str:
        shown = self._word("missing") if node.score is None else decimal(node.score, self._decimals)
        if node.coverage == 1:
            return shown
        return f"{shown} ({decimal(node.low, self._decimals)}–{decimal(node.high, self._decimals)})"

    def _diagnosis(self) -> list[Flowable]:
        rows = [tuple(map(self._word, ("indicator", "score", "lost", "gain")))]
        leaves = self._assessment.scores.leaves
        for part in [each for each in self._assessment.contributions.values() if each.lost > 0][:_MAX_DIAGNOSED]:
            leaf = leaves[part.node_id]
            gain = "" if part.gain_per_unit is None else decimal(part.gain_per_unit, 4)
            score = "" if leaf.score is None else decimal(leaf.score, self._decimals)
            rows.append((f"{self._named(leaf.node)} [{part.node_id}]", score, decimal(part.lost, 2), gain))
        if len(rows) == 1:
            return []
        return [*self._headed("diagnosis"), self._table(rows, (0.58, 0.12, 0.12, 0.18))]

    def _first(self) -> list[Flowable]:
        """What to enter first: nothing narrows the interval more."""
        missing = [leaf for leaf in self._assessment.scores.leaves.values() if leaf.missing and leaf.weight > 0]
        missing.sort(key=lambda leaf: -leaf.weight)
        rows = [tuple(map(self._word, ("indicator", "lacking", "weight")))]
        rows += [
            (
                f"{self._named(leaf.node)} [{leaf.node.node_id}]",
                self._word("threshold" if leaf.missing == NO_THRESHOLD else "value"),
                _percent(leaf.weight),
            )
            for leaf in missing[:_MAX_DIAGNOSED]
        ]
        if len(rows) == 1:
            return []
        return [*self._headed("first"), self._table(rows, (0.6, 0.25, 0.15))]

    def _facts(self) -> list[Flowable]:
        """Where each value comes from, and the entered one beside a derived one that says otherwise."""
        truth = (self._word("yes"), self._word("no"))
        rows = [tuple(map(self._word, ("indicator", "value", "origin", "evidence")))]
        for each in self._evaluation.inputs.values:
            node = self._evaluation.inputs.system.by_id[each.node_id]
            origin = self._word(each.origin) + self._conflict(node, each)
            value = f"{_value(node, each.value, truth)} {node.unit}"
            rows.append((f"{self._named(node)} [{node.node_id}]", value, origin, each.evidence))
        if len(rows) == 1:
            return []
        return [*self._headed("facts"), self._table(rows, (0.3, 0.15, 0.15, 0.4))]

    def _conflict(self, node: Node, known: InputValue) -> str:
        if not known.conflicting:
            return ""
        truth = (self._word("yes"), self._word("no"))
        return self._word("conflict").format(_value(node, Fraction(known.conflicting), truth))

    def _verdicts(self) -> list[Flowable]:
        rows = [tuple(map(self._word, ("indicator", "value", "target", "state")))]
        signs = {"le": "≤", "ge": "≥", "eq": "="}
        truth = (self._word("yes"), self._word("no"))
        for each in self._assessment.verdicts:
            value = self._word("missing") if each.value is None else f"{_value(each.node, each.value, truth)} {each.node.unit}"
            target = "–"
            if each.target is not None:
                target = f"{signs[each.target.comparison]} {_value(each.node, each.target.target, truth)} {each.node.unit}"
            state = self._word("open" if each.met is None else "met" if each.met else "missed")
            rows.append((self._named(each.node), value, target, state))
        return [*self._headed("targets"), self._table(rows, (0.45, 0.2, 0.2, 0.15))]

    def _table(self, rows: Sequence[tuple[str | Paragraph, ...]], widths: tuple[float, ...], *, header: bool = True) -> Flowable:
        cells = [[Paragraph(_escaped(cell), self._text) if isinstance(cell, str) else cell for cell in row] for row in rows]
        style: list[Any] = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ]
        if header:
            style.append(("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke))
        table = Table(cells, colWidths=[_WIDTH * width for width in widths], repeatRows=1 if header else 0)
        table.setStyle(TableStyle(style))
        return table


def _walk(system: IndicatorSystem, parent: str, depth: int) -> list[tuple[Node, int]]:
    found = []
    for node in system.children.get(parent, ()):
        found.append((node, depth))
        found += _walk(system, node.node_id, depth + 1)
    return found


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LABEL_CHARACTERS else f"{text[: _MAX_LABEL_CHARACTERS - 1]}…"


def _percent(weight: Fraction) -> str:
    return decimal(100 * weight, 2)


def _escaped(text: str) -> str:
    """A paragraph of reportlab reads markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
