"""Checks that each path that the API streams is streamed in the transformed template: streamed.py OPENAPI TEMPLATE"""

import json
import sys

openapi, template = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
(api,) = [r["Properties"]["Body"] for r in template["Resources"].values() if r["Type"] == "AWS::ApiGateway::RestApi"]
streamed = 0
for path, methods in openapi["paths"].items():
    for method, operation in methods.items():
        if not isinstance(operation, dict) or not operation.get("x-runo-streaming"):
            continue
        integration = api["paths"][path][method]["x-amazon-apigateway-integration"]
        uri = integration["uri"]["Fn::Sub"]
        assert uri.endswith("/response-streaming-invocations"), f"{method} {path} is not streamed: {uri}"
        assert integration["responseTransferMode"] == "STREAM", f"{method} {path}: {integration}"
        assert integration["timeoutInMillis"] == 900_000, f"{method} {path}: {integration}"
        streamed += 1
assert streamed >= 4, f"only {streamed} paths are streamed"
print(f"{streamed} streaming paths are streamed in the transformed template")
