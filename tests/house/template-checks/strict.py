"""Prints template.yaml as CloudFormation will see it when every optional protection is on.

Guard rules and cdk-nag know the resources of CloudFormation, not those of SAM, and cannot tell which branch of an Fn::If
counts. So the SAM transform is run here, the conditions are decided for the strict variant (a key of one's own, TLS only,
an e-mail address for alarms), and the result is printed as JSON.

    strict.py template.yaml            the template
    strict.py --weakened template.yaml the same with protections taken away: every checker must object to it
"""

import json
import os
import sys

from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

STRICT = {"HasOwnKey": True, "RequiresTls": True, "HasAlarmEmail": True}
OWN_KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
NO_VALUE = {"Ref": "AWS::NoValue"}


class NoManagedPolicies(ManagedPolicyLoader):
    """The stack names its own policies, so the names of AWS's are never needed."""

    def __init__(self):
        super().__init__(iam_client=None)

    def load(self):
        return {}


def decided(part):
    """The part with the branch of each Fn::If that the strict variant takes, and its key named: rules take no Ref for one."""
    if isinstance(part, list):
        members = [decided(member) for member in part]
        return [member for member in members if member != NO_VALUE]
    if not isinstance(part, dict):
        return part
    if part == {"Ref": "EncryptionKeyArn"}:
        return OWN_KEY
    if set(part) == {"Fn::If"}:
        name, when_true, when_false = part["Fn::If"]
        return decided(when_true if STRICT[name] else when_false)
    members = {key: decided(value) for key, value in part.items()}
    return {key: value for key, value in members.items() if value != NO_VALUE}


def strict(template):
    defaults = {name: each.get("Default", "") for name, each in template["Parameters"].items()}
    # As after sam package: the translator takes no local folders.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://packaged/function.zip"
    # The translator asks its AWS session for a Region, though no name in this template depends on it.
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    plain = transform(template, defaults, NoManagedPolicies())
    unknown = set(plain.pop("Conditions")) - set(STRICT)
    if unknown:
        sys.exit(f"strict.py does not know these conditions of the template: {sorted(unknown)}")
    resources = {}
    for name, resource in plain["Resources"].items():
        condition = resource.pop("Condition", None)
        if condition is None or STRICT[condition]:
            resources[name] = decided(resource)
    plain["Resources"] = resources
    # Only what is decided asked for these.
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
        plain = strict(yaml_parse(file.read()))
    if "--weakened" in arguments:
        weaken(plain)
    json.dump(plain, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
