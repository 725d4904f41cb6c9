"""The messages of SIP, as far as the edge reads them."""

import re

# Long names of compact ones.
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
           "c": "content-type", "k": "supported", "o": "event"}


class Message:
    """A request or a response: its first line, its headers in order, and its body."""

    def __init__(self, start, headers, body):
        self.start, self.headers, self.body = start, headers, body
        self.is_response = start.startswith("SIP/2.0 ")
        words = start.split(" ", 2)
        if self.is_response:
            self.status, self.method = int(words[1]), self["cseq"].split()[1]
        else:
            self.status, self.method, self.uri = None, words[0], words[1]

    def all(self, name):
        return [value for own, value in self.headers if own == name]

    def __getitem__(self, name):
        found = self.all(name)
        return found[0] if found else ""

    def text(self):
        return self.body.decode("utf-8", "replace")


def read_message(stream):
    """The next message, or None at the end of the stream. Empty lines keep a connection alive."""
    start = b"\r\n"
    while start in (b"\r\n", b"\n"):
        start = stream.readline()
    if not start:
        return None
    headers = []
    while True:
        line = stream.readline()
        if not line:
            return None
        line = line.decode().rstrip("\r\n")
        if not line:
            break
        if line[0] in " \t" and headers:
            headers[-1] = (headers[-1][0], headers[-1][1] + " " + line.strip())
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers.append((COMPACT.get(name, name), value.strip()))
    length = int(dict(headers).get("content-length", "0"))
    return Message(start.decode().rstrip("\r\n"), headers, stream.read(length))


def uri_of(value):
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def user_of(value):
    """The address without scheme and parameters."""
    return re.sub(r"^sips?:", "", uri_of(value)).split(";")[0].split("?")[0]


def tag_of(value):
    found = re.search(r";\s*tag=([^;\s]+)", value)
    return found.group(1) if found else ""


def branch_of(value):
    found = re.search(r";\s*branch=([^;,\s]+)", value)
    return found.group(1) if found else ""
