"""What the pipeline customers works on: the bucket, the jobs and the crawlers of the tutorial.

These belong to whoever uses the project, not to its template. Job 1 copies the uploaded CSV files to
raw/, crawler 1 makes the table raw_customers of them; job 2 reads that table and writes cleansed/ as
Parquet, crawler 2 makes the table cleansed_customers.
"""

from pathlib import Path

from local.aws import ACCOUNT, REGION, LocalAws

HERE = Path(__file__).parent
SAMPLE = HERE / "customers.csv"
DATABASE = "mydatabase"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/GlueRole"


def set_up(aws: LocalAws, bucket: str) -> None:
    """Creates the bucket, with EventBridge switched on, the database, both jobs and both crawlers."""
    s3, glue, iam = aws.client("s3"), aws.client("glue"), aws.client("iam")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    iam.create_role(RoleName="GlueRole", AssumeRolePolicyDocument="{}")
    glue.create_database(DatabaseInput={"Name": DATABASE})

    for job, arguments in {
        "job1": {"--source": f"s3://{bucket}/landing/", "--target": f"s3://{bucket}/raw/customers/"},
        "job2": {"--database": DATABASE, "--table": "raw_customers", "--target": f"s3://{bucket}/cleansed/customers/"},
    }.items():
        script = f"scripts/{job}.py"
        s3.upload_file(str(HERE / f"{job}.py"), bucket, script)
        glue.create_job(
            Name=job,
            Role=ROLE,
            Command={"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": f"s3://{bucket}/{script}"},
            DefaultArguments=arguments | {"--additional-python-modules": "duckdb"},
        )
    for crawler, layer in {"crawler1": "raw", "crawler2": "cleansed"}.items():
        glue.create_crawler(
            Name=crawler,
            Role=ROLE,
            DatabaseName=DATABASE,
            TablePrefix=f"{layer}_",
            Targets={"S3Targets": [{"Path": f"s3://{bucket}/{layer}/customers/"}]},
            Tags={"local:seconds": "3"},
        )
