"""An edge of a Microsoft-style SIP domain with its users, driven by JSON lines.

It is proxy and users in one: it puts its signed Record-Route into every dialog, and the users answer
and ask as Lync's do. Commands come on the standard input, as {"do": "text", "user": "a", "to":
"u@other.test", "body": "hello"}; what happens goes to the standard output, as {"got": "MESSAGE", ...}.
A rule that the other side broke is {"got": "fault", "why": ...}.

Standard library only. One thread reads each connection and one the commands; a lock keeps them apart.
"""

import argparse
import base64
import io
import json
import re
import secrets
import select
import socket
import ssl
import sys
import threading
import time

from edge_message import Message, branch_of, read_message, tag_of, uri_of, user_of

TOKEN = "z9hG4bK"
SDP = (
    "v=0\r\no=- 0 0 IN IP4 {ip}\r\ns=session\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=message 5060 sip null\r\n"
    "a=accept-types:text/plain multipart/alternative text/rtf text/html application/ms-imdn+xml\r\n"
)
MSGR = (
    "WAAtAE0ATQBTAC0ASQBNAC0ARgBvAHIAbQBhAHQAOgAgAEYATgA9AE0AUwAlADIAMABTAGgAZQBsAGwAJQAyADAARABsAGcAJQAy"
    "ADAAMgA7ACAARQBGAD0AOwAgAEMATwA9ADAAOwAgAEMAUwA9ADAAOwAgAFAARgA9ADAADQAKAA0ACgA"
)
PIDF = (
    '<?xml version="1.0" encoding="utf-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
    'xmlns:ep="urn:ietf:params:xml:ns:pidf:status:rpid-status" '
    'xmlns:ci="urn:ietf:params:xml:ns:pidf:cipid" entity="sip:{user}">'
    '<tuple id="0"><status><basic>{basic}</basic>{activities}</status></tuple>'
    "<ci:display-name>{name}</ci:display-name></presence>"
)
TYPING = '<?xml version="1.0"?><KeyboardActivity> <status status="type" /></KeyboardActivity>'
FORMS_DIALOG = ("INVITE", "SUBSCRIBE")
REASONS = {
    180: "Ringing", 200: "OK", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 480: "Temporarily Unavailable",
    481: "Call Leg/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 500: "Server Internal Error", 503: "Service Unavailable",
    504: "Server time-out", 603: "Decline",
}
# As long as a transaction may take (RFC 3261, timer F).
TIMER_F = 32


class Dialog:
    def __init__(self, kind, user, peer, call, route):
        self.kind, self.user, self.peer, self.call = kind, user, peer, call
        self.tag, self.remote_tag = secrets.token_hex(5), ""
        self.cseq = 0
        self.target = f"sip:{peer}"
        # What we have signed, which the other side has to give back as it is.
        self.route = route
        # What we have to give back.
        self.routes = []
        # Requests that wait for the answer to the first one.
        self.queue = []
        self.is_open = False
        self.is_ours = True
        self.expires = 3600


class Line(io.RawIOBase):
    """A TLS connection that one thread reads while others write, which a bare one does not bear."""

    def __init__(self, secured):
        self.secured = secured
        self.lock = threading.Lock()
        secured.setblocking(False)

    def readable(self):
        return True

    def readinto(self, buffer):
        while True:
            with self.lock:
                try:
                    return self.secured.recv_into(buffer)
                except ssl.SSLWantReadError:
                    pass
            select.select([self.secured], [], [])

    def send(self, data):
        while data:
            with self.lock:
                try:
                    data = data[self.secured.send(data):]
                    continue
                except ssl.SSLWantWriteError:
                    pass
            select.select([], [self.secured], [])

    def shut(self):
        with self.lock:
            self.secured.close()

    def end(self):
        """Ends both directions, so that whoever reads sees the end."""
        with self.lock:
            self.secured.shutdown(socket.SHUT_RDWR)


