"""Moto's DynamoDB on 127.0.0.1, one request at a time: python3 moto_serve.py PORT. Says "listening" once it does."""

import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

LOCK = threading.Lock()
APP = DomainDispatcherApplication(create_backend_app)


def one_at_a_time(environ, start_response):
    with LOCK:
        return list(APP(environ, start_response))


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept

    def log_request(self, code="-", size="-"):
        pass


SERVER = make_server("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True, request_handler=Quiet)
print("listening", flush=True)
SERVER.serve_forever()
