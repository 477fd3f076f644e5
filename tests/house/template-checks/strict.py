"""Prints template.yaml as CloudFormation reads it when every optional protection is on.

Guard rules and cdk-nag know the resources of CloudFormation, not those of SAM, and cannot tell
which branch of an Fn::If counts. So this program runs the SAM transform, decides the conditions for
the strict variant (a customer's own key, TLS only, an e-mail address for alarms), and prints JSON.

    strict.py template.yaml            the template
    strict.py --weakened template.yaml without protections: every checker must object to it
"""

import json
import os
import sys

from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

STRICT = {
    "HasOwnKey": True,
    "HasAuditBucket": True,
    "RequiresTls": True,
    "ReservesWebhookConcurrency": True,
    "BackfillsByItself": True,
    "AsksLids": True,
    "HasChatIndex": True,
    "HasEventBus": True,
    "RecordsAccess": True,
    "HasAlarmEmail": True,
    "HasMetricMath": True,
    "ScansForMalware": True,
    "HasBreakGlassRole": True,
}
OWN_KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
NO_VALUE = {"Ref": "AWS::NoValue"}


class NoManagedPolicies(ManagedPolicyLoader):
    """The stack has its own policies, so the names of AWS's managed ones are not needed."""

    def __init__(self):
        super().__init__(iam_client=None)

    def load(self):
        return {}


def resolve_conditions(part):
    """Replaces each Fn::If by its strict branch, and the key's Ref by an ARN, which rules need."""
    if isinstance(part, list):
        members = [resolve_conditions(member) for member in part]
        return [member for member in members if member != NO_VALUE]
    if not isinstance(part, dict):
        return part
    if part == {"Ref": "EncryptionKeyArn"}:
        return OWN_KEY
    if set(part) == {"Fn::If"}:
        name, when_true, when_false = part["Fn::If"]
        return resolve_conditions(when_true if STRICT[name] else when_false)
    members = {key: resolve_conditions(value) for key, value in part.items()}
    return {key: value for key, value in members.items() if value != NO_VALUE}


def resolve_members(section):
    """Keeps the resources or outputs whose condition holds, and resolves each."""
    members = {}
    for name, member in section.items():
        condition = member.pop("Condition", None)
        if condition is None or STRICT[condition]:
            members[name] = resolve_conditions(member)
    return members


def build_strict(template):
    defaults = {name: each.get("Default", "") for name, each in template["Parameters"].items()}
    # As after `sam package`, because the translator does not take local folders.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://packaged/function.zip"
    # The translator needs a Region, although no name in this template depends on it.
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    plain = transform(template, defaults, NoManagedPolicies())
    unknown = set(plain.pop("Conditions")) - set(STRICT)
    if unknown:
        sys.exit(f"strict.py does not know these conditions of the template: {sorted(unknown)}")
    for section in ("Resources", "Outputs"):
        plain[section] = resolve_members(plain[section])
    # Only the resolved conditions, and the rules about parameters, used these.
    del plain["Rules"]
    del plain["Parameters"]["RequireTls"], plain["Parameters"]["EncryptionKeyArn"]
    return plain


def weaken(plain):
    resources = plain["Resources"]
    bucket = resources["MediaBucket"]["Properties"]
    del bucket["PublicAccessBlockConfiguration"], bucket["BucketEncryption"]
    del resources["MediaBucketPolicy"], resources["QueuesPolicy"]
    del resources["JobsQueue"]["Properties"]["KmsMasterKeyId"]
    del resources["JobsQueue"]["Properties"]["RedrivePolicy"]
    del resources["MediaTable"]["Properties"]["PointInTimeRecoverySpecification"]
    statements = resources["DownloadPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    statements.append({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})


def main(arguments):
    with open(arguments[-1], encoding="utf-8") as file:
        plain = build_strict(yaml_parse(file.read()))
    if "--weakened" in arguments:
        weaken(plain)
    json.dump(plain, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
