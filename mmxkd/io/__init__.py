"""Files and processes; nothing here knows of a data set or a modality."""
