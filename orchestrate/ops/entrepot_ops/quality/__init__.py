"""What is unusual in a night, judged by the record of the nights before it."""
