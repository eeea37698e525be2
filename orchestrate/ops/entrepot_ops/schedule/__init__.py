"""The verb `crontab`: schedules as lines for cron."""
