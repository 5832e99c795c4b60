"""Creates what "sam build" would create, from binaries that cargo built: sam_build.py TEMPLATE BINARIES OUT

Writes OUT/template.yaml and OUT/<function>/bootstrap for this machine's processor."""
import os
import shutil
import subprocess
import sys

from samcli.yamlhelper import yaml_dump, yaml_parse


def read(source):
    return yaml_parse(open(source).read())


def write(template, out):
    with open(os.path.join(out, "template.yaml"), "w") as file:
        file.write(yaml_dump(template))


def of_type(template, kind):
    return {name: r for name, r in template["Resources"].items() if r["Type"] == kind}


def copy_stripped(binary, bootstrap):
    # Symbols are most of a debug build.
    strip = shutil.which("strip")
    if strip is None or subprocess.run([strip, "-o", bootstrap, binary]).returncode != 0:
        shutil.copy(binary, bootstrap)


def lay_out(template, binaries, out, place=copy_stripped):
    template["Parameters"]["Architecture"]["Default"] = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
    for name, function in of_type(template, "AWS::Serverless::Function").items():
        os.makedirs(os.path.join(out, name))
        properties = function["Properties"]
        binary = os.path.join(binaries, os.path.basename(properties["CodeUri"]))
        place(binary, os.path.join(out, name, "bootstrap"))
        properties["CodeUri"] = name
        del function["Metadata"]


if __name__ == "__main__":
    template = read(sys.argv[1])
    lay_out(template, *sys.argv[2:4])
    write(template, sys.argv[3])
