"""What every receiver must do, checked from outside: its answers, and what its page shows."""

import datetime
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

from post import make_event, make_headers, new_id, sign

OTHER_SECRET = "whsec_" + "b3RoZXIg" * 4
# White space, escapes and letters that no JSON library writes in this way.
RAW = (
    '{ "event" :"webhookReceived",\r\n\t"instanceId":"LITE-AAAAAA-BBBBBB", "n": 1.00,'
    ' "msgContent": {"conversation":"ol\\u00e1, \u00e7\u00e3o \U0001f4f7"} }\n'
).encode()
TOLERANCE_SECONDS = 5 * 60
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
SECOND = datetime.timedelta(seconds=1)


class Receiver:
    """Posts to an application, and reads its page."""

    def __init__(self, application, secret):
        self.application, self.secret = application, secret

    def headers(self, body, *secrets, at=None):
        """The headers of a new webhook, signed with the receiver's secret or with these."""
        at = int(time.time()) if at is None else at
        headers = make_headers(self.secret, new_id("msg_"), body, at)
        if secrets:
            signatures = [sign(one, headers["webhook-id"], at, body) for one in secrets]
            headers["webhook-signature"] = " ".join(signatures)
        return headers

    def post(self, body, headers):
        """Posts exactly this, and returns the status. A header that is None is left out."""
        kept = {name: value for name, value in headers.items() if value is not None}
        return self.application.send(body, kept)

    def post_event(self, event):
        """Posts a media event, signed, under its id. It must be accepted."""
        body = json.dumps(event).encode()
        status = self.post(body, make_headers(self.secret, event["id"], body))
        expect(200 <= status < 300, f"{event['type']} was answered {status}")

    def count(self):
        """How many webhooks of W-API there were, as the page says."""
        return int(re.search(r"Webhooks of W-API: (\d+)", self.application.get_page())[1])

    def shows(self, link):
        """Whether the page has this link as a picture, once, that tells no other site of it."""
        pictures = re.findall(r"<img [^>]*>", self.application.get_page())
        found = [one for one in pictures if f'src="{link}"' in one]
        expect(len(found) < 2, "the picture is shown twice")
        expect(all('referrerpolicy="no-referrer"' in one for one in found), "it has a referrer")
        return bool(found)


def expect(is_true, text):
    """Fails with the text unless it is true."""
    if not is_true:
        raise AssertionError(text)


def new_link():
    """An invented media link, and the file that it leads to."""
    return f"https://media.example.com/m/{new_id('')[:22]}", new_id("file_")


def accepts(receiver, body, headers):
    """The webhook is accepted, and its work done once."""
    before = receiver.count()
    status = receiver.post(body, headers)
    expect(200 <= status < 300, f"it was answered {status}")
    expect(receiver.count() == before + 1, f"it was done {receiver.count() - before} times")


def refuses(receiver, body, headers):
    """The webhook is refused, and nothing is done."""
    before = receiver.count()
    status = receiver.post(body, headers)
    expect(status in receiver.application.refused, f"it was answered {status}")
    expect(receiver.count() == before, "its work was done")


