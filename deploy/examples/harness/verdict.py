"""What an example claims, and whether it is so."""

EXAMPLES = 5
# Of what was found instead, so many characters are shown.
SHOWN_MAX = 400


class Verdict:
    """Collects claims; each is printed as it is judged."""

    def __init__(self):
        self.failed = 0

    def claim(self, text, holds, otherwise):
        """Claims something that is true if `holds`; `otherwise` is what was found instead."""
        found = "" if holds else f": {otherwise}"
        print(f"  {'ok  ' if holds else 'FAIL'} {text}{shortened(found)}", flush=True)
        self.failed += not holds

    def none(self, text, exceptions):
        """Claims something to which there must be no exception."""
        exceptions = list(exceptions)
        some = ", ".join(map(str, exceptions[:EXAMPLES]))
        self.claim(text, not exceptions, f"{len(exceptions)} exceptions, such as {some}")

    def equal(self, text, found, expected):
        self.claim(text, found == expected, f"{found!r} instead of {expected!r}")

    def speak(self, proved):
        """The last lines, and the exit code."""
        if self.failed:
            print(f"\nNOT PROVED: {self.failed} of the claims above do not hold", flush=True)
            return 1
        print(f"\nPROVED: {proved}", flush=True)
        return 0


def shortened(text):
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]} ..."
