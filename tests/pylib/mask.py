"""Makes answers of two services comparable byte for byte: what must differ is replaced by what it means.

An id is named by its first appearance, a time by the request in whose course it lies, a cursor by what is in it. So a wrong id, a
time of another change or a page that goes on at another cart still differ; only Date, durations and ids of requests are lost.
"""

import base64
import bisect
import datetime
import re
import struct

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CURSOR = re.compile(r'(?<="next_cursor":")[A-Za-z0-9_-]{44}(?=")')
HEADERS = [
    (re.compile(r"(?im)^(Date: )\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT(?=\r)"), r"\1DATE"),
    (re.compile(r"(?im)^(Server-Timing: )queue;dur=\d+\.\d+, db;dur=\d+\.\d+, total;dur=\d+\.\d+(?=\r)"), r"\1TIMING"),
    (re.compile(r"(?im)^(X-Request-Id: )[0-9a-f]{16}(?=\r)"), r"\1REQUEST"),
]


def time_ms(text):
    return round(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
                 .replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


class Mask:
    def __init__(self, ttl_ms, own_text):
        self.ttl_ms = ttl_ms
        self.own_text = own_text  # all that the requests say: ids and times in it are the same for both
        self.ids = {}
        self.starts, self.ends = [], []

    def window(self, start_ms, end_ms):
        """The course of the next request."""
        assert not self.ends or start_ms > self.ends[-1], "the windows of two requests overlap"
        self.starts.append(start_ms)
        self.ends.append(end_ms)

    def _name_of_id(self, found):
        text = found.group(0)
        if text in self.own_text:
            return text
        return self.ids.setdefault(text, "CART-OR-ORDER-%d-OF-VERSION-%s" % (len(self.ids) + 1, found.group(1)))

    def _request_at(self, ms):
        at = bisect.bisect_right(self.starts, ms) - 1
        return at if at >= 0 and ms <= self.ends[at] else None

    def _name_of_ms(self, ms):
        at = self._request_at(ms)
        if at is not None:
            return "TIME-OF-REQUEST-%d" % at
        at = self._request_at(ms - self.ttl_ms)
        if at is not None:
            return "TIME-OF-REQUEST-%d-AND-TTL" % at
        return "TIME-OF-NO-REQUEST-%d" % ms

    def _name_of_time(self, found):
        return found.group(0) if found.group(0) in self.own_text else self._name_of_ms(time_ms(found.group(0)))

    def _name_of_cursor(self, found):
        data = base64.urlsafe_b64decode(found.group(0))
        version, after_ms, after_id = struct.unpack(">Bq16s", data[:25])
        digits = after_id.hex()
        uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        return "CURSOR-%d-%s-%s" % (version, self._name_of_ms(after_ms), UUID.sub(self._name_of_id, uuid))

    def apply(self, answer, target, database):
        """The answer as text. database: whose name /health and /readyz say."""
        text = answer.raw().decode("latin-1")
        for expression, by in HEADERS:
            text = expression.sub(by, text)
        if answer.header("Content-Type") == "application/yaml":
            return text  # the contract, whose examples are nobody's carts
        text = CURSOR.sub(self._name_of_cursor, text)
        text = UUID.sub(self._name_of_id, text)
        text = TIME.sub(self._name_of_time, text)
        if target in ("/health", "/readyz"):
            if answer.body:  # none after HEAD
                text = re.sub(r"(?im)^(Content-Length: )%d(?=\r)" % len(answer.body), r"\1RIGHT", text)
            text = re.sub(r"(?im)^(Content-Length: )\d+(?=\r)", r"\1LENGTH", text) if not answer.body else text
            text = text.replace('"database":"%s"' % database, '"database":"DATABASE"')
        return text