def check_signatures(receiver, check):
    """Right signatures are accepted, and wrong ones refused."""
    right, other, make = receiver.secret, OTHER_SECRET, receiver.headers
    large = RAW + b" " * (5 * 1024 * 1024)
    no_type = {"content-type": None}
    odd_type = {"content-type": "text/plain; charset=latin1"}
    for name, body, headers in (
        ("a signed webhook is accepted, byte for byte", RAW, make(RAW)),
        ("a webhook of 5 MiB is accepted", large, make(large)),
        ("a webhook without content type is accepted", RAW, make(RAW) | no_type),
        ("a webhook with an odd content type is accepted", RAW, make(RAW) | odd_type),
        ("two signatures, the new one first, are accepted", RAW, make(RAW, right, other)),
        ("two signatures, the new one last, are accepted", RAW, make(RAW, other, right)),
    ):
        check(name, accepts, receiver, body, headers)
    now, late = int(time.time()), TOLERANCE_SECONDS + 30
    spaced = json.dumps(json.loads(RAW)).encode()
    for name, body, headers in (
        ("a body that was changed is refused", RAW.replace(b"1.00", b"2.00"), make(RAW)),
        ("a body that was parsed and written again is refused", spaced, make(RAW)),
        ("white space at the end is part of the body", RAW.rstrip(), make(RAW)),
        ("a signature with another secret is refused", RAW, make(RAW, other)),
        ("an old timestamp is refused", RAW, make(RAW, at=now - late)),
        ("a timestamp of the future is refused", RAW, make(RAW, at=now + late)),
        ("another timestamp is refused", RAW, make(RAW) | {"webhook-timestamp": str(now - 1)}),
        ("another id is refused", RAW, make(RAW) | {"webhook-id": new_id("msg_")}),
        ("a missing signature is refused", RAW, make(RAW) | {"webhook-signature": None}),
        ("a missing id is refused", RAW, make(RAW) | {"webhook-id": None}),
        ("no header at all is refused", RAW, {}),
        ("an empty body without headers is refused", b"", {}),
        ("a signature without version is refused", RAW, make(RAW) | {"webhook-signature": "x"}),
        ("a signature not in base64 is refused", RAW, make(RAW) | {"webhook-signature": "v1,a"}),
        ("a body that is no UTF-8 is refused", b"\xff" + RAW, make(RAW)),
    ):
        check(name, refuses, receiver, body, headers)


def check_repetitions(receiver, check):
    """A webhook is done once, however often it comes, and again if the work failed."""
    check("the same webhook twice is done once", comes_twice, receiver)
    if receiver.application.is_atomic:
        check("the same webhook eight times at once is done once", comes_at_once, receiver)
    check("the same webhook after a crash is done once", comes_after_a_crash, receiver)
    check("the same event with another link changes nothing", comes_with_another_link, receiver)
    check("a webhook whose work failed is done at the next attempt", fails_once, receiver)


def comes_twice(receiver):
    """Signed again for the second attempt, with a later timestamp."""
    headers = receiver.headers(RAW, at=int(time.time()) - 10)
    accepts(receiver, RAW, headers)
    before = receiver.count()
    again = make_headers(receiver.secret, headers["webhook-id"], RAW)
    expect(200 <= receiver.post(RAW, again) < 300, "the second attempt is not accepted")
    expect(receiver.count() == before, "it was done twice")


def comes_at_once(receiver):
    """Each attempt is answered 2xx, or with an error after which it comes again."""
    before, headers = receiver.count(), receiver.headers(RAW)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: receiver.post(RAW, headers), range(8)))
    expect(all(200 <= one < 300 for one in statuses), f"answered {statuses}")
    expect(receiver.count() == before + 1, f"it was done {receiver.count() - before} times")


def comes_after_a_crash(receiver):
    """The id is on disk before the answer."""
    headers = receiver.headers(RAW)
    accepts(receiver, RAW, headers)
    before = receiver.count()
    receiver.application.stop()
    expect(receiver.application.start(), "it does not start again")
    expect(200 <= receiver.post(RAW, headers) < 300, "the second attempt is not accepted")
    expect(receiver.count() == before, "it was done twice")


def comes_with_another_link(receiver):
    """The same event, with the same id."""
    link, file_id = new_link()
    other, _ = new_link()
    event = make_event("media.stored", file_id, link, NOW)
    receiver.post_event(event)
    event["data"]["link"]["url"] = other
    receiver.post_event(event)
    expect(receiver.shows(link) and not receiver.shows(other), "it was done twice")


def fails_once(receiver):
    """The first attempt lacks what the work needs, which stands for a database that is down."""
    link, file_id = new_link()
    event = make_event("media.stored", file_id, link, NOW)
    whole = json.dumps(event).encode()
    del event["data"]
    broken = json.dumps(event).encode()
    status = receiver.post(broken, make_headers(receiver.secret, event["id"], broken))
    expect(status >= 500, f"the failure was answered {status}, and the event is lost")
    expect(not receiver.shows(link), "half of the work was done")
    receiver.post(whole, make_headers(receiver.secret, event["id"], whole))
    expect(receiver.shows(link), "the next attempt did nothing")


