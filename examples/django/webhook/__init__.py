"""The Django application that receives webhooks and media events."""
