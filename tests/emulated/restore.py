"""A stack that goes on with a restored table: restore.py begin STACK, restore.py damaged|end KEY STACK"""
import sys

from stack import PAGES, SCHEMA, Stack, aws

what = sys.argv[1]
body = {"url": PAGES + "/page/8?restored", "schema": SCHEMA}
if what == "begin":
    name = sys.argv[2]
    rows, restored = aws("dynamodb"), f"{name}-accounts-restored"
    # The emulator has no past: it restores what is there now.
    rows.restore_table_to_point_in_time(SourceTableName=f"{name}-accounts", TargetTableName=restored, UseLatestRestorableTime=True)
    rows.get_waiter("table_exists").wait(TableName=restored)
    rows.update_time_to_live(TableName=restored, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    rows.update_continuous_backups(TableName=restored, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    # Step 2 of the runbook: nothing is due.
    due = rows.scan(TableName=f"{name}-jobs", IndexName="by_due", Select="COUNT")
    assert due["Count"] == 0, due
elif what == "damaged":
    found = Stack(sys.argv[3], sys.argv[2]).call("POST", "/v1/extract", body, want=403)
    assert found["error"]["code"] == "ACCOUNT_SUSPENDED", found
else:
    # The restored account is not suspended, and the functions' rights are to its table.
    stack = Stack(sys.argv[3], sys.argv[2])
    before = stack.used()
    found = stack.call("POST", "/v1/extract", body)
    assert found["data"] == {"title": "Page 8"} and stack.used() == before + 1, found
