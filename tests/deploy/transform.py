"""Writes the template as SAM transforms it, with placeholders for code that is not built: transform.py IN OUT"""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """No managed policies: the template names none that SAM would look up in an account."""

    def load(self):
        return {}


source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
transformed = transform(template, {}, NoManagedPolicies())
with open(target, "w", encoding="utf-8") as file:
    json.dump(transformed, file, indent=1, default=str)
