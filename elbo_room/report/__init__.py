"""From the tables to figures and pages. Computes nothing: it can be drawn again from the csv files alone.

In: the tables of a results folder and its `Outline`. Out: report.html, a page for each group, and figures.

    pages       writes the files
    outline     pages and sections, and what draws them
    sections    what is said and drawn of an experiment, a model or a study
    shown       the table on the page
    view        the part of the tables that one model's figures are drawn from
    style       colours, markers and the `Picture`
    figures/    one file a figure
"""
