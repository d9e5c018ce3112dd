"""Side-by-side benchmarks. `python -m bench` runs all, `python -m bench NAME` one.

Each module named in `BENCHMARKS` has `run() -> Result`: it interleaves its targets over several
rounds and gives medians with their spread. Results go to `bench/results/NAME.json`, met or not.
"""
