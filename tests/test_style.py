"""The voice: what is written for people to read is plain technical English.

The list below holds phrases that the project once used and no longer uses. Each has the wording that replaces it. Add a
phrase when a review finds one, and keep the pattern so narrow that correct English passes.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

PYTHON = sorted(
    [
        *(ROOT / "adjust_async").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "benchmarks").rglob("*.py"),
        *(ROOT / "examples").rglob("*.py"),
        ROOT / "noxfile.py",
    ]
)
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

# A pattern, and what to write instead. A space in a pattern also matches a line break.
STYLE = (
    (r"(?:gives?|gave)(?! (?:up|way|access)\b)", "'returns' (a function), 'pass' (an argument), 'is' or 'has'"),
    (r"(?:is|are|was|were)(?: both| also)? given(?! (?:to|up|in)\b)", "'is passed', 'is set'"),
    (r"it is none|(?<!there\s)(?:is|are) (?-i:none)(?! of)", "'it is not one', or name the thing: 'it is not a date'"),
    (r"tells? (?:of|what|that|how|which|where|whether|by|its|when|why|as)", "'says', 'reports' or 'shows'"),
    (r"told of|(?:is|are|be|was|were|and|or) told(?! (?:to|>))", "'reported', or an active verb: 'the error names'"),
    (r"(?<!all\s)(?<!both\s)(?<!each\s)(?<!some\s)of (?:which|whom)", "a sentence of its own, or 'whose'"),
    (r"(?<!by\s)(?<!for\s)(?<!to\s)whom", "the noun that is meant: 'the caller', 'the client'"),
    (r"that (?:there )?(?:is|are) not(?=[.,;:)]|$)", "'that does not exist', 'missing' or 'unknown'"),
    (r"(?:is|are|be) there (?:whole|or not)|there or not", "'exists', 'is complete', 'may or may not exist'"),
    (r"that there (?:is|are|was|were)", "'that exists', 'available'"),
    (r"what (?:is|was) (?:there|not there)", "'what exists', 'what is missing'"),
    (r"(?<!there\s)(?:is|are|was|were) no (?!longer|more|such|less|fewer|different|one)\w+", "'is not a', 'is not'"),
    (r"by (?:its|their) end, not|not in (?:its|their) course", "'at the end', 'while it runs'"),
    (r"ha(?:s|ve|d) come(?! from)", "'has arrived', 'was received'"),
    (r"(?:is|are|was|were|be|come|comes|came|arrives?|arrived) whole(?! (?:number|millisecond|second))", "'complete'"),
    (r"no whole|br(?:eaks?|oke|oken) off", "'not complete', 'is cut off'"),
    (r"(?:gets?|got|getting) lost", "'is lost'"),
    (r"gone (?:at|by) the end", "'lost at the end'"),
    (r"out of reach", "'can't be reached'"),
    (r"(?:is|are|was|were) not (?:its|their) turn", "'got no permit', 'has to wait'"),
    (r"what (?:became|becomes|has become) of", "'the outcome of', 'the result of'"),
    (r"for good(?! reason)", "'permanently', 'lastingly'"),
    (r"such as (?:are|is|have|has|were|was)", "'those that are'"),
    (r"of (?:the|a|an|its|their) \w+'s(?=[.,;:)]|\Z)", "a plain genitive: 'the caller's file'"),
    (r"(?:^|(?<=[.:;!?]\s))(?-i:Where)(?! to\b)(?=[^.;?]*,)", "'If' or 'When'"),
    (r"(?:also|even|only|but) where", "'even if', 'only if', 'but if'"),
    (r"(?<!,\s)where (?:that|it|there|nothing|none|nobody|neither) (?:is|are|was|were|has|have|does|do|came)", "'if'"),
    (r"(?<!,\s)where (?:they have|`?(?:None|True|False)`?|`[\w.]+` (?:is|are|was|has))", "'if'"),
    (r"where to(?=[.,;:)]|$)", "the noun that is meant: 'a target'"),
    (r"shall", "'must', 'should' or 'will'"),
    (r"beside(?!s)", "'next to', 'alongside', 'as well as' or 'during'"),
    (r"at the door", "'before anything is sent', 'when it is called'"),
    (r"without a word|not a word", "'silently'"),
    (r"nor (?:is|are|was|were|does|do|did|has|have|can|may|will)", "a second sentence with 'not'"),
    (r"as it (?:comes|came|stands)|as they (?:come|came|stand)", "'unchanged', 'as received'"),
    (r"(?:and|or) the like", "'and similar', or name them"),
    (r"nothing but|no \w+ but", "'only'"),
    (r"(?:speaks?|spoke|spoken) of|says? nothing of", "'mentions', 'names'"),
    (r"(?-i:Say) (?:why|whether|what|how|which|who)", "'Return why', 'Return whether'"),
    (r"there(?:of|in|by|from|upon)|here(?:by|in)|where(?:by|of|upon|from)", "'in it', 'with this', 'which'"),
    (r"who(?:m)?ever", "'anyone who', 'the code that'"),
    (r"what (?:it|they) (?:are|is) none", "the noun that is meant"),
    (r"be had", "'available', 'be fetched'"),
    (r"(?:is|are|was|were) wanted", "'is required', 'is requested'"),
    (r"(?:in|of|by|for) [\w'`]+ alone(?=[.,;:)]|$)", "'only' before the noun"),
    (r"of the kind (?=['`])", "'of type', 'the ... X'"),
    (r"(?:takes?|took|taken) (?:nothing|anything|something) away", "'removes'"),
    (r"(?:delete|undo|remove) \w+ again", "'delete', 'undo'"),
    (r"drawn (?:for each|by (?:the|a) seed)", "'generated'"),
    (r"time of (?:rest|grace)", "'idle time', 'grace time'"),
    (r"(?:of|with|for|by|make|made) so many(?! that)", "'this many', or the number"),
    (r"(?-i:Who) (?:has|asks|does|lacks|needs)|only who", "'a client that has', 'only callers that'"),
    (r"odd(?! numbers?)", "'unusual', 'unexpected'"),
    (r"which no [\w-]+(?: \w+)? can(?=[:.,;]|$)", "'which is too large for a ...'"),
    (r"an exception that it raises", "'an exception from it'"),
    (r"as far as the \w+ reaches", "'among all ... of the ...'"),
    (r"let the \w+ have", "'add ... to the ...'"),
    (r"anew|afresh", "'again'"),
    (r"for ever", "'forever'"),
    (r"heed(?:s|ed|ing)?", "'uses', 'follows'"),
    (r"surely", "'certainly'"),
    (r"sign by sign", "'character by character'"),
    (r"whatever breaks", "'even after failures'"),
    (r"as it (?:should be|were)", "'as planned', or leave it out"),
    (r"in its place(?! in)", "'instead'"),
    (r"comes? to nothing|came to nothing|comes? of (?:it|this)", "'fails', 'follows'"),
    (r"(?:so|as) (?:long|far|soon) as ever|as ever(?=[.,;:)]|$)", "'as before'"),
    (r"one after (?:the )?another", "'one after the other'"),
    (r"once for all|one for all", "'once', 'shared'"),
    (r"be it", "'whether'"),
    (r"(?:knows?|knew) nothing of|(?:knows?|knew|known) of (?:it|them)", "'does not know', 'knows about'"),
    (r"makes? do with", "'needs only'"),
)  # fmt: skip

GAP = r"(?:\s[\s#]*)"
PHRASES = tuple(
    (
        re.compile(r"(?<![\w`'\"./-])(?:" + phrase.replace(" ", GAP) + r")(?![\w`])", re.MULTILINE | re.IGNORECASE),
        better,
    )
    for phrase, better in STYLE
)


CODE_BLOCK = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)


class Text(NamedTuple):
    """A text that people read, and the line on which it begins."""

    line: int
    words: str


def python_texts(path: Path) -> Iterator[Text]:
    """Yield the names, docstrings and comments of a module, and of the package also its messages and help texts."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield Text(node.lineno, name.strip("_").replace("_", " "))
            case ast.Expr(value=ast.Constant(value=str() as words) as constant):
                docstrings.add(constant)
                yield Text(constant.lineno, words)
            case ast.Constant(value=str() as words) if node not in docstrings and path.is_relative_to(
                ROOT / "adjust_async"
            ):
                if words.count(" ") > 1:
                    yield Text(node.lineno, words)
    begins, comments = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if not comments:
                begins = token.start[0]
            comments.append(token.string)
        elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT) and comments:
            yield Text(begins, "\n".join(comments))
            comments = []


