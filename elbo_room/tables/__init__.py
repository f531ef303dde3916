"""From what the cells found to the tables: all that a csv says.

In: the `Plan` and the `Results` of its cells. Out: table.csv and the other tables in the results folder.
Every number that a figure or a page shows is computed here at the latest.

    results       what was kept of the cells, each as what it is
    tabulate      writes every table
    column        what there is to say of a column
    columns       what each column of table.csv means, its unit, its better direction
    verdict/      one word for a pair of model and guide, by a written rule
    nesting       whether a family ended below one that it contains
    crosscheck    log p(x) against the weights of the best guide
    references, traits, pairs
                  references.csv; what makes a posterior hard; the two coordinates to show
    answers       a row for each model and guide, and the guides' ranks
    labels        coordinates' names as columns
    apart         guides of one name that are not one guide
    advice        rules, and where metrics disagree
"""
