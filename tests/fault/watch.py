"""Asks /readyz and /livez, all the time, and keeps what they said."""

import threading
import time

import patience
from http_client import Broken, Client

PERIOD_S = 0.05
HEALTH_DEADLINE_S = 1.0  # of /readyz: it asks the database
SLACK_S = 0.5


class Watch(threading.Thread):
    def __init__(self, port):
        super().__init__(name="watch", daemon=True)
        self.client = Client(port, 10)
        self.enough = threading.Event()
        self.said = []  # (asked, answered, status of /readyz)
        self.wrong = []

    def run(self):
        while not self.enough.wait(PERIOD_S):
            try:
                answer = self.client.ask("GET", "/readyz")
                self.said.append((answer.began, answer.ended, answer.status))
                if answer.ended - answer.began > HEALTH_DEADLINE_S + patience.at_most(SLACK_S):
                    self.wrong.append("/readyz took %.2f s" % (answer.ended - answer.began))
                answer = self.client.ask("GET", "/livez")
                if answer.status != 200 or answer.ended - answer.began > patience.at_most(SLACK_S):
                    self.wrong.append("/livez: %d after %.2f s" % (answer.status, answer.ended - answer.began))
            except Broken as error:
                self.wrong.append("/readyz or /livez: no answer: %s" % error)

    def stop(self):
        self.enough.set()
        self.join(15)
        self.client.close()

    def await_status(self, status, after, within_s):
        """Seconds from a moment to the first such answer to a question that was asked later."""
        until = patience.now() + within_s
        while True:
            for asked, answered, said in list(self.said):
                if asked >= after and said == status:
                    return answered - after
            assert patience.now() < until, "/readyz did not say %d within %g s; last: %s" % (
                status, within_s, self.said[-1:])
            time.sleep(PERIOD_S / 2)

    def others(self, status, after, before):
        """Answers that were not this one, asked and answered in between."""
        return [said for asked, answered, said in list(self.said) if asked >= after and answered <= before and said != status]
