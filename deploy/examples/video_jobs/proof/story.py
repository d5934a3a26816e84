"""What happens in the example, and the table of it that is printed meanwhile."""

import concurrent.futures
import os
import pathlib
import shutil
import signal
import sys
import time

import claims
import mistakes
from clips import Clip, CutOff, frames_for
from harness import queues
from harness.process import end_with_us
from harness.trouble import Trouble, until
from records import Records
from users import User, bad_requests

APP = pathlib.Path(__file__).resolve().parent.parent / "app"
VISIBILITY_S, RECEIVES_MAX = 5, 3
WORKERS_MIN, WORKERS_MAX, JOBS_PER_WORKER = 1, 4, 10
# How long a worker is busy with a video, at least.
SHORT_S, VICTIM_S, LONG_S = 0.25, 6, 2.5 * VISIBILITY_S
IDLE_UPLOADS, BURST_UPLOADS, USERS = 20, 80, 4
MID_JOB_S = 1
READY_S, DONE_S_MAX, SHRINK_S_MAX = 30, 240, 60
LOOK_S, ROW_S = 0.5, 3
FINAL = ("done", "failed")


def play(stage):
    run = Run(stage)
    run.answers_to_nonsense = bad_requests(run.port)
    run.upload_one_by_one()
    run.upload_burst()
    run.until_done()
    run.until_small()
    return claims.judge(run)


class Run:
    visibility_s, receives_max, workers_min, workers_max = VISIBILITY_S, RECEIVES_MAX, WORKERS_MIN, WORKERS_MAX

    def __init__(self, stage):
        self.stage, self.cluster, self.records = stage, stage.cluster(), Records()
        self.sqs = queues.client(self.cluster)
        self.jobs, self.dead = queues.create_with_dead_letters(self.sqs, "jobs", VISIBILITY_S, RECEIVES_MAX)
        self.reports = queues.create(self.sqs, "reports")
        self.folder, self.port = stage.own_folder("storage"), self.cluster.ports.take()
        self.front_end = self.start_front_end()
        self.back_end = self.start_back_end(stage.breakage)
        # The clips by their jobs; how long uploads took without and with much to do.
        self.clips, self.idle_ms, self.burst_ms, self.final = {}, [], [], set()
        self.killed_pid, self.killed_at = None, None
        self.short, self.begun, self.next_row = frames_for(SHORT_S), time.monotonic(), 0

    def start_front_end(self):
        command = [sys.executable, APP / "frontend.py", self.port, self.folder, self.jobs, self.reports, self.dead]
        process = self.stage.process("front-end", command, self.cluster.environment())
        until("the front end answers", lambda: answers(process, self.port), READY_S)
        return process

    def start_back_end(self, mistake):
        script = [mistakes.__file__, mistake] if mistake else [APP / "worker.py"]
        worker = [*end_with_us(), sys.executable, *script, self.jobs, self.reports, self.folder]
        bounds = ["--min", WORKERS_MIN, "--max", WORKERS_MAX, "--jobs-per-worker", JOBS_PER_WORKER]
        command = [sys.executable, APP / "autoscaler.py", self.jobs, *bounds, "--", *worker]
        return self.stage.process("back-end", command, self.cluster.environment())

    def upload(self, user, clip):
        job = user.upload(clip.video)
        if job is None:
            raise Trouble("the front end refused a video")
        if job in self.clips:
            raise Trouble(f"two videos got the id {job}")
        self.clips[job] = clip
        return job

    def upload_one_by_one(self):
        """Each once the one before is done."""
        print(f"{'second':>6} {'uploaded':>8} {'ready':>6} {'in queue':>8} {'workers':>7}", flush=True)
        user = User(self.port)
        for number in range(IDLE_UPLOADS):
            job = self.upload(user, Clip(number, self.short))
            until(f"job {job} is done", lambda: self.look(job), DONE_S_MAX, LOOK_S / 10)
        self.idle_ms = user.took_ms
        self.print_row("one video after the other is done")

    def upload_burst(self):
        """A long one, one whose worker will be killed, a broken one, and a burst of short ones."""
        user = User(self.port)
        self.long = self.upload(user, Clip(1001, frames_for(LONG_S)))
        self.victim = self.upload(user, Clip(1002, frames_for(VICTIM_S)))
        self.broken = self.upload(user, CutOff(1003, self.short))
        clips = [Clip(2000 + number, self.short) for number in range(BURST_UPLOADS)]
        self.print_row("a long, an unlucky and a broken video are uploaded, and a burst begins")
        users = [User(self.port) for _ in range(USERS)]
        with concurrent.futures.ThreadPoolExecutor(USERS) as pool:
            for _ in pool.map(lambda n: [self.upload(users[n], clip) for clip in clips[n::USERS]], range(USERS)):
                self.look()
        self.burst_ms = [took for user in users for took in user.took_ms]
        self.print_row("the burst is uploaded")

    def until_done(self):
        """Waits until every job is done or has failed; kills a worker at the unlucky one."""
        end = time.monotonic() + DONE_S_MAX
        while len(self.final) < len(self.clips):
            self.look()
            if self.killed_at is None and self.is_mid_job(self.victim):
                self.kill_worker(self.records.took[self.victim][0]["pid"])
            if time.monotonic() > end:
                raise Trouble(f"{len(self.clips) - len(self.final)} jobs are neither done nor failed")
            time.sleep(LOOK_S)
        if self.killed_at is None:
            raise Trouble("the unlucky video was done before its worker could be killed")
        self.print_row("every job is done or has failed")

    def is_mid_job(self, job):
        """Whether a worker has been at the job for a while, and is not done with it."""
        took = self.records.took[job]
        return took and time.time() > took[0]["at"] + MID_JOB_S and job not in self.records.made

    def kill_worker(self, pid):
        if os.getpgid(pid) != self.back_end.child.pid:
            raise Trouble(f"process {pid} is no worker of ours")
        os.kill(pid, signal.SIGKILL)
        self.killed_pid, self.killed_at = pid, time.time()
        self.print_row(f"worker {pid} is killed at its job")

    def until_small(self):
        """Waits until the back end has as few workers as at the beginning."""
        until("the back end is small again", lambda: self.look() and self.records.workers == WORKERS_MIN, SHRINK_S_MAX, LOOK_S)
        self.print_row("the back end is small again")

    def look(self, job=None):
        """Notes what happened; whether this job, or the run as far as it goes, is in order."""
        for process in (self.front_end, self.back_end):
            if not process.runs():
                raise Trouble(f"{process.name} ended by itself")
        for event in self.back_end.events():
            self.records.take(event)
        user = User(self.port)
        self.final |= {id for id in list(self.clips) if id not in self.final and user.job(id)["state"] in FINAL}
        if time.monotonic() - self.begun >= self.next_row:
            self.print_row("")
        return job is None or job in self.final

    def print_row(self, what):
        second = time.monotonic() - self.begun
        self.next_row = second - second % ROW_S + ROW_S
        depth, uploaded = queues.depth(self.sqs, self.jobs), len(self.clips)
        print(f"{second:6.0f} {uploaded:8} {len(self.final):6} {depth:8} {self.records.workers:7}  {what}".rstrip(), flush=True)


def answers(process, port):
    if not process.runs():
        raise Trouble("the front end ended")
    try:
        return User(port).ask("GET", "/jobs/none")[0] == 404
    except OSError:
        return False
