"""What the monitor's heads are trained on and how: generators with their data, the list of allowed sources, the fit."""
