"""The runtime client for functions in Python: asks the Lambda Runtime API for
events, calls the handler, reports what it answers. Standard library only."""

import io
import json
import os
import socket
import sys
import time

import _redoubt_later as later

# Kinds of packets on descriptor 3 (see instance.go).
STREAM, EVENT, MORE = b"\x01", b"\x02", b"\x03"
PACKET = 32 << 10

_log = socket.socket(fileno=3)


def emit(text):
    """Writes one event of the log, which may have several lines."""
    data = text.encode("utf-8", "replace")
    while len(data) > PACKET:
        _log.send(MORE + data[:PACKET])
        data = data[PACKET:]
    _log.send(EVENT + data)


class Output(io.RawIOBase):
    """Standard output and error: lines become events of the log, in the order in
    which they and other events were written."""

    def __init__(self, fd):
        self._fd = fd

    def writable(self):
        return True

    def fileno(self):
        return self._fd

    def write(self, data):
        data = bytes(data)
        for i in range(0, len(data), PACKET):
            _log.send(STREAM + data[i : i + PACKET])
        return len(data)


class Refused(Exception):
    """The Runtime API did not take what it was sent."""


class Client:
    """The Runtime API over one connection that stays open."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.host = address
        self.conn = None
        self.rest = b""

    def request(self, method, path, body=b"", headers=""):
        head = "%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n" % (
            method, path, self.host, headers, len(body))
        if self.conn is None:
            self.conn = socket.create_connection(self.address)
            self.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.rest = b""
        try:
            self.conn.sendall(head.encode("latin-1") + body)
            return self.response()
        except OSError:
            self.conn.close()
            self.conn = None
            raise

    def response(self):
        data = self.rest
        while b"\r\n\r\n" not in data:
            data += self.receive()
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        parts, have = [data], len(data)
        while have < length:
            part = self.receive()
            parts.append(part)
            have += len(part)
        data = b"".join(parts)
        self.rest = data[length:]
        return status, headers, data[:length]

    def receive(self):
        part = self.conn.recv(256 << 10)
        if not part:
            raise ConnectionError("the Runtime API closed the connection")
        return part

    def next(self):
        status, headers, body = self.request("GET", "invocation/next")
        if status != 200:
            raise Refused("next: %d %s" % (status, body[:200]))
        return headers, body

    def answer(self, request_id, body):
        status, _, text = self.request("POST", "invocation/%s/response" % request_id, body, "Content-Type: application/json\r\n")
        if status == 413:
            emit("[ERROR] The response is too large: %s\n" % text.decode("utf-8", "replace"))

    def error(self, path, failure):
        body = json.dumps(failure, ensure_ascii=False).encode("utf-8", "surrogatepass")
        kind = "".join(c for c in failure["errorType"] if " " < c < "\x7f")
        self.request("POST", path, body, "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: %s\r\n" % kind)


class Failure(Exception):
    """Something that has a type of its own in the answer."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind, self.message, self.trace = kind, message, trace or []


def describe(error, request_id):
    """An exception as AWS answers it."""
    if isinstance(error, Failure):
        return {"errorMessage": error.message, "errorType": error.kind, "requestId": request_id, "stackTrace": error.trace}
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    # The frames of this file are not the function's.
    while frames and frames[0].filename == __file__:
        frames = frames[1:]
    while frames and (frames[0].filename.startswith("<frozen importlib") or frames[0].filename.endswith("importlib/__init__.py")):
        frames = frames[1:]
    trace = traceback.format_list(frames)
    return {"errorMessage": str(error), "errorType": type(error).__name__, "requestId": request_id, "stackTrace": trace}


def report(failure):
    """Writes a failure to the log as AWS does."""
    if JSON_LOG:
        emit(json.dumps({"timestamp": stamp(), "log_level": "ERROR", **failure}, ensure_ascii=False) + "\n")
        return
    text = "[ERROR] %s" % failure["errorType"]
    if failure["errorMessage"]:
        text += ": " + failure["errorMessage"]
    lines = [text]
    if failure["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        for line in "".join(failure["stackTrace"]).splitlines():
            rest = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(rest)) + rest)
    emit("\n".join(lines))


def stamp():
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % (now % 1 * 1000)


JSON_LOG = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
current_request = ""


