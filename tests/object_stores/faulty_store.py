"""An S3 server on loopback: moto, behind a proxy that records calls and makes some of them fail."""

import logging
import os
import socket
import struct
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "zoo"

# How often the program repeats a call.
RETRIES = 3

# How late an answer is that comes late, in seconds.
LATE = 15

# Time limit of the proxy for an answer of the server, in seconds.
PATIENCE = 120


@dataclass
class Fault:
    """Calls that fail: `times` calls of one kind to one path.

    `call` is GET, HEAD, LIST, PUT or DELETE. Without a path, the first one to come after `skip` calls of
    its kind sets it. `kind` is one of these:

        a status    the answer, without asking the server
        cut         the connection breaks in the middle of the answer's body
        reset       the connection is reset before the server hears of the call
        lost        the server does what it is asked for, and the connection is reset instead of an answer
        late        the answer comes 15 seconds late
    """

    call: str
    kind: int | str
    times: int = 1
    path: str | None = None
    skip: int = 0

    def strikes(self, call, path):
        """Whether it makes this call fail."""
        if call != self.call or self.path not in (None, path) or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.path = path
        self.times -= 1
        return True


class Proxy(ThreadingHTTPServer):
    """Forwards calls to the server, records them, and makes those fail that it is told to."""

    daemon_threads = True

    def __init__(self, server_port):
        super().__init__(("127.0.0.1", 0), Handler)
        self.server_port_behind = server_port
        self.lock = threading.Lock()
        self.requests = []
        self.faults = []
        self.n_late = 0
        self.delay = 0.0

    def handle_error(self, request, client_address):
        """Prints errors, except for the broken connection of a client that was killed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def inject(self, *faults):
        """Makes calls fail, in place of those that were to fail before."""
        with self.lock:
            self.faults = list(faults)

    def inject_fault(self, key, kind, times):
        """Makes the next `times` reads of a key fail, and returns the fault."""
        fault = Fault("GET", kind, times, f"/{BUCKET}/{key}")
        with self.lock:
            self.faults.append(fault)
        return fault

    def begin(self, call, path, request):
        """Records a call, and returns the kind of its fault, or None."""
        with self.lock:
            self.requests.append(request)
            # Each fault counts calls, whichever of them strikes.
            struck = [fault for fault in self.faults if fault.strikes(call, path)]
            return struck[0].kind if struck else None

    def requests_for(self, part):
        """The recorded (method, path, range) of requests whose path contains `part`."""
        with self.lock:
            return [request for request in self.requests if part in request[1]]

    def forget_requests(self):
        with self.lock:
            self.requests.clear()

    def calls(self):
        """The number of recorded calls of each kind."""
        with self.lock:
            kinds = [kind_of_call(method, path) for method, path, _ in self.requests]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def wait_late(self):
        """Waits before an answer that is to be late."""
        with self.lock:
            self.n_late += 1
        time.sleep(LATE)
        with self.lock:
            self.n_late -= 1

    def environment(self, cache):
        """The environment of a program that uses the store through this proxy."""
        return dict(
            os.environ,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_REGION="us-east-1",
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{self.server_address[1]}",
            AWS_ALLOW_HTTP="true",
            CNTFLOW_CACHE=str(cache),
            CNTFLOW_STORE_RETRIES=str(RETRIES),
            CNTFLOW_LEASE_SECONDS="3",
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The head and the body of an answer are two writes, and the second would wait for a sign of the
    # first.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def relay(self):
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        proxy = self.server
        call = kind_of_call(self.command, self.path)
        fault = proxy.begin(call, path, (self.command, self.path, self.headers.get("Range")))
        time.sleep(proxy.delay)
        if isinstance(fault, int):
            self.send_response(fault)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "reset":
            self.reset()
        else:
            response, content = self.ask(body)
            if fault == "lost":
                self.reset()
                return
            if fault == "late":
                proxy.wait_late()
            self.answer(response, content, fault == "cut")

    def ask(self, body):
        """The answer of the server, and its body."""
        server = HTTPConnection("127.0.0.1", self.server.server_port_behind, timeout=PATIENCE)
        server.request(self.command, self.path, body, dict(self.headers))
        response = server.getresponse()
        content = response.read()
        server.close()
        return response, content

    def answer(self, response, content, is_cut):
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "server", "date"):
                self.send_header(name, value)
        length = response.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(content[: len(content) // 2] if is_cut else content)
        self.close_connection |= is_cut

    def reset(self):
        """Resets the connection once it is closed, instead of ending it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = relay


def kind_of_call(method, path):
    """GET, HEAD, LIST, PUT or DELETE: what a request asks the store for."""
    query = path.partition("?")[2]
    if method == "GET" and "list-type=" in query:
        return "LIST"
    if method == "POST" and query.partition("=")[0] == "delete":
        return "DELETE"
    return method


@contextmanager
def servers():
    """Starts the S3 server and the proxy, and yields the proxy and a client of the server itself."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    proxy = Proxy(port)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    s3.create_bucket(Bucket=BUCKET)
    try:
        yield proxy, s3
    finally:
        proxy.shutdown()
        moto.stop()


def keys(s3, prefix):
    """The keys in the bucket that start with `prefix`."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def remove(s3, prefix):
    """Removes the objects whose keys start with `prefix`."""
    for key in keys(s3, prefix):
        s3.delete_object(Bucket=BUCKET, Key=key)


def copy_to_disk(s3, prefix, folder):
    """Copies the objects below `prefix`, which ends with a slash, to a folder."""
    for key in keys(s3, prefix):
        path = folder / key.removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
