"""Checks the recipes of pipelines/cluster: their syntax, and that they run.

Usage, from anywhere in a clone: tests/cluster/check_recipes.py CNTFLOW

CNTFLOW is the program. Stand-ins for `srun` and `scontrol` start the tasks of the Slurm recipe on this
machine; the processes of the Kubernetes recipe run here as well, each with the environment of its pod.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "pipelines" / "cluster"

# The options of sbatch that a recipe may use, from its manual.
SBATCH_OPTIONS = {
    "account", "array", "constraint", "cpus-per-task", "dependency", "distribution", "error", "exclusive",
    "export", "gpus", "job-name", "mail-type", "mem", "mem-per-cpu", "nodes", "ntasks", "ntasks-per-node",
    "open-mode", "output", "partition", "qos", "requeue", "signal", "time",
}
FLAGS = {"exclusive", "requeue"}

STUDY = """
[study]
name = "recipe"

[population]
dataset = "mnist-6k"
seed = 3
checkpoints = [1]

[[population.group]]
name = "dense"
runs = {runs}
architecture = {{ dense = [16] }}
activation = ["relu", "tanh"]
initialisation = [{{ kind = "normal", scale = 0.1 }}]
optimiser = "adam"
learning_rate = {{ min = 1e-4, max = 1e-2, scale = "log" }}
batch_size = 32
epochs = {epochs}
training_fraction = {fraction}

[measure]
"""

# Starts two tasks, each on a node of its own: addresses of the loopback network.
SRUN = """#!/usr/bin/env bash
export SLURM_NTASKS=2 SLURM_JOB_NODELIST='127.0.1.[1-2]' SLURM_TASKS_PER_NODE='1(x2)'
[[ $1 == --cpus-per-task=1 ]] || exit 99
shift
pids=()
for task in 0 1; do
  SLURM_PROCID=$task "$@" & pids+=($!)
done
echo "${pids[@]}" > tasks
worst=0
for pid in "${pids[@]}"; do
  code=0; wait "$pid" || code=$?
  if ((code > worst)); then worst=$code; fi
done
exit $worst
"""


def check_sbatch(path):
    """The script is valid bash, and its directives are those of sbatch and stand before any command."""
    subprocess.run(["bash", "-n", path], check=True)
    seen = []
    command_at = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#SBATCH"):
            assert command_at is None, f"{path}:{number}: sbatch reads no directive after line {command_at}"
            match = re.fullmatch(r"#SBATCH --([a-z-]+)(?:=(\S+))?", line)
            assert match, f"{path}:{number}: not a directive: {line}"
            name, value = match.groups()
            assert name in SBATCH_OPTIONS, f"{path}:{number}: sbatch has no --{name}"
            assert (value is None) == (name in FLAGS), f"{path}:{number}: --{name}: value {value}"
            seen.append(name)
        elif line and not line.startswith("#"):
            command_at = command_at or number
    for name in ("nodes", "cpus-per-task", "distribution", "signal", "requeue", "time"):
        assert name in seen, f"{path}: no --{name}"


def check_kubernetes(path):
    """The manifests are valid by the schema of Kubernetes, and agree with each other."""
    documents = list(yaml.safe_load_all(path.read_text()))
    for document in documents:
        kubernetes_validate.validate(document, "1.29", strict=True)
    job = next(document for document in documents if document["kind"] == "Job")["spec"]
    service = next(document for document in documents if document["kind"] == "Service")
    pod = job["template"]["spec"]
    container = pod["containers"][0]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert job["completions"] == job["parallelism"] == int(environment["CNTFLOW_PROCESSES"])
    assert pod["subdomain"] == service["metadata"]["name"]
    return container["args"]


def environment(here, **variables):
    return os.environ | {"PATH": f"{here}:{os.environ['PATH']}"} | variables


def prepare(here, program, runs, epochs, fraction):
    (here / "study.toml").write_text(STUDY.format(runs=runs, epochs=epochs, fraction=fraction))
    for name, text in (("srun", SRUN), ("scontrol", '#!/bin/sh\necho "$@" > requeued\n')):
        (here / name).write_text(text)
        (here / name).chmod(0o755)
    (here / "cntflow").symlink_to(program)


def run_slurm(program):
    """The recipe of Slurm runs a study to its end."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        prepare(here, program, runs=8, epochs=1, fraction=0.05)
        command = ["bash", RECIPES / "slurm.sbatch", "study.toml", "out"]
        variables = environment(here, SLURM_JOB_ID="321", SLURM_CPUS_PER_TASK="1")
        subprocess.run(command, cwd=here, env=variables, check=True)
        assert not (here / "requeued").exists()
        check_networks(program, here / "out", 8)


def requeue_slurm(program):
    """Before its time is up, the job saves its work and queues itself again."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        prepare(here, program, runs=400, epochs=20, fraction=1.0)
        command = ["bash", RECIPES / "slurm.sbatch", "study.toml", "out"]
        variables = environment(here, SLURM_JOB_ID="322", SLURM_CPUS_PER_TASK="1")
        job = subprocess.Popen(command, cwd=here, env=variables)
        deadline = time.monotonic() + 60
        checkpoints = here / "out" / "checkpoints"
        while not checkpoints.exists() or len(list(checkpoints.iterdir())) < 6:
            assert time.monotonic() < deadline, "nothing is trained"
            time.sleep(0.1)
        for task in (here / "tasks").read_text().split():
            os.kill(int(task), signal.SIGUSR2)
        assert job.wait(timeout=60) == 140, job.returncode
        assert (here / "requeued").read_text() == "requeue 322\n"
        assert list((here / "out").glob("catalog.*.parquet")), "no work is saved"


def run_kubernetes(program, arguments):
    """The command of the Kubernetes recipe runs a study to its end, here in two processes."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        prepare(here, program, runs=8, epochs=1, fraction=0.05)
        arguments = [argument.replace("/studies", str(here)) for argument in arguments]
        arguments[arguments.index("--workers") + 1] = "1"
        pods = []
        for index in range(2):
            variables = environment(
                here, JOB_COMPLETION_INDEX=str(index), CNTFLOW_PROCESSES="2", CNTFLOW_HOST="127.0.2.{}",
                CNTFLOW_SECRET="a secret of this check")
            pods.append(subprocess.Popen([program, *arguments], cwd=here, env=variables))
        codes = [pod.wait(timeout=120) for pod in pods]
        assert codes == [0, 0], codes
        check_networks(program, here / "out", 8)


def check_networks(program, out, expected):
    query = [program, "query", out, "SELECT count(*) AS n FROM networks WHERE status = 'ok'", "--format", "csv"]
    text = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    assert text.split() == ["n", str(expected)], text


def main():
    program = Path(sys.argv[1]).resolve()
    check_sbatch(RECIPES / "slurm.sbatch")
    arguments = check_kubernetes(RECIPES / "kubernetes.yaml")
    run_slurm(program)
    requeue_slurm(program)
    run_kubernetes(program, arguments)
    print("recipes: Slurm (run, requeue) and Kubernetes (manifests, run)")


if __name__ == "__main__":
    main()
