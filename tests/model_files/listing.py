"""What `files.toml` lists, and where the files are in the cache that `fetch` fills."""
import os
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def packages():
    with (HERE / "files.toml").open("rb") as file:
        return tomllib.load(file)["packages"]


def default_cache():
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "cntflow" / "model_files"


def folder_of(package, cache):
    return Path(cache) / f"{package['name'].replace('/', '_')}-{package['version']}"


def is_fetched(package, cache):
    stamp = folder_of(package, cache) / "fetched"
    return stamp.is_file() and stamp.read_text() == stamp_of(package)


def stamp_of(package):
    """Changes with the archive and with the list of files that are wanted of it."""
    return "\n".join([package["sha256"], *wanted_of(package)]) + "\n"


def wanted_of(package):
    """Paths inside the archive, some of them patterns."""
    files = [path for file in package.get("files", []) for path in (file["path"], *file.get("beside", []))]
    return [package["many"]["path"], *files] if "many" in package else files
