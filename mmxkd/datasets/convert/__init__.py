"""From published folders to what a training reads, one file a data set."""
