"""Errors and exit statuses, log lines, redaction, signals: what every command needs."""
