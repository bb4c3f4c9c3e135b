"""A small Redis client: as much of the protocol (RESP2) as the demo and the end-to-end tests need."""
import socket


class RedisError(Exception):
    pass


class Redis:
    def __init__(self, port, timeout_s=10):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._file.close()
        self._socket.close()

    def call(self, *words):
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded))
        return self._reply()

    def _reply(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        count = int(rest)
        if count < 0:
            return None
        if kind == b"$":
            return self._file.read(count + 2)[:-2].decode(errors="replace")
        return [self._reply() for _ in range(count)]

    def read_streams(self, last_ids, block_ms):
        """New entries of several streams as (key, id, fields); advances last_ids, a dict of key -> id."""
        reply = self.call("XREAD", "COUNT", 100, "BLOCK", block_ms, "STREAMS", *last_ids, *last_ids.values())
        for key, entries in reply or []:
            for entry, flat in entries:
                last_ids[key] = entry
                yield key, entry, dict(zip(flat[::2], flat[1::2]))

    def hash(self, key):
        flat = self.call("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))
