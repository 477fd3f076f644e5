"""The webhook function in Python: checks the secret in the path, and queues the media message."""

import base64
import hashlib
import hmac
import json
import os

import boto3

from instances import CONFIG, find_instance

KINDS = {
    "imageMessage": "image",
    "videoMessage": "video",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
}

sqs = boto3.client("sqs", config=CONFIG)


def is_secret(instance, secret):
    """Whether the secret is one of the instance's."""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    valid = [one["S"] for one in instance["secret_hashes"]["L"]] if instance else []
    return any(hmac.compare_digest(one, digest) for one in valid)


def find_media(event):
    """Returns the kind and the fields of the media message, or None."""
    content = event.get("msgContent") or {}
    content = content.get("documentWithCaptionMessage", {}).get("message", content)
    for name, kind in KINDS.items():
        if name in content:
            return kind, content[name]
    return None


def handle(request, _context):
    """Answers one request of API Gateway."""
    path = request["pathParameters"]
    instance = find_instance(path["instanceId"])
    if not is_secret(instance, path["secret"]):
        return {"statusCode": 401, "body": ""}
    body = request["body"]
    event = json.loads(base64.b64decode(body) if request.get("isBase64Encoded") else body)
    media = find_media(event)
    if media is None:
        return {"statusCode": 200, "body": '{"outcome":"ignored"}'}
    kind, fields = media
    job = {
        "tenant": instance["tenant"]["S"],
        "instance": path["instanceId"],
        "messageId": event["messageId"],
        "moment": event["moment"],
        "kind": kind,
        "mimetype": fields["mimetype"],
        "mediaKey": fields["mediaKey"],
        "directPath": fields["directPath"],
        "fileSha256": fields.get("fileSHA256") or fields.get("fileSha256"),
        "fileEncSha256": fields.get("fileEncSHA256") or fields.get("fileEncSha256"),
        "fileName": fields.get("fileName"),
    }
    sqs.send_message(
        QueueUrl=os.environ["JOBS_QUEUE_URL"],
        MessageBody=json.dumps(job),
        MessageGroupId=job["tenant"],
    )
    print(json.dumps({"instance": job["instance"], "message": job["messageId"],
                      "outcome": "queued"}))
    return {"statusCode": 200, "body": '{"outcome":"queued"}'}
