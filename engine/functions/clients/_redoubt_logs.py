"""What the root logger writes with, set up when a function imports logging."""

import json
import logging
import os
import time


class LogHandler(logging.Handler):
    """What the root logger writes with."""

    def __init__(self, write):
        super().__init__()
        self.write = write

    def emit(self, record):
        try:
            self.write(self.format(record))
        except Exception:
            self.handleError(record)


class RequestFilter(logging.Filter):
    def __init__(self, current):
        super().__init__()
        self.current = current

    def filter(self, record):
        record.aws_request_id = self.current()
        return True


class JSONFormatter(logging.Formatter):
    def format(self, record):
        line = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": record.aws_request_id,
        }
        if record.exc_info and record.exc_info[0]:
            line["stackTrace"] = self.formatException(record.exc_info).split("\n")
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
        return json.dumps({k: v for k, v in line.items() if v is not None and v != ""}, default=str, ensure_ascii=False) + "\n"


def set_up(write, current, as_json):
    handler = LogHandler(write)
    if as_json:
        handler.setFormatter(JSONFormatter())
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
        logging.root.setLevel({"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}.get(level, level))
    else:
        formatter = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    handler.addFilter(RequestFilter(current))
    logging.root.addHandler(handler)
