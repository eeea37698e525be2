"""Files on disk, over http(s) and in S3."""
