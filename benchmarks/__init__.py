"""How far the platform is from the barest possible program, and from what people would use instead.

`make bench` runs everything here and writes docs/benchmark.md. One module asks one question; each program that is
timed runs in a process of its own (`programs.py`).
"""
