"""Runs the checks one after the other, says what passed and what failed, and counts."""

import time
import traceback


class Report:
    """The checks so far."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.began = time.monotonic()

    def say(self, text):
        """Prints a line of progress, with the seconds since the beginning."""
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def check(self, name, claim, *arguments):
        """Runs one check: a function that raises if its claim is false."""
        try:
            claim(*arguments)
        except Exception as error:  # noqa: BLE001: each failure is reported, the rest goes on
            self.failed += 1
            self.say(f"FAILED  {name}: {error or type(error).__name__}")
            if not isinstance(error, AssertionError):
                traceback.print_exc()
        else:
            self.passed += 1
            self.say(f"ok      {name}")

    def end(self):
        """Prints the sum, and returns the exit code."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def wait_until(what, condition, seconds):
    """Waits until the condition is true, and returns its value."""
    last = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > last:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)
    return found
