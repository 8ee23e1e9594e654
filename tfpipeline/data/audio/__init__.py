"""Sound files in and out: samples at the wanted rate, whatever the file holds."""