class Edge:
    def __init__(self, options):
        self.options = options
        self.lock = threading.RLock()
        self.dialogs = {}
        self.pending = {}
        self.states = {}
        self.answers = {}
        self.lines = set()
        self.out = None
        self.epid = secrets.token_hex(5)

    def say(self, got, **what):
        with self.lock:
            sys.stdout.write(json.dumps({"got": got, **what, "at": time.time()}) + "\n")
            sys.stdout.flush()

    def fault(self, why, message=None):
        self.say("fault", why=why, message=message.start if message else "")

    # Connections.

    def context(self, side):
        context = ssl.SSLContext(side)
        context.load_cert_chain(self.options.cert, self.options.key)
        context.load_verify_locations(self.options.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def listen(self):
        ip, port = self.options.listen.rsplit(":", 1)
        listener = socket.create_server((ip, int(port)))
        context = self.context(ssl.PROTOCOL_TLS_SERVER)
        threading.Thread(target=self.accept, args=(listener, context), daemon=True).start()

    def accept(self, listener, context):
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=self.greet, args=(raw, context), daemon=True).start()

    def greet(self, raw, context):
        try:
            connection = context.wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.say("handshake failed", why=str(error))
            return
        self.say("accepted", peer=subjects(connection))
        self.serve(Line(connection))

    def connect(self):
        """The connection to the other side, which is made again when it has ended."""
        if self.out is None:
            ip, port = self.options.next_hop.rsplit(":", 1)
            raw = socket.create_connection((ip, int(port)), timeout=10)
            raw.settimeout(None)
            context = self.context(ssl.PROTOCOL_TLS_CLIENT)
            secured = context.wrap_socket(raw, server_hostname=self.options.peer_name)
            self.say("connected", peer=subjects(secured))
            self.out = Line(secured)
            threading.Thread(target=self.serve, args=(self.out,), daemon=True).start()
        return self.out

    def serve(self, connection):
        stream = io.BufferedReader(connection)
        with self.lock:
            self.lines.add(connection)
        try:
            while (message := read_message(stream)) is not None:
                with self.lock:
                    self.handle(connection, message)
        except (OSError, ssl.SSLError, ValueError, IndexError) as error:
            self.say("broken", why=repr(error))
        with self.lock:
            self.lines.discard(connection)
            if self.out is connection:
                self.out = None
        connection.shut()
        self.say("disconnected")

    def handle(self, connection, message):
        if self.options.trace:
            self.say("wire", start=message.start, headers=message.headers, body=message.text())
        if message.is_response:
            self.handle_response(message)
        else:
            self.handle_request(connection, message)

    # Requests of the other side.

    def handle_request(self, connection, request):
        user, peer = user_of(request["to"]), user_of(request["from"])
        dialog = self.dialogs.get(request["call-id"])
        has_tag = bool(tag_of(request["to"]))
        what = dict(user=user, peer=peer, call=request["call-id"], body=request.text(),
                    type=request["content-type"], in_dialog=has_tag)
        if request.method == "SUBSCRIBE":
            what["expires"] = request["expires"]
        if request.method == "NOTIFY":
            what["state"] = request["subscription-state"]
        self.check_request(request, dialog if has_tag else None)
        if request.method == "ACK":
            self.say("ACK", **what)
            return
        status = self.answers.get((request.method, user))
        if status is not None:
            self.say(request.method, **what)
            self.respond(connection, request, status)
        elif request.method == "OPTIONS":
            self.respond(connection, request, 200)
        elif has_tag and dialog is None:
            self.say(request.method, status=481, **what)
            self.respond(connection, request, 481)
        elif not has_tag and request.method in FORMS_DIALOG:
            self.say(request.method, **what)
            self.begin(connection, request, user, peer)
        elif not has_tag and request.method == "MESSAGE" and not self.options.page:
            self.say(request.method, status=405, **what)
            self.respond(connection, request, 405)
        else:
            self.say(request.method, **what)
            self.go_on(connection, request, dialog)

    def begin(self, connection, request, user, peer):
        dialog = Dialog(request.method, user, peer, request["call-id"], self.sign())
        dialog.remote_tag = tag_of(request["from"])
        dialog.is_open, dialog.is_ours = True, False
        dialog.target, dialog.routes = uri_of(request["contact"]), request.all("record-route")
        if not request["contact"]:
            self.fault("a request that makes a dialog has no Contact", request)
        self.dialogs[dialog.call] = dialog
        if request.method == "INVITE":
            self.respond(connection, request, 180, dialog)
            headers = [("CONTENT-TYPE", "application/sdp"), ("SUPPORTED", "ms-sender")]
            self.respond(connection, request, 200, dialog, headers, self.sdp())
        else:
            self.subscribed(connection, request, dialog)

    def go_on(self, connection, request, dialog):
        if request.method == "SUBSCRIBE":
            self.subscribed(connection, request, dialog)
            return
        self.respond(connection, request, 200, dialog)
        if request.method == "BYE" and dialog:
            del self.dialogs[dialog.call]
        elif request.method == "NOTIFY" and request["subscription-state"].startswith("terminated"):
            self.dialogs.pop(request["call-id"], None)

    def subscribed(self, connection, request, dialog):
        dialog.expires = int(request["expires"] or "3600")
        expires = [("EXPIRES", str(dialog.expires))]
        self.respond(connection, request, 200, dialog, expires)
        self.notify(dialog)
        if dialog.expires == 0:
            del self.dialogs[dialog.call]

    def check_request(self, request, dialog):
        """The rules that hold for whatever the other side sends."""
        for name in ("via", "from", "to", "call-id", "cseq", "max-forwards"):
            if not request[name]:
                self.fault(f"no {name}", request)
        if "sips:" in request.start:
            self.fault("a sips URI", request)
        if dialog is None:
            return
        if dialog.route is not None and request.all("route") != [dialog.route]:
            self.fault(f"Route is {request.all('route')}, not {dialog.route}", request)
        if request.uri != self.gruu(dialog.user):
            self.fault(f"the request URI is not {self.gruu(dialog.user)}", request)
        if tag_of(request["to"]) != dialog.tag:
            self.fault("To has another tag than ours", request)
        if dialog.remote_tag and tag_of(request["from"]) != dialog.remote_tag:
            self.fault("From has another tag than before", request)

    def respond(self, connection, request, status, dialog=None, headers=(), body=""):
        lines = [f"SIP/2.0 {status} {REASONS.get(status, 'Refused')}"]
        lines += [f"VIA: {via}" for via in request.all("via")]
        to = request["to"]
        if not tag_of(to):
            to += f";tag={dialog.tag if dialog else secrets.token_hex(5)}"
        lines += [f"FROM: {request['from']}", f"TO: {to}"]
        lines += [f"CALL-ID: {request['call-id']}", f"CSEQ: {request['cseq']}"]
        if dialog and request.method in FORMS_DIALOG and status < 300:
            lines.append(f"CONTACT: <{self.gruu(dialog.user)}>")
            if not tag_of(request["to"]):
                lines += [f"RECORD-ROUTE: {route}" for route in [dialog.route, *dialog.routes]]
        lines += [f"{name}: {value}" for name, value in headers]
        lines.append("SERVER: RTC/5.0")
        self.write(connection, lines, body)

    # What the other side answers.

    def handle_response(self, response):
        key = (branch_of(response["via"]), response.method)
        found = self.pending.get(key)
        if found is None:
            # 200 may come again until its ACK is there, and nothing else may.
            if (response.method, response.status) != ("INVITE", 200):
                self.fault("nobody waits for this answer", response)
            return
        request, dialog, what = found
        # What comes back may have been given the address that the other side saw.
        vias = [re.sub(r";(received|rport)=[^;]*", "", via) for via in response.all("via")]
        if vias != [request["via"]]:
            self.fault(f"Via comes back as {response.all('via')}", response)
        if response.status < 200:
            return
        del self.pending[key]
        diagnostics = response["ms-diagnostics"]
        self.say("answer", method=response.method, status=response.status, user=dialog.user,
                 peer=dialog.peer, call=dialog.call, diagnostics=diagnostics,
                 reason=response.start.split(" ", 2)[2], **what)
        if response.method in FORMS_DIALOG and not dialog.is_open:
            self.opened(dialog, request, response)
        elif response.status == 481:
            self.dialogs.pop(dialog.call, None)

    def opened(self, dialog, request, response):
        if response.method == "INVITE":
            self.acknowledge(dialog, request, response)
        if response.status >= 300:
            self.give_up(dialog, response.status)
            return
        routes = response.all("record-route")
        if routes[-1:] != [dialog.route]:
            self.fault(f"Record-Route comes back as {routes}", response)
        dialog.routes = routes[-2::-1]
        dialog.remote_tag = tag_of(response["to"])
        dialog.target = uri_of(response["contact"])
        dialog.is_open = True
        queue, dialog.queue = dialog.queue, []
        for method, parts, what in queue:
            self.request(dialog, method, *parts, what=what)

    def give_up(self, dialog, status):
        """The other side did not take the dialog, or is not there."""
        self.dialogs.pop(dialog.call, None)
        queue, dialog.queue = dialog.queue, []
        for _, _, what in queue:
            self.say("unsent", status=status, user=dialog.user, peer=dialog.peer, **what)

    def acknowledge(self, dialog, request, response):
        uri, via, routes = request.uri, request["via"], []
        if response.status < 300:
            uri, via, routes = uri_of(response["contact"]), self.via(), response.all("record-route")
        lines = [
            f"ACK {uri} SIP/2.0", f"VIA: {via}", "MAX-FORWARDS: 68", f"FROM: {request['from']}",
            f"TO: {response['to']}", f"CALL-ID: {dialog.call}",
            f"CSEQ: {request['cseq'].split()[0]} ACK",
        ]
        lines += [f"ROUTE: {route}" for route in routes[-2::-1]]
        self.write(self.connect(), lines, "")

    # What our users do.

    def request(self, dialog, method, headers=(), body="", what=None):
        dialog.cseq += 1
        to = f"<sip:{dialog.peer}>" + (f";tag={dialog.remote_tag}" if dialog.remote_tag else "")
        name = dialog.user.split("@")[0].capitalize()
        fields = [
            ("VIA", self.via()), ("MAX-FORWARDS", "68"),
            ("FROM", f'"{name}"<sip:{dialog.user}>;tag={dialog.tag};epid={self.epid}'), ("TO", to),
            ("CALL-ID", dialog.call), ("CSEQ", f"{dialog.cseq} {method}"),
        ]
        fields += [("ROUTE", route) for route in dialog.routes]
        # A NOTIFY may be there before the answer to SUBSCRIBE is.
        if method in FORMS_DIALOG and not dialog.is_open:
            fields.insert(2, ("RECORD-ROUTE", dialog.route))
        if method in FORMS_DIALOG:
            fields.append(("CONTACT", f"<{self.gruu(dialog.user)}>"))
        fields.append(("USER-AGENT", "UCCAPI/15.0.5067.1000 OC/15.0.5067.1000 (Microsoft Lync)"))
        fields += headers
        start = f"{method} {dialog.target} SIP/2.0"
        sent = Message(start, [(name.lower(), value) for name, value in fields], b"")
        key = (branch_of(sent["via"]), method)
        self.pending[key] = (sent, dialog, what or {})
        try:
            self.write(self.connect(), [start] + [f"{name}: {value}" for name, value in fields], body)
        except OSError as error:
            del self.pending[key]
            self.say("unsent", status=0, why=str(error), user=dialog.user, peer=dialog.peer,
                     **(what or {}))
            if not dialog.is_open:
                self.give_up(dialog, 0)
            return
        timer = threading.Timer(TIMER_F, self.time_out, (key,))
        timer.daemon = True
        timer.start()

    def time_out(self, key):
        with self.lock:
            if (found := self.pending.pop(key, None)) is not None:
                request, dialog, what = found
                self.say("answer", method=request.method, status=408, user=dialog.user,
                         peer=dialog.peer, call=dialog.call, diagnostics="timer F", **what)
                if not dialog.is_open:
                    self.give_up(dialog, 408)

    def open(self, kind, user, peer):
        """A dialog of this kind, and whether it had to be made."""
        for dialog in self.dialogs.values():
            if (dialog.kind, dialog.user, dialog.peer) == (kind, user, peer):
                if kind == "INVITE" or dialog.is_ours:
                    return dialog, False
        dialog = Dialog(kind, user, peer, secrets.token_hex(16), self.sign())
        self.dialogs[dialog.call] = dialog
        return dialog, True

    def within(self, user, peer, method, headers, body, what):
        dialog, is_new = self.open("INVITE", user, peer)
        if dialog.is_open:
            self.request(dialog, method, headers, body, what=what)
            return
        dialog.queue.append((method, (headers, body), what))
        if is_new:
            headers = [("SUPPORTED", "ms-sender"), ("CONTENT-TYPE", "application/sdp")]
            if method == "MESSAGE":
                text = base64.b64encode(body.encode()).decode()
                first = f"text/plain; charset=UTF-8;msgr={MSGR};ms-body={text}"
                headers.append(("MS-TEXT-FORMAT", first))
            self.request(dialog, "INVITE", headers, self.sdp())

    def do_text(self, command):
        headers = [("CONTENT-TYPE", f"text/plain; charset=UTF-8; msgr={MSGR}")]
        what = {"text": command["body"]}
        self.within(command["user"], command["to"], "MESSAGE", headers, command["body"], what)

    def do_typing(self, command):
        headers = [("CONTENT-TYPE", "application/xml")]
        self.within(command["user"], command["to"], "INFO", headers, TYPING, {})

    def do_close(self, command):
        dialog, is_new = self.open("INVITE", command["user"], command["to"])
        del self.dialogs[dialog.call]
        if not is_new:
            self.request(dialog, "BYE")

    def do_subscribe(self, command):
        dialog, _ = self.open("SUBSCRIBE", command["user"], command["to"])
        accept = "application/msrtc-event-categories+xml, application/xpidf+xml, " \
            "text/xml+msrtc.pidf, application/pidf+xml"
        headers = [("EVENT", "presence"), ("ACCEPT", accept), ("SUPPORTED", "ms-benotify"),
                   ("PROXY-REQUIRE", "ms-benotify"), ("SUPPORTED", "ms-piggyback-first-notify"),
                   ("EXPIRES", str(command.get("expires", 3600)))]
        self.request(dialog, "SUBSCRIBE", headers)

    def do_presence(self, command):
        self.states[command["user"]] = command["state"]
        for dialog in list(self.dialogs.values()):
            if dialog.kind == "SUBSCRIBE" and not dialog.is_ours and dialog.user == command["user"]:
                self.notify(dialog)

    def do_answer(self, command):
        """How requests of a method to a user are answered: by this status, or as usual without."""
        key = (command["method"], command["user"])
        self.answers.pop(key, None)
        if command.get("status"):
            self.answers[key] = command["status"]
        self.say("noted", method=command["method"], user=command["user"])

    def do_forget(self, _command):
        """As after a restart: no dialog is known any more."""
        self.dialogs.clear()

    def do_drop(self, _command):
        """As when the network goes: every connection ends."""
        for line in list(self.lines):
            line.end()

    def notify(self, dialog):
        state = self.states.get(dialog.user, "available")
        activity = "" if state in ("available", "offline") else \
            f"<ep:activities><ep:activity>{state}</ep:activity></ep:activities>"
        basic = "closed" if state == "offline" else "open"
        body = PIDF.format(user=dialog.user, basic=basic, activities=activity,
                           name=dialog.user.split("@")[0])
        lives = f"active;expires={dialog.expires}" if dialog.expires else "terminated;reason=timeout"
        headers = [("EVENT", "presence"), ("SUBSCRIPTION-STATE", lives),
                   ("CONTENT-TYPE", "application/pidf+xml")]
        self.request(dialog, "NOTIFY", headers, body, what={"state": state})

    # Small parts.

    def sign(self):
        return (f"<sip:{self.options.host};transport=tls;opaque=state:F;lr;"
                f"ms-key-info=jACAAPo9w-9gLtcJ;ms-route-sig={secrets.token_urlsafe(32)}>")

    def gruu(self, user):
        return f"sip:{user};opaque=user:epid:XHiWcZA4TlaDkwMgksvyrQAA;gruu"

    def via(self):
        return f"SIP/2.0/TLS {self.options.host};branch={TOKEN}{secrets.token_hex(8)};branched=FALSE"

    def sdp(self):
        return SDP.format(ip=self.options.listen.rsplit(":", 1)[0])

    def write(self, connection, lines, body):
        body = body.encode()
        head = "\r\n".join(lines + [f"CONTENT-LENGTH: {len(body)}", "", ""])
        if self.options.trace:
            self.say("sent", head=head)
        try:
            connection.send(head.encode() + body)
        except OSError:
            if self.out is connection:
                self.out = None
            raise


def subjects(connection):
    names = connection.getpeercert().get("subjectAltName", ())
    return [name for kind, name in names if kind == "DNS"]


def main():
    parser = argparse.ArgumentParser()
    for name in ("listen", "host", "cert", "key", "ca", "next-hop", "peer-name"):
        parser.add_argument(f"--{name}", required=True)
    # Whether texts outside of a session are taken.
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--trace", action="store_true")
    edge = Edge(parser.parse_args())
    edge.listen()
    edge.say("ready")
    for line in sys.stdin:
        command = json.loads(line)
        with edge.lock:
            try:
                getattr(edge, "do_" + command["do"])(command)
            except OSError as error:
                edge.say("broken", why=repr(error))


main()