def check_media_events(receiver, check):
    """The page shows what is stored, and no longer what is erased."""
    check("a stored picture is shown, an erased one is not", shows_and_removes, receiver)
    check("an erased picture does not come back with a late event", stays_erased, receiver)
    check("a later event has the true link", shows_the_later, receiver)
    check("a link that has ended is not shown", hides_ended_links, receiver)
    check("a file without a link is no error", takes_no_link, receiver)
    check("a link cannot add to the page", escapes_links, receiver)
    check("what it does not know is answered 2xx", takes_the_unknown, receiver)


def shows_and_removes(receiver):
    """Also a file that it never heard of can be erased."""
    link, file_id = new_link()
    receiver.post_event(make_event("media.stored", file_id, link, NOW))
    expect(receiver.shows(link), "it is not shown")
    receiver.post_event(make_event("media.erased", file_id, None, NOW + SECOND))
    expect(not receiver.shows(link), "it is still shown")
    receiver.post_event(make_event("media.erased", new_id("file_"), None, NOW))


def stays_erased(receiver):
    """Events may come in another order: before the erasure, and in the same second."""
    link, file_id = new_link()
    receiver.post_event(make_event("media.erased", file_id, None, NOW))
    for at in (NOW - SECOND, NOW):
        receiver.post_event(make_event("media.stored", file_id, link, at))
        expect(not receiver.shows(link), "it came back")
    receiver.post_event(make_event("media.stored", file_id, link, NOW + SECOND))
    expect(receiver.shows(link), "what is stored again later is not shown")


def shows_the_later(receiver):
    """Two events of one file in the wrong order."""
    (first, file_id), (second, _) = new_link(), new_link()
    receiver.post_event(make_event("media.stored", file_id, second, NOW))
    receiver.post_event(make_event("media.stored", file_id, first, NOW - SECOND))
    expect(receiver.shows(second) and not receiver.shows(first), "the earlier one is shown")


def hides_ended_links(receiver):
    """Opened, it would be an answer 404."""
    link, file_id = new_link()
    event = make_event("media.stored", file_id, link, NOW)
    event["data"]["link"]["ends_at"] = (NOW - SECOND).strftime("%Y-%m-%dT%H:%M:%SZ")
    receiver.post_event(event)
    expect(not receiver.shows(link), "it is shown")
    link, file_id = new_link()
    event = make_event("media.stored", file_id, link, NOW)
    del event["data"]["link"]["ends_at"]
    receiver.post_event(event)
    expect(receiver.shows(link), "a link without an end is not shown")


def takes_no_link(receiver):
    """The tenant may have no links."""
    event = make_event("media.stored", new_id("file_"), None, NOW)
    del event["data"]["link"]
    receiver.post_event(event)


def escapes_links(receiver):
    """Nothing of an event is HTML."""
    for kind in ("image", "<i>kind</i>"):
        event = make_event("media.stored", new_id("file_"), 'https://a/"><b id="evil">', NOW)
        event["data"]["kind"] = kind
        receiver.post_event(event)
    page = receiver.application.get_page()
    expect('<b id="evil">' not in page and "<i>" not in page, "HTML of an event is on the page")


def takes_the_unknown(receiver):
    """Otherwise it would come again for three days, and the receiver count as failing."""
    before = receiver.count()
    media = ("media.parked", "media.skipped", "media.expiring", "media.later")
    for event_type in (*media, "instance.disconnected", "receiver.paused"):
        receiver.post_event(make_event(event_type, new_id("file_"), None, NOW))
    expect(receiver.count() == before, "an event of the stack counts as a webhook of W-API")
    for body in (b"[]", b"null", b"7", b"caf\xc3\xa9 }", b"", b"[" * 200_000, b'{"type": 7}'):
        status = receiver.post(body, receiver.headers(body))
        expect(status in receiver.application.no_json, f"{body[:10]} was answered {status}")