def markdown_texts(path: Path) -> Iterator[Text]:
    """Yield the paragraphs of a page without its code."""
    text = path.read_text(encoding="utf-8")
    without_code = CODE_BLOCK.sub(lambda code: "\n" * code[0].count("\n"), text)
    yield Text(1, re.sub(r"`[^`\n]*`", "`…`", without_code))


def findings(text: Text) -> Iterator[str]:
    """Yield the line, the phrase and the better wording of everything in a text that the list names."""
    for phrase, better in PHRASES:
        for found in phrase.finditer(text.words):
            line = text.line + text.words.count("\n", 0, found.start())
            yield f"{line}: '{' '.join(found[0].split())}': write {better}"


FOLDERS = sorted({path.relative_to(ROOT).parts[0] for path in [*PYTHON, *MARKDOWN]})


@pytest.mark.parametrize("folder", FOLDERS)
def test_texts_keep_to_the_style_list(folder: str) -> None:
    """No name, docstring, comment, message, help text or page uses a phrase of the list."""
    found = [
        f"{path.relative_to(ROOT)}:{finding}"
        for path in [*PYTHON, *MARKDOWN]
        if path.relative_to(ROOT).parts[0] == folder
        for text in (markdown_texts(path) if path.suffix == ".md" else python_texts(path))
        for finding in findings(text)
    ]
    assert not found, "\n".join(["plain English, please (tests/test_style.py has the list):", *found])


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ("Give the rows.", "Give"),
        ("It is none.", "It is none"),
        ("The error tells of\nwhat failed.", "tells of"),
        ("# partners, some\n# of which are old", "of which"),
        ("partners that there are not", "that there are"),
        ("Where it is missing, nothing happens.", "Where"),
        ("The other choice where `None`.", "where `None"),
        ("It was not its turn.", "was not its turn"),
        ("The answer breaks off.", "breaks off"),
        ("It raises errors of httpx alone.", "of httpx alone"),
        ("A list could not be had.", "be had"),
        ("It surely did nothing.", "surely"),
        ("Say why it failed.", "Say why"),
    ],
)
def test_the_list_finds_its_phrases(words: str, phrase: str) -> None:
    """A phrase is found at the start of a sentence, and across a line break."""
    assert any(f"'{phrase}" in finding for finding in findings(Text(1, words)))


@pytest.mark.parametrize(
    "words",
    [
        "It gives up after a minute.",
        "There is no tracker.",
        "None of the apps failed.",
        "He is told to wait.",
        "Where to go next",
        "The walk over odd numbers goes on with httpx alone.",
        "It says how to install it.",
        "Count again from a given start.",
    ],
)
def test_plain_english_passes(words: str) -> None:
    """Common words in their common meaning are not findings."""
    assert not list(findings(Text(1, words)))
