"""Figures are responsive SVG in the colours of the page, and the same bytes each time."""

from sdekit.reports.formats.drawing import INK, drawing_of, new_figure


def picture():
    figure = new_figure(3, 2)
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color=INK)
    axis.set_xlabel(r"$\theta$")
    return drawing_of(figure)


def test_a_figure_takes_width_and_colour_from_its_page():
    svg = picture().svg
    head = svg.partition(">")[0]
    assert head.startswith("<svg") and "viewBox" in head
    assert "width=" not in head and "height=" not in head
    assert INK not in svg and "currentColor" in svg
    assert "<metadata" not in svg and "<!DOCTYPE" not in svg


def test_the_same_figure_is_the_same_bytes():
    assert picture() == picture()
    assert picture().png.startswith(b"\x89PNG")
