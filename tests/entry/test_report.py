#!/usr/bin/python3
"""cartbench report: on results of every kind, whole and damaged, it writes what can be read, or says in one line why not.

The pages are opened in a headless Chromium, wide and narrow, light and dark, and printed. Pictures of them stay in build/report-shots.
"""

import html
import html.parser
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import chromium  # noqa: E402
import results  # noqa: E402
from tap import main, Skip  # noqa: E402

CARTBENCH = os.path.abspath(os.environ.get("CARTBENCH", "build/bin/cartbench"))
SHOTS = os.path.abspath("build/report-shots")
TIMEOUT_S = 60
WHOLE = ["h2h.json", "run-mysql.json", "run-dynamodb.json", "sweep-mysql.json", "sweep-dynamodb.json", "consistency.json"]
EVIL = "<script>document.title"

# What is wrong with the page as it is shown now, as lines. Runs in the page, brought by the test.
AUDIT = r"""
(() => {
	const said = [], width = document.documentElement.clientWidth;
	const hidden = e => e.closest('caption, thead') && getComputedStyle(e.closest('caption, thead')).position === 'absolute';
	const name = e => e.tagName + '.' + (e.getAttribute('class') || '') + ' "' + e.textContent.trim().slice(0, 50) + '"';
	if (document.documentElement.scrollWidth > width)
		said.push('the page is ' + document.documentElement.scrollWidth + ' wide on ' + width);
	for (const e of document.querySelectorAll('main *')) {
		if (e.closest('svg') && e.tagName !== 'svg') continue;
		const box = e.getBoundingClientRect();
		if (box.width > 0 && !hidden(e) && (box.right > width + 0.5 || box.left < -0.5)) said.push('beyond the edge: ' + name(e));
	}
	const ids = new Set();
	for (const e of document.querySelectorAll('[id]')) {
		if (ids.has(e.id)) said.push('twice: id ' + e.id);
		ids.add(e.id);
	}
	for (const e of document.querySelectorAll('[href^="#"]'))
		if (!ids.has(e.getAttribute('href').slice(1))) said.push('leads nowhere: ' + e.getAttribute('href'));
	for (const svg of document.querySelectorAll('svg')) {
		const title = svg.querySelector(':scope > title'), desc = svg.querySelector(':scope > desc');
		const named = (svg.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id));
		if (svg.getAttribute('role') !== 'img' || !title || !title.textContent.trim() || !desc || !desc.textContent.trim() ||
		    named[0] !== title || named[1] !== desc) said.push('a picture without role, title or description');
		const figure = svg.closest('figure');
		if (!figure || figure.querySelector('figcaption').textContent !== title.textContent) said.push('caption and title differ');
		const frame = svg.getBoundingClientRect();
		if (frame.width === 0) continue;
		const scale = frame.width / svg.viewBox.baseVal.width, texts = [];
		if (scale * 12.5 < 9) said.push('letters of ' + (scale * 12.5).toFixed(1) + ' px: ' + title.textContent);
		if (/NaN|inf/i.test(svg.innerHTML.replace(/<(title|desc|text)[^>]*>[^<]*/g, ''))) said.push('not a number in ' + title.textContent);
		for (const e of svg.querySelectorAll('path, rect, circle, text')) {
			if (e.closest('defs')) continue;
			const box = e.getBoundingClientRect();
			if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
				said.push('cut off in "' + title.textContent + '": ' + name(e));
			if (e.tagName !== 'text') continue;
			for (const [other, its] of texts)
				if (box.left < its.right - 1 && its.left < box.right - 1 && box.top < its.bottom - 3 && its.top < box.bottom - 3)
					said.push('in "' + title.textContent + '" texts overlap: ' + name(e) + ', ' + name(other));
			texts.push([e, box]);
		}
	}
	for (const e of document.querySelectorAll('p, li, td, th, summary, figcaption, h1, h2'))
		if (!hidden(e) && e.clientWidth > 0 && getComputedStyle(e).display !== 'inline' && e.scrollWidth > e.clientWidth + 1)
			said.push('text is wider than its place: ' + name(e));
	return said;
})()
"""

