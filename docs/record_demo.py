"""Records what `adjust-async demo` prints, as the picture of the README: `nox -s picture`."""

import asyncio
import io
import re
from pathlib import Path

from rich.console import Console

from adjust_async.cli import demo

PICTURE = Path(__file__).parent / "assets" / "demo.svg"


def main() -> None:
    """Run the demo and write the picture."""
    console = Console(record=True, width=96, file=io.StringIO())
    asyncio.run(demo.run(console))
    svg = console.export_svg(title="adjust-async demo", clear=True)
    # The fonts would come from another host, which a picture in a README can't ask.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    # Other fonts than rich's are less tall, so that lines of tables would have gaps; and accents would be cut off.
    svg = svg.replace("font-size: 20px", "font-size: 21px")
    svg = re.sub(
        r'<clipPath id="[\w-]+-line-\d+">.*?</clipPath>\s*| clip-path="url\(#[\w-]+-line-\d+\)"',
        "",
        svg,
        flags=re.DOTALL,
    )
    PICTURE.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
