"""The studies of Kliegl et al. (2018), section 3.2 and appendix B, on a corpus that fits a CPU.

Way of the data: `settings` says what to train, `corpus` has the sentences, `runs` names every
training run (`stage1`, `stage2`, `transition`, `sparsity` do them), `pool` does those whose rows
are not in the output folder yet. The studies are the other modules: each asks the pool for rows,
writes a table and a plot, and says what holds. They share runs when they share `--out`.
"""
