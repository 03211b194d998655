"""The progress bar shows what is done and is silent when switched off."""

import io

from rich.console import Console

from sdekit.simulation.loop.progress import ProgressBar, metric


def shown(enabled):
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True)
    with ProgressBar(2_000_000, enabled=enabled, description="sgnht", console=console) as bar:
        bar.advance(1_000_000)
        bar.advance(1_000_000)
    return out.getvalue()


def test_the_bar_names_the_run_and_its_end():
    text = shown(enabled=True)
    assert "sgnht" in text
    assert "100 %" in text
    assert "steps/s" in text


def test_a_disabled_bar_writes_nothing():
    assert shown(enabled=False) == ""


def test_rates_have_three_digits_and_a_prefix():
    assert [metric(x) for x in (1.5, 12_345, 2.5e6, 3e9)] == ["1.5", "12.3 k", "2.5 M", "3 G"]