class Identity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self):
        self.cognito_identity_id = self.cognito_identity_pool_id = None


class ClientApp:
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext:
    def __init__(self, given):
        self.custom = given.get("custom")
        self.env = given.get("env")
        self.client = None
        if isinstance(given.get("client"), dict):
            self.client = ClientApp()
            for name in ClientApp.__slots__:
                setattr(self.client, name, given["client"].get(name))


class Context:
    """The second argument of handlers."""

    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
    memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")

    def __init__(self, headers):
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.identity = Identity()
        self.client_context = None
        given = headers.get("lambda-runtime-client-context")
        if given:
            try:
                self.client_context = ClientContext(json.loads(given.encode("latin-1")))
            except Exception as e:
                raise Failure("Runtime.LambdaContextUnmarshalError", "Unable to parse client context: %s" % e)
        self._deadline = int(headers.get("lambda-runtime-deadline-ms", "0"))

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        emit(str(message))

    def __repr__(self):
        names = ("aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb", "function_version",
                 "invoked_function_arn", "client_context", "identity")
        return "LambdaContext([%s])" % ",".join("%s=%s" % (n, getattr(self, n)) for n in names)


def load(name):
    """Imports the module of a handler and answers the function."""
    import importlib

    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError:
        raise Failure("Runtime.MalformedHandlerName", "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise Failure("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, e))
    except SyntaxError as e:
        trace = ['  File "%s" Line %s\n    %s\n' % (e.filename, e.lineno, (e.text or "").rstrip("\n"))]
        raise Failure("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, e), trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Failure("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


def encode(value):
    """What json does not know: decimals, as AWS's runtime takes them."""
    if type(value).__name__ == "Decimal":
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def handle(handler, headers, body):
    """Runs one event and answers the bytes of its answer."""
    trace = headers.get("lambda-runtime-trace-id")
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        event = json.loads(body)
    except Exception as e:
        raise Failure("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e)
    value = handler(event, Context(headers))
    try:
        return json.dumps(value, default=encode, ensure_ascii=sys.version_info < (3, 12)).encode("utf-8")
    except Exception as e:
        raise Failure("Runtime.MarshalError", "Unable to marshal response: %s" % e)


def set_up_logging(module):
    import _redoubt_logs as logs

    logs.set_up(emit, lambda: current_request, JSON_LOG)


def endpoint_of_old_sdks(module):
    import _redoubt_endpoint as endpoint

    endpoint.teach(module)


def set_up_paths():
    here = os.path.dirname(os.path.abspath(__file__))
    # Python starts without its site module, whose work on a host with many packages
    # would be half of a cold start. What functions see of it is put in place here.
    site = [p for p in os.environ.pop("REDOUBT_SITE", "").split(":") if p]
    if site:
        import _sitebuiltins
        import builtins

        for name in ("exit", "quit"):
            setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    layers = os.environ.pop("REDOUBT_LAYERS", "/opt")
    version = "python%d.%d" % sys.version_info[:2]
    first = [os.environ["LAMBDA_TASK_ROOT"]]
    if layers:
        first += [layers + "/python/lib/" + version + "/site-packages", layers + "/python"]
    sys.path[:] = first + [p for p in sys.path if p != here] + site + [here]


def main():
    global current_request
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(io.BufferedWriter(Output(fd)), "utf-8", "backslashreplace", write_through=True, line_buffering=True)
        setattr(sys, name, stream)
    client = Client(os.environ["AWS_LAMBDA_RUNTIME_API"])
    set_up_paths()
    later.after("logging", set_up_logging)
    if os.environ.get("AWS_ENDPOINT_URL"):
        later.after("botocore.session", endpoint_of_old_sdks)
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as e:
        failure = describe(e, "")
        report(failure)
        client.error("init/error", failure)
        sys.exit(1)
    while True:
        headers, body = client.next()
        current_request = headers["lambda-runtime-aws-request-id"]
        try:
            answer = handle(handler, headers, body)
        except Exception as e:
            failure = describe(e, current_request)
            sys.stdout.flush()
            report(failure)
            client.error("invocation/%s/error" % current_request, failure)
        else:
            sys.stdout.flush()
            client.answer(current_request, answer)


if __name__ == "__main__":
    main()
