"""From questions to finished cells.

In: experiments, studies, guides and a `Budget`. Out: for each cell of the `Plan` a record: what it returned,
or what became of it. A cell is known by a hash of all that decides it, so none is computed twice.

    plan, planning     cells and their keys; which cells answer which questions
    parts              what decides a cell
    cells, execute     what a cell computes, and how a worker does it
    engine             sends cells to workers and keeps what returns
    cluster, worker, child, environment
                       where cells run: a Dask cluster, whose workers hold JAX in a child process
    store              one results folder: records that outlive a crash
    progress, forecast
                       what a run tells, and what it would take
"""
