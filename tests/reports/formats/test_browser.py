"""A report in a real browser: no wider than a phone or a desk, with formulas that have a size.

Skipped where Chromium is not installed.
"""

import re
import shutil
import subprocess

import pytest

import sdekit as sk

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: Two frames of the width of a phone and of a desk; the title says what they measured.
_FRAMES = """<!doctype html><title>not measured</title>
<iframe width="390" height="800" src="FILE"></iframe>
<iframe width="1280" height="800" src="FILE"></iframe>
<script>
onload = () => {
  document.title = [...document.querySelectorAll("iframe")].map(frame => {
    const inner = frame.contentDocument, page = inner.documentElement;
    const shown = [...inner.querySelectorAll("math")].filter(m => m.getClientRects().length);
    const heights = shown.map(m => m.getBoundingClientRect().height);
    return [page.scrollWidth - page.clientWidth, heights.length, Math.min(...heights)].join(" ");
  }).join(";");
};
</script>
"""


def measured(page, folder):
    """Overflow in pixels, number of formulas and the least height, for each width."""
    (folder / "frames.html").write_text(_FRAMES.replace("FILE", page.name))
    # Frames of files are of other origins to Chromium, and root has no sandbox.
    options = (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-web-security",
        "--allow-file-access-from-files", "--virtual-time-budget=3000",
        f"--user-data-dir={folder / 'profile'}", "--dump-dom",
    )  # fmt: skip
    address = f"file://{folder / 'frames.html'}"
    done = subprocess.run(
        [str(CHROMIUM), *options, address], capture_output=True, text=True, timeout=120, check=True
    )
    (title,) = re.findall(r"<title>(.*?)</title>", done.stdout)
    return [tuple(map(float, frame.split())) for frame in title.split(";")]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_report_fits_a_phone_and_a_desk_and_its_formulas_are_drawn(tmp_path):
    """Twin: a line that cannot be broken is wider than the phone, and is found."""
    page = tmp_path / "langevin.html"
    sk.report("langevin", page, experiment=False)
    found = measured(page, tmp_path)
    assert [overflow for overflow, _, _ in found] == [0, 0]
    assert all(count > 50 and height > 4 for _, count, height in found), found
    wide = page.read_text(encoding="utf-8").replace(
        "</body>", "<pre>" + "x" * 900 + "</pre></body>"
    )
    page.write_text(wide.replace("<pre>", '<pre style="overflow:visible">'), encoding="utf-8")
    assert measured(page, tmp_path)[0][0] > 0
