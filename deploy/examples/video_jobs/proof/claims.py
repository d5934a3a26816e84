"""What the example claims about a run, and the numbers beside it."""

import hashlib
import json
import signal
import struct
import zlib

from harness import queues
from harness.verdict import Verdict
from users import User, percentile


def judge(run):
    records, verdict, user = run.records, Verdict(), User(run.port)
    known = {job: user.job(job) for job in run.clips}
    good = {job: clip for job, clip in run.clips.items() if job != run.broken}
    exits = run.back_end.stop()
    for event in run.back_end.events():
        records.take(event)

    print()
    surprising = [each for each in run.answers_to_nonsense if each[0] != each[1]]
    verdict.none("requests that make no sense get the answer that is due", surprising)
    verdict.none("every good video is done", [known[job] for job in good if known[job]["state"] != "done"])
    wrong = [what_is_wrong(run, job, known[job]) for job in good]
    verdict.none("its result is right: size, pictures, every byte", filter(None, wrong))
    times = {job: len(records.made[job]) for job in good}
    verdict.none("its result was made once", [f"{job}: {made} times" for job, made in times.items() if made != 1])
    there = {path.name for path in (run.folder / "results").glob("[!.]*")}
    verdict.equal("there are no other results", sorted(there - good.keys()), [])
    judge_long(run, verdict)
    judge_victim(run, verdict)
    judge_broken(run, verdict, known[run.broken])
    verdict.equal("the back end grew with the queue", records.workers_most, run.workers_max)
    verdict.equal("and became small again", records.workers, run.workers_min)
    verdict.equal("no worker ended by itself but the killed one", records.ended, [-signal.SIGKILL])
    verdict.equal("the back end ended when it was asked to", exits, 0)
    left = {url.rsplit("/", 1)[1]: queues.depth_soon(run.sqs, url) for url in (run.jobs, run.reports, run.dead)}
    verdict.none("all queues are empty", [f"{name}: {depth}" for name, depth in left.items() if depth])

    tell_numbers(run)
    return verdict.speak(
        f"{len(run.clips)} videos were uploaded while at most {records.workers_most} workers lagged behind; {len(good)} have\n"
        f"exactly one right result, though a worker was killed at its job, and the broken one is known to have failed."
    )


def what_is_wrong(run, job, record):
    """A reason to call a result wrong, or None."""
    expected, grey = run.clips[job].expected()
    folder = run.folder / "results" / job
    try:
        described = json.loads((folder / "result.json").read_text())
        digest = hashlib.sha256((folder / "small.y4m").read_bytes()).hexdigest()
        thumbnail = read_png((folder / "thumbnail.png").read_bytes())
    except (OSError, ValueError, zlib.error, struct.error) as error:
        return f"{job}: {error}"
    if not expected == described == record.get("result") or digest != expected["sha256"]:
        return f"{job}: {described}, {digest}, told as {record.get('result')}; due was {expected}"
    return None if thumbnail == (expected["width"], expected["height"], grey) else f"{job}: a wrong thumbnail"


def read_png(data):
    """Width, height and brightness of a picture in shades of grey, as our workers write it."""
    width, height = struct.unpack_from(">II", data, 16)
    length = struct.unpack_from(">I", data, 33)[0]
    rows = zlib.decompress(data[41 : 41 + length])
    return width, height, b"".join(rows[start + 1 : start + 1 + width] for start in range(0, len(rows), width + 1))


def judge_long(run, verdict):
    took, made = run.records.took[run.long], run.records.made[run.long]
    lasted = max((each["took_s"] for each in made), default=0)
    verdict.claim("a job lasted longer than the visibility timeout", lasted > 2 * run.visibility_s, f"{lasted} s")
    verdict.equal("no second worker got it", len(took), 1)
    verdict.claim("because of heartbeats", any(each["beats"] for each in made), "there were none")


def judge_victim(run, verdict):
    took = run.records.took[run.victim]
    verdict.equal("the job of the killed worker was taken twice", len(took), 2)
    pids = [each["pid"] for each in took]
    verdict.claim("first by it, then by another", run.killed_pid == pids[0] != pids[-1], f"processes {pids}")
    # It may have renewed the timeout once before it died.
    gap_s = took[-1]["at"] - took[0]["at"]
    verdict.claim("once the visibility timeout was over", gap_s >= run.visibility_s, f"after {gap_s:.1f} s")


def judge_broken(run, verdict, record):
    letter = record.get("dead_letter", {})
    verdict.equal("the broken video has failed", record["state"], "failed")
    verdict.claim("for the reason that its workers gave", "cut off" in record.get("error", ""), record)
    verdict.equal("as a dead letter of its queue", letter.get("queue", "").split(":")[-1], "jobs")
    verdict.equal("after as many attempts as it may have", len(run.records.took[run.broken]), run.receives_max)


def tell_numbers(run):
    records, took = run.records, run.records.took[run.victim]
    idle, burst = ([percentile(values, share) for share in (0.5, 0.99)] for values in (run.idle_ms, run.burst_ms))
    long = records.made[run.long][0]
    fleet = f"{run.workers_min} to {records.workers_most}; {records.started} started, {records.stopped} stopped"
    print(f"""
  time to answer an upload, nothing to do   median {idle[0]:.0f} ms, 99 % {idle[1]:.0f} ms ({len(run.idle_ms)} uploads)
  time to answer an upload, workers lag     median {burst[0]:.0f} ms, 99 % {burst[1]:.0f} ms ({len(run.burst_ms)} uploads)
  visibility timeout                        {run.visibility_s} s
  longest job                               {long["took_s"]:.1f} s, {long["beats"]} heartbeats
  the killed worker's job was taken again   {took[-1]["at"] - run.killed_at:.1f} s after its death
  workers                                   {fleet}""", flush=True)
