"""A server of models on loopback that speaks the API of the Hugging Face hub, with failures.

Large files are redirected to another port, as the hub redirects them to the servers that have them.
That port refuses requests with an Authorization header. Only the standard library is used.
"""

import hashlib
import json
import re
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_token_that_no_text_may_have"
SIGNATURE = "signature-that-no-text-may-have"

# Files of a page of a listing, so that most listings have several.
PAGE = 3

# Bytes that are sent at once.
CHUNK = 1 << 20


class File:
    """The content of a file: some bytes, then zeros up to its size."""

    def __init__(self, start, size=None, lfs=False):
        self.start, self.size, self.lfs = start, size or len(start), lfs
        self.oid = hashlib.sha256(b"%d %s" % (self.size, start)).hexdigest()[: 64 if lfs else 40]
        # What the server that has a large file says of its size, if it is not the hub's.
        self.size_elsewhere = self.size

    def chunks(self, first, end):
        """Yields the bytes from `first` to `end`."""
        while first < end:
            stop = min(end, first + CHUNK)
            known = self.start[first:stop]
            yield known + bytes(stop - first - len(known))
            first = stop


@dataclass
class Repository:
    """Commits with their files, and the branches and tags that name them."""

    commits: dict = field(default_factory=dict)
    branches: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)
    needs_token: bool = False
    is_gated: bool = False

    def commit(self, branch, files):
        """Adds a commit of these files, and points the branch to it."""
        text = json.dumps([branch, len(self.commits), sorted((path, file.oid) for path, file in files.items())])
        number = hashlib.sha1(text.encode()).hexdigest()
        self.commits[number] = files
        self.branches[branch] = number

    def find(self, revision):
        """The commit of a revision, or None."""
        known = self.branches | self.tags
        commit = known.get(revision, revision)
        return commit if commit in self.commits else None


@dataclass
class Fault:
    """The next `times` requests whose path has `part` fail.

    `kind` is a status, or `cut`: the body ends in its middle.
    """

    part: str
    kind: int | str
    times: int
    headers: dict = field(default_factory=dict)