# Contrast of what the style sheet puts upon what, by WCAG 2.1: text 4.5, lines and marks 3.
CONTRAST = r"""
(() => {
	const probe = document.body.appendChild(document.createElement('i')), said = [];
	const light = name => {
		probe.style.color = 'var(--' + name + ')';
		const parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(v => v / 255)
			.map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
	};
	const pairs = [];
	for (const ground of ['ground', 'panel', 'band'])
		for (const ink of ['ink', 'soft']) pairs.push([ink, ground, 4.5]);
	for (const ink of ['ink', 'bad']) pairs.push([ink, 'bad-ground', 4.5]);
	pairs.push(['ink', 'warn-ground', 4.5], ['s0', 'ground', 4.5], ['on', 'p2', 4.5]);
	for (const part of ['p0', 'p1', 'p3']) pairs.push(['in', part, 4.5]);
	for (const line of ['s0', 's1', 's2', 's3', 's4', 's5', 'neutral', 'bad']) pairs.push([line, 'panel', 3], [line, 'band', 3]);
	for (const [ink, ground, least] of pairs) {
		const a = light(ink), b = light(ground), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (!(ratio >= least)) said.push(ink + ' on ' + ground + ': ' + ratio.toFixed(2) + ' of ' + least);
	}
	probe.remove();
	return said;
})()
"""


