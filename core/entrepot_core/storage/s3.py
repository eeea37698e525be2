"""The S3 service that the project's variables name."""

from __future__ import annotations

import os
from typing import Any

TRIES = 5


def client(
    endpoint_url: str | None,
    access_key: str | None,
    secret_key: str | None,
    timeout: int,
) -> Any:  # boto3 makes its classes while it runs
    """Connect.

    Args:
        endpoint_url: `S3_ENDPOINT_URL`; Amazon's service when None.
        access_key: `ACCESS_KEY`.
        secret_key: `SECRET_KEY`.
        timeout: Seconds after which a silent network counts as cut.

    Returns:
        boto3's client. Paths name the bucket, as services other than Amazon's want it.
    """
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=os.environ.get("AWS_REGION") or "us-east-1",
        config=Config(
            retries={"max_attempts": TRIES, "mode": "standard"},
            connect_timeout=timeout,
            read_timeout=timeout,
            s3={"addressing_style": "path"},
        ),
    )
