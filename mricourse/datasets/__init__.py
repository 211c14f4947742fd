"""Files and downloads that become a `Scan`."""