class Balance(html.parser.HTMLParser):
    """Whether every element ends where it should, and what the page could load or run."""
    VOID = {"meta", "br", "hr", "img", "link", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong = [], []
        self.feed(text)
        self.close()
        self.wrong += ["never ended: " + tag for tag in self.open]

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use", "foreignobject"):
            self.wrong.append("an element that a page of ours has not: " + tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "style", "xlink:href") or (name == "href" and not value.startswith("#")):
                self.wrong.append("an attribute that a page of ours has not: %s=%s" % (name, value))
            if "url(" in (value or "") and not value.startswith("url(#"):
                self.wrong.append("loads something: " + value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append("ended and not begun: " + tag)


class Desk:
    """A folder with the results, and cartbench in it."""

    def __init__(self, folder):
        self.folder = folder
        self.whole, self.damaged = results.write(folder)
        with open(self.path("results.json"), "w", encoding="utf-8") as file:
            json.dump({"comparison": {"arguments": ["--a", "mysql"], "problems": ["the sweep fell down"]}}, file)

    def report(self, *arguments):
        return subprocess.run([CARTBENCH, "report"] + list(arguments), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT_S, check=False)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def path(self, name):
        return os.path.join(self.folder, name)

    def page(self, name, *arguments):
        """Makes it and returns its text, or raises."""
        run = self.report("--out", name, *arguments)
        assert run.returncode == 0, "exit status %d: %s" % (run.returncode, run.stderr.decode())
        return self.read(name)


def damaged_is_refused(desk):
    """Each with one line that names the file, status 2, and no page; also as the second of two."""
    problems = []
    for name in desk.damaged + ["missing.json"]:
        for files in ([name], ["h2h.json", name]):
            run = desk.report("--out", "damaged.html", *files)
            lines = run.stderr.decode().splitlines()
            if run.returncode != 2 or len(lines) != 1 or name not in lines[0] or os.path.exists(desk.path("damaged.html")):
                problems.append("%s: status %d, %s" % (files, run.returncode, lines))
    return "\n".join(problems)


def each_says_why(desk):
    told = {"cut.json": "cut short", "empty.json": "cut short, or empty", "not-json.json": "not JSON", "version2.json": "format_version 2",
            "other-kind.json": "astrology", "other-format.json": "not a results file", "list.json": "not a results file",
            "no-sides.json": "sides", "no-operations.json": "results.operations", "histogram.json": "histogram",
            "missing.json": "No such file"}
    said = {name: desk.report("--out", "x.html", name).stderr.decode() for name in told}
    return "\n".join("%s: %s" % (name, said[name]) for name, words in told.items() if words not in said[name])


def changed_somewhere(source, value, chance):
    """The same document with some values replaced by what nobody expects there."""
    odd = [None, True, "", "x" * 400, "\u202e<b>", -1, 0, 1e300, -1e300, 1e-300, 2 ** 62, [], {}, [[]], {"q": {}}, "hdr1 4096 0 0 0 0"]
    if source.random() < chance:
        return source.choice(odd)
    if isinstance(value, dict):
        return {key: changed_somewhere(source, each, chance) for key, each in value.items() if source.random() > chance / 2}
    if isinstance(value, list):
        return [changed_somewhere(source, each, chance) for each in value][:60]
    return value


def odd_files_do_no_harm(desk):
    """Refused, or shown as far as they make sense: never a crash, a page that is no HTML, or a number that is none."""
    source, problems, shown = random.Random(7), [], 0
    rounds = int(os.environ.get("ROUNDS", "40"))
    whole = [json.loads(desk.read(name)) for name in desk.whole]
    for number in range(rounds):
        made = changed_somewhere(source, source.choice(whole), source.choice([0.002, 0.01, 0.05]))
        with open(desk.path("odd.json"), "w", encoding="utf-8") as file:
            json.dump(made, file)
        run = desk.report("--out", "odd.html", "--markdown", "odd.md", "odd.json")
        if run.returncode not in (0, 2) or b"Sanitizer" in run.stderr or b"runtime error" in run.stderr:
            problems.append("%d: status %d: %s" % (number, run.returncode, run.stderr.decode("utf-8", "replace")[:1500]))
        if run.returncode == 0:
            shown += 1
            text = desk.read("odd.html")
            problems += ["%d: %s" % (number, wrong) for wrong in Balance(text).wrong]
            if re.search(r'="[^"]*\b(nan|inf)\b|>-?(nan|inf)\b', text):
                problems.append("%d: a number that is none: %s" % (number, re.search(r".{0,60}\b(nan|inf)\b.{0,60}", text)))
    if not rounds / 5 < shown < rounds:
        problems.append("%d of %d could be shown: this looks at one kind alone" % (shown, rounds))
    return "\n".join(problems)


def usage_is_checked(desk):
    problems = []
    for arguments in ([], ["--colour", "h2h.json"], ["--out"], ["--write-price", "cheap", "h2h.json"], ["--read-price", "-1", "h2h.json"],
                      ["--instance-price", "", "h2h.json"], ["--prices", "missing.json", "h2h.json"], ["--prices", "h2h.json", "h2h.json"],
                      ["--money", "x.json", "run-mysql.json"],
                      ["--seed150", "missing", "h2h.json"], ["--comparison", "missing", "h2h.json"], ["--comparison", "h2h.json", "h2h.json"], ["--seed150", ".", "h2h.json"], ["--out", "no/such/folder.html", "h2h.json"]):
        run = desk.report(*arguments)
        if run.returncode != 2 or len(run.stderr.decode().splitlines()) != 1:
            problems.append("%s: status %d, %s" % (arguments, run.returncode, run.stderr.decode()))
    return "\n".join(problems)


def page_is_whole(desk):
    text = desk.page("full.html", "--markdown", "full.md", "--seed150", "seed150", *WHOLE)
    wrong = Balance(text).wrong
    for words in ("is faster", "not decided", "pairs needed", "knee", "database&#39;s share", "&lt;\u00a00.100\u00a0%", "the seed: mysql", "USD",
                  "VIOLATED", "How to read the verdicts", "What not to conclude", "dynalite 4.0.0", "mysql.pool"):
        if words not in text:
            wrong.append("does not say: " + words)
    if "default-src 'none'" not in text:
        wrong.append("no policy against loading")
    return "\n".join(wrong)


def same_input_same_page(desk):
    first = desk.page("once.html", "--markdown", "once.md", *WHOLE)
    again = desk.page("again.html", "--markdown", "again.md", *WHOLE)
    return "" if first == again and desk.read("once.md") == desk.read("again.md") else "two pages of the same files differ"


def nothing_escapes(desk):
    """Labels, errors and warnings that are HTML or Markdown stay text."""
    text = desk.page("nasty.html", "--markdown", "nasty.md", "nasty.json")
    wrong = Balance(text).wrong
    markdown = desk.read("nasty.md")
    if "&lt;script&gt;document.title" not in text:
        wrong.append("the label is not there at all")
    for where in (text, markdown):
        if EVIL in where or "<img" in where or "\u202e" in where:
            wrong.append("a label has become HTML, or turns the writing")
    for line in markdown.splitlines():
        if line.startswith("|") and len(re.findall(r"(?<!\\)\|", line)) != table_width(markdown, line):
            wrong.append("a row of another width: " + line)
    return "\n".join(wrong)


def table_width(markdown, line):
    """How many bars the table's second line has, of the table that the line is in."""
    lines = markdown.splitlines()
    at = lines.index(line)
    while at > 0 and lines[at - 1].startswith("|"):
        at -= 1
    return lines[at + 1].count("|")


def doubts_come_first(desk):
    """Invalid, interrupted, warnings, missing settings, other machines: above the first verdict, and in the Markdown."""
    wrong = []
    run = desk.report("--out", "doubts.html", "--markdown", "doubts.md", "h2h.json", "nasty.json", "run-invalid.json", "other-machine.json")
    if run.returncode != 0 or b"not all from one machine" not in run.stderr:
        wrong.append("status %d, %s" % (run.returncode, run.stderr.decode()))
    text = desk.read("doubts.html")
    above = text[:text.index("What this run decided")]
    for words in ("Invalid.", "could not keep up", "Interrupted.", "Warning.", "powersave", "No settings.", "Different machines.", "not AWS"):
        if words not in above:
            wrong.append("not above the verdicts: " + words)
        if words not in desk.read("doubts.md"):
            wrong.append("not in the Markdown: " + words)
    alone = desk.page("alone.html", "run-mysql.json")
    for words in ("not AWS", "Invalid.", "Different machines.", "Interrupted."):
        if words in alone:
            wrong.append("said without reason: " + words)
    return "\n".join(wrong)


def invalid_decides_nothing(desk):
    """Its verdicts are not put into words, and its picture decides nothing."""
    text = desk.page("invalid.html", "--markdown", "invalid.md", "h2h-invalid.json")
    wrong = [words + " is said" for words in ("mysql is faster.", "<strong>mysql is faster</strong>") if words in text]
    if "does not count" not in text or "does not count" not in desk.read("invalid.md"):
        wrong.append("not said")
    if re.search(r'class="m s[01] "', text[text.index('id="forest"'):text.index('id="latency"')].split("not decided")[1]):
        wrong.append("the picture decides")
    return "\n".join(wrong)


def text_of(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def parts_of(text):
    """The first section, and its lists."""
    first = text[text.index('<section id="answer">'):text.index("</section>")]
    return first, {name: text_of(first[first.index('id="%s"' % name):].split("</div>")[0]) for name in ("decided", "not-decided", "next")}


def answers_come_first(desk):
    """The first section has what was compared, durability, calls, units, money, consistency, what is decided and what not, the next step; and a
    terminal gets the same in a few lines."""
    text = desk.page("first.html", "--markdown", "first.md", "--brief", "first.txt", "--comparison", "results.json", *WHOLE)
    first, parts = parts_of(text)
    wrong = [] if text.index("<main>\n<section id=\"answer\">") < text.index("<nav") else ["it is not the first"]
    said = text_of(first)
    for words in ("mysql against dynalite (in memory, a stand-in for DynamoDB)", "MariaDB 10.11.19", "in memory: lost when it ends",
                  "innodb_flush_log_at_trx_commit=1", "create 1", "write and 5 read units a cart", "a million carts a month", "60,000 calls, ", "USD ", "promises tried"):
        if words not in said:
            wrong.append("the first section does not say: " + words)
    for part, words in (("decided", "break-even at"), ("decided", "BROKE 1 of"), ("decided", "same on AWS"), ("not-decided", "How fast DynamoDB on AWS is"),
                        ("not-decided", "typical"), ("not-decided", "Not measured: the sweep fell down."), ("next", "deploy/aws/compare --region")):
        if words not in parts[part]:
            wrong.append("%s does not say: %s" % (part, words))
    if "faster" in parts["decided"]:
        wrong.append("a stand-in decides who is faster: " + parts["decided"])
    brief, markdown = desk.read("first.txt"), desk.read("first.md")
    if len(brief.splitlines()) > 17 or max(map(len, brief.splitlines())) > 124:
        wrong.append("%d lines for a terminal" % len(brief.splitlines()))
    for words in ("A: mysql", "B: dynalite (in memory, a stand-in for DynamoDB)", "Decided:", "Not decided:", "Next:", "deploy/aws/compare"):
        if words not in brief:
            wrong.append("a terminal does not get: " + words)
    order = [markdown.find(words) for words in ("**What was compared**", "### What this run decided", "### What it did not decide", "### The next step", "**Verdicts**")]
    if order != sorted(order) or order[0] < 0:
        wrong.append("the Markdown has another order: %s" % order)
    return "\n".join(wrong)


def verdicts_are_words_of_the_first_section(desk):
    """Who is faster on two real sides; no winner where one fails, is wrong, or the machine was busy."""
    wrong = []

    def first(change, *more):
        made = json.loads(desk.read("h2h.json"))
        made["sides"][1].update(stand_in=False, label="sqlite", about=None, database="sqlite", server=None,
                                durability="survives a crash of its machine (journal_mode=WAL, synchronous=2)")
        change(made)
        with open(desk.path("changed.json"), "w", encoding="utf-8") as file:
            json.dump(made, file)
        return parts_of(desk.page("changed.html", "changed.json", *more))[1]

    def failing(made):
        for operation in made["results"]["operations"]:
            operation["success"][1] = {"share": 0.7, "low": 0.69, "high": 0.71, "tried": 1000, "ok": 700, "refused": 300, "unknown": 0, "errors": {}}
            for row in operation["quantiles"]:
                row.update(verdict="NOT COMPARABLE", why="B failed 30 %", effect=None, low=None, high=None)

    def broken(made):
        for operation in made["results"]["operations"]:
            for row in operation["quantiles"]:
                row.update(verdict="WRONG", why="B does not hold what it acknowledged")

    def busy(made):
        made["invalid"] = "the machine is busy: 94 %"

    parts = first(lambda made: None)
    if "mysql is faster: create, typical +" not in parts["decided"] or "INCONCLUSIVE" in parts["decided"]:
        wrong.append("decided: " + parts["decided"])
    if "pairs would decide" not in parts["not-decided"] or "AWS" in parts["not-decided"] or "--thorough" not in parts["next"]:
        wrong.append("not decided: %s; next: %s" % (parts["not-decided"], parts["next"]))
    for change, words, where in ((failing, "because B failed 30 %", "decided"), (broken, "B does not hold what it acknowledged", "decided"),
                                 (busy, "INVALID: the machine is busy", "not-decided")):
        parts = first(change)
        if words not in parts[where] or " is faster:" in parts["decided"] + parts["not-decided"]:
            wrong.append("%s: %s" % (change.__name__, parts))
    return "\n".join(wrong)


def names_say_what_it_was(desk):
    """A stand-in is named in the sides, and no title repeats it; a local server without a name of its own is called one."""
    text = desk.page("titles.html", "--seed150", "seed150", "h2h.json", "run-dynamodb.json", "sweep-dynamodb.json", "consistency.json")
    titles = re.findall(r"<(?:caption|figcaption|h2)>(.*?)</", text) + re.findall(r"<title id=[^>]*>(.*?)</title>", text)
    wrong = [title for title in titles if "stand-in" in title or "not AWS" in title or ".json" in title]
    said = text_of(text).count("stand-in")
    if said > 6:
        wrong.append("the page says %d times that it is a stand-in" % said)
    subprocess.run([CARTBENCH, "report", "--brief", "named.txt", "h2h.json"], cwd=desk.folder, check=True, stderr=subprocess.PIPE, timeout=TIMEOUT_S)
    for line in desk.read("named.txt").splitlines():
        if line.strip().startswith("Here") and not line.strip().startswith("Here, with dynalite: "):
            wrong.append("does not name what was measured: " + line)
    if "here: dynalite" not in text:
        wrong.append("the seed's calls are those of DynamoDB")
    if "stand-in" in desk.page("own.html", "run-mysql.json", "sweep-mysql.json"):
        wrong.append("said of mysql")
    return "\n".join(wrong) if len(titles) > 20 else "only %d titles" % len(titles)


class Structure(html.parser.HTMLParser):
    """What somebody needs who does not see the page: language, headings in order, tables with heads that have a scope, pictures with words."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.wrong, self.open, self.heading, self.tables, self.pictures, self.language = [], [], 0, [], [], None
        self.feed(text)
        self.close()
        for caption, heads, loose in self.tables:
            if not caption or not heads or loose:
                self.wrong.append("a table without caption, or with heads without scope: %s" % caption)
        for words in self.pictures:
            if not words.get("title") or not words.get("desc"):
                self.wrong.append("a picture without title or description: %s" % words)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang")
        if re.fullmatch("h[1-6]", tag):
            if int(tag[1]) > self.heading + 1:
                self.wrong.append("%s after h%d" % (tag, self.heading))
            self.heading = int(tag[1])
        if tag == "table":
            self.tables.append(["", 0, 0])
        if tag == "th":
            self.tables[-1][1] += given.get("scope") == "col"
            self.tables[-1][2] += given.get("scope") not in ("col", "row")
        if tag == "svg":
            self.pictures.append({})
            if given.get("role") != "img" or not given.get("aria-labelledby"):
                self.wrong.append("an svg without role or name")
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        inner = self.open[-1] if self.open else ""
        if inner == "caption":
            self.tables[-1][0] += data
        if inner in ("title", "desc") and "svg" in self.open:
            self.pictures[-1].setdefault(inner, data)


def read_without_eyes(desk):
    read = Structure(desk.page("structure.html", "--seed150", "seed150", *WHOLE))
    wrong = read.wrong + ([] if read.language == "en" else ["no language"])
    return "\n".join(wrong) if len(read.tables) > 10 and len(read.pictures) > 10 else "%d tables, %d pictures" % (len(read.tables), len(read.pictures))


def pictures_show_enough(desk):
    """No picture of intervals in which nothing was seen, none with a line of two points; samples are said."""
    made = json.loads(desk.read("consistency.json"))
    if "Stale reads against delay, " not in desk.page("stale.html", "consistency.json"):
        return "no picture of staleness that was seen, with its sample"
    for probe in made["results"]["probes"]:
        probe.update(violations=0, verdict="clean")
        for entry in probe.get("by_delay", []):
            entry.update(violations=0, rate=0)
    sweep = json.loads(desk.read("sweep-mysql.json"))
    for point in sweep["results"]["points"][2:]:
        point["p99_ms"] = None
    for name, document in (("fresh.json", made), ("thin-sweep.json", sweep)):
        with open(desk.path(name), "w", encoding="utf-8") as file:
            json.dump(document, file)
    text = desk.page("fresh.html", "fresh.json", "thin-sweep.json")
    wrong = [] if "No read was stale at any delay" in text and "Stale reads against delay" not in text else ["a picture of nothing that was seen"]
    if "Throughput against p99" in text or "Throughput against median" not in text:
        wrong.append("a picture of two points, or none at all")
    return "\n".join(wrong)


def is_small(desk):
    """One of the files that ./cart compare hands over."""
    size = len(desk.page("size.html", "--seed150", "seed150", "h2h.json", "sweep-mysql.json", "sweep-dynamodb.json", "consistency.json"))
    return "" if size < 300000 else "%d bytes" % size


def thin_tails_are_left_out(desk):
    """4 blocks of 60 pairs: 2.4 samples beyond p99. So p90 is shown and p99 is not."""
    text = desk.page("thin.html", "nasty.json")
    wrong = []
    if not re.search(r"add p90</th>", text):
        wrong.append("no p90")
    if re.search(r"add p99</th>|add p99\.9</th>", text):
        wrong.append("p99 of 240 pairs is shown")
    if not re.search(r"Not measured, because fewer than ten samples lie beyond it: [^<]*add p99, add p99\.9", text):
        wrong.append("not said which")
    # The run's checkout has 900 samples: nine beyond p99.
    rows = re.findall(r">checkout</th>.*?</tr>", desk.page("run.html", "run-mysql.json"))
    cells = [re.findall(r'data-h="(p[\d.]+)"[^>]*><span>(.*?)</span>', row) for row in rows]
    shown = [dict(row) for row in cells if row]
    if not shown or any(row["p99"] != "\u2013" or row["p90"] == "\u2013" for row in shown):
        wrong.append("checkout: %s" % shown)
    return "\n".join(wrong)


def what_was_not_measured_has_its_row(desk):
    """With the reason, in the page and in the Markdown; of the seed's tests, too."""
    path = desk.path("consistency.json")
    with open(path, encoding="utf-8") as file:
        made = json.load(file)
    made["results"]["seed"][0].update(trials=0, consistent=0, unknown=0, why="the service went away: refused")
    with open(desk.path("unmeasured.json"), "w", encoding="utf-8") as file:
        json.dump(made, file)
    text = desk.page("unmeasured.html", "--markdown", "unmeasured.md", "unmeasured.json")
    wrong = []
    for where, words in (("page", text), ("Markdown", desk.read("unmeasured.md"))):
        rows = words.count("not measured: its time (--for) was over before the first trial")
        if rows != len(made["sides"]):
            wrong.append("%s: %d rows" % (where, rows))
        if "The seed's tests were not all measured" not in words.replace("&#39;", "'") or "the service went away: refused" not in words:
            wrong.append(where + ": the reason for the seed's test is not there")
    return "\n".join(wrong)


def eventual_reads_are_named(desk):
    """What gets asked for is part of what was compared, and of the money."""
    with open(desk.path("h2h.json"), encoding="utf-8") as file:
        made = json.load(file)
    wrong = []
    for consistency, price in (("default", "5 \u00d7 get, strong"), ("strong", "5 \u00d7 get, strong"), ("eventual", "5 \u00d7 get, eventual")):
        made["results"]["consistency"] = consistency
        with open(desk.path("reads.json"), "w", encoding="utf-8") as file:
            json.dump(made, file)
        said = desk.page("reads.html", "--markdown", "reads.md", "reads.json")
        for text in (said, desk.read("reads.md")):
            if (text.count("gets with consistency=" + consistency) == 2) != (consistency != "default"):
                wrong.append("%s: not named on the first screen and before the verdicts" % consistency)
            if price not in text:
                wrong.append("%s: does not say: %s" % (consistency, price))
    with open(desk.path("run-mysql.json"), encoding="utf-8") as file:
        made = json.load(file)
    get = next(each for each in made["results"]["operations"] if each["operation"] == "get")
    get["cached"] = get["ok"] // 4
    with open(desk.path("reads.json"), "w", encoding="utf-8") as file:
        json.dump(made, file)
    for name, hits in (("run-mysql.json", 0), ("reads.json", 1)):
        if desk.page("reads.html", name).replace("\u00a0", " ").count("25 % of get were answered by the read cache.") != hits:
            wrong.append("%s: hits of the read cache" % name)
    return "\n".join(wrong)


def prices_can_be_given(desk):
    wrong = []
    text = desk.page("prices.html", "--write-price", "1.25", "--read-price", "0.25", "--instance-price", "3.6",
                     "--instance-name", "a big one", "h2h.json")
    # A create is one write unit of the table and two of its indexes: 3.75 a million. 3.6 an hour are 2,628 a month and 11.5 for the disk;
    # 12 W and 5 R are 16.25 for a million carts, and their storage 0.188.
    for words in ("3 W: 3.75", "2,639.5 \u00f7 16.4379 = 161 million carts", "a big one", "some of them given by flags"):
        if words not in text:
            wrong.append("does not say: " + words)
    built_in = json.load(open("bench/report/prices.json", encoding="utf-8"))
    made = dict(built_in, as_of="2031-01-01", dynamodb=dict(built_in["dynamodb"], write_units_million=2))
    with open(desk.path("prices.json"), "w", encoding="utf-8") as file:
        json.dump(made, file)
    text = desk.page("prices.html", "--prices", "prices.json", "h2h.json")
    for words in ("2031-01-01", "3 W: 6<"):
        if words not in text:
            wrong.append("of the file, it does not say: " + words)
    if built_in["as_of"] not in desk.page("prices.html", "h2h.json"):
        wrong.append("the built-in list has no date")
    return "\n".join(wrong)


def an_older_page_stays(desk):
    """Until the new one is whole."""
    before = desk.page("kept.html", "sweep-mysql.json")
    desk.report("--out", "kept.html", "cut.json")
    left = [name for name in os.listdir(desk.folder) if name.endswith(".new")]
    return "" if desk.read("kept.html") == before and not left else "the older page has gone, or %s is left" % left


def markdown_alone(desk):
    run = desk.report("--markdown", "-", *WHOLE)
    text = run.stdout.decode()
    wrong = [] if run.returncode == 0 and not os.path.exists(desk.path("report.html")) else ["status %d, or a page" % run.returncode]
    for words in ("## mysql against dynalite (in memory, a stand-in for DynamoDB)", "not AWS", "| create p50 |", "A WINS", "pairs needed"):
        if words not in text:
            wrong.append("does not say: " + words)
    if len(text) > 65536:
        wrong.append("%d characters: more than a comment on a pull request takes" % len(text))
    return "\n".join(wrong)


def shown(browser, desk, page, width, dark):
    browser.shape(width, dark)
    asked = browser.open(desk.path(page))
    wrong = ["asks for " + address for address in asked if not address.endswith("/" + page)]
    wrong += ["the console says: %s" % str(said)[:300] for said in browser.complaints()]
    wrong += browser.evaluate(AUDIT) + browser.evaluate(CONTRAST)
    if width > 500:
        browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        wrong += browser.evaluate(AUDIT)
        browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
    browser.screenshot(os.path.join(SHOTS, "%s-%d-%s.png" % (page[:-5], width, "dark" if dark else "light")))
    if not browser.evaluate("document.title").strip() or browser.evaluate("document.title") == "owned":
        wrong.append("the title is " + browser.evaluate("document.title"))
    return "\n".join(dict.fromkeys(wrong))


def printed(browser, desk, page):
    """On A4, whose text is 688 pixels wide: the dark scheme leaves it white, nothing is beyond the edge, and it is a PDF."""
    browser.shape(688, True, "print")
    browser.open(desk.path(page))
    wrong = browser.evaluate(AUDIT) + browser.evaluate(CONTRAST)
    if browser.evaluate("getComputedStyle(document.documentElement).backgroundColor") != "rgb(255, 255, 255)":
        wrong.append("prints on " + browser.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    path = os.path.join(SHOTS, page[:-5] + ".pdf")
    browser.pdf(path)
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(b"%PDF") or len(data) < 20000:
        wrong.append("not a PDF of a page: %d bytes" % len(data))
    return "\n".join(wrong)


def in_a_browser(tap, desk):
    if chromium.program() is None:
        raise Skip("no chromium: how the pages look, whether anything overflows or is loaded, was not tested")
    os.makedirs(SHOTS, exist_ok=True)
    with chromium.Chromium() as browser:
        for page in ("full.html", "nasty.html", "doubts.html", "alone.html"):
            for width, dark in [(1280, False), (1280, True), (800, False), (360, False), (360, True)] if page == "full.html" else [
                    (1280, False), (360, True)]:
                tap.run("%s at %d pixels, %s" % (page, width, "dark" if dark else "light"), shown, browser, desk, page, width, dark)
            tap.run(page + " in print", printed, browser, desk, page)


def run_all(tap):
    folder = tempfile.mkdtemp()
    try:
        desk = Desk(folder)
        for test in (damaged_is_refused, each_says_why, odd_files_do_no_harm, usage_is_checked, page_is_whole, same_input_same_page,
                     nothing_escapes, doubts_come_first, invalid_decides_nothing, answers_come_first, verdicts_are_words_of_the_first_section,
                     names_say_what_it_was, read_without_eyes, pictures_show_enough, is_small, thin_tails_are_left_out,
                     what_was_not_measured_has_its_row, eventual_reads_are_named, prices_can_be_given, an_older_page_stays, markdown_alone):
            tap.run(test.__name__.replace("_", " "), test, desk)
        in_a_browser(tap, desk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(run_all)
