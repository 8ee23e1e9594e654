"""What all studies share: rows on disk, tasks in processes, how a result came about."""
