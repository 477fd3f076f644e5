"""Makes the three tables. Written by `manage.py makemigrations`, and formatted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The first change."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="DoneWebhook",
            fields=[
                (
                    "webhook_id",
                    models.CharField(max_length=255, primary_key=True, serialize=False),
                ),
                ("done_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="MediaFile",
            fields=[
                ("file_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("told_at", models.DateTimeField()),
                ("is_erased", models.BooleanField(default=False)),
                ("kind", models.CharField(blank=True, max_length=20)),
                ("sent_at", models.DateTimeField(null=True)),
                ("link", models.TextField(blank=True)),
                ("link_ends_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="WapiWebhook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event", models.CharField(max_length=100)),
                ("received_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
