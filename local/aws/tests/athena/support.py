"""A small table for queries, and what tests do with them."""

from typing import Any

from local.aws.tests.support import Local, eventually, unique


class Athena:
    """A crawled table of three orders on two days, in a database of its own."""

    def __init__(self, local: Local) -> None:
        self.client, self._s3 = local.aws.client("athena"), local.s3
        self.bucket, self.database = local.bucket(), local.database()
        for key, body in {"day=1/a.csv": "id,amount\na,1\nb,2\n", "day=2/b.csv": "id,amount\nc,3\n"}.items():
            local.s3.put_object(Bucket=self.bucket, Key=f"orders/{key}", Body=body)
        local.crawl(local.crawler(f"s3://{self.bucket}/orders/", database=self.database))
        self.output = f"s3://{self.bucket}/results/"

    def workgroup(self, configuration: dict[str, Any], tags: dict[str, str] | None = None) -> str:
        name = unique("workgroup")
        given = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        self.client.create_work_group(Name=name, Configuration=configuration, Tags=given)
        return name

    def arguments(self, statement: str, context: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """The members of a start."""
        return {
            "QueryString": statement,
            "QueryExecutionContext": {"Database": self.database} if context is None else context,
            "ResultConfiguration": {"OutputLocation": self.output},
            **more,
        }

    def start(self, statement: str, **more: Any) -> str:
        return self.client.start_query_execution(**self.arguments(statement, **more))["QueryExecutionId"]

    def query(self, query_id: str) -> dict[str, Any]:
        return self.client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]

    def ended(self, query_id: str) -> dict[str, Any]:
        return eventually(lambda: "CompletionDateTime" in (query := self.query(query_id))["Status"] and query)

    def succeeded(self, statement: str, **more: Any) -> dict[str, Any]:
        query = self.ended(self.start(statement, **more))
        assert query["Status"]["State"] == "SUCCEEDED", query["Status"]
        return query

    def rows(self, query: dict[str, Any]) -> list[list[str | None]]:
        answer = self.client.get_query_results(QueryExecutionId=query["QueryExecutionId"])
        return [[value.get("VarCharValue") for value in row["Data"]] for row in answer["ResultSet"]["Rows"]]

    def keys(self, prefix: str) -> set[str]:
        listed = self._s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return {each["Key"] for each in listed.get("Contents", [])}
