"""The verb `init`: from two URLs to a `.env`, a policy and the administrator's statements."""
