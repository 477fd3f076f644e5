"""Receives webhooks of W-API and media events, each once, and shows the pictures."""

import json
import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from standardwebhooks import Webhook, WebhookVerificationError

from .models import DoneWebhook, MediaFile, WapiWebhook

log = logging.getLogger(__name__)

# A webhook is tried again for so long.
KEPT_IDS = timedelta(days=3)


@csrf_exempt  # The signature says who posts. No browser does.
@require_POST
def receive(request):
    """Answers within seconds. What takes longer belongs into a queue, by transaction.on_commit."""
    if not settings.WAPI_MEDIA_SECRET:
        handle_wapi_webhook(parse(request.body))
        return HttpResponse(status=204)
    if not is_signed(request):
        return HttpResponse("the signature is wrong", status=401)
    # In one transaction: if the work fails, the id is forgotten too, and the next attempt works.
    with transaction.atomic():
        _, is_new = DoneWebhook.objects.get_or_create(webhook_id=request.headers["webhook-id"])
        if is_new:
            handle(parse(request.body))
            DoneWebhook.objects.filter(done_at__lt=timezone.now() - KEPT_IDS).delete()
    return HttpResponse(status=204)


def is_signed(request):
    """Whether the stack signed these bytes, in the last five minutes."""
    try:
        # The bytes as they came. Parsed and written again, they would differ.
        Webhook(settings.WAPI_MEDIA_SECRET).verify(request.body, request.headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: a header is not base64.
        return False
    return True


def parse(body):
    """The object in the body. What is no JSON will never be, so that it is not worth a 500."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        log.warning("a webhook of %d bytes is not JSON", len(body))
        return {}
    return event if isinstance(event, dict) else {}


def handle(event):
    """Does the work of one webhook. An unknown type is no error: later versions may add some."""
    event_type = str(event.get("type"))
    if event_type == "media.stored":
        save_file(event)
    elif event_type == "media.erased":
        erase_file(event)
    elif "schema_version" not in event:
        handle_wapi_webhook(event)


def handle_wapi_webhook(event):
    """Your code from before goes here: the body is what W-API posted, byte for byte."""
    WapiWebhook.objects.create(event=str(event.get("event"))[:100])


def save_file(event):
    """Keeps the link of a stored file."""
    data = event["data"]
    link = data.get("link", {})  # None, if the tenant has no links.
    ends_at = link.get("ends_at")
    save_if_later(
        event,
        is_erased=False,
        kind=data["kind"],
        sent_at=parse_datetime(data["moment"]),
        link=link.get("url", ""),
        link_ends_at=parse_datetime(ends_at) if ends_at else None,
    )


def erase_file(event):
    """Removes all that is known of a file. If you made a copy, remove it here too."""
    save_if_later(event, is_erased=True, kind="", sent_at=None, link="", link_ends_at=None)


def save_if_later(event, **state):
    """Saves the state of a file, unless a later event was here before."""
    told_at = parse_datetime(event["timestamp"])
    known = MediaFile.objects.filter(file_id=event["data"]["file_id"]).first()
    # In the same second, the erasure is true.
    if known and (known.told_at, known.is_erased) > (told_at, state["is_erased"]):
        return
    MediaFile.objects.update_or_create(
        file_id=event["data"]["file_id"], defaults={"told_at": told_at, **state}
    )


def show_pictures(request):
    """The page: the latest files whose links still work."""
    works = Q(link_ends_at=None) | Q(link_ends_at__gt=timezone.now())
    files = MediaFile.objects.exclude(link="").filter(works).order_by("-sent_at")[:50]
    webhooks = WapiWebhook.objects.count()
    return render(request, "webhook/pictures.html", {"files": files, "webhooks": webhooks})
