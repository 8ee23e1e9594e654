"""The studies of Kliegl et al. (2018), section 3.2 and appendix B, on a corpus that fits a CPU.

Way of the data: `settings` says what to train, `studies.speech` has the sentences, `runs` names
every training run, `training` and `deployment` do one, `run_task` does it in a process, and `pool`
does those whose rows are not in the output folder yet. The studies are the other modules: each asks
the pool for rows, writes a table and a plot, and says what holds. They share runs when they share
`--out`.
"""
