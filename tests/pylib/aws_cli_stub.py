#!/usr/bin/python3
"""A stand-in for the AWS CLI, for tests of deploy/aws: knows the calls that its programs make and no others. Its "cloud" is the folder
$AWS_STUB, which holds stack.json, bucket/ and user-data. Files there change what it does: never-created, creation-fails, removal-fails."""

import json
import os
import re
import shutil
import sys

CLOUD = os.environ["AWS_STUB"]


def path(*names):
    return os.path.join(CLOUD, *names)


def there(name):
    return os.path.exists(path(name))


def fail(text):
    sys.exit("\n" + text)


def option(words, name):
    return words[words.index(name) + 1]


def stack():
    try:
        with open(path("stack.json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def write(now):
    with open(path("stack.json.new"), "w", encoding="utf-8") as file:
        json.dump(now, file)
    os.rename(path("stack.json.new"), path("stack.json"))


def known(words):
    now = stack()
    if not now or option(words, "--stack-name") not in (now["StackName"], now["StackId"]):
        fail("An error occurred (ValidationError) when calling the operation: Stack with id %s does not exist" % option(words, "--stack-name"))
    return now


def create_stack(words):
    if stack():
        fail("An error occurred (AlreadyExistsException) when calling the CreateStack operation: it exists")
    name = option(words, "--stack-name")
    with open(option(words, "--template-body")[len("file://"):], encoding="utf-8") as file:
        script = re.search(r"Fn::Base64: !Sub \|\n((?: {10}.*\n)+)", file.read()).group(1)
    depth = [word.split("=")[2] for word in words if word.startswith("ParameterKey=Depth,")][0]
    values = {"AWS::Region": "eu-central-1", "AWS::URLSuffix": "amazonaws.com", "Bucket": "bucket", "Table": "table-1", "Depth": depth,
              "Database.Endpoint.Address": "database.example", "Password": "secret-1"}
    with open(path("user-data"), "w", encoding="utf-8") as file:
        file.write(re.sub(r"\$\{([^}]*)\}", lambda found: values[found.group(1)], re.sub(r"(?m)^ {10}", "", script)))
    os.makedirs(path("bucket"))
    tag = option(words, "--tags")
    write({"StackName": name, "StackId": "arn:stack/" + name, "Tags": [dict(zip(("Key", "Value"), re.findall(r"=([^,]+)", tag)))],
           "StackStatus": "CREATE_IN_PROGRESS" if there("never-created") else "CREATE_FAILED" if there("creation-fails") else "CREATE_COMPLETE",
           "Outputs": [{"OutputKey": "Bucket", "OutputValue": "bucket"}, {"OutputKey": "Host", "OutputValue": "i-1"}]})
    return stack()


def delete_stack(words):
    now = known(words)
    if there("removal-fails") or os.listdir(path("bucket")):
        write({**now, "StackStatus": "DELETE_FAILED"})
    else:
        shutil.rmtree(path("bucket"))
        os.remove(path("stack.json"))
    return ""


def s3(words):
    if words[0] == "rm":
        shutil.rmtree(path("bucket"))
        os.makedirs(path("bucket"))
        return ""
    source, target = [path(word[len("s3://"):]) if word.startswith("s3://") else word for word in words[1:] if not word.startswith("--")][:2]
    if not os.path.exists(source):
        fail("fatal error: An error occurred (404) when calling the HeadObject operation: Key does not exist")
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    shutil.copy(source, target)
    return ""


def get_object(words):
    source = path("bucket", option(words, "--key"))
    if not os.path.exists(source):
        fail("An error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist.")
    shutil.copy(source, words[words.index("--key") + 2])
    return {}


def event(status, name, why):
    return {"LogicalResourceId": name, "ResourceType": "AWS::RDS::DBInstance", "ResourceStatus": status, "ResourceStatusReason": why}


CALLS = {
    "sts get-caller-identity": lambda words: {"Account": "123456789012"},
    "ec2 describe-availability-zones": lambda words: {"AvailabilityZones": [
        {"ZoneName": "eu-central-1" + letter, "State": "available"} for letter in "abc"]},
    "ec2 describe-instances": lambda words: {"Reservations": [{"Instances": [
        {"State": {"Name": "terminated" if there("host-ended") else "running"}}]}]},
    "cloudformation describe-stacks": lambda words: {"Stacks": [known(words)]},
    "cloudformation create-stack": create_stack,
    "cloudformation delete-stack": delete_stack,
    "cloudformation describe-stack-events": lambda words: {"StackEvents": [
        event("CREATE_FAILED", "Host", "cancelled"), event("CREATE_FAILED", "Database", "no capacity"),
        event("DELETE_FAILED", "Database", "somebody protects it")]},
    "cloudformation describe-stack-resources": lambda words: {"StackResources": [
        {"LogicalResourceId": "Bucket", "ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": "bucket", "ResourceStatus": "CREATE_COMPLETE"}]},
    "s3api get-object": get_object,
}


def main():
    words = sys.argv[1:]
    if words[0] == "s3":
        answer = s3(words[1:])
    elif words[:2] == ["secretsmanager", "get-secret-value"]:
        answer = "p" * 40
    else:
        answer = CALLS[" ".join(words[:2])](words[2:])
    print(answer if isinstance(answer, str) else json.dumps(answer))


if __name__ == "__main__":
    main()
