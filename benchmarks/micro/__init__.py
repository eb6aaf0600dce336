"""Measure single functions, compiled and pure side by side: `python -m pytest benchmarks/micro`."""
