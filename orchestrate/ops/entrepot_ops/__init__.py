"""Every night on its own: schedule, retries, record, report, alerts, backups."""
