"""What the example keeps: which webhooks are done, messages, and media files."""

from django.db import models


class DoneWebhook(models.Model):
    """A webhook that was handled. The same `webhook-id` may come again for three days."""

    webhook_id = models.CharField(primary_key=True, max_length=255)
    done_at = models.DateTimeField(auto_now_add=True, db_index=True)


class WapiWebhook(models.Model):
    """A webhook of W-API. This stands for what your application did with it before."""

    event = models.CharField(max_length=100)
    received_at = models.DateTimeField(auto_now_add=True)


class MediaFile(models.Model):
    """What the latest media event says about a file."""

    file_id = models.CharField(primary_key=True, max_length=64)
    # Events come in any order: the later time is true. So an erased file stays, without its data.
    told_at = models.DateTimeField()
    is_erased = models.BooleanField(default=False)
    kind = models.CharField(max_length=20, blank=True)
    sent_at = models.DateTimeField(null=True)
    link = models.TextField(blank=True)
    link_ends_at = models.DateTimeField(null=True)
