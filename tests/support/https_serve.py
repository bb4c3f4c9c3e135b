#!/usr/bin/env python3
"""Serves a folder by HTTPS on loopback to one user: https_serve.py PEM USER:PASSWORD PORT FOLDER

PEM holds the certificate and its key; PORT 0 means any free one. Prints `listening on PORT`, then runs until it is ended.
"""
import base64
import functools
import http.server
import ssl
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    allowed = ""

    def do_GET(self):
        if self.headers.get("Authorization") == self.allowed:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None


def main():
    certificate, user, port, folder = sys.argv[1:5]
    Handler.allowed = "Basic " + base64.b64encode(user.encode()).decode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), functools.partial(Handler, directory=folder),
                                             bind_and_activate=False)
    server.daemon_threads = True
    server.allow_reuse_address = True
    server.server_bind()
    server.server_activate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The handshake is each connection's own, so that a client who refuses the certificate holds up nobody.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()


main()
