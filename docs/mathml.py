# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Sphinx extension: formulas as MathML, written into the pages when they are built. No script and no network is needed to read them.
Covers the LaTeX that these pages use; anything else is an error of the build."""
import html
import re

from sphinx.errors import ExtensionError

SYMBOLS = {name: ("mi", text) for name, text in {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eta": "η", "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω", "epsilon": "ε", "zeta": "ζ", "Phi": "Φ", "Delta": "Δ", "Gamma": "Γ",
    "Lambda": "Λ", "kappa": "κ", "chi": "χ", "psi": "ψ", "varepsilon": "ε", "varphi": "φ", "Xi": "Ξ", "Psi": "Ψ", "Pi": "Π", "Omega": "Ω", "infty": "∞", "ell": "ℓ", "hbar": "ℏ", "top": "T", "nabla": "∇", "partial": "∂"}.items()}
SYMBOLS.update({name: ("mo", text) for name, text in {
    "cdot": "·", "odot": "⊙", "times": "×", "le": "≤", "ge": "≥", "ne": "≠", "approx": "≈", "leftarrow": "←", "to": "→", "in": "∈", "sim": "∼", "pm": "±", "mp": "∓", "neq": "≠", "dagger": "†", "cap": "∩", "cup": "∪", "lVert": "‖", "rVert": "‖", "rightarrow": "→", "star": "⋆",
    "lvert": "|", "rvert": "|", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "dots": "…", "ldots": "…", "cdots": "⋯", "colon": ":", "mid": "|", "propto": "∝",
    "sum": "∑", "prod": "∏", "int": "∫", "quad": "\u2003", "qquad": "\u2003\u2003", ",": "\u2009", ";": "\u2005", "!": "", " ": "\u00a0",
    "{": "{", "}": "}", "|": "‖"}.items()})
FUNCTIONS = {"log", "tanh", "cosh", "sinh", "exp", "ln", "sin", "cos", "max", "min", "erf", "artanh", "det", "tr", "diag", "Re", "Im", "sech", "coth", "arg"}
ACCENTS = {"dot": "˙", "hat": "^", "bar": "¯", "tilde": "~"}
LIMITS = {"∑", "∏"}
BAR = ' stretchy="false" lspace="0" rspace="0"'
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.", re.S)


class Formula:
    def __init__(self, text):
        self.text = text
        self.tokens = [t for t in TOKEN.findall(text) if not t.isspace()]
        self.raw = TOKEN.findall(text)
        self.at = 0

    def fail(self, what):
        raise ExtensionError("formula '%s': %s" % (self.text, what))

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self):
        if self.at >= len(self.tokens):
            self.fail("ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def group(self):
        """The argument of a command: {...} or one token."""
        if self.peek() != "{":
            token = self.peek()
            if token and token[0].isdigit() and len(token) > 1:  # \frac12: one digit each
                self.tokens[self.at:self.at + 1] = [token[0], token[1:]]
            return self.atom()
        self.next()
        inner = self.row("}")
        self.next()
        return inner

    def words(self):
        """{...} as plain text, blanks kept."""
        if self.next() != "{":
            self.fail("want { after a text command")
        depth, out = 1, []
        # blanks are lost in tokens: find the place again in the text
        seen = sum(len(t) for t in self.tokens[:self.at])
        place = count = 0
        while count < seen:
            count += not self.text[place].isspace()
            place += 1
        while depth:
            c = self.text[place]
            place += 1
            depth += (c == "{") - (c == "}")
            if depth:
                out.append(c)
        text = "".join(out)
        while self.next() != "}":
            pass
        return text

    def argument(self):
        """\\mathbb E or \\mathbb{E}"""
        return self.words() if self.peek() == "{" else self.next()

    def row(self, *ends):
        items = []
        while self.peek() is not None and self.peek() not in ends:
            items.append(self.scripted())
        if ends and self.peek() is None:
            self.fail("'%s' is missing" % ends[0])
        return items[0] if len(items) == 1 else "<mrow>%s</mrow>" % "".join(items)

    def scripted(self):
        base = self.atom()
        sub = sup = None
        primes = ""
        while self.peek() in ("_", "^", "'"):
            mark = self.next()
            if mark == "'":
                primes += "′"
            elif mark == "_":
                sub = self.group()
            else:
                sup = self.group()
        # a prime is raised by its glyph
        tail = '<mo lspace="0" rspace="0">%s</mo>' % primes if primes else ""
        if sub is None and sup is None:
            return base + tail
        under = base.startswith("<mo") and any(">%s<" % s in base for s in LIMITS)
        # scripts of a parenthesis: as high as those of a letter
        lead, base = (base, "<mrow></mrow>") if base.startswith("<mo") and not under and ">∫<" not in base else ("", base)
        tag = ("munderover" if under else "msubsup") if sub and sup else ("munder" if under else "msub") if sub else ("mover" if under else "msup")
        return "%s<%s>%s%s%s</%s>%s" % (lead, tag, base, sub or "", sup or "", tag, tail)

    def environment(self):
        name = self.words()
        if name not in ("aligned", "cases"):
            self.fail("environment '%s' is not known" % name)
        rows, cells = [], []
        while True:
            cells.append(self.row("&", "\\\\", "\\end"))
            end = self.next()
            if end != "&":
                rows.append("<mtr>%s</mtr>" % "".join("<mtd>%s</mtd>" % c for c in cells))
                cells = []
            if end == "\\end":
                self.words()
                break
        align = "left" if name == "cases" else " ".join(["right", "left"])
        table = '<mtable columnalign="%s" displaystyle="true">%s</mtable>' % (align, "".join(rows))
        return '<mrow><mo stretchy="true">{</mo>%s</mrow>' % table if name == "cases" else table

    def delimiter(self):
        token = self.next()
        text = {".": "", "\\langle": "⟨", "\\rangle": "⟩", "\\{": "{", "\\}": "}", "\\lfloor": "⌊", "\\rfloor": "⌋"}.get(token, token)
        return '<mo stretchy="true">%s</mo>' % html.escape(text)

    def atom(self):
        token = self.next()
        if token == "{":
            inner = self.row("}")
            self.next()
            return inner
        if token[0] == "\\":
            return self.command(token[1:])
        if token[0].isdigit():
            return "<mn>%s</mn>" % token
        if token.isalpha():
            return "<mi>%s</mi>" % token
        if token in "}_^&":
            self.fail("'%s' is out of place" % token)
        return "<mo%s>%s</mo>" % (BAR if token == "|" else ' stretchy="false"' if token in "()[]" else "", "−" if token == "-" else html.escape(token))

    def command(self, name):
        if name in FUNCTIONS:
            return "<mrow><mi>%s</mi><mo>\u2061</mo></mrow>" % name if self.peek() not in ("_", "^") else "<mi>%s</mi>" % name
        if name in SYMBOLS:
            tag, text = SYMBOLS[name]
            if name == "top":
                return '<mi mathvariant="normal">T</mi>'
            if text.strip() == "" and tag == "mo":
                return "<mtext>%s</mtext>" % text
            stretch = BAR if text in "‖|" else ' stretchy="false"' if text in "⟨⟩⌊⌋" else ""
            return "<%s%s>%s</%s>" % (tag, stretch, html.escape(text), tag)
        if name in ("frac", "tfrac", "dfrac"):
            top, bottom = self.group(), self.group()
            return "<mfrac>%s%s</mfrac>" % (top, bottom)
        if name == "sqrt":
            return "<msqrt>%s</msqrt>" % self.group()
        if name == "overline":
            return '<mover>%s<mo stretchy="true">¯</mo></mover>' % self.group()
        if name in ("mathbb", "texttt"):
            return '<mi mathvariant="%s">%s</mi>' % ("double-struck" if name == "mathbb" else "monospace", html.escape(self.argument()))
        if name == "operatorname":
            return "<mrow><mi>%s</mi><mo>\u2061</mo></mrow>" % html.escape(self.words())
        if name in ("text", "mathrm", "mathsf"):
            text = self.words()
            return "<mtext>%s</mtext>" % html.escape(text.replace(" ", "\u00a0")) if name == "text" else '<mi mathvariant="normal">%s</mi>' % text
        if name in ACCENTS:
            return '<mover accent="true">%s<mo>%s</mo></mover>' % (self.group(), ACCENTS[name])
        if name == "left":
            first = self.delimiter()
            inner = self.row("\\right")
            self.next()
            return "<mrow>%s%s%s</mrow>" % (first, inner, self.delimiter())
        if name in ("big", "Big", "bigl", "bigr", "Bigl", "Bigr"):
            return self.delimiter()
        if name == "begin":
            return self.environment()
        self.fail("command '\\%s' is not known" % name)


def mathml(text, block):
    formula = Formula(text)
    inner = formula.row()
    if formula.peek() is not None:
        formula.fail("'%s' is out of place" % formula.peek())
    return '<math xmlns="http://www.w3.org/1998/Math/MathML" display="%s"><semantics><mrow>%s</mrow><annotation encoding="application/x-tex">%s</annotation></semantics></math>' % (
        "block" if block else "inline", inner, html.escape(text))


def visit_inline(self, node):
    from docutils import nodes
    self.body.append(mathml(node.astext(), False))
    raise nodes.SkipNode


def visit_block(self, node):
    from docutils import nodes
    self.body.append('<div class="formula">%s</div>\n' % mathml(node.astext(), True))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
