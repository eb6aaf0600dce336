"""One function at a time, compiled and pure side by side: `python -m pytest benchmarks/micro`."""
