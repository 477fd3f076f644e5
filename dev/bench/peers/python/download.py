"""The download function in Python: streams each file of a batch from W-API or the CDN to S3."""

import base64
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import requests
from boto3.s3.transfer import TransferConfig
from requests.adapters import HTTPAdapter

from instances import CONFIG, dynamodb, find_instance
from media_file import EncryptedFile, PlainFile

PART_BYTES = 8 * 1024 * 1024
BATCH_SIZE = 10
# To connect, and between two reads; W-API may take a minute to answer a POST.
POST_TIMEOUT = (5, 60)
GET_TIMEOUT = (5, 20)
WEB_HEADERS = {
    "origin": "https://web.whatsapp.com",
    "referer": "https://web.whatsapp.com/",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0",
    "accept-encoding": "identity",
}

kms = boto3.client("kms", config=CONFIG)
s3 = boto3.client("s3", config=CONFIG)
http = requests.Session()
http.mount("https://", HTTPAdapter(pool_maxsize=BATCH_SIZE))
pool = ThreadPoolExecutor(BATCH_SIZE)
transfer = TransferConfig(
    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=2
)
tokens = {}


def read_token(instance):
    """Returns the instance's token, decrypted once."""
    name = instance["instance"]["S"]
    if name not in tokens:
        sealed = base64.b64decode(instance["sealed_token"]["S"])
        answer = kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"instance": name})
        tokens[name] = answer["Plaintext"].decode()
    return tokens[name]


def get(url, headers=None):
    """Begins a GET and returns its body, to be read piece by piece."""
    response = http.get(url, headers=headers, stream=True, timeout=GET_TIMEOUT)
    response.raise_for_status()
    return response.raw


def from_wapi(job, instance):
    """Asks W-API for a link, and reads the plain file behind it."""
    response = http.post(
        os.environ["WAPI_BASE_URL"] + "/message/download-media",
        params={"instanceId": job["instance"]},
        headers={"authorization": f"Bearer {read_token(instance)}"},
        json={
            "mediaKey": job["mediaKey"],
            "directPath": job["directPath"],
            "type": job["kind"],
            "mimetype": job["mimetype"],
        },
        timeout=POST_TIMEOUT,
    )
    response.raise_for_status()
    return PlainFile(job, get(response.json()["fileLink"]))


def from_cdn(job):
    """Reads the encrypted file from the CDN."""
    base = os.environ["CDN_BASE_URLS"].split(",")[0]
    return EncryptedFile(job, get(base + job["directPath"], WEB_HEADERS))


def write(job, values):
    """Writes fields of the media message's record."""
    dynamodb.update_item(
        TableName=os.environ["MEDIA_TABLE"],
        Key={"instance": {"S": job["instance"]}, "message": {"S": job["messageId"]}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": {"S": str(one)} for name, one in values.items()},
    )


def store(job):
    """Stores the media file of one job."""
    instance = find_instance(job["instance"])
    write(job, {"state": "working", "since": time.time()})
    strategy = instance["strategies"]["L"][0]["S"]
    body = from_cdn(job) if strategy == "cdn" else from_wapi(job, instance)
    key = f"{job['tenant']}/{job['instance']}/{job['messageId']}"
    s3.upload_fileobj(
        body,
        os.environ["MEDIA_BUCKET"],
        key,
        ExtraArgs={"ContentType": job["mimetype"]},
        Config=transfer,
    )
    write(job, {"state": "stored", "key": key, "strategy": strategy, "stored_at": time.time()})
    print(json.dumps({"message": job["messageId"], "strategy": strategy, "outcome": "stored"}))


def try_record(record):
    """Returns the id of a record that must be delivered again, or None."""
    try:
        store(json.loads(record["body"]))
    except Exception as error:  # noqa: BLE001: one record must not fail the others
        print(json.dumps({"record": record["messageId"], "error": repr(error)}))
        return record["messageId"]
    return None


def handle(event, _context):
    """Stores the files of a batch side by side."""
    failed = [one for one in pool.map(try_record, event["Records"]) if one]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
