"""The Django project of this example: settings and URLs."""
