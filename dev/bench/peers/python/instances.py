"""The records of instances, read once a minute."""

import os
import time

import boto3
from botocore.config import Config

FRESH_SECONDS = 60
CONFIG = Config(tcp_keepalive=True, max_pool_connections=20)

dynamodb = boto3.client("dynamodb", config=CONFIG)
_records = {}


def find_instance(name):
    """Returns the item of an instance, or None."""
    known = _records.get(name)
    if known and known[1] + FRESH_SECONDS > time.monotonic():
        return known[0]
    answer = dynamodb.get_item(
        TableName=os.environ["INSTANCES_TABLE"],
        Key={"instance": {"S": name}},
        ConsistentRead=True,
    )
    _records[name] = (answer.get("Item"), time.monotonic())
    return answer.get("Item")