class Hub:
    """Two servers: that of the API and of small files, and that of large files."""

    def __init__(self):
        self.repositories, self.faults = {}, []
        # New names of repositories by their old ones.
        self.renamed = {}
        self.lock = threading.Lock()
        self.requests, self.sent, self.leaks = [], 0, []
        self.api = Server(("127.0.0.1", 0), ApiHandler, self)
        self.files = Server(("127.0.0.1", 0), FilesHandler, self)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.api.server_address[1]}"

    def repository(self, name):
        return self.repositories.setdefault(name, Repository())

    def fault(self, part, kind, times, **headers):
        with self.lock:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            self.faults.append(Fault(part, kind, times, headers))

    def forget(self):
        with self.lock:
            self.requests, self.sent = [], 0

    def begin(self, method, path, byte_range):
        """Records a request, and returns its fault, or None."""
        with self.lock:
            self.requests.append((time.monotonic(), method, path, byte_range))
            for fault in self.faults:
                if fault.times > 0 and fault.part in path:
                    fault.times -= 1
                    return fault
        return None

    def count(self, n_bytes):
        with self.lock:
            self.sent += n_bytes

    def asked(self, part):
        """Requests whose path has `part`: time, method, path, range."""
        with self.lock:
            return [request for request in self.requests if part in request[2]]

    def blob(self, oid):
        for repository in self.repositories.values():
            for files in repository.commits.values():
                for file in files.values():
                    if file.oid == oid:
                        return file
        return None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, handler, hub):
        super().__init__(address, handler)
        self.hub = hub

    def handle_error(self, request, client_address):
        """Prints errors, except for clients that have read enough."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    @property
    def hub(self):
        return self.server.hub

    def handle_request(self):
        self.fault = self.hub.begin(self.command, self.path, self.headers.get("Range"))
        if self.fault and isinstance(self.fault.kind, int):
            self.refuse(self.fault.kind, None, "told to", **self.fault.headers)
            return
        path, _, query = self.path.partition("?")
        self.route([urllib.parse.unquote(part) for part in path.strip("/").split("/")], query)

    do_GET = do_HEAD = handle_request

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.hub.count(len(body))
            self.wfile.write(body)

    def refuse(self, status, code, message, **headers):
        if code:
            headers["X_Error_Code"] = code
        self.answer(status, b"", X_Error_Message=message, **headers)

    def send_file(self, file, size, **headers):
        """The range of a file that is asked for, or all of it."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        first, end = (int(asked[1]), min(int(asked[2]) + 1, size)) if asked else (0, size)
        if asked and first >= size:
            self.refuse(416, None, "no such range")
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{size}")
        self.send_header("Content-Length", str(end - first))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "HEAD":
            return
        is_cut = self.fault and self.fault.kind == "cut"
        for chunk in file.chunks(first, first + (end - first) // 2 if is_cut else end):
            self.wfile.write(chunk)
            self.hub.count(len(chunk))
        self.close_connection |= bool(is_cut)


class ApiHandler(Handler):
    def route(self, parts, query):
        is_api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if is_api else parts[:2])
        rest = parts[4:] if is_api else parts[2:]
        repository = self.hub.repositories.get(name)
        sent = self.headers.get("Authorization")
        has_token = sent == f"Bearer {TOKEN}"
        if name in self.hub.renamed:
            where = self.path.replace(name, self.hub.renamed[name], 1)
            self.answer(307, b"", Location=where)
        elif sent and not has_token:
            self.refuse(401, None, "Invalid credentials in Authorization header")
        elif repository is None or repository.needs_token and not has_token:
            self.refuse(401, "RepoNotFound", "Repository not found")
        elif is_api and rest == ["refs"]:
            self.references(repository)
        elif is_api and rest[0] == "tree":
            self.tree(repository, rest[1], "/".join(rest[2:]), query)
        elif not is_api and rest[0] == "resolve":
            self.resolve(repository, rest[1], "/".join(rest[2:]), has_token)
        else:
            self.refuse(404, None, "no such path")

    def references(self, repository):
        def listed(references, kind):
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit}
                for name, commit in references.items()
            ]

        document = {
            "branches": listed(repository.branches, "heads"),
            "tags": listed(repository.tags, "tags"),
            "converts": [],
        }
        self.answer(200, json.dumps(document).encode(), Content_Type="application/json")

    def tree(self, repository, revision, folder, query):
        commit = repository.find(revision)
        if commit is None:
            self.refuse(404, "RevisionNotFound", "Invalid rev id")
            return
        files = repository.commits[commit]
        below = sorted(path for path in files if not folder or path.startswith(f"{folder}/"))
        if folder and not below:
            self.refuse(404, "EntryNotFound", "no such entry")
            return
        asked = dict(urllib.parse.parse_qsl(query))
        assert asked["recursive"].lower() == "true", query
        first = int(asked.get("cursor", 0))
        page = [entry(path, files[path]) for path in below[first : first + PAGE]]
        headers = {}
        if first + PAGE < len(below):
            following = urllib.parse.urlencode(asked | {"cursor": first + PAGE})
            path = self.path.partition("?")[0]
            headers["Link"] = f'<{self.hub.endpoint}{path}?{following}>; rel="next"'
        self.answer(200, json.dumps(page).encode(), Content_Type="application/json", **headers)

    def resolve(self, repository, revision, path, has_token):
        commit = repository.find(revision)
        if commit is None:
            self.refuse(404, "RevisionNotFound", "Invalid rev id")
            return
        file = repository.commits[commit].get(path)
        if file is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
        elif repository.is_gated and not has_token:
            self.refuse(403, "GatedRepo", "Access to this model is restricted")
        elif file.lfs:
            where = f"http://127.0.0.1:{self.hub.files.server_address[1]}/{file.oid}?{SIGNATURE}"
            # What the hub says of a file is on its own answer, the redirect.
            self.answer(
                302, b"", Location=where, X_Linked_Size=str(file.size), X_Linked_ETag=f'"{file.oid}"',
                X_Repo_Commit=commit, ETag='"of-the-pointer"',
            )  # fmt: skip
        else:
            self.send_file(file, file.size, ETag=f'W/"{file.oid}"', X_Repo_Commit=commit)


class FilesHandler(Handler):
    def route(self, parts, query):
        if "Authorization" in self.headers:
            self.hub.leaks.append(self.path)
            self.refuse(400, None, "Only one auth mechanism allowed")
            return
        file = self.hub.blob(parts[0])
        if file is None or query != SIGNATURE:
            self.refuse(403, None, "expired")
            return
        self.send_file(file, file.size_elsewhere, ETag='"of-this-server"')


def entry(path, file):
    """A file of a listing."""
    entry = {"type": "file", "path": path, "size": file.size, "oid": file.oid}
    if file.lfs:
        entry["oid"] = file.oid[:40]
        entry["lfs"] = {"oid": file.oid, "size": file.size, "pointerSize": 135}
    return entry


@contextmanager
def running_hub():
    """Starts the servers, and yields the hub."""
    hub = Hub()
    for server in (hub.api, hub.files):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        for server in (hub.api, hub.files):
            server.shutdown()
            server.server_close()
