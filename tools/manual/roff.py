"""Text as man(7) wants it."""
import re


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def bold(text):
    return f"\\fB{escape(text)}\\fR"


def italic(text):
    return f"\\fI{escape(text)}\\fR"


def quoted(text):
    """One argument of a request."""
    return '"' + escape(text).replace('"', "\\(dq") + '"'


class Page:
    def __init__(self, name, section, title, version, summary):
        self.lines = [f'.TH {quoted(name.upper())} {section} "" {quoted("Vedette " + version)} {quoted(title)}',
                      ".nh", ".ad l", ".SH NAME", f"{escape(name)} \\- {escape(summary)}"]

    def heading(self, text):
        self.lines.append(f".SH {quoted(text.upper())}")

    def subheading(self, text):
        self.lines.append(f".SS {quoted(text)}")

    def text(self, text):
        """A paragraph; `code` stands in bold."""
        parts = re.split(r"`([^`]*)`", text)
        if not self.lines[-1].startswith((".SH", ".SS")):
            self.lines.append(".PP")
        self.lines.append("".join(bold(part) if i % 2 else escape(part) for i, part in enumerate(parts)))

    def item(self, term, text):
        """`term` is already roff."""
        parts = re.split(r"`([^`]*)`", text)
        self.lines += [".TP", term, "".join(bold(part) if i % 2 else escape(part) for i, part in enumerate(parts)) or "\\&"]

    def example(self, lines):
        if not self.lines[-1].startswith((".SH", ".SS")):
            self.lines.append(".PP")
        self.lines += [".RS 4", ".nf", *map(escape, lines), ".fi", ".RE"]

    def __str__(self):
        return "\n".join(self.lines) + "\n"
