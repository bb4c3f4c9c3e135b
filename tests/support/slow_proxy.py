"""A TCP proxy on loopback whose way back, from the server to the client, a test can make slow or stop."""
import socket
import threading
import time

CHUNK = 1448  # about a packet's payload
BUFFER_BYTES = 16384  # the kernel's, so that what is held up is held up at the server


class SlowProxy:
    def __init__(self, server_port):
        self._server_port = server_port
        self._bytes_per_s = None
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def limit(self, bytes_per_s):
        """None: as fast as it goes. Holds for the connections that there are, too."""
        with self._changed:
            self._bytes_per_s = bytes_per_s
            self._changed.notify_all()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            try:
                server.connect(("127.0.0.1", self._server_port))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source, sink, limited):
        try:
            while data := source.recv(CHUNK):
                if limited:
                    self._wait(len(data))
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _wait(self, count):
        """Until so many bytes may go."""
        began = time.monotonic()
        with self._changed:
            while self._bytes_per_s is not None:
                left = began + count / self._bytes_per_s - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)
