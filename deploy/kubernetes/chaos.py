"""The chaos harness against the release: it makes faults with kubectl alone, and judges by the rules of the simulation."""

import pathlib
import subprocess
import tempfile
import time

from release import NAME


def run_chaos(release, options):
    """Plays faults that are drawn from a seed; the row for the table."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        words = [options.chaos.resolve(), "run", "--target", "kubernetes", "--folder", run, "--seed", options.chaos_seed]
        words += ["--release", NAME, "--namespace", release.namespace, "--minutes", options.chaos_minutes]
        words += ["--image-after", options.next_image]
        begun = time.monotonic()
        # It ends by itself, some time after its load: queues are emptied, and histories judged.
        limit = 60 * options.chaos_minutes + 900
        try:
            code = subprocess.run([*release.cluster.inside, *map(str, words)], timeout=limit).returncode
            trouble = {0: "", 1: "a rule was broken"}.get(code, f"it ended with {code}")
        except subprocess.TimeoutExpired:
            trouble = f"not done after {limit:.0f} s"
        took = time.monotonic() - begun
        report = run / "report.md"
        if options.report and report.exists():
            options.report.with_name("chaos.md").write_text(report.read_text())
    about = f"{options.chaos_minutes:g} minutes of seed {options.chaos_seed}, with kubectl alone"
    return {"name": "chaos", "about": about, "took": took, "trouble": trouble}
