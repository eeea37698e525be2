"""The verb `notify`: webhooks and Sentry."""
